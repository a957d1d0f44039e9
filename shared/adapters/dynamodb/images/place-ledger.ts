import type { Digest, ImageLocation, IndexChild } from '../../../domain/image/image.ts';
import { type LocationRecord, widenedLocation } from '../../../domain/image/image-properties.ts';
import { type TagPush, withPush } from '../../../domain/image/tag-history.ts';
import { holderAfter, holderWithout, means, type TagHolder } from '../../../domain/stream/tag-holder.ts';
import type { IndexState, PlaceLedger } from '../../../ports/ledger.ts';
import type { Item } from '../table/item.ts';
import { indexContent, packLists, recordOf, type StoredIndex, storedRecord } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { readableOrThrow } from '../table/readable.ts';
import { below, type LedgerTable } from '../table/table.ts';

/** Places of images and images of indexes, read-only. */
export class DynamoPlaces implements Pick<PlaceLedger, 'locations' | 'holders' | 'indexes' | 'indexStates'> {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async locations(digest: Digest): Promise<readonly LocationRecord[]> {
    const { PK } = keys.image(digest);
    const question = { ...below(PK, 'LOC#'), consistent: true };
    const records: LocationRecord[] = [];
    for await (const item of this.table.items(question))
      records.push(readableOrThrow(this.table, item, () => recordOf<LocationRecord>(item)));
    return records;
  }

  async holders(location: ImageLocation, tags: readonly string[]): Promise<ReadonlyMap<string, TagHolder>> {
    const items = await this.table.getAll(tags.map((tag) => keys.tag(location, tag)));
    return new Map(items.map((item) => [item.SK, recordOf<TagHolder>(item)]));
  }

  async indexes(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, readonly IndexChild[]>> {
    return new Map([...(await this.indexStates(digests))].map(([digest, { children }]) => [digest, children]));
  }

  async indexStates(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, IndexState>> {
    const items = await this.table.getAll(digests.map(keys.index));
    return new Map(
      items.map((item) => {
        const { digest, children, form, recordedAtEpochMs } = recordOf<StoredIndex>(item);
        const recorded = recordedAtEpochMs !== undefined && { recordedAtEpochMs };
        return [digest, { children, isOutdated: form === undefined, ...recorded }];
      }),
    );
  }
}

/** Places of images, what was pushed under tags, and the contents of indexes. */
export class DynamoPlaceLedger extends DynamoPlaces implements PlaceLedger {
  /** A listing mostly repeats known data, so one read of all items comes before any write. */
  async recordLocation(record: LocationRecord, listedAtEpochMs?: number): Promise<ReadonlyMap<string, number>> {
    const place = keys.location(record.digest, record.location);
    const tags = record.tags.map((tag) => keys.tag(record.location, tag));
    const known = new Map((await this.table.getAll([place, ...tags])).map((item) => [`${item.PK} ${item.SK}`, item]));
    const placed = known.get(`${place.PK} ${place.SK}`);
    if (!placed || !covers(recordOf<LocationRecord>(placed), record)) {
      await this.table.change(place, (before) => ({
        kind: 'location',
        ...widenedLocation(before && recordOf<LocationRecord>(before), record),
      }));
    }
    return this.#recordTags(record, placed && recordOf<LocationRecord>(placed), listedAtEpochMs);
  }

  async lastPushed(location: ImageLocation, tag: string): Promise<Digest | undefined> {
    const item = await this.table.get(keys.tag(location, tag));
    return item && recordOf<TagHolder>(item).digest;
  }

  async recordPush(location: ImageLocation, tag: string, push: TagPush): Promise<void> {
    await this.table.change(keys.tagPushes(location, tag), (item) => {
      const before = item ? pushesIn(item) : [];
      const pushes = withPush(before, push);
      return pushes === before ? undefined : { kind: 'tag-pushes', ...packLists({ pushes }) };
    });
  }

  async pushesOf(location: ImageLocation, tag: string): Promise<readonly TagPush[]> {
    const item = await this.table.get(keys.tagPushes(location, tag));
    return item ? pushesIn(item) : [];
  }

  async recordIndex(digest: Digest, children: readonly IndexChild[] | undefined, atEpochMs: number): Promise<void> {
    await this.table.change(keys.index(digest), (item) => {
      const { recordedAtEpochMs = atEpochMs } = (item && recordOf<StoredIndex>(item)) ?? {};
      return indexContent({ recordedAtEpochMs, digest, ...(children ? { children, form: 2 } : { children: [] }) });
    });
  }

  async #recordTags(
    record: LocationRecord,
    before: LocationRecord | undefined,
    listedAtEpochMs: number | undefined,
  ): Promise<ReadonlyMap<string, number>> {
    const { digest, location, lastPushSeenAtEpochMs: pushedAtEpochMs = 0 } = record;
    const held = new Map<string, number>();
    const listed = listedAtEpochMs !== undefined && { listedAtEpochMs };
    for (const tag of record.tags) {
      const holder = await this.#changeHolder(location, tag, (known) =>
        holderAfter(known, { digest, pushedAtEpochMs, ...listed }),
      );
      if (means(holder, digest)) held.set(tag, holder.pushedAtEpochMs);
    }
    if (listedAtEpochMs === undefined) return held;
    const shown = new Set(record.tags);
    for (const tag of (before?.tags ?? []).filter((each) => !shown.has(each)))
      await this.#changeHolder(location, tag, (known) => holderWithout(known, digest, listedAtEpochMs));
    return held;
  }

  /** @returns the holder that stands afterwards */
  async #changeHolder(
    location: ImageLocation,
    tag: string,
    decide: (before: TagHolder | undefined) => TagHolder | undefined,
  ): Promise<TagHolder | undefined> {
    let holder: TagHolder | undefined;
    await this.table.change(keys.tag(location, tag), (item) => {
      const before = item && recordOf<TagHolder>(item);
      const after = decide(before);
      holder = after ?? before;
      return after && { kind: 'tag', ...after };
    });
    return holder;
  }
}

const pushesIn = (item: Item): readonly TagPush[] => storedRecord<{ readonly pushes: readonly TagPush[] }>(item).pushes;

const covers = (known: LocationRecord, record: LocationRecord): boolean =>
  record.tags.every((tag) => known.tags.includes(tag)) &&
  (record.askedTags ?? []).every((tag) => known.tags.includes(tag) || known.askedTags?.includes(tag) === true) &&
  reaches(known.firstPushSeenAtEpochMs, record.firstPushSeenAtEpochMs, (seen, asked) => seen <= asked) &&
  reaches(known.lastPushSeenAtEpochMs, record.lastPushSeenAtEpochMs, (seen, asked) => seen >= asked) &&
  reaches(
    known.thereSinceEpochMs ?? known.firstPushSeenAtEpochMs,
    record.thereSinceEpochMs,
    (seen, asked) => seen <= asked,
  );

const reaches = (
  seen: number | undefined,
  asked: number | undefined,
  holds: (seen: number, asked: number) => boolean,
) => asked === undefined || (seen !== undefined && holds(seen, asked));
