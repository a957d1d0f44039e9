import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import type { LedgerRecord } from '../../shared/domain/outbox/ledger-record.ts';
import { type Measurement, measurementsOf } from '../../shared/domain/outbox/metrics.ts';
import type { PublishedEvent } from '../../shared/domain/outbox/published-event.ts';
import { announce } from '../../shared/events/announce.ts';
import type { EventBus } from '../../shared/ports/event-bus.ts';
import { attributesOf } from './attributes.ts';
import { LedgerChangeUnreadableError } from './errors.ts';
import type { ChangeRecord } from './input.ts';

export interface PublishPorts {
  readonly bus: EventBus;
  /** Parses a ledger item into its domain type. */
  readonly read: (item: Record<string, AttributeValue>) => LedgerRecord;
}

interface Announcement {
  readonly sequenceNumber: string;
  readonly events: readonly PublishedEvent[];
  readonly measured: readonly Measurement[];
}

export interface PublishedChanges {
  readonly published: number;
  /** Number of published changes; those after a failed one are redelivered. */
  readonly measured: readonly Measurement[];
  /** The first change that failed; the stream redelivers from it. */
  readonly failed?: { readonly sequenceNumber: string; readonly error: unknown };
}

/**
 * Publishes the events of a batch of changes in stream order. It stops at the first failed change, so that verdicts of
 * an image arrive in order. An event may be published twice.
 */
export async function publishChanges(ports: PublishPorts, records: readonly ChangeRecord[]): Promise<PublishedChanges> {
  const { announcements, failed } = announceAll(ports, records);
  const sent = await publish(announcements, ports.bus);
  const end = announcements.findIndex(({ sequenceNumber }) => sequenceNumber === sent.failed?.sequenceNumber);
  const measured = announcements.slice(0, end < 0 ? undefined : end).flatMap((announcement) => announcement.measured);
  return { ...sent, measured, ...(failed && !sent.failed && { failed }) };
}

/** All changes up to the first unreadable one. */
function announceAll(
  { read }: PublishPorts,
  records: readonly ChangeRecord[],
): { readonly announcements: readonly Announcement[]; readonly failed?: NonNullable<PublishedChanges['failed']> } {
  const announcements: Announcement[] = [];
  for (const { dynamodb: change } of records) {
    const sequenceNumber = change.SequenceNumber;
    try {
      const [before, after] = [change.OldImage, change.NewImage].map((item) => item && read(attributesOf(item)));
      announcements.push({ sequenceNumber, events: announce(before, after), measured: measurementsOf(before, after) });
    } catch (cause) {
      const error = new LedgerChangeUnreadableError(keyOf(change.Keys), sequenceNumber, cause);
      return { announcements, failed: { sequenceNumber, error } };
    }
  }
  return { announcements };
}

const keyOf = ({ PK, SK }: Readonly<Record<string, AttributeValue>>): string => `${PK?.S ?? '?'} / ${SK?.S ?? '?'}`;

type Published = Omit<PublishedChanges, 'measured'>;

/**
 * Publishes all at once. Only after a failure it publishes one by one, to find the first change that the bus refuses.
 */
async function publish(announcements: readonly Announcement[], bus: EventBus): Promise<Published> {
  const events = announcements.flatMap((announcement) => announcement.events);
  if (events.length === 0) return { published: 0 };
  try {
    await bus.publish(events);
    return { published: events.length };
  } catch {
    return publishOneByOne(announcements, bus);
  }
}

async function publishOneByOne(announcements: readonly Announcement[], bus: EventBus): Promise<Published> {
  let published = 0;
  for (const { sequenceNumber, events } of announcements) {
    if (events.length === 0) continue;
    try {
      await bus.publish(events);
    } catch (error) {
      return { published, failed: { sequenceNumber, error } };
    }
    published += events.length;
  }
  return { published };
}
