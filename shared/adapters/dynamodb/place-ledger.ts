import type { Digest, ImageLocation, IndexChild } from '../../domain/image.ts';
import { type LocationRecord, widenedLocation } from '../../domain/records.ts';
import { type TagPush, withPush } from '../../domain/tag-history.ts';
import type { PlaceLedger } from '../../ports/ledger.ts';
import { packLists, recordOf, storedRecord } from './items.ts';
import * as keys from './keys.ts';
import { DynamoPlaces } from './places.ts';
import type { Item } from './table.ts';

/** What a push put under a tag. */
interface TagItem {
  readonly digest: Digest;
  readonly pushedAtEpochMs: number;
}

/** Places of images, what was pushed under tags, and the contents of indexes. */
export class DynamoPlaceLedger extends DynamoPlaces implements PlaceLedger {
  /** A listing repeats what is known on most days, so one read of all items concerned comes before any write. */
  async recordLocation(record: LocationRecord): Promise<void> {
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
    for (const tag of tags) {
      const pushed = { digest: record.digest, pushedAtEpochMs: record.lastPushSeenAtEpochMs ?? 0 };
      if (isLater(pushed, known.get(`${tag.PK} ${tag.SK}`))) await this.#recordTag(tag, pushed);
    }
  }

  async lastPushed(location: ImageLocation, tag: string): Promise<Digest | undefined> {
    const item = await this.table.get(keys.tag(location, tag));
    return item && recordOf<TagItem>(item).digest;
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

  async recordIndex(digest: Digest, children: readonly IndexChild[]): Promise<void> {
    await this.table.change(keys.index(digest), () => ({ kind: 'index', digest, children }));
  }

  async #recordTag(key: { readonly PK: string; readonly SK: string }, pushed: TagItem): Promise<void> {
    const earlier = 'pushedAtEpochMs < :at OR (pushedAtEpochMs = :at AND digest < :digest)';
    await this.table.put(
      { ...key, kind: 'tag', ...pushed },
      {
        expression: `attribute_not_exists(PK) OR ${earlier}`,
        values: { ':at': pushed.pushedAtEpochMs, ':digest': pushed.digest },
      },
    );
  }
}

const pushesIn = (item: Item): readonly TagPush[] => storedRecord<{ readonly pushes: readonly TagPush[] }>(item).pushes;

function isLater(pushed: TagItem, known: Item | undefined): boolean {
  if (!known) return true;
  const before = recordOf<TagItem>(known);
  if (pushed.pushedAtEpochMs !== before.pushedAtEpochMs) return pushed.pushedAtEpochMs > before.pushedAtEpochMs;
  return pushed.digest > before.digest;
}

const covers = (known: LocationRecord, record: LocationRecord): boolean =>
  record.tags.every((tag) => known.tags.includes(tag)) &&
  (record.askedTags ?? []).every((tag) => known.askedTags?.includes(tag) === true) &&
  reaches(known.firstPushSeenAtEpochMs, record.firstPushSeenAtEpochMs, (seen, asked) => seen <= asked) &&
  reaches(known.lastPushSeenAtEpochMs, record.lastPushSeenAtEpochMs, (seen, asked) => seen >= asked);

const reaches = (
  seen: number | undefined,
  asked: number | undefined,
  holds: (seen: number, asked: number) => boolean,
) => asked === undefined || (seen !== undefined && holds(seen, asked));
