import type { ActingState, CascadeView } from '../../cli/acting/acting.ts';
import { outcomeText } from '../../cli/acting/render-acting.ts';
import { paint } from '../../cli/output.ts';
import { type CascadeNode, type Deployment, hasEnded, isOpen } from '../../shared/domain/cause/cascade.ts';
import type { Cause, CauseFact } from '../../shared/domain/cause/cause.ts';
import type { Names } from './names.ts';
import { holdText, isOwnFault, shortFacts } from './reason-words.ts';
import { listOf, type Sentence } from './story.ts';

/** Waits that end by themselves, and what a rebuild that was told has left. */
const TOLD_BY_REBUILDS: ReadonlySet<string> = new Set([
  'start-unknown',
  'attempts-exhausted',
  'parent-pinned',
  'ineffective',
  'no-fix-seen',
]);

/**
 * What a state of the ledger tells.
 * @param alarm the alarm that a failed cascade sets off
 * @param seen the cascades seen so far, the ended ones included: from the second one on each sentence names its own
 */
export const sentencesOf = (
  { causes }: Pick<ActingState, 'causes'>,
  seen: readonly CascadeView[],
  { names, alarm }: { readonly names: Names; readonly alarm: string | undefined },
): Sentence[] => [
  ...causes.flatMap((cause) => leftAlone(cause, names)),
  ...seen.flatMap((cascade) => {
    const told = [planOf(cascade, names), ...cascade.nodes.flatMap((node) => buildOf(node, names))];
    const rest = cascade.deployments.flatMap((deployment) => deploymentOf(deployment, names));
    const all = [...atFault(cascade, names), ...told, ...rest, ...endOf(cascade, names, alarm)];
    return seen.length > 1 ? all.map((one) => named(one, cascade.cascadeId)) : all;
  }),
];

/** Two cascades may run at the same time. */
const named = ({ group, tell, ...sentence }: Sentence, cascadeId: string): Sentence => ({
  ...sentence,
  group: `${cascadeId} ${group}`,
  tell: (names, isOne) => {
    const text = tell(names, isOne);
    return text.startsWith('Plan ') ? text : `${cascadeId}: ${text}`;
  },
});

function leftAlone({ stream, state, answer }: Cause, names: Names): Sentence[] {
  if (state !== 'open' || answer?.answer !== 'refuse' || TOLD_BY_REBUILDS.has(answer.reason)) return [];
  const { reason } = answer;
  return [
    {
      key: `alone ${stream} ${reason}`,
      subject: names.brief(stream),
      group: `alone ${reason}`,
      weight: 'outcome',
      tell: (subjects) => `Leaves alone ${subjects}: ${holdText(reason)}`,
    },
  ];
}

/** Streams that are built on no other one of the plan are where it begins. */
const atFault = ({ cascadeId, nodes }: CascadeView, names: Names): Sentence[] =>
  nodes
    .filter(({ parents = [], facts, work }) => parents.length === 0 && facts.length > 0 && work === 'rebuild')
    .map(({ stream, facts }) => {
      const why = shortFacts(facts, names.brief);
      return {
        key: `fault ${cascadeId} ${stream}`,
        subject: names.stream(stream),
        group: `fault ${why}`,
        weight: isOwnFault(facts) ? 'always' : 'outcome',
        tell: (subjects, isOne) => {
          const are = isOne ? 'is' : 'are';
          return isOwnFault(facts) ? `${subjects} ${are} at fault: ${why}` : `${subjects} ${are} ${why}`;
        },
      };
    });

function planOf({ cascadeId, nodes }: CascadeView, names: Names): Sentence {
  const waves = [...Map.groupBy(nodes, ({ wave }) => wave)].sort(([one], [other]) => one - other);
  const rebuilds = waves
    .map(([, members]) => members.filter(({ work }) => work === 'rebuild').map(({ stream }) => names.stream(stream)))
    .filter((members) => members.length > 0)
    .map((members) => listOf(members.sort()));
  const deploys = nodes.filter(({ work }) => work === 'deploy').map(({ stream }) => names.stream(stream));
  const steps = rebuilds.join('; then ');
  const only = deploys.length === 0 ? '' : `${steps === '' ? '' : '; '}deploys ${listOf(deploys.sort())} again`;
  return {
    key: `plan ${cascadeId}`,
    group: `plan ${cascadeId}`,
    weight: 'always',
    tell: () => `Plan ${cascadeId} ${steps === '' ? '' : `rebuilds ${steps}`}${only}`,
  };
}

const BUILDING: ReadonlySet<CascadeNode['state']> = new Set(['building', 'verifying']);

/** The start of a build, and its outcome; the short verification counts as building. */
function buildOf(node: CascadeNode, names: Names): Sentence[] {
  const { cascadeId, stream, work, state } = node;
  const subject = names.stream(stream);
  if (BUILDING.has(state))
    return [
      {
        key: `build ${cascadeId} ${stream}`,
        subject,
        group: 'build',
        weight: 'start',
        tell: (subjects, isOne) =>
          `Rebuilds ${subjects} in ${isOne ? "its team's pipeline" : "their teams' pipelines"}`,
      },
    ];
  if (!hasEnded(node) || (work === 'deploy' && state === 'verified')) return [];
  const end = endTextOf(node, names);
  return [
    {
      key: `built ${cascadeId} ${stream} ${state}`,
      subject,
      group: `built ${end('', true)}`,
      weight: 'outcome',
      tell: end,
    },
  ];
}

function endTextOf({ state, outcome, answer, facts }: CascadeNode, { brief }: Names): Sentence['tell'] {
  if (outcome?.result === 'fixed')
    return (subjects, isOne) => `${paint('green', 'Verified')} ${subjects}: ${goneText(facts, isOne, brief)}`;
  if (outcome?.result === 'ineffective') {
    const left = shortFacts(outcome.left, brief);
    return (subjects, isOne) =>
      `${paint('red', 'Not fixed')}, so not deployed: ${subjects} ${isOwnFault(outcome.left) ? `still ${isOne ? 'has' : 'have'}` : `${isOne ? 'is' : 'are'} still`} ${left}`;
  }
  const why = outcome ? outcomeText(outcome) : answer === undefined ? state : holdText(answer.reason);
  return (subjects) => `${paint('red', 'Not rebuilt')} ${subjects}: ${why}`;
}

function goneText(facts: readonly CauseFact[], isOne: boolean, brief: Names['brief']): string {
  if (facts.some(({ kind }) => kind === 'finding')) return `${shortFacts(facts, brief)} is gone`;
  if (facts.some(({ kind }) => kind === 'age')) return isOne ? 'the new image is young' : 'the new images are young';
  return isOne ? 'it is built on the new parent image' : 'they are built on the new parent images';
}

function deploymentOf({ cascadeId, service, state, detail }: Deployment, names: Names): Sentence[] {
  const subject = names.service(service);
  const why = detail === undefined ? '' : `: ${detail}`;
  const tell = DEPLOYMENTS[state];
  if (!tell) return [];
  return [
    {
      key: `deployment ${cascadeId} ${service} ${state}`,
      subject,
      group: `deployment ${state}${why}`,
      weight: state === 'running' ? 'start' : 'outcome',
      tell: (subjects, isOne) => `${tell(subjects, isOne)}${state === 'completed' ? '' : why}`,
    },
  ];
}

const DEPLOYMENTS: Readonly<Partial<Record<Deployment['state'], Sentence['tell']>>> = {
  running: (services) => `Deploys the new image to ${services}`,
  completed: (services, isOne) => `${services} ${isOne ? 'runs' : 'run'} the new image`,
  failed: (services) => `The deployment to ${services} failed`,
  'rolled-back': (services) => `The deployment to ${services} was rolled back`,
  superseded: (services) => `Somebody else deployed ${services} meanwhile`,
  refused: (services) => `Does not deploy to ${services}`,
};

function endOf({ nodes, deployments, ...cascade }: CascadeView, names: Names, alarm: string | undefined): Sentence[] {
  if (isOpen(cascade)) return [];
  const { cascadeId, state, failure } = cascade;
  const unfixed = nodes.filter((node) => node.state !== 'verified').map(({ stream }) => names.stream(stream));
  const undeployed = deployments
    .filter((one) => one.state === 'failed' || one.state === 'rolled-back')
    .map(({ service }) => names.service(service));
  const left = [...unfixed.sort(), ...undeployed.sort()];
  const rings = alarm === undefined ? '' : `. The alarm ${alarm} would ring`;
  const texts: Partial<Record<CascadeView['state'], string>> = {
    complete: `Plan ${cascadeId} is done`,
    parked: `Plan ${cascadeId} is done, but for builds that wait for a person: ${listOf(left)}`,
    incomplete: `Plan ${cascadeId} ends as ${failure?.error ?? 'incomplete'}${left.length > 0 ? `, because of ${listOf(left)}` : ''}${rings}`,
  };
  const text = texts[state];
  return text === undefined
    ? []
    : [{ key: `end ${cascadeId}`, group: `end ${cascadeId}`, weight: 'always', tell: () => text }];
}

/** What is being waited for, in a state in which work is left; `undefined` if none is. */
export function awaited(causes: readonly Cause[], open: readonly CascadeView[], names: Names): string | undefined {
  const nodes = open.flatMap((cascade) => cascade.nodes);
  const building = nodes.filter(({ state }) => BUILDING.has(state)).map(({ stream }) => names.stream(stream));
  if (building.length > 0) return `the pipelines and scans of ${listOf(building.sort())}`;
  const deploying = open
    .flatMap(({ deployments }) => deployments)
    .filter(({ state }) => state === 'starting' || state === 'running')
    .map(({ service }) => names.service(service));
  if (deploying.length > 0) return `the deployments to ${listOf(deploying.sort())}`;
  const planned = nodes.filter((node) => !hasEnded(node)).map(({ stream }) => names.stream(stream));
  if (planned.length > 0) return `the rebuilds of ${listOf(planned.sort())} to begin`;
  if (open.length > 0) return `the end of plan ${listOf(open.map(({ cascadeId }) => cascadeId))}`;
  const waiting = causes.filter(({ state, answer }) => state !== 'open' || answer?.answer !== 'refuse');
  return waiting.length > 0
    ? `the next plan for ${listOf([...new Set(waiting.map(({ stream }) => names.stream(stream)))].sort())}`
    : undefined;
}
