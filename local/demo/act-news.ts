import type { ActingState, CascadeView } from '../../cli/acting.ts';
import { paint, shortDigest } from '../../cli/output.ts';
import { factsText, outcomeText } from '../../cli/render-acting.ts';
import type { CascadeNode, Deployment, NodeAnswer, NodeState } from '../../shared/domain/cascade.ts';
import type { Cause } from '../../shared/domain/cause.ts';

/** What a state of acting has to tell, in lines. Told once each, they tell what happens as it happens. */
export const newsOf = ({ causes, cascades, closures }: ActingState): string[] => [
  ...causes.flatMap(causeLine),
  ...cascades.flatMap(cascadeLines),
  ...closures.map(
    ({ stream, output, waitingFor }) =>
      `  closure open     ${stream}  ${waitingFor ?? `until nothing older than ${shortDigest(output)} runs`}`,
  ),
];

function causeLine({ stream, facts, state, answer }: Cause): string[] {
  if (state === 'open' && answer) return [`  ${answerText(answer)}  ${stream}  ${answer.reason}: ${answer.detail}`];
  if (state === 'taken') return [`  ${paint('green', 'guard allows')}     ${stream}  ${factsText(facts)}`];
  return [];
}

const answerText = ({ answer }: NodeAnswer): string =>
  answer === 'refuse' ? paint('red', 'guard refuses'.padEnd(15)) : paint('yellow', 'guard waits'.padEnd(15));

function cascadeLines({ cascadeId, nodes, deployments }: CascadeView): string[] {
  return [
    `  cascade          ${cascadeId}  ${nodes.map(({ stream, work }) => `${work} ${stream}`).join(', ')}`,
    ...nodes.flatMap(nodeLine),
    ...deployments.map(deploymentLine),
  ];
}

const NODE_TEXTS: Readonly<Record<NodeState, string>> = {
  planned: '',
  reserved: 'reserved',
  building: 'building',
  verifying: 'verifying',
  verified: 'verified',
  waiting: 'waits',
  refused: 'refused',
  failed: 'failed',
  ineffective: 'ineffective',
  unverified: 'unverified',
};

function nodeLine({ stream, state, rebuildId, output, outcome, answer }: CascadeNode): string[] {
  const text = NODE_TEXTS[state];
  if (text === '') return [];
  const colour = state === 'verified' ? 'green' : state === 'reserved' || state.endsWith('ing') ? 'cyan' : 'red';
  const note = outcome ? outcomeText(outcome) : answer ? `${answer.reason}: ${answer.detail}` : rebuildId;
  const digest = output === undefined ? '' : `${shortDigest(output)}  `;
  return [`  ${paint(colour, text.padEnd(15))}  ${stream}  ${digest}${note ?? ''}`];
}

const deploymentLine = ({ service, mode, state, deploymentId, detail }: Deployment): string =>
  `  ${paint(state === 'completed' ? 'green' : 'cyan', `${mode} ${state}`.padEnd(15))}  ${service}  ${detail ?? deploymentId ?? ''}`;
