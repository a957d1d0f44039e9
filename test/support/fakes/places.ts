import type { Digest, ImageLocation, IndexChild } from '../../../shared/domain/image/image.ts';
import { locationKey } from '../../../shared/domain/image/image.ts';
import {
  type ImageProperties,
  type LocationRecord,
  widenedLocation,
} from '../../../shared/domain/image/image-properties.ts';
import { type TagPush, withPush } from '../../../shared/domain/image/tag-history.ts';
import { holderAfter, holderWithout, means, type TagHolder } from '../../../shared/domain/stream/tag-holder.ts';
import type { FleetPlaces, IndexState, PlaceLedger, RecordedIndexes } from '../../../shared/ports/ledger.ts';
import { copied } from './copied.ts';

/** Places of images and contents of indexes in memory. */
export class FakePlaceLedger implements PlaceLedger, FleetPlaces, RecordedIndexes {
  /** By digest, then by digest and place. */
  readonly #places = new Map<Digest, Map<string, LocationRecord>>();
  readonly #tags = new Map<string, TagHolder>();
  readonly #pushes = new Map<string, readonly TagPush[]>();
  readonly #indexes = new Map<Digest, readonly IndexChild[]>();
  readonly #recordedAt = new Map<Digest, number>();
  readonly #outdated = new Set<Digest>();

  async recordLocation(record: LocationRecord, listedAtEpochMs?: number): Promise<ReadonlyMap<string, number>> {
    const { digest, location, lastPushSeenAtEpochMs: pushedAtEpochMs = 0 } = record;
    const key = `${digest} ${locationKey(location)}`;
    const places = this.#places.get(digest) ?? new Map<string, LocationRecord>();
    this.#places.set(digest, places);
    const before = places.get(key);
    places.set(key, copied(widenedLocation(before, record)));
    const held = new Map<string, number>();
    const listed = listedAtEpochMs !== undefined && { listedAtEpochMs };
    for (const tag of record.tags) {
      const holder = this.#change(location, tag, (known) => holderAfter(known, { digest, pushedAtEpochMs, ...listed }));
      if (means(holder, digest)) held.set(tag, holder.pushedAtEpochMs);
    }
    if (listedAtEpochMs === undefined) return held;
    for (const tag of before?.tags ?? [])
      if (!record.tags.includes(tag))
        this.#change(location, tag, (known) => holderWithout(known, digest, listedAtEpochMs));
    return held;
  }

  async holders(location: ImageLocation, tags: readonly string[]): Promise<ReadonlyMap<string, TagHolder>> {
    const found = tags.map((tag) => [tag, this.#tags.get(`${locationKey(location)} ${tag}`)] as const);
    return new Map(found.flatMap(([tag, holder]) => (holder ? [[tag, copied(holder)] as const] : [])));
  }

  async locations(digest: Digest): Promise<readonly LocationRecord[]> {
    const found = [...(this.#places.get(digest) ?? [])];
    return found.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, record]) => copied(record));
  }

  async locationsOf(
    images: readonly Pick<ImageProperties, 'digest' | 'locations'>[],
  ): Promise<ReadonlyMap<Digest, readonly LocationRecord[]>> {
    const found = images.map(({ digest, locations }) => {
      const keys = new Set(locations.map((place) => `${digest} ${locationKey(place)}`));
      const places = [...(this.#places.get(digest) ?? [])]
        .filter(([key]) => keys.has(key))
        .sort(([one], [other]) => (one < other ? -1 : 1));
      return [digest, places.map(([, record]) => copied(record))] as const;
    });
    return new Map(found.filter(([, places]) => places.length > 0));
  }

  async lastPushed(location: ImageLocation, tag: string): Promise<Digest | undefined> {
    return this.#tags.get(`${locationKey(location)} ${tag}`)?.digest;
  }

  async recordPush(location: ImageLocation, tag: string, push: TagPush): Promise<void> {
    const key = `${locationKey(location)} ${tag}`;
    this.#pushes.set(key, withPush(this.#pushes.get(key) ?? [], push));
  }

  async pushesOf(location: ImageLocation, tag: string): Promise<readonly TagPush[]> {
    return this.#pushes.get(`${locationKey(location)} ${tag}`) ?? [];
  }

  async recordIndex(digest: Digest, children: readonly IndexChild[] | undefined, atEpochMs: number): Promise<void> {
    this.#indexes.set(digest, copied(children ?? []));
    if (children) this.#outdated.delete(digest);
    else this.#outdated.add(digest);
    if (!this.#recordedAt.has(digest)) this.#recordedAt.set(digest, atEpochMs);
  }

  async indexStates(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, IndexState>> {
    return new Map(
      [...(await this.indexes(digests))].map(([digest, children]) => [
        digest,
        { children, isOutdated: this.#outdated.has(digest), ...this.#recorded(digest) },
      ]),
    );
  }

  #recorded(digest: Digest): Pick<IndexState, 'recordedAtEpochMs'> {
    const recordedAtEpochMs = this.#recordedAt.get(digest);
    return recordedAtEpochMs === undefined ? {} : { recordedAtEpochMs };
  }

  /** The index is as version 0.1.0 recorded it. */
  undate(digest: Digest): void {
    this.#recordedAt.delete(digest);
    this.#outdated.add(digest);
  }

  /** Version 0.2.0 recorded an index with these images. */
  recordOlder(digest: Digest, children: readonly IndexChild[], atEpochMs: number): void {
    this.#indexes.set(digest, copied(children));
    this.#recordedAt.set(digest, atEpochMs);
    this.#outdated.add(digest);
  }

  async *recordedSince(sinceEpochMs: number): AsyncIterable<readonly Digest[]> {
    const page = [...this.#recordedAt].flatMap(([digest, atEpochMs]) => (atEpochMs >= sinceEpochMs ? digest : []));
    if (page.length > 0) yield page.sort();
  }

  async *outdated(): AsyncIterable<readonly Digest[]> {
    const page = [...this.#outdated].filter((digest) => this.#recordedAt.has(digest));
    if (page.length > 0) yield page.sort();
  }

  async indexes(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, readonly IndexChild[]>> {
    return new Map(
      digests.flatMap((digest) => {
        const children = this.#indexes.get(digest);
        return children ? [[digest, copied(children)] as const] : [];
      }),
    );
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [
      ...[...this.#places.values()].flatMap((places) =>
        [...places].map(([key, record]) => ({ key: `LOC ${key}`, ...record })),
      ),
      ...[...this.#tags].map(([key, tag]) => ({ key: `TAG ${key}`, ...tag })),
      ...[...this.#pushes].map(([key, pushes]) => ({ key: `PUSHES ${key}`, pushes })),
      ...[...this.#indexes].map(([key, children]) => ({ key: `INDEX ${key}`, children })),
    ];
  }

  #change(
    location: ImageLocation,
    tag: string,
    decide: (before: TagHolder | undefined) => TagHolder | undefined,
  ): TagHolder | undefined {
    const key = `${locationKey(location)} ${tag}`;
    const before = this.#tags.get(key);
    const after = decide(before);
    if (after) this.#tags.set(key, after);
    return after ?? before;
  }
}
