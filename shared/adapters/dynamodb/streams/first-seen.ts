import { mapConcurrently } from '../../../concurrency.ts';
import { inTurns } from '../../../keyed-queue.ts';
import type { StreamLedger } from '../../../ports/ledger.ts';
import type { Content, Item } from '../table/item.ts';
import { sightingsContent, sightingsIn } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { sightingPieceOf } from '../table/keys.ts';
import { below } from '../table/table.ts';
import { DynamoStreams } from './streams.ts';

const WRITES_AT_ONCE = 8;

/** When each finding of a stream was first seen, for functions whose bundle need not hold how streams are written. */
export class DynamoSightings extends DynamoStreams implements Pick<StreamLedger, 'firstSeen' | 'recordFirstSeen'> {
  /** Images of one stream bring mostly the same findings: whoever waits its turn finds them written. */
  readonly #inTurns = inTurns();

  async firstSeen(stream: string): Promise<ReadonlyMap<string, number>> {
    const { PK } = keys.stream(stream);
    const seen = new Map<string, number>();
    for await (const item of this.table.items({ ...below(PK, 'SEEN#'), consistent: true })) {
      for (const [finding, atEpochMs] of sightingsIn(item)) seen.set(finding, atEpochMs);
    }
    return seen;
  }

  async recordFirstSeen(stream: string, seen: ReadonlyMap<string, number>): Promise<void> {
    const pieces = Map.groupBy(seen, ([finding]) => sightingPieceOf(finding));
    await mapConcurrently([...pieces], WRITES_AT_ONCE, ([piece, news]) =>
      this.#inTurns(`${piece} ${stream}`, () =>
        this.table.change(keys.firstSeen(stream, piece), (before) => withSightings(before, news)),
      ),
    );
  }
}

/** `undefined` where all of it was seen as early before. */
function withSightings(before: Item | undefined, news: readonly (readonly [string, number])[]): Content | undefined {
  const known = before ? sightingsIn(before) : new Map<string, number>();
  const earlier = news.filter(([finding, atEpochMs]) => atEpochMs < (known.get(finding) ?? Number.POSITIVE_INFINITY));
  return earlier.length > 0 ? sightingsContent(new Map([...known, ...earlier])) : undefined;
}
