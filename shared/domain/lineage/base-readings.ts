import { matchesGlob } from '../common/glob.ts';
import { type ImageLocation, locationKey, registryKey } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import type { ApartTurn } from './apart-turns.ts';

/**
 * How far reviews have read the repositories of base and platform streams. Keys are those of `BaseRepository`: a
 * repository, or a pattern of the policy, in one registry. A repository that was not read with its pattern has a key of its own.
 */
export interface BaseReadings {
  /** When the last reading began that showed every image. */
  readonly read: Readonly<Record<string, number>>;
  /** What the last review could not read to its end, and what could not be read since. */
  readonly unread: readonly string[];
  /** By key of `unread` when it could not be read between two reviews: only a reading that begins later makes it read. */
  readonly unreadSince?: Readonly<Record<string, number>>;
  /** Where the last review stopped that placed images one by one, because it could not read everything. */
  readonly placedApart?: ApartTurn;
}

/** A repository of base or platform streams as the policy names it: `repository` is a name or a pattern of names. */
export interface BaseRepository extends ImageLocation {
  /** `base` where any of its rules is of tier base. */
  readonly tier: 'base' | 'platform';
}

/** A repository that may hold images that the ledger does not know. */
export interface UnreadRepository extends BaseRepository {
  /** When the last reading began that showed every image; absent where there was none. */
  readonly readAtEpochMs?: number;
}

/** Each repository or pattern of base and platform rules, in each of its registries, once. */
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

/** What the reading of one registry left. */
export interface RegistryPart {
  readonly kind: 'registry';
  readonly key: string;
  readonly status: 'complete' | 'failed';
  readonly images: number;
  readonly missing: number;
  readonly detail?: string;
  /** When the reading began; absent in parts of before. */
  readonly beganAtEpochMs?: number;
  /** Repositories of base and platform streams that were not read to their end; patterns of the policy that were not listed. */
  readonly unread?: readonly string[];
  /** Why, in words, of some of them: the repository with an image and its error; absent in parts of before. */
  readonly unreadBecause?: readonly string[];
}

/** What is read after a run, by the parts that its registries left: a registry without a part was not read. */
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
    // While a pattern is not read, what was not read with it before is still older than the rest of it.
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

/** Whether it could not be read after a reading of it had begun. */
const isUnreadSince = (key: string, { beganAtEpochMs = 0 }: RegistryPart, before: BaseReadings | undefined): boolean =>
  (before?.unreadSince?.[key] ?? Number.NEGATIVE_INFINITY) >= beganAtEpochMs;

function sinceOf(unread: ReadonlySet<string>, since: BaseReadings['unreadSince'] = {}) {
  const kept = Object.entries(since).filter(([key]) => unread.has(key));
  return kept.length > 0 ? { unreadSince: Object.fromEntries(kept) } : {};
}

/**
 * What a review writes over what is there by then: what could not be read since the review looked stays unread.
 * @param before what was there when the review looked
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

/** Whether a name is that of one repository which a pattern covers among others. */
const isPartOf = (pattern: BaseRepository, name: string): boolean =>
  pattern.repository !== name && !name.includes('*') && covers(pattern, { ...pattern, repository: name });

/**
 * How far is read once a repository could not be read between two reviews. One that a pattern covers was read when its pattern was.
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

/** Names of what was not read in the registry of a repository. */
function namesUnread(registry: BaseRepository, readings: BaseReadings | undefined): readonly string[] {
  const prefix = `${registryKey(registry)}/`;
  return (readings?.unread ?? []).flatMap((key) => (key.startsWith(prefix) ? [key.slice(prefix.length)] : []));
}

const isReadIn = ({ status, unread }: RegistryPart, repository: string): boolean =>
  unread ? !unread.includes(repository) : status === 'complete';

/**
 * Repositories of the policy that may hold images that the ledger does not know: no review has read them yet, or the last one could
 * not.
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

/** Whether a repository, or a pattern, is that of a place. */
export const covers = (unread: BaseRepository, { account, region, repository }: ImageLocation): boolean =>
  unread.account === account && unread.region === region && matchesGlob(unread.repository, repository);
