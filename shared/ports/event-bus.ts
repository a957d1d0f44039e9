import type { PublishedEvent } from '../domain/outbox/published-event.ts';

export type { PublishedEvent } from '../domain/outbox/published-event.ts';

export interface EventBus {
  /** Publishes all events. @throws EventsNotPublishedError naming those that failed; entries are checked one by one */
  publish(events: readonly PublishedEvent[]): Promise<void>;
}
