import type { Messages } from '../../shared/ports/messages.ts';

interface NumberedMessage {
  readonly number: number;
  readonly text: string;
}

/** A queue that is new and empty, and all that arrives there. */
export interface MessagesWorld {
  newQueue(): Promise<{
    readonly messages: Messages<NumberedMessage>;
    /** Bodies, once so many have come. */
    receive(count: number): Promise<readonly string[]>;
  }>;
}

export function messagesContract(world: () => MessagesWorld): void {
  const numberedMessages = (count: number): NumberedMessage[] =>
    Array.from({ length: count }, (_, number) => ({ number, text: 'é"\n'.repeat(number) }));
  const numbered = (bodies: readonly string[]): NumberedMessage[] =>
    bodies.map((body) => JSON.parse(body) as NumberedMessage).sort((one, other) => one.number - other.number);

  test.each([1, 10, 23])('%i messages: each arrives once, as JSON', async (count) => {
    const { messages, receive } = await world().newQueue();
    await messages.send(numberedMessages(count));
    expect(numbered(await receive(count))).toEqual(numberedMessages(count));
  });

  test('where there is nothing to send, nothing is sent', async () => {
    const { messages, receive } = await world().newQueue();
    await messages.send([]);
    await messages.send(numberedMessages(1));
    expect(numbered(await receive(1))).toEqual(numberedMessages(1));
  });

  test('the same message may be sent again: it arrives again', async () => {
    const { messages, receive } = await world().newQueue();
    await messages.send(numberedMessages(1));
    await messages.send(numberedMessages(1));
    expect(await receive(2)).toHaveLength(2);
  });
}
