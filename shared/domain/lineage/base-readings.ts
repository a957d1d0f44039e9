import { matchesGlob } from '../common/glob.ts';
import { type ImageLocation, locationKey, registryKey, type StreamTier } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import type { PlacementCursor } from './next-placements.ts';

/**
 * How far reviews have read the repositories of base and platform streams. Keys are those of `BaseRepository`: a
 * repository, or a pattern of the policy, in one registry. A repository that was not read with its pattern has its own
 * key.
 */
export interface BaseReadings {
  /** When the last complete read began. */
  readonly read: Readonly<Record<string, number>>;
  /** What the last review could not read completely, and what could not be read since. */
  readonly unread: readonly string[];
  /** By key of `unread`: when a read between two reviews failed. Only a read that begins later clears it. */
  readonly unreadSince?: Readonly<Record<string, number>>;
  /** Where the last review stopped placing images one by one, because it could not read everything. */
  readonly placedApart?: PlacementCursor;
}

/** A repository of streams in the policy that others are built on: `repository` is a name or a pattern. */
export interface BaseRepository extends ImageLocation {
  /** `base` if any of its rules has tier base. */
  readonly tier: Exclude<StreamTier, 'application'>;
}

/** A repository that may contain images missing in the ledger. */
export interface UnreadRepository extends BaseRepository {
  /** When the last complete read began; absent if there was none. */
  readonly readAtEpochMs?: number;
}

/** Each repository or pattern of rules that others are built on in each of its registries, once. */
export function baseRepositoriesOf({ streams }: Pick<Policy, 'streams'>): readonly BaseRepository[] {
  const found = new Map<string, BaseRepository>();
  for (const { tier, account, regions, repositories } of streams) {
    if (tier === 'application') continue;
    for (const region of regions)
      for (const repository of repositories) {
        const one = { account, region, repository, tier } as const;
        if (tier === 'base' || !found.has(locationKey(one))) found.set(locationKey(one), one);
      }
  }
  return [...found.values()];
}

/** The result of reading one registry. */
export interface RegistryPart {
  readonly kind: 'registry';
  readonly key: string;
  readonly status: 'complete' | 'failed';
  readonly images: number;
  readonly missing: number;
  readonly detail?: string;
  /** When the read began; absent in parts of earlier versions. */
  readonly beganAtEpochMs?: number;
  /**
   * Repositories of base and platform streams that were not read completely, and patterns of the policy that were not
   * listed.
   */
  readonly unread?: readonly string[];
  /**
   * The reasons for some of them as text: the repository with an image and its error; absent in parts of earlier
   * versions.
   */
  readonly unreadBecause?: readonly string[];
}

/** What counts as read after a run, from the parts of its registries; a registry without a part was not read. */
export function readingsAfter(
  policy: Pick<Policy, 'streams'>,
  before: BaseReadings | undefined,
  parts: Iterable<RegistryPart>,
): BaseReadings {
  const registries = new Map(Array.from(parts, (part) => [part.key, part]));
  const read: Record<string, number> = {};
  const unread = new Set<string>();
  for (const repository of baseRepositoriesOf(policy)) {
    const key = locationKey(repository);
    const part = registries.get(registryKey(repository));
    const isRead = part !== undefined && isReadIn(part, repository.repository);
    const readAtEpochMs = (isRead ? part.beganAtEpochMs : undefined) ?? before?.read[key];
    if (readAtEpochMs !== undefined) read[key] = readAtEpochMs;
    if (!isRead || isUnreadSince(key, part, before)) unread.add(key);
    // While a pattern is unread, repositories that were unread before it keep their older read.
    const namesBefore = namesUnread(repository, before).filter(
      (name) => !isRead || isUnreadSince(locationKey({ ...repository, repository: name }), part, before),
    );
    const names = [...(part?.unread ?? []), ...namesBefore];
    for (const name of names.filter((one) => isPartOf(repository, one))) {
      const own = locationKey({ ...repository, repository: name });
      const ownReadAtEpochMs = before?.read[own] ?? (before?.unread.includes(own) ? undefined : before?.read[key]);
      if (ownReadAtEpochMs !== undefined) read[own] = ownReadAtEpochMs;
      unread.add(own);
    }
  }
  return { read, unread: [...unread], ...sinceOf(unread, before?.unreadSince) };
}

/** Whether a read failed after a complete read had begun. */
const isUnreadSince = (key: string, { beganAtEpochMs = 0 }: RegistryPart, before: BaseReadings | undefined): boolean =>
  (before?.unreadSince?.[key] ?? Number.NEGATIVE_INFINITY) >= beganAtEpochMs;

function sinceOf(unread: ReadonlySet<string>, since: BaseReadings['unreadSince'] = {}) {
  const kept = Object.entries(since).filter(([key]) => unread.has(key));
  return kept.length > 0 ? { unreadSince: Object.fromEntries(kept) } : {};
}

/**
 * Merges the result of a review with the stored state: what failed since the review read it stays unread.
 * @param before the stored state when the review read it
 */
export function withLateUnread(
  readings: BaseReadings,
  before: BaseReadings | undefined,
  now: BaseReadings | undefined,
): BaseReadings {
  const late = Object.entries(now?.unreadSince ?? {}).filter(([key, atEpochMs]) => {
    const known = before?.unreadSince?.[key];
    return known === undefined || known < atEpochMs;
  });
  if (late.length === 0) return readings;
  const unread = new Set([...readings.unread, ...late.map(([key]) => key)]);
  const read = Object.fromEntries(
    late.flatMap(([key]) => (now?.read[key] === undefined ? [] : [[key, now.read[key]]])),
  );
  const unreadSince = { ...readings.unreadSince, ...Object.fromEntries(late) };
  return { ...readings, read: { ...read, ...readings.read }, unread: [...unread], unreadSince };
}

/** Whether a pattern covers a repository of this name. */
const isPartOf = (pattern: BaseRepository, name: string): boolean =>
  pattern.repository !== name && !name.includes('*') && coversPlace(pattern, { ...pattern, repository: name });

/**
 * The state after a repository could not be read between two reviews. A repository covered by a pattern was read with
 * its pattern.
 * @param key of the repository, as `locationKey`
 * @param pattern of the policy that covers it
 */
export function withUnread(before: BaseReadings, key: string, pattern: string, atEpochMs: number): BaseReadings {
  const readAtEpochMs = before.read[key] ?? (before.unread.includes(key) ? undefined : before.read[pattern]);
  const read = readAtEpochMs === undefined ? before.read : { ...before.read, [key]: readAtEpochMs };
  const lastEpochMs = Math.max(atEpochMs, before.unreadSince?.[key] ?? 0);
  return {
    ...before,
    read,
    unread: [...new Set([...before.unread, key])],
    unreadSince: { ...before.unreadSince, [key]: lastEpochMs },
  };
}

/** The unread names in the registry of a repository. */
function namesUnread(registry: BaseRepository, readings: BaseReadings | undefined): readonly string[] {
  const prefix = `${registryKey(registry)}/`;
  return (readings?.unread ?? []).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
}

const isReadIn = ({ status, unread }: RegistryPart, repository: string): boolean =>
  unread ? !unread.includes(repository) : status === 'complete';

/**
 * Repositories of the policy that may contain images missing in the ledger: no review has read them yet, or the last
 * one could not.
 */
export function unreadIn(
  policy: Pick<Policy, 'streams'>,
  readings: BaseReadings | undefined,
): readonly UnreadRepository[] {
  const found = new Map<string, UnreadRepository>();
  for (const repository of baseRepositoriesOf(policy)) {
    const key = locationKey(repository);
    const names = namesUnread(repository, readings).filter((name) => isPartOf(repository, name));
    const isRead = readings?.read[key] !== undefined && !readings.unread.includes(key);
    for (const one of [...(isRead ? [] : [repository.repository]), ...names]) {
      const own = { ...repository, repository: one };
      const readAtEpochMs = readings?.read[locationKey(own)];
      if (own.tier === 'base' || !found.has(locationKey(own)))
        found.set(locationKey(own), { ...own, ...(readAtEpochMs !== undefined && { readAtEpochMs }) });
    }
  }
  return [...found.values()];
}

/** Whether a repository or a pattern covers a place. */
export const coversPlace = (unread: BaseRepository, { account, region, repository }: ImageLocation): boolean =>
  unread.account === account && unread.region === region && matchesGlob(unread.repository, repository);
