import {
  type EventBridgeClient,
  PutEventsCommand,
  type PutEventsRequestEntry,
  type PutEventsResultEntry,
} from '@aws-sdk/client-eventbridge';
import { EVENT_SOURCE } from '../domain/outbox/published-event.ts';
import { EventsNotPublishedError } from '../ports/errors.ts';
import type { EventBus, PublishedEvent } from '../ports/event-bus.ts';
import type { Retry } from '../ports/retry.ts';
import { fullJitter } from './backoff.ts';
import { batchesWithin, putEntries } from './put-entries.ts';

/** https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevents.html: the size of an entry, and of a request. */
const A_CALL = { entries: 10, bytes: 256 * 1024 };

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
    const entries = events.map((event) => entryOf(event, this.#bus));
    const tooLarge = entries.filter((entry) => sizeOf(entry) > A_CALL.bytes);
    const failures: Failure[] = tooLarge.map((entry) =>
      failureOf(entry, { ErrorCode: 'TooLarge', ErrorMessage: `${sizeOf(entry)} bytes` }),
    );
    const others = entries.filter((entry) => !tooLarge.includes(entry));
    for (const batch of batchesWithin(others, sizeOf, A_CALL))
      failures.push(...(await putEntries(batch, this.#backoff, (left) => this.#put(left))));
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

const sizeOf = ({ Source = '', DetailType = '', Detail = '', Resources = [] }: PutEventsRequestEntry): number =>
  [Source, DetailType, Detail, ...Resources].reduce((sum, text) => sum + Buffer.byteLength(text), 0);
