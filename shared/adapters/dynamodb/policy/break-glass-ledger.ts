import type { BreakGlass } from '../../../domain/admission/admit.ts';
import { endOfOpening, isSameBreakGlass, MOST_HOURS_OPEN } from '../../../domain/admission/break-glass.ts';
import { DAY_MS, HOUR_MS } from '../../../domain/common/time.ts';
import { type DoorPlace, doorPlaceText } from '../../../domain/policy/doors.ts';
import type {
  BreakGlassChange,
  BreakGlassLedger,
  BreakGlassReads,
  OpenBreakGlass,
  OpenBreakGlasses,
  PastBreakGlass,
  PastBreakGlasses,
  StoredBreakGlass,
  StoredPastBreakGlass,
} from '../../../ports/admission.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Each counts from the end that was agreed on when it began. */
const KEPT = { current: 90 * DAY_MS, past: 400 * DAY_MS } as const;
const REQUESTS_KEPT = 20;

const expiry = ({ expiresAtEpochMs }: BreakGlass, keptMs: number): number =>
  Math.floor((expiresAtEpochMs + keptMs) / 1000);

/**
 * Break-glass as one item a namespace for its annotation and one a place for a person, by which doors decide, and one for each
 * that was begun, for those who ask later. An item that cannot be read opens nothing, and gives way to the next one.
 */
export class DynamoBreakGlassReads implements BreakGlassReads, OpenBreakGlasses, PastBreakGlasses {
  protected readonly records: StoredRecords<StoredBreakGlass>;
  protected readonly past: StoredRecords<StoredPastBreakGlass>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords(table, 'break-glass', {
      partition: keys.OPEN.breakGlass,
      sortKey: ({ place, endedAtEpochMs }) =>
        endedAtEpochMs === undefined ? place && doorPlaceText(place) : undefined,
    });
    this.past = new StoredRecords(table, 'past-break-glass');
  }

  async *open(atEpochMs: number): AsyncIterable<OpenBreakGlass> {
    for await (const { requests: _, expiresAt: __, place, ...one } of this.records.eachOpen())
      if (place && atEpochMs < one.expiresAtEpochMs) yield { place, ...one };
  }

  async *all(): AsyncIterable<PastBreakGlass> {
    for await (const { expiresAt: _, ...one } of this.past.below(keys.BREAK_GLASSES)) yield one;
  }

  async *since(epochMs: number): AsyncIterable<PastBreakGlass> {
    const newestFirst = this.past.below(keys.BREAK_GLASSES, undefined, { backwards: true });
    for await (const { expiresAt: _, ...one } of newestFirst) {
      if (one.beganAtEpochMs + MOST_HOURS_OPEN * HOUR_MS < epochMs) return;
      if (endOfOpening(one) > epochMs) yield one;
    }
  }

  async breakGlassOf(place: DoorPlace): Promise<BreakGlass | undefined> {
    const stored = await this.records.getAll(keysOf(place));
    const [last] = stored
      .filter(({ endedAtEpochMs }) => endedAtEpochMs === undefined)
      .toSorted((one, other) => other.expiresAtEpochMs - one.expiresAtEpochMs);
    if (!last) return undefined;
    const { author, reason, expiresAtEpochMs } = last;
    return { author, reason, expiresAtEpochMs };
  }
}

/** The same, and its changes. */
export class DynamoBreakGlassLedger extends DynamoBreakGlassReads implements BreakGlassLedger {
  /** What is kept for later is written first: no namespace is open without it. */
  async begin(
    place: DoorPlace,
    breakGlass: BreakGlass,
    { uid, user, atEpochMs, proof }: BreakGlassChange,
  ): Promise<boolean> {
    const key = proof === 'person' ? keys.openedByPerson(place) : keys.breakGlass(place);
    const [earlier] = await this.records.getAll([key]);
    if (earlier?.requests.includes(uid)) return true;
    const isClosed = (one: StoredBreakGlass | undefined): boolean =>
      proof === 'cluster' && one?.isClosed === true && isSameBreakGlass(one, breakGlass);
    if (isClosed(earlier)) return false;
    const begun = { ...breakGlass, place, by: user, beganAtEpochMs: atEpochMs, ...(proof && { proof }) };
    await this.past.put(keys.pastBreakGlass(place, atEpochMs), { ...begun, expiresAt: expiry(breakGlass, KEPT.past) });
    const after = (before: StoredBreakGlass | undefined): StoredBreakGlass => ({
      ...{ ...begun, requests: withRequest(before, uid) },
      expiresAt: expiry(breakGlass, KEPT.current),
    });
    try {
      const stands = await this.records.change(key, (before) =>
        before?.requests.includes(uid) || isClosed(before) ? undefined : after(before),
      );
      if (isClosed(stands)) {
        await this.#endPast(place, after(undefined), { user, atEpochMs });
        return false;
      }
    } catch (error) {
      // In an emergency nobody can correct an item first.
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
      await this.records.put(key, after(undefined));
    }
    if (earlier) await this.#endPast(place, earlier, { user, atEpochMs });
    return true;
  }

  async end(place: DoorPlace, { uid, user, atEpochMs, proof }: BreakGlassChange): Promise<void> {
    for (const key of proof === 'person' ? keysOf(place) : [keys.breakGlass(place)]) {
      const stands = await orUnreadable(
        this.records.change(key, (before) =>
          !before || before.endedAtEpochMs !== undefined || before.requests.includes(uid)
            ? undefined
            : {
                ...{ ...before, endedAtEpochMs: atEpochMs, endedBy: user, requests: withRequest(before, uid) },
                ...(proof === 'person' && { isClosed: true }),
              },
        ),
      );
      if (stands?.endedAtEpochMs !== undefined) await this.#endPast(place, stands, { user, atEpochMs });
    }
  }

  /** Of one that expired before, or that was ended already, nothing changes. */
  async #endPast(
    place: DoorPlace,
    { beganAtEpochMs, endedAtEpochMs, endedBy }: StoredBreakGlass,
    { user, atEpochMs }: Pick<BreakGlassChange, 'user' | 'atEpochMs'>,
  ): Promise<void> {
    const end = { endedAtEpochMs: endedAtEpochMs ?? atEpochMs, endedBy: endedBy ?? user };
    await orUnreadable(
      this.past.change(keys.pastBreakGlass(place, beganAtEpochMs), (past) =>
        !past || past.endedAtEpochMs !== undefined || past.expiresAtEpochMs <= end.endedAtEpochMs
          ? undefined
          : { ...past, ...end },
      ),
    );
  }
}

/** An ECS cluster has no annotation. */
const keysOf = (place: DoorPlace): readonly keys.Key[] => [
  ...(place.namespace === undefined ? [] : [keys.breakGlass(place)]),
  keys.openedByPerson(place),
];

const withRequest = (before: StoredBreakGlass | undefined, uid: string): readonly string[] =>
  [...(before?.requests ?? []), uid].slice(-REQUESTS_KEPT);

/** What a change gives, or nothing if the item cannot be read. */
async function orUnreadable<Value>(change: Promise<Value>): Promise<Value | undefined> {
  try {
    return await change;
  } catch (error) {
    if (error instanceof LedgerItemUnreadableError) return undefined;
    throw error;
  }
}
