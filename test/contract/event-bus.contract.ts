import type { EventBus, PublishedEvent } from '../../shared/ports/event-bus.ts';

/** A bus that is new, and all that it carries. */
export interface EventBusWorld {
  newBus(): Promise<{
    readonly bus: EventBus;
    /** Events, once so many have come. */
    receive(count: number): Promise<readonly PublishedEvent[]>;
  }>;
}

export function eventBusContract(world: () => EventBusWorld): void {
  const event = (number: number, text = ''): PublishedEvent => ({
    detailType: 'ImageVerdictChanged',
    detail: { number, text },
    resources: [`sha256:${number}`],
  });
  const numberOf = ({ detail }: PublishedEvent): number => Number(detail.number);
  const inOrder = (events: readonly PublishedEvent[]) =>
    [...events].sort((one, other) => numberOf(one) - numberOf(other));

  test('published events arrive once each, with type, detail and resources', async () => {
    const { bus, receive } = await world().newBus();
    const published = Array.from({ length: 23 }, (_, number) => event(number, 'é'.repeat(number * 1000)));
    await bus.publish(published);
    expect(inOrder(await receive(published.length))).toEqual(published);
  });

  test('an event that is too large is named, and all others arrive', async () => {
    const { bus, receive } = await world().newBus();
    const published = [event(0), event(1, 'é'.repeat(131_072)), event(2, 'x'.repeat(200_000))];
    await expect(bus.publish(published)).rejects.toThrow(/^1 event was not published \(ImageVerdictChanged: TooLarge/);
    expect(inOrder(await receive(2)).map(numberOf)).toEqual([0, 2]);
  });
}
