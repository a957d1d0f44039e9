import type { ActingState, CascadeView } from '../../cli/acting/acting.ts';
import { outcomeText } from '../../cli/acting/render-acting.ts';
import { type Colour, paint, shortDigest } from '../../cli/output.ts';
import type { CascadeNode, Deployment } from '../../shared/domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../../shared/domain/cause/cause.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { factText } from '../../shared/domain/guard/guard-facts.ts';
import { kubernetesNameIn, type Names, widest } from './names.ts';

/** A line to print once, however often its state is read. */
export interface News {
  /** Lines with the same key are printed once. */
  readonly key: string;
  /** Begins a part of the output. */
  readonly isHeading?: true;
  readonly text: string;
  /** Column in which wrapped lines continue. */
  readonly indent: number;
}

const LABEL = 12;
const label = (colour: Colour, text: string): string => paint(colour, text.padEnd(LABEL));
const heading = (key: string, text: string): News => ({ key, isHeading: true, text, indent: 0 });
const line = (text: string, indent: number): News => ({ key: text, text, indent });

/** The lines for a state of the ledger. Printed once each, they show the progress. */
export const newsOf = ({ causes, cascades }: ActingState, names: Names): News[] => [
  ...causes.flatMap((cause) => refusalOf(cause, names)),
  ...causes.flatMap(lookOf),
  ...cascades.flatMap((cascade) => cascadeNews(cascade, names)),
];

/** They follow from a rebuild whose outcome is already printed. */
const OF_REBUILDS: ReadonlySet<string> = new Set([
  'start-unknown',
  'attempts-exhausted',
  'parent-pinned',
  'ineffective',
  'no-fix-seen',
]);

/** Only refusals: a wait may end at the next plan, and the end of the demo shows what is left. */
function refusalOf({ stream, state, answer }: Cause, names: Names): News[] {
  if (state !== 'open' || answer?.answer !== 'refuse' || OF_REBUILDS.has(answer.reason)) return [];
  const text = `  ${label('yellow', 'on hold')}  ${names.stream(stream)}: ${answer.reason}. ${answer.detail}`;
  return [line(text, LABEL + 4)];
}

const lookOf = ({ answer }: Cause): News[] =>
  answer?.reason === 'head-unread'
    ? [
        line(
          `  ${label('cyan', 'refreshing')}  reading the newest image of each application from its registry`,
          LABEL + 4,
        ),
      ]
    : [];

function cascadeNews({ cascadeId, nodes, deployments }: CascadeView, names: Names): News[] {
  const inOrder = [...nodes].sort((one, other) => one.wave - other.wave);
  const width = widest(inOrder.map(({ stream }) => names.stream(stream)));
  const waves = [...Map.groupBy(inOrder, ({ wave }) => wave)];
  return [
    heading(`${cascadeId} plan`, planTitle(nodes)),
    ...inOrder.map((node) => planLine(node, width, names, `at once, to fix ${shortly(node.facts)}`)),
    ...waves.flatMap(([wave, members]) => {
      const lines = members.flatMap((node) => nodeNews(node, width, names));
      return lines.length > 0 ? [heading(`${cascadeId} ${wave}`, `Wave ${wave + 1} of ${waves.length}`), ...lines] : [];
    }),
    ...(deployments.length > 0 ? [heading(`${cascadeId} rollout`, 'Rollout: services get the verified images')] : []),
    ...deployments.flatMap((deployment) => deploymentNews(deployment, names)),
  ];
}

type Planned = Pick<CascadeNode, 'stream' | 'wave' | 'work' | 'parents'>;

export const planTitle = (nodes: readonly Planned[]): string => {
  const rebuilds = nodes.filter(({ work }) => work === 'rebuild').length;
  const deploys = nodes.length - rebuilds;
  return `Plan: ${counted(rebuilds, 'image')} to rebuild, base first${deploys > 0 ? `; ${deploys} to deploy` : ''}`;
};

/** @param begins the text for a stream without planned parents */
export function planLine(
  { stream, wave, work, parents = [] }: Planned,
  width: number,
  names: Names,
  begins = 'at once',
): News {
  const name = names.stream(stream).padEnd(width);
  const are = parents.length === 1 ? 'is' : 'are';
  const once = parents.length > 0 ? `after ${parents.map(names.stream).join(' and ')} ${are} verified` : begins;
  const text = `  wave ${wave + 1}  ${name}  ${work === 'deploy' ? 'deployed only: its head is fixed already' : once}`;
  return line(text, width + 12);
}

const NODE_COLOURS: Readonly<Partial<Record<CascadeNode['state'], Colour>>> = {
  building: 'cyan',
  verified: 'green',
  waiting: 'yellow',
  refused: 'red',
  failed: 'red',
  ineffective: 'red',
  unverified: 'red',
};

/** The build of a node and its outcome; the short verification counts as building. */
function nodeNews(node: CascadeNode, width: number, names: Names): News[] {
  const { stream, work } = node;
  const state = node.state === 'verifying' ? 'building' : node.state;
  const colour = NODE_COLOURS[state];
  if (!colour) return [];
  const text = `  ${label(colour, state)}  ${names.stream(stream).padEnd(width)}  ${work === 'deploy' ? '' : noteOf(node)}`;
  return [line(text.trimEnd(), LABEL + width + 6)];
}

function noteOf({ state, output, outcome, answer, facts }: CascadeNode): string {
  if (state === 'building' || state === 'verifying') return 'in the pipeline of its team';
  const digest = output === undefined ? '' : `${shortDigest(output)}  `;
  if (outcome?.result === 'fixed') return `${digest}fixed: ${shortly(facts)}`;
  if (outcome?.result === 'ineffective') return `${digest}not fixed: ${shortly(outcome.left)}`;
  if (outcome) return `${digest}${outcomeText(outcome)}`;
  return answer ? `${answer.reason}: ${answer.detail}` : digest;
}

function shortly([fact, ...others]: readonly CauseFact[]): string {
  if (!fact) return 'the cause';
  const text = fact.kind === 'finding' ? fact.vulnerability : factText(fact);
  return others.length > 0 ? `${text} and ${others.length} more` : text;
}

const MODE_TEXTS: Readonly<Record<Deployment['mode'], string>> = {
  restart: 'restart with the same task definition',
  register: 'new revision of the task definition',
};

const KUBERNETES_TEXTS: Readonly<Record<Deployment['mode'], string>> = {
  restart: 'restart of its pods',
  register: 'new image in its pod template',
};

function deploymentNews({ service, mode, state, detail }: Deployment, names: Names): News[] {
  if (state === 'starting') return [];
  const colour = state === 'completed' ? 'green' : state === 'running' ? 'cyan' : 'red';
  const note = detail === undefined ? '' : `: ${detail}`;
  const texts = kubernetesNameIn(service) === undefined ? MODE_TEXTS : KUBERNETES_TEXTS;
  return [line(`  ${label(colour, state)}  ${names.service(service)}: ${texts[mode]}${note}`, LABEL + 4)];
}
