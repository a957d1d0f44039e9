import type { Cascade, CascadeNode } from '../cause/cascade.ts';
import type { Cause } from '../cause/cause.ts';
import { cascadeIdOf, type Rebuild, type RebuildHistory } from '../cause/rebuild.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { HOUR_MS } from '../common/time.ts';
import type { GuardSettings } from '../policy/guard-settings.ts';

/** A parked rebuild whose run has ended, and the node that parked it. */
export interface ParkedStream {
  readonly node: Omit<CascadeNode, 'cascadeId'>;
  readonly rebuild: Pick<Rebuild, 'rebuildId'>;
  readonly history: RebuildHistory;
  /** The current cause of its stream. */
  readonly cause?: Cause;
}

/**
 * The cascade that resumes parked rebuilds, one node each. It builds nothing, so no node waits for another. Its name is
 * derived from the rebuilds, and changes if it is planned again after it ended early.
 */
export function resumingCascade(
  parked: readonly ParkedStream[],
  { policyVersion, guards }: { readonly policyVersion: string; readonly guards: Pick<GuardSettings, 'cascadeHours'> },
  plannedAtEpochMs: number,
): { readonly cascade: Cascade; readonly nodes: readonly CascadeNode[] } {
  const generation = parked.reduce((most, { history }) => Math.max(most, history.generation), 1);
  const names = parked.map(({ node: { stream }, rebuild: { rebuildId } }) => ({
    stream: `${stream} ${rebuildId}`,
    version: 0,
  }));
  const cascadeId = cascadeIdOf(names, generation);
  const nodes = parked.map((one) => resumingNode(cascadeId, one));
  return {
    cascade: {
      ...{ cascadeId, policyVersion, plannedAtEpochMs, state: 'planned', streams: nodes.length },
      deadlineEpochMs: plannedAtEpochMs + guards.cascadeHours * HOUR_MS,
    },
    nodes: nodes.sort((one, other) => compareTexts(one.stream, other.stream)),
  };
}

/** It is judged on the facts that it was built for; newer facts are planned afterwards. */
function resumingNode(cascadeId: string, { node, rebuild: { rebuildId }, cause }: ParkedStream): CascadeNode {
  const { stream, work, facts, factsOfOthers, holders, headBefore } = node;
  return {
    ...{ cascadeId, stream, work, wave: 0, facts, holders, state: 'planned', resumes: rebuildId },
    ...(cause?.state === 'open' && { causeVersion: cause.version }),
    ...(factsOfOthers !== undefined && { factsOfOthers }),
    ...(headBefore !== undefined && { headBefore }),
  };
}
