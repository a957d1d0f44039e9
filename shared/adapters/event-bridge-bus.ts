import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { EVENT_SOURCE, eventBytes, MOST_EVENT_BYTES } from '../domain/outbox/published-event.ts';
import { EventsNotPublishedError } from '../ports/errors.ts';
import type { EventBus, PublishedEvent } from '../ports/event-bus.ts';
import type { Retry } from '../ports/retry.ts';
import { fullJitter } from './backoff.ts';
import { batchesWithin, putEntries } from './put-entries.ts';

/** A request takes as many bytes as one entry. */
const A_CALL = { entries: 10, bytes: MOST_EVENT_BYTES };

/** Temporary errors of single entries. */
const PASSING = new Set(['InternalFailure', 'InternalException', 'ThrottlingException']);

type Failure = ConstructorParameters<typeof EventsNotPublishedError>[0][number];

/** The custom bus. A successful call may still have refused entries, so each is checked. */
export class EventBridgeBus implements EventBus {
  readonly #client: EventBridgeClient;
  readonly #bus: string;
  readonly #backoff: Retry;

  constructor(client: EventBridgeClient, bus: string, backoff: Retry = fullJitter()) {
    this.#client = client;
    this.#bus = bus;
    this.#backoff = backoff;
  }

  async publish(events: readonly PublishedEvent[]): Promise<void> {
    const tooLarge = events.filter((event) => eventBytes(event) > MOST_EVENT_BYTES);
    const failures: Failure[] = tooLarge.map((event) => {
      const detail = `${eventBytes(event)} bytes`;
      return { detailType: event.detailType, code: 'TooLarge', detail };
    });
    const others = events.filter((event) => !tooLarge.includes(event));
    for (const batch of batchesWithin(others, eventBytes, A_CALL)) {
      const entries = batch.map((event) => entryOf(event, this.#bus));
      failures.push(...(await putEntries(entries, this.#backoff, (left) => this.#put(left))));
    }
    if (failures.length > 0) throw new EventsNotPublishedError(failures);
  }

  async #put(entries: readonly PutEventsRequestEntry[]) {
    const { Entries = [] } = await this.#client.send(new PutEventsCommand({ Entries: [...entries] }));
    return entries.flatMap((entry, index) => {
      const result = Entries[index] ?? { ErrorCode: 'NoAnswer' };
      const isRefused = result.ErrorCode !== undefined;
      return isRefused ? [{ entry, failure: failureOf(entry, result), isPassing: isPassing(result) }] : [];
    });
  }
}

const isPassing = ({ ErrorCode }: PutEventsResultEntry): boolean => PASSING.has(ErrorCode ?? '');

const failureOf = (entry: PutEventsRequestEntry, { ErrorCode, ErrorMessage }: PutEventsResultEntry): Failure => ({
  detailType: entry.DetailType ?? '',
  code: ErrorCode ?? '',
  detail: ErrorMessage ?? '',
});

const entryOf = ({ detailType, detail, resources }: PublishedEvent, bus: string): PutEventsRequestEntry => ({
  EventBusName: bus,
  Source: EVENT_SOURCE,
  DetailType: detailType,
  Detail: JSON.stringify(detail),
  Resources: [...resources],
});
