import { type Finding, findingKey } from '../scan/finding.ts';
import { type CauseFact, causeFacts, type FindingFact, mergeFacts } from './cause.ts';
import type { JudgedImage } from './fact-status.ts';

/** All findings of the previous image, over all platforms. */
export type FindingsBefore = readonly Pick<Finding, 'vulnerability' | 'package' | 'version'>[];

/** An output and the image that it is compared with. */
export interface Compared {
  /** The facts that the rebuild should fix: a remaining pair counts as left, not as added. */
  readonly facts: readonly CauseFact[];
  readonly output: readonly JudgedImage[];
  /** Absent if they are unknown, or the stream had no head before. */
  readonly findingsBefore?: FindingsBefore;
  /** Whether they include those in language packages; absent if so. */
  readonly isLanguageKnownBefore?: boolean;
}

/** Violating pairs that scans found in the output and not in the previous image. */
export interface NewPairs {
  /** The previous image has the same package in the same version, so it has them too. */
  readonly shared: readonly FindingFact[];
  /** Scans alone do not show whether the previous image has them. */
  readonly others: readonly FindingFact[];
}

/** A pair is a vulnerability and a package in any version; each is named once for all platforms. */
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

/**
 * The evidence for a pair that an output has and the previous image seems not to have. All instants in milliseconds.
 */
export interface PairEvidence {
  /** When scans first saw it in the stream, its places, and the streams and places of its ancestors. */
  readonly seenAtEpochMs: readonly number[];
  /** A common ancestor of the output and the previous image has it, so the previous image has it too. */
  readonly isShared: boolean;
  /**
   * When scans first saw it in the parent's head. That head was judged before the build began, because the rebuild was
   * reserved on it. Absent if the head lacks the pair.
   */
  readonly firstSeenInParentEpochMs?: number;
  /** When the scanner's database was last updated; absent if the scanner does not say. */
  readonly sourceUpdatedAtEpochMs?: number;
}

/**
 * `known`: it was known when the build began, so the build added it. `published`: it was published later, or the
 * previous image has it too. `undecided`: no evidence decides.
 */
export type Novelty = 'known' | 'published' | 'undecided';

/**
 * Decides by evidence whether a pair was known when a build began:
 * 1. The build did not add what a common ancestor has. 2. A pair that a scan saw by then was known. 3. If the scanner's
 * database did not change since, all its pairs were known by then. 4. A pair of the parent's head that no scan had seen
 * by then was published later, because the head was already judged and content does not change.
 */
export function noveltyOf(evidence: PairEvidence | undefined, begunAtEpochMs: number): Novelty {
  if (!evidence) return 'undecided';
  const { seenAtEpochMs, isShared, firstSeenInParentEpochMs, sourceUpdatedAtEpochMs } = evidence;
  if (isShared) return 'published';
  if (seenAtEpochMs.some((atEpochMs) => atEpochMs <= begunAtEpochMs)) return 'known';
  if (sourceUpdatedAtEpochMs !== undefined && sourceUpdatedAtEpochMs <= begunAtEpochMs) return 'known';
  return firstSeenInParentEpochMs === undefined ? 'undecided' : 'published';
}
