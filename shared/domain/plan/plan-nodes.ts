import type { Cascade, CascadeNode, NodeWork } from '../cause/cascade.ts';
import type { CauseFact } from '../cause/cause.ts';
import { factStatus, type JudgedImage } from '../cause/fact-status.ts';
import { cascadeIdOf } from '../cause/rebuild.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { HOUR_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import type { Candidate, CascadePlan, PlanContext } from './plan-model.ts';
import type { WaveNode } from './waves.ts';

/** The work for one stream. */
export interface ChosenWork extends Partial<WaveNode> {
  readonly candidate: Candidate;
  readonly work: NodeWork;
  readonly facts: readonly CauseFact[];
  /** Keys of the facts that only streams built on it need fixed; none for a stream without a cause of its own. */
  readonly factsOfOthers?: readonly string[];
  readonly follows?: true;
}

/** One cascade of all chosen streams. */
export function cascadeOf(
  chosen: readonly ChosenWork[],
  { policyVersion, guards }: PlanContext,
  plannedAtEpochMs: number,
): Pick<CascadePlan, 'cascade' | 'nodes'> {
  if (chosen.length === 0) return { nodes: [] };
  const generation = chosen.reduce((most, { candidate }) => Math.max(most, candidate.history.generation), 1);
  const cascadeId = cascadeIdOf(
    chosen.map(({ candidate: { stream, cause } }) => cause ?? { stream, version: NO_CAUSE }),
    generation,
  );
  const nodes = chosen.map((one) => nodeOf(cascadeId, one));
  const cascade: Cascade = {
    cascadeId,
    policyVersion,
    plannedAtEpochMs,
    deadlineEpochMs: plannedAtEpochMs + guards.cascadeHours * HOUR_MS,
    state: 'planned',
    streams: nodes.length,
  };
  return {
    cascade,
    nodes: nodes.sort((one, other) => one.wave - other.wave || compareTexts(one.stream, other.stream)),
  };
}

/** Cause versions start at 1. */
const NO_CAUSE = 0;

function nodeOf(
  cascadeId: string,
  { work, facts, factsOfOthers = [], candidate, wave = 0, parents = [], follows }: ChosenWork,
): CascadeNode {
  const { stream, cause, headDigest, heads = [], inUse } = candidate;
  const holders = [...heads, ...inUse].filter((image) => facts.some((fact) => factStatus(fact, image) === 'present'));
  return {
    cascadeId,
    stream,
    work,
    wave,
    ...(parents.length > 0 && { parents }),
    ...(follows && { follows }),
    ...(cause && { causeVersion: cause.version }),
    facts,
    ...(factsOfOthers.length > 0 && { factsOfOthers }),
    holders: [...new Set(holders.map(({ digest }) => digest))].sort(),
    ...(headDigest !== undefined && { headBefore: headDigest }),
    state: 'planned',
    ...(work === 'deploy' && headDigest !== undefined && outputOf(headDigest, heads)),
  };
}

/**
 * An index represents the images of all platforms. Platform images that were pushed one by one are listed separately.
 */
function outputOf(output: Digest, heads: readonly JudgedImage[]): Pick<CascadeNode, 'output' | 'outputs'> {
  const digests = heads.map(({ digest }) => digest).sort();
  return digests.length > 1 && digests.includes(output) ? { output, outputs: digests } : { output };
}
