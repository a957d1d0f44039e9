import { MINUTE_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { GraceOfDigest } from './admit.ts';

/*
 * Lists of the images that may start, for doors that cannot ask Patchwave: objects of a custom resource in each cluster. An entry
 * is looked up by its key, so each list is a map.
 */

/** The custom resource. */
export const ALLOWED_IMAGES = { apiVersion: 'patchwave.dev/v1', kind: 'AllowedImages' } as const;
export const ALLOWED_IMAGES_RESOURCE = 'allowedimages';

/** A constraint of Gatekeeper, which holds a list of all images itself. Gatekeeper makes the resource of the kind. */
export const CONSTRAINT = { apiVersion: 'constraints.gatekeeper.sh/v1beta1', kind: 'PatchwaveImages' } as const;
export const CONSTRAINT_RESOURCE = 'patchwaveimages';
export const constraintNamed = (severity: 'deny' | 'warn') => `patchwave-images-${severity}` as const;
/** All that a cluster may have. */
export const CONSTRAINT_NAMES = [constraintNamed('deny'), constraintNamed('warn')] as const;

/** Fewer than fit in one object of etcd (1.5 MiB). */
export const MOST_DIGESTS = 20_000;
/** Of images that violate a rule, in one list. */
export const MOST_RUNNING = 1_000;
/** Of one image. As many as Kubernetes supports in a cluster. */
export const MOST_NAMESPACES = 10_000;
/** etcd takes 1.5 MiB in one request: this leaves room for the metadata of the object. */
export const MOST_LIST_BYTES = 1_500_000;

/** How many lists there are: all digests in one, or one for each first letter of a digest. */
export const SHARD_COUNTS = [1, 16] as const;
export type ShardCount = (typeof SHARD_COUNTS)[number];

/** One list: the digests that begin with the letter, or all. */
export interface Shard {
  /** Of the object. */
  readonly name: string;
  readonly prefix: string;
}

/** Of all digests. */
export const WHOLE: Shard = { name: 'all', prefix: '' };

export const shardSet = (count: ShardCount): readonly Shard[] =>
  count === 1 ? [WHOLE] : [...'0123456789abcdef'].map((prefix) => ({ name: `digests-${prefix}`, prefix }));

export interface WantedShard extends Shard {
  /** Nothing says that a door looks into it. */
  readonly isSpare: boolean;
}

/**
 * The lists to publish in a cluster that has these: each set of which it has one. Without any it gets both sets, because a door
 * refuses every pod as long as its list is gone.
 */
export function shardsFor(present: Iterable<string>): readonly WantedShard[] {
  const names = new Set(present);
  const sets = SHARD_COUNTS.map(shardSet);
  const used = sets.filter((set) => set.some(({ name }) => names.has(name)));
  const isSpare = used.length === 0;
  return (isSpare ? sets : used).flat().map((shard) => ({ ...shard, isSpare }));
}

/** What lists are made of, the same for every cluster. */
export interface ListSource {
  /** Images and indexes that may start everywhere (`listedDigests`). */
  readonly digestsOf: (shard: Shard) => AllowedImagesList['digests'];
  /** Those that may start again where they run already. */
  readonly graced: ReadonlyMap<Digest, GraceOfDigest>;
  /** SHA-256 of the policy by which it was decided. */
  readonly policyVersion: string;
  /** When the reading of the ledger began. */
  readonly readAtEpochMs: number;
  /** From then on the lists refuse nothing. */
  readonly notAfterEpochMs: number;
}

/** The `spec` of a list as Patchwave publishes it: with every field, because server-side apply keeps what is left out. */
export interface AllowedImagesList {
  /** Instants in ISO 8601. */
  readonly notAfter: string;
  readonly readAt: string;
  readonly policyVersion: string;
  /** By the 64 hexadecimal digits of the digest. */
  readonly digests: Readonly<Record<string, ''>>;
  readonly running: Readonly<Record<string, RunningImage>>;
}

interface RunningImage {
  readonly namespaces: readonly string[];
  readonly until: string;
  readonly rule: string;
}

const ALGORITHM = 'sha256:';
const digitsOf = (digest: Digest): string => digest.slice(ALGORITHM.length);
const instantOf = (atEpochMs: number): string => new Date(atEpochMs).toISOString();

/** The images of a list, sorted, so that equal answers give equal lists. */
function ofShard(digests: Iterable<Digest>, { prefix }: Shard): readonly Digest[] {
  const found: Digest[] = [];
  for (const digest of digests) if (digest.startsWith(prefix, ALGORITHM.length)) found.push(digest);
  return found.sort();
}

/** The digests of each list, made once: a fleet has 100,000 images, and hundreds of clusters get the same. */
export function listedDigests(allowed: ReadonlySet<Digest>): ListSource['digestsOf'] {
  const known = new Map<string, AllowedImagesList['digests']>();
  return (shard) => {
    const before = known.get(shard.prefix);
    if (before) return before;
    const digests = Object.fromEntries(ofShard(allowed, shard).map((digest) => [digitsOf(digest), ''] as const));
    known.set(shard.prefix, digests);
    return digests;
  };
}

/**
 * One list of a cluster.
 * @param running the namespaces of the cluster in which an image runs
 */
export function allowedImagesOf(
  { digestsOf, graced, policyVersion, readAtEpochMs, notAfterEpochMs }: ListSource,
  shard: Shard,
  running: ReadonlyMap<Digest, readonly string[]>,
): AllowedImagesList {
  const entries = ofShard(graced.keys(), shard).flatMap((digest): (readonly [string, RunningImage])[] => {
    const namespaces = running.get(digest) ?? [];
    const { untilEpochMs = 0, ruleId = '' } = graced.get(digest) ?? {};
    if (namespaces.length === 0 || untilEpochMs <= readAtEpochMs) return [];
    return [[digitsOf(digest), { namespaces, until: instantOf(untilEpochMs), rule: ruleId }]];
  });
  return {
    ...{ notAfter: instantOf(notAfterEpochMs), readAt: instantOf(readAtEpochMs), policyVersion },
    digests: digestsOf(shard),
    running: Object.fromEntries(entries),
  };
}

/** Of one image in the JSON of `digests`: its digits, and `"":"",`. */
const DIGEST_BYTES = 70;

/** Why a list does not fit into its object; `undefined` if it does. */
export function excessOf({ digests, running }: AllowedImagesList): string | undefined {
  const [listed, runs] = [Object.keys(digests).length, Object.entries(running)];
  if (listed > MOST_DIGESTS) return `it would have ${listed} images, and holds ${MOST_DIGESTS}`;
  if (runs.length > MOST_RUNNING)
    return `it would have ${runs.length} images that violate a rule and run, and holds ${MOST_RUNNING}`;
  const spread = runs.find(([, { namespaces }]) => namespaces.length > MOST_NAMESPACES);
  if (spread)
    return `sha256:${spread[0]} violates a rule and runs in ${spread[1].namespaces.length} namespaces, and it holds ${MOST_NAMESPACES}`;
  const bytes = listed * DIGEST_BYTES + Buffer.byteLength(JSON.stringify(running));
  return bytes > MOST_LIST_BYTES ? `it would have ${bytes} bytes, and holds ${MOST_LIST_BYTES}` : undefined;
}

/** Clocks of two executions may differ by so much. */
const SKEW_MS = 5 * MINUTE_MS;

/**
 * Whether a list that is there already is of a newer reading, and must stay. One of the future is of no reading: a person wrote
 * it, and it would stay for ever.
 * @param readAt of the list that is there, if it has one
 */
export function isNewerList(readAt: string | undefined, readAtEpochMs: number, nowEpochMs: number): boolean {
  const presentEpochMs = Date.parse(readAt ?? '');
  return presentEpochMs > readAtEpochMs && presentEpochMs <= nowEpochMs + SKEW_MS;
}
