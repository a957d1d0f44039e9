import type { Messages } from '../../shared/ports/messages.ts';

interface Told {
  readonly number: number;
  readonly text: string;
}

/** A queue that is new and empty, and all that arrives there. */
export interface MessagesWorld {
  newQueue(): Promise<{
    readonly messages: Messages<Told>;
    /** Bodies, once so many have come. */
    receive(count: number): Promise<readonly string[]>;
  }>;
}

export function messagesContract(world: () => MessagesWorld): void {
  const told = (count: number): Told[] =>
    Array.from({ length: count }, (_, number) => ({ number, text: 'é"\n'.repeat(number) }));
  const numbered = (bodies: readonly string[]): Told[] =>
    bodies.map((body) => JSON.parse(body) as Told).sort((one, other) => one.number - other.number);

  test.each([1, 10, 23])('of %i messages each arrives once, as JSON', async (count) => {
    const { messages, receive } = await world().newQueue();
    await messages.send(told(count));
    expect(numbered(await receive(count))).toEqual(told(count));
  });

  test('where there is nothing to send, nothing is sent', async () => {
    const { messages, receive } = await world().newQueue();
    await messages.send([]);
    await messages.send(told(1));
    expect(numbered(await receive(1))).toEqual(told(1));
  });

  test('the same message may be sent again: it arrives again', async () => {
    const { messages, receive } = await world().newQueue();
    await messages.send(told(1));
    await messages.send(told(1));
    expect(await receive(2)).toHaveLength(2);
  });
}
