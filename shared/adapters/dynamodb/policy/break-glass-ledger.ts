import type { BreakGlass } from '../../../domain/admission/admit.ts';
import { type DoorPlace, doorPlaceText } from '../../../domain/policy/doors.ts';
import type {
  BreakGlassChange,
  BreakGlassLedger,
  BreakGlassReads,
  OpenBreakGlass,
  OpenBreakGlasses,
  StoredBreakGlass,
} from '../../../ports/admission.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

const KEPT_AFTER_END_SECONDS = 90 * 24 * 3600;
const REQUESTS_KEPT = 20;

/** Break-glass as one item a namespace. An item that cannot be read opens nothing, and gives way to the next one. */
export class DynamoBreakGlassReads implements BreakGlassReads, OpenBreakGlasses {
  protected readonly records: StoredRecords<StoredBreakGlass>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords(table, 'break-glass', {
      partition: keys.OPEN.breakGlass,
      sortKey: ({ place, endedAtEpochMs }) =>
        endedAtEpochMs === undefined ? place && doorPlaceText(place) : undefined,
    });
  }

  async *open(atEpochMs: number): AsyncIterable<OpenBreakGlass> {
    for await (const { place, author, reason, by, beganAtEpochMs, expiresAtEpochMs } of this.records.eachOpen())
      if (place && atEpochMs < expiresAtEpochMs) yield { place, author, reason, by, beganAtEpochMs, expiresAtEpochMs };
  }

  async breakGlassOf(place: DoorPlace): Promise<BreakGlass | undefined> {
    if (place.namespace === undefined) return undefined;
    const [stored] = await this.records.getAll([keys.breakGlass(place)]);
    if (!stored || stored.endedAtEpochMs !== undefined) return undefined;
    const { author, reason, expiresAtEpochMs } = stored;
    return { author, reason, expiresAtEpochMs };
  }
}

/** The same, and its changes. */
export class DynamoBreakGlassLedger extends DynamoBreakGlassReads implements BreakGlassLedger {
  async begin(place: DoorPlace, breakGlass: BreakGlass, { uid, user, atEpochMs }: BreakGlassChange): Promise<void> {
    const key = keys.breakGlass(place);
    const after = (before: StoredBreakGlass | undefined): StoredBreakGlass => ({
      ...breakGlass,
      ...{ place, by: user, beganAtEpochMs: atEpochMs, requests: withRequest(before, uid) },
      expiresAt: Math.floor(breakGlass.expiresAtEpochMs / 1000) + KEPT_AFTER_END_SECONDS,
    });
    try {
      await this.records.change(key, (before) => (before?.requests.includes(uid) ? undefined : after(before)));
    } catch (error) {
      // In an emergency nobody can correct an item first.
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
      await this.records.put(key, after(undefined));
    }
  }

  async end(place: DoorPlace, { uid, atEpochMs }: BreakGlassChange): Promise<void> {
    try {
      await this.records.change(keys.breakGlass(place), (before) =>
        !before || before.endedAtEpochMs !== undefined || before.requests.includes(uid)
          ? undefined
          : { ...before, endedAtEpochMs: atEpochMs, requests: withRequest(before, uid) },
      );
    } catch (error) {
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
    }
  }
}

const withRequest = (before: StoredBreakGlass | undefined, uid: string): readonly string[] =>
  [...(before?.requests ?? []), uid].slice(-REQUESTS_KEPT);
