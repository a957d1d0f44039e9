import { type CauseFact, factKey } from '../cause/cause.ts';
import {
  isUnscannedCandidate,
  type Rebuild,
  type RebuildHistory,
  type RebuildOutcome,
  type UnscannedCandidate,
} from '../cause/rebuild.ts';
import type { Digest } from '../image/image.ts';

/* A candidate that got no scan in time is not built again: while its head, its parents and its facts stay, the next cascade
 * resumes it. The planner and the reservation ask the same question, so a rebuild that the guards allow for a candidate
 * builds nothing. */

interface UnscannedEnd {
  readonly rebuild: Pick<Rebuild, 'rebuildId' | 'headBefore' | 'facts' | 'builtOn' | 'parents' | 'promotes'>;
  readonly outcome: RebuildOutcome;
}

/** @returns the candidate that a rebuild left without a scan; nothing if it was judged, or no scan will come */
export function unscannedAfter({ rebuild, outcome }: UnscannedEnd): UnscannedCandidate | undefined {
  if (!isUnscannedCandidate({ ...rebuild, outcome })) return undefined;
  const { rebuildId, headBefore, facts, builtOn, parents } = rebuild;
  const on = builtOn?.parents ?? parents;
  return {
    rebuildId,
    ...(headBefore !== undefined && { headBefore }),
    ...(on !== undefined && { parents: on }),
    facts: facts.map(factKey),
    ...(outcome.result === 'unverified' && outcome.uncovered && { uncovered: outcome.uncovered }),
  };
}

/** What a rebuild would be for. */
export interface AskedRebuild {
  readonly facts: readonly CauseFact[];
  /** The digest of the whole head (`headDigestOf`); absent if the stream has none. */
  readonly headDigest?: Digest;
  /** As `Rebuild.parents`. */
  readonly parents?: string;
}

/** @returns the candidate that a rebuild would resume; nothing if it would build */
export function resumedBy(
  { unscanned }: Pick<RebuildHistory, 'unscanned'>,
  { facts, headDigest, parents }: AskedRebuild,
): UnscannedCandidate | undefined {
  if (!unscanned || unscanned.headBefore !== headDigest || unscanned.parents !== parents) return undefined;
  const asked = new Set(unscanned.facts);
  return facts.every((fact) => asked.has(factKey(fact))) ? unscanned : undefined;
}
