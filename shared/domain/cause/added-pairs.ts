import { type Finding, findingKey } from '../scan/finding.ts';
import { type CauseFact, causeFacts, type FindingFact, mergeFacts } from './cause.ts';
import type { JudgedImage } from './fact-status.ts';

/** All findings of the image before, over all platforms. */
export type FindingsBefore = readonly Pick<Finding, 'vulnerability' | 'package' | 'version'>[];

/** An output, and what it is compared with. */
export interface Compared {
  /** What the rebuild was to fix: a pair of these is left, and not added. */
  readonly facts: readonly CauseFact[];
  readonly output: readonly JudgedImage[];
  /** Absent where nobody has them, and where the stream had no head before. */
  readonly findingsBefore?: FindingsBefore;
}

/** Violating pairs that scans know of the output and not of the image before. */
export interface NewPairs {
  /** The image before has the same package in the same version, so it has them too. */
  readonly shared: readonly FindingFact[];
  /** Scans alone do not tell whether the image before has them. */
  readonly others: readonly FindingFact[];
}

/** A pair counts by vulnerability and package, whatever the version; each is named once for all platforms. */
export function newPairs({ facts, output, findingsBefore = [] }: Compared): NewPairs {
  const known = new Set([...findingsBefore, ...facts.filter(isFinding)].map(findingKey));
  const versions = new Set(findingsBefore.map(packageVersion));
  const violating = output.flatMap(({ verdict }) => (verdict ? causeFacts(verdict) : []));
  const added = mergeFacts(violating).filter(isFinding);
  const [shared, others] = [true, false].map((isShared) =>
    added.filter((fact) => !known.has(findingKey(fact)) && versions.has(packageVersion(fact)) === isShared),
  );
  return { shared: shared ?? [], others: others ?? [] };
}

const isFinding = (fact: CauseFact): fact is FindingFact => fact.kind === 'finding';
const packageVersion = (one: { readonly package: string; readonly version: string }): string =>
  `${one.package}\n${one.version}`;

/** What is known of a pair that an output has and the image before seems not to have. All instants in milliseconds. */
export interface PairEvidence {
  /** When scans first saw it in the stream, in its places, and in the streams and places of what the output is built on. */
  readonly seenAtEpochMs: readonly number[];
  /** An image that both the output and the image before are built on has it. So the image before has it too. */
  readonly isShared: boolean;
  /**
   * When scans first saw it in the head of the parent, which was judged before the build began: the rebuild was reserved
   * on it. Absent where that has not got it.
   */
  readonly firstSeenInParentEpochMs?: number;
  /** The scanner's knowledge was last updated then; absent where it does not say. */
  readonly sourceUpdatedAtEpochMs?: number;
}

/**
 * `known`: it was known when the build began, so the build brought it in. `published`: it was not, or the image before
 * has it as well. `undecided`: no fact tells.
 */
export type Novelty = 'known' | 'published' | 'undecided';

/**
 * Whether a pair was known when a build began, by facts alone:
 *
 * 1. What an ancestor of both images has, the build did not bring in.
 * 2. What any scan saw by then was known.
 * 3. Where the scanner learnt nothing since, it knew by then all that it knows.
 * 4. What the parent's head has and no scan saw in it by then was published since: the head was judged by then, and
 *    content does not change.
 */
export function noveltyOf(evidence: PairEvidence | undefined, begunAtEpochMs: number): Novelty {
  if (!evidence) return 'undecided';
  const { seenAtEpochMs, isShared, firstSeenInParentEpochMs, sourceUpdatedAtEpochMs } = evidence;
  if (isShared) return 'published';
  if (seenAtEpochMs.some((atEpochMs) => atEpochMs <= begunAtEpochMs)) return 'known';
  if (sourceUpdatedAtEpochMs !== undefined && sourceUpdatedAtEpochMs <= begunAtEpochMs) return 'known';
  return firstSeenInParentEpochMs === undefined ? 'undecided' : 'published';
}
