import type { CascadeNode, NodeState } from '../../shared/domain/cause/cascade.ts';
import type { Rebuild, RebuildOutcome } from '../../shared/domain/cause/rebuild.ts';
import { failureText } from '../../shared/domain/common/failure-text.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import { STATE_AFTER, settleNode } from '../../shared/rebuilding/settle-node.ts';
import { policyOfCascade } from '../../shared/review/policy-in-force.ts';
import type { DispatchStepInput } from './input.ts';
import { type DispatchPorts, plannedNode } from './ports.ts';

export interface SettledNode {
  readonly state: NodeState;
  readonly detail: string;
}

/** Last step of every node, also after an error. */
export async function settle(ports: DispatchPorts, input: DispatchStepInput<'settle'>): Promise<SettledNode> {
  const { cascadeId, stream } = input;
  const failure = input.failure ? failureText(input.failure) : undefined;
  const { cascade, node } = await plannedNode(ports, cascadeId, stream);
  const policy = streamPolicy((await policyOfCascade(ports.policies, cascade.policyVersion)).policy, stream);
  const why = failure ?? 'the verification of its image did not finish';
  const end = (before: CascadeNode, rebuild: Rebuild | undefined) => endedNode(before, rebuild?.outcome, failure);
  // If Patchwave moves the tag, that is the last step that can fail.
  const isUnused = failure !== undefined && policy.promotes;
  const stands = await settleNode(ports, { cascade, node, policy, why, isUnused, end });
  return { state: stands.state, detail: detailOf(stands, failure) };
}

const endedNode = (
  node: CascadeNode,
  outcome: RebuildOutcome | undefined,
  failure: string | undefined,
): CascadeNode => ({
  ...node,
  state: failure === undefined ? stateOf(node, outcome) : 'failed',
  ...(failure !== undefined && { answer: { answer: 'wait', reason: 'failed', detail: failure } }),
});

/** If there was nothing to build, the current head is rolled out. */
function stateOf({ work, output }: CascadeNode, outcome: RebuildOutcome | undefined): NodeState {
  if (work === 'deploy') return output === undefined ? 'failed' : 'verified';
  return outcome ? STATE_AFTER[outcome.result] : 'failed';
}

/** The state and its reason in one line. */
function detailOf({ state, outcome, answer }: CascadeNode, failure: string | undefined): string {
  const why = failure ?? (outcome && outcomeText(outcome)) ?? (answer && `${answer.reason}: ${answer.detail}`);
  const text = why === undefined || why.startsWith(`${state}: `) ? (why ?? state) : `${state}: ${why}`;
  return text.slice(0, LONGEST_DETAIL);
}

const LONGEST_DETAIL = 1000;

const outcomeText = (outcome: RebuildOutcome): string =>
  'reason' in outcome ? `${outcome.result}: ${outcome.reason}` : outcome.result;
