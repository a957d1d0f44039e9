import { canonicalJson } from '../../../domain/common/canonical-json.ts';
import { compareTexts } from '../../../domain/common/compare-texts.ts';
import type { Scope } from '../../../domain/review/run.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { KnownSchedule, ScheduleLedger } from '../../../ports/starts.ts';
import * as keys from '../table/keys.ts';
import type { StoredSchedules } from '../table/shapes.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Half of what an item of DynamoDB may hold, before it is packed. */
const MOST_BYTES_A_PIECE = 200_000;

/** Schedules in pieces by their names, so that a change of one writes one piece. */
export class DynamoScheduleLedger implements ScheduleLedger {
  readonly #pieces: StoredRecords<StoredSchedules>;

  constructor(table: LedgerTable) {
    this.#pieces = new StoredRecords(table, 'schedules');
  }

  /** What cannot be read is not known, and so read again from AWS. */
  async known(scope: Scope): Promise<readonly KnownSchedule[]> {
    const known: KnownSchedule[] = [];
    for await (const { schedules } of this.#pieces.below(keys.schedulesPartition(scope))) known.push(...schedules);
    return known;
  }

  /** Of two reviews at a time the last one that writes a piece wins. What it knows less is read again from AWS. */
  async record(scope: Scope, schedules: readonly KnownSchedule[]): Promise<void> {
    const byPiece = Map.groupBy(schedules, ({ schedule }) => keys.schedulePieceOf(schedule));
    for (const piece of keys.schedulePieces) await this.#write(scope, piece, within(byPiece.get(piece) ?? []));
  }

  async #write(scope: Scope, piece: number, schedules: readonly KnownSchedule[]): Promise<void> {
    const key = keys.schedules(scope, piece);
    const after = (before: StoredSchedules = { schedules: [] }) =>
      canonicalJson(before.schedules) === canonicalJson(schedules) ? undefined : { schedules };
    try {
      await this.#pieces.change(key, after);
    } catch (error) {
      if (!(error instanceof LedgerItemUnreadableError)) throw error;
      await this.#pieces.put(key, { schedules });
    }
  }
}

/** In the order of their names, as many as a piece holds. */
function within(schedules: readonly KnownSchedule[]): readonly KnownSchedule[] {
  const sorted = schedules.toSorted((one, other) => compareTexts(one.schedule, other.schedule));
  let bytes = 0;
  return sorted.filter((one) => {
    const size = Buffer.byteLength(JSON.stringify(one));
    if (bytes + size > MOST_BYTES_A_PIECE) return false;
    bytes += size;
    return true;
  });
}
