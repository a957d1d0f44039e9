import { sameContent } from '../common/same-content.ts';
import { mayStartOn } from '../image/containerd.ts';
import { type Digest, type ImageLocation, type IndexChild, locationKey } from '../image/image.ts';
import { ImageReferenceError, parseImageReference } from '../image/reference.ts';
import { meaningAt, type TagHistory } from '../image/tag-history.ts';
import {
  type DigestSource,
  type Observation,
  referencesOf,
  type UnresolvedContainer,
  type Usage,
  usageKey,
} from '../image/usage.ts';

/** The known data besides the tasks. */
export interface Resolvers {
  /** The images of indexes; a missing digest is an image, or out of sight. */
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
  /** The known tags, by `tagKey`. */
  readonly tags: ReadonlyMap<string, TagHistory>;
}

export const tagKey = (location: ImageLocation, tag: string): string => `${locationKey(location)}:${tag}`;

export type Resolution =
  | { readonly resolved: true; readonly usages: readonly Usage[] }
  | { readonly resolved: false; readonly unresolved: UnresolvedContainer };

/**
 * The usages of an observation. An index stands for the image that containerd starts on the node; if the node's architecture is
 * unknown, every image counts, and the strictest wins. An index without an image for the node is kept as it is, and cannot be
 * judged.
 */
export function resolveObservation(observation: Observation, { indexes, tags }: Resolvers): Resolution {
  const known = digestOf(observation, tags);
  if ('reason' in known) return { resolved: false, unresolved: { observation, reason: known.reason } };
  const { location, architecture, pull, notBeforeEpochMs, ...workload } = observation;
  const digests = imagesOf(known.digest, architecture, indexes);
  return {
    resolved: true,
    usages: digests.map((digest) => ({ ...workload, digest, digestSource: known.source })),
  };
}

function digestOf(
  { digest, digestSource, reference, pull }: Observation,
  tags: Resolvers['tags'],
): { digest: Digest; source: DigestSource } | Pick<UnresolvedContainer, 'reason'> {
  if (digest) return { digest, source: digestSource ?? 'runtime' };
  if (reference === undefined) return { reason: 'no-reference' };
  try {
    const { location, tag } = parseImageReference(reference);
    if (!location || tag === undefined) return { reason: 'digest-unknown' };
    const history = tags.get(tagKey(location, tag));
    return (history && meaningAt(history, pull)) ?? { reason: 'tag-unknown' };
  } catch (error) {
    if (error instanceof ImageReferenceError) return { reason: 'reference-unreadable' };
    throw error;
  }
}

function imagesOf(digest: Digest, architecture: string | undefined, indexes: Resolvers['indexes']): readonly Digest[] {
  const children = indexes.get(digest) ?? [];
  const images =
    architecture === undefined
      ? [...new Set(children.map((child) => child.digest))]
      : mayStartOn(children, architecture);
  return images.length > 0 ? images : [digest];
}

/** Evidence for the running image, best first. */
const SOURCES: readonly DigestSource[] = ['runtime', 'reference', 'push-history', 'tag-guess'];

/**
 * Merges usages: counts add up, the weakest evidence and all references are kept. Better evidence for one of several
 * tasks does not improve the others.
 */
export function mergeUsages(usages: Iterable<Usage>): Map<string, Usage> {
  const merged = new Map<string, Usage>();
  for (const usage of usages) {
    const key = usageKey(usage);
    const same = merged.get(key);
    merged.set(key, same ? together(same, usage) : usage);
  }
  return merged;
}

function together(one: Usage, other: Usage): Usage {
  const sources = [one.digestSource, other.digestSource].sort((a, b) => SOURCES.indexOf(a) - SOURCES.indexOf(b));
  const [reference, ...otherReferences] = [...new Set([...referencesOf(one), ...referencesOf(other)])].sort();
  return {
    ...one,
    count: one.count + other.count,
    digestSource: sources.at(-1) ?? one.digestSource,
    ...(reference !== undefined && { reference }),
    ...(otherReferences.length > 0 && { otherReferences }),
  };
}

export interface UsageChanges {
  /** New, or changed against the ledger. */
  readonly record: readonly Usage[];
  /** Those of them that are new. */
  readonly begun: readonly Usage[];
  /** Live in the ledger and not seen: only a complete inventory of the same scope may end them. */
  readonly end: readonly Usage[];
  readonly unchanged: number;
}

/** The changes of live usages by a complete inventory of one scope. */
export function compareUsages(live: Iterable<Usage>, seen: Iterable<Usage>): UsageChanges {
  const unseen = new Map<string, Usage>();
  for (const usage of live) unseen.set(usageKey(usage), usage);
  const record: Usage[] = [];
  const begun: Usage[] = [];
  let unchanged = 0;
  for (const [key, usage] of mergeUsages(seen)) {
    const before = unseen.get(key);
    unseen.delete(key);
    if (before && isSame(before, usage)) unchanged += 1;
    else record.push(usage);
    if (!before) begun.push(usage);
  }
  return { record: record.sort(byKey), begun: begun.sort(byKey), end: [...unseen.values()].sort(byKey), unchanged };
}

const isSame = (one: Usage, other: Usage): boolean =>
  one.count === other.count &&
  one.digestSource === other.digestSource &&
  sameContent(referencesOf(one), referencesOf(other));

const byKey = (one: Usage, other: Usage): number => (usageKey(one) < usageKey(other) ? -1 : 1);
