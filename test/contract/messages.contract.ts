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

  const ofBytes = (number: number, bytes: number): NumberedMessage => ({ number, text: 'x'.repeat(bytes) });

  test('messages that are too large together for one call all arrive', async () => {
    const { messages, receive } = await world().newQueue();
    const large = Array.from({ length: 9 }, (_, number) => ofBytes(number, 200_000));
    await messages.send(large);
    expect(numbered(await receive(large.length))).toEqual(large);
  });

  test('a message that is too large for a queue is an error; the others arrive', async () => {
    const { messages, receive } = await world().newQueue();
    const sent = messages.send([ofBytes(0, 10), ofBytes(1, 1_100_000), ofBytes(2, 10)]);
    await expect(sent).rejects.toMatchObject({
      name: 'MessagesNotSentError',
      message: expect.stringContaining('MessageTooLong'),
    });
    expect(numbered(await receive(2))).toEqual([ofBytes(0, 10), ofBytes(2, 10)]);
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
