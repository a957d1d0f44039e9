import { gunzipSync, gzipSync } from 'node:zlib';
import type { ExpectedDenial } from '../../../domain/admission/expected-denial.ts';
import type { DeniedTask, StartDenial } from '../../../domain/admission/start-denial.ts';
import { ageOf } from '../../../domain/age/image-lineage.ts';
import type { Closure, Deployment } from '../../../domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../../../domain/cause/cause.ts';
import type { Rebuild } from '../../../domain/cause/rebuild.ts';
import { byKey } from '../../../domain/common/compare-texts.ts';
import type { Digest, IndexChild } from '../../../domain/image/image.ts';
import type { LedgerRecord } from '../../../domain/outbox/ledger-record.ts';
import type { PolicyPointer } from '../../../domain/policy/policy-pointer.ts';
import type { ImageExpiry } from '../../../domain/retention/image-expiry.ts';
import type { ReviewRecord } from '../../../domain/review/run.ts';
import { resultAtEpochMs } from '../../../domain/scan/scan-state.ts';
import type { StreamRecord } from '../../../domain/stream/stream-record.ts';
import type { ImageRecord } from '../../../domain/verdict/image-record.ts';
import type { Item, ItemContent } from './item.ts';
import { INDEX_SHARDS, OPEN, shardOf } from './keys.ts';

/* The mapping of records to items. We wrote what we read, so the readers below cast to the type instead of checking
 * each member: a review reads 100,000 images. */

/**
 * A list longer than this as JSON is kept compressed. An item may hold 400 KB, and 5,000 findings are 1.2 MB plain; and
 * each started KB is a write unit, of which the reasons of a verdict, each day again, would be most.
 */
const PACK_OVER_BYTES = 1024;

/** Before the digest in the key of an image. */
export const IMAGE_PREFIX = 'IMAGE#';

type Packed<Element> = readonly Element[] | Uint8Array;

function pack<Element>(list: readonly Element[]): Packed<Element> {
  const json = JSON.stringify(list);
  return json.length > PACK_OVER_BYTES ? new Uint8Array(gzipSync(json)) : list;
}

function unpack<Element>(packed: Packed<Element>): readonly Element[] {
  return packed instanceof Uint8Array ? (unpackAny(packed) as Element[]) : packed;
}

const unpackAny = (packed: Uint8Array): unknown => JSON.parse(gunzipSync(packed).toString());

/** A record whose long lists, however deep, are compressed. */
export function packLists(record: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(record).map(([name, member]) => [name, packed(member)]));
}

function packed(value: unknown): unknown {
  if (Array.isArray(value)) return pack(value);
  return value !== null && typeof value === 'object' ? packLists(value) : value;
}

/** The input of `packLists`: nothing else in an item is binary. */
export function unpackLists(value: unknown): unknown {
  if (value instanceof Uint8Array) return unpack(value);
  if (value === null || typeof value !== 'object' || Array.isArray(value) || value instanceof Set) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, unpackLists(member)]));
}

/** An image, with the requester of its last scan. */
export interface ImageState {
  readonly record: ImageRecord;
  readonly scanAskedBy?: string;
}

/**
 * Long image data is compressed, because a review writes each image twice a day: with its scan request and its verdict.
 * Fields that a person looks for in the table stay plain, and so does the substitute for an unreadable image.
 */
export function imageContent({ record, scanAskedBy }: ImageState): ItemContent {
  const { digest, stream, owner, tier, platform, inUse, isHead, ...said } = record;
  const plain = { stream, owner, tier, platform, inUse, isHead };
  const json = inOrder(said);
  return {
    kind: 'image',
    ...(json.length > PACK_OVER_BYTES ? { ...plain, said: new Uint8Array(gzipSync(json)) } : record),
    ...(scanAskedBy !== undefined && { scanAskedBy }),
    ...ageIndex(record),
    ...verdictIndex(record),
    ...chainIndex(record),
  };
}

/** Canonical JSON: unchanged data is not written. */
const inOrder = (value: object): string => JSON.stringify(value, (_, member: unknown) => sorted(member));

function sorted(member: unknown): unknown {
  if (member === null || typeof member !== 'object' || Array.isArray(member)) return member;
  return Object.fromEntries(Object.entries(member).sort(byKey));
}

/**
 * Images in use and heads, by effective age: the next breaches. The others by their last scan result: those that may start
 * although nothing runs them yet.
 */
function ageIndex(record: ImageRecord) {
  const { digest, inUse, isHead, scan, verdict } = record;
  const age = ageOf(record);
  if (age.known && (inUse || isHead)) return agedAt(agePartition, age.bornAtEpochMs, digest);
  const scannedAtEpochMs = resultAtEpochMs(scan);
  return verdict && scannedAtEpochMs !== undefined ? agedAt(scannedPartition, scannedAtEpochMs, digest) : {};
}

/** Its place in the index `age`. */
const agedAt = (partitionOf: (shard: number) => string, atEpochMs: number, digest: Digest) => ({
  agePk: partitionOf(shardOf(digest)),
  ageSk: `${new Date(atEpochMs).toISOString()}#${digest}`,
});

/** An index, as stored. */
export interface StoredIndex {
  readonly digest: Digest;
  readonly children: readonly IndexChild[];
  /** 2 if it has all images that containerd may start; absent if version 0.2.0 recorded it, or it cannot be followed. */
  readonly form?: 2;
  /** When it was first recorded; absent if an earlier version recorded it, and nothing read its registry since. */
  readonly recordedAtEpochMs?: number;
}

export const indexContent = ({ digest, children, form, recordedAtEpochMs }: StoredIndex): ItemContent => ({
  ...{ kind: 'index', digest, children, form, recordedAtEpochMs },
  ...(recordedAtEpochMs !== undefined &&
    agedAt(form === undefined ? outdatedPartition : indexedPartition, recordedAtEpochMs, digest)),
});

/** Images in use that are not compliant: the open list. */
function verdictIndex({ digest, verdict, inUse }: ImageRecord) {
  if (!inUse || !verdict || verdict.status === 'compliant') return {};
  return { verdictPk: verdictPartition(verdict.status, shardOf(digest)), verdictSk: digest };
}

/** By their layers; no image is built on an application. */
const chainIndex = ({ digest, tier, chainId }: ImageRecord) =>
  chainId === undefined || tier === 'application' ? {} : { openPk: chainPartition(chainId), openSk: digest };

export const chainPartition = (chainId: string): string => `CHAIN#${chainId}`;
export const agePartition = (shard: number): string => `AGE#${shard}`;
export const scannedPartition = (shard: number): string => `SCANNED#${shard}`;
export const indexedPartition = (shard: number): string => `INDEXES#${shard}`;
/** Where version 0.2.0 put all indexes. */
export const outdatedPartition = (shard: number): string => `INDEXED#${shard}`;
export const verdictPartition = (status: 'violating' | 'unknown', shard: number): string =>
  `VERDICT#${status}#${shard}`;
export const shards: readonly number[] = Array.from({ length: INDEX_SHARDS }, (_, shard) => shard);

export function imageState(item: Item): ImageState {
  const { PK, SK, kind, rev, agePk, ageSk, verdictPk, verdictSk, openPk, openSk, scanAskedBy, ...rest } = item;
  return {
    record: imageRecord(PK, rest),
    ...(typeof scanAskedBy === 'string' && { scanAskedBy }),
  };
}

/** Also of an item that an earlier version wrote: its members are plain, and of the verdict alone the reasons may be packed. */
function imageRecord(PK: string, { said, verdict, ...plain }: Record<string, unknown>): ImageRecord {
  const record = { digest: PK.slice(IMAGE_PREFIX.length), ...plain, ...(verdict !== undefined && { verdict }) };
  return { ...(unpackLists(record) as ImageRecord), ...(said instanceof Uint8Array && (unpackAny(said) as object)) };
}

/** When one finding was first seen. */
interface SeenFinding {
  readonly finding: string;
  readonly firstSeenAtEpochMs: number;
}

/** Sorted, so that the same sightings give the same item. */
export const firstSeenContent = (seen: ReadonlyMap<string, number>): ItemContent => ({
  kind: 'first-seen',
  seen: pack(
    [...seen].sort(byKey).map(([finding, firstSeenAtEpochMs]): SeenFinding => ({ finding, firstSeenAtEpochMs })),
  ),
});

export const firstSeenIn = ({ seen }: Item): ReadonlyMap<string, number> =>
  new Map(
    unpack(seen as Packed<SeenFinding>).map(
      ({ finding, firstSeenAtEpochMs }) => [finding, firstSeenAtEpochMs] as const,
    ),
  );

export const causeContent = (cause: Cause): ItemContent => ({
  kind: 'cause',
  ...cause,
  facts: pack(cause.facts),
  ...(cause.state !== 'closed' && { openPk: OPEN.cause, openSk: cause.stream }),
});

export function causeOf(item: Item): Cause {
  const { PK, SK, kind, rev, openPk, openSk, facts, ...rest } = item;
  return { ...(rest as unknown as Omit<Cause, 'facts'>), facts: unpack(facts as Packed<CauseFact>) };
}

export const reviewContent = (kind: 'run' | 'lease' | 'latest-run', review: ReviewRecord): ItemContent => ({
  kind,
  ...review,
});

/** A record that is its item without key, kind and bookkeeping. */
export function recordOf<Stored>(item: Item): Stored {
  const { PK, SK, kind, rev, ...record } = item;
  return record as Stored;
}

/** A record that is its item without key, kind, index and bookkeeping, with its lists unpacked. */
export function storedRecord<Stored>(item: Item): Stored {
  const { openPk, openSk, ...record } = recordOf<Record<string, unknown>>(item);
  return unpackLists(record) as Stored;
}

/**
 * An item as a domain record, from the table's stream.
 * @param item the unmarshalled old or new image of a stream record
 */
export function ledgerRecord(item: Record<string, unknown>): LedgerRecord {
  const stored = item as unknown as Item;
  switch (item.kind) {
    case 'image':
      return { kind: 'image', record: imageState(stored).record };
    case 'cause':
      return { kind: 'cause', record: causeOf(stored) };
    case 'stream':
      return { kind: 'stream', record: storedRecord<StreamRecord>(stored) };
    case 'rebuild':
      return { kind: 'rebuild', record: storedRecord<Rebuild>(stored) };
    case 'deployment':
      return { kind: 'deployment', record: storedRecord<Deployment>(stored) };
    case 'closure':
      return { kind: 'closure', record: storedRecord<Closure>(stored) };
    case 'expiry':
      return { kind: 'expiry', record: storedRecord<ImageExpiry>(stored) };
    case 'expected-denial':
      return { kind: 'expected-denial', record: storedRecord<ExpectedDenial>(stored) };
    case 'start-denial':
      return { kind: 'start-denial', record: storedRecord<StartDenial>(stored) };
    case 'denied-task':
      return { kind: 'denied-task', record: storedRecord<DeniedTask>(stored) };
    case 'run':
      return { kind: 'run', record: recordOf<ReviewRecord>(stored) };
    case 'policy':
      return { kind: 'policy', record: recordOf<PolicyPointer>(stored) };
    default:
      return { kind: 'other' };
  }
}

/** An item with nothing compressed in it, for a person or for comparing two ledgers. */
export function unpackedItem(item: Record<string, unknown>): Record<string, unknown> {
  const { said, ...plain } = item;
  const unpacked = unpackLists(plain) as Record<string, unknown>;
  if (item.kind !== 'image' || !(said instanceof Uint8Array)) return unpacked;
  const digest = String(item.PK).slice(IMAGE_PREFIX.length);
  return { ...unpacked, digest, ...(unpackAny(said) as Record<string, unknown>) };
}
