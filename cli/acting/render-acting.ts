import type { CascadeNode, Closure, Deployment, NodeState } from '../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../shared/domain/cause/cause.ts';
import type { RebuildOutcome } from '../../shared/domain/cause/rebuild.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { UnreadableItem } from '../../shared/domain/common/unreadable-item.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { factText } from '../../shared/domain/guard/guard-facts.ts';
import { isSwitchUnreadable, type KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { VendorDependency } from '../../shared/domain/report/vendor-dependency.ts';
import { isOverdue } from '../../shared/domain/rollout/closure.ts';
import { type Colour, fitted, paint, relative, shortDigest, type TableColumn, table } from '../output.ts';
import type { CascadeView, RunningWork } from './acting.ts';
import { answerDetail, answerHead, recheckOf } from './answer-text.ts';
import type { CurrentAnswer } from './current-answer.ts';

/* Renders causes, cascades and closures for every command. */

/** The stored reason of a `resume` without `--reason`. */
export const NO_REASON = 'resumed';

/** The kill switch in one line. A switch that is "on" could be read as "running", so the line names what it decides. */
export function renderSwitch(killSwitch: KillSwitch, now: number): string {
  const { rebuilding, by, atEpochMs, reason } = killSwitch;
  const isPaused = rebuilding === 'paused';
  const head = `rebuilding: ${isPaused ? paint('red', 'paused') : paint('green', 'active')}`;
  if (isSwitchUnreadable(killSwitch))
    return `${head}, because it cannot be read: ${visibleLine(reason)}. To resume: patchwave resume`;
  if (atEpochMs === 0) return `${head} (never paused)`;
  const when = `${instant(atEpochMs)} (${relative(atEpochMs, now)})`;
  const who = `${isPaused ? '' : 'resumed '}by ${visibleLine(by)}`;
  return `${head} since ${when}, ${who}${reason === NO_REASON ? '' : `: ${visibleLine(reason)}`}`;
}

/** The first fact in words, and the number of others. */
export function factsText([fact, ...others]: readonly CauseFact[]): string {
  if (!fact) return '-';
  const text = fact.kind === 'person' ? `${factText(fact)} (${fact.reason})` : factText(fact);
  return others.length > 0 ? `${text} and ${others.length} more` : text;
}

export interface AnsweredStream {
  readonly stream: string;
  readonly facts: readonly CauseFact[];
  /** Absent before the planner's first answer. */
  readonly answer?: CurrentAnswer;
}

/** Streams on hold: the reason, the next check, and what a person can do. */
export const renderAnswers = (rows: readonly AnsweredStream[], now: number): string =>
  table(rows, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'facts', value: ({ facts }) => String(facts.length), align: 'right' },
    {
      title: 'answer',
      value: ({ answer }) => (answer ? answerHead(answer) : 'waiting for the planner'),
      colour: ({ answer }) => answer && (answer.answer === 'refuse' ? 'red' : 'yellow'),
    },
    { title: 'next check', value: ({ answer }) => untilText(answer && recheckOf(answer), now) },
    { title: 'why', value: ({ answer }) => (answer ? answerDetail(answer) : '') },
  ]);

const untilText = (at: number | undefined, now: number): string =>
  at === undefined ? '-' : `${instant(at)} (${relative(at, now)})`;

const NODE_COLOURS: Readonly<Partial<Record<NodeState, Colour>>> = {
  verified: 'green',
  waiting: 'yellow',
  parked: 'yellow',
  refused: 'red',
  failed: 'red',
  ineffective: 'red',
  unverified: 'yellow',
};

/** One cascade with its nodes and deployments. */
export function renderCascade({ nodes, deployments, ...cascade }: CascadeView, now: number): string {
  const { cascadeId, state, plannedAtEpochMs, deadlineEpochMs, streams } = cascade;
  const head = `${paint('bold', `cascade ${cascadeId}`)}: ${state}, ${counted(streams, 'stream')}, planned ${instant(plannedAtEpochMs)} (${relative(plannedAtEpochMs, now)}), deadline ${untilText(deadlineEpochMs, now)}`;
  return [
    fitted(head, 2),
    renderNodes(nodes),
    ...(deployments.length > 0 ? [renderDeployments(deployments)] : []),
  ].join('\n');
}

const WAVE: TableColumn<CascadeNode> = { title: 'wave', value: ({ wave }) => String(wave + 1), align: 'right' };

export const renderNodes = (nodes: readonly CascadeNode[]): string =>
  table(nodes, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'work', value: ({ work }) => work },
    ...(nodes.some(({ wave }) => wave > 0) ? [WAVE] : []),
    { title: 'state', value: ({ state }) => state, colour: ({ state }) => NODE_COLOURS[state] },
    { title: 'rebuild', value: ({ rebuildId }) => rebuildId ?? '-' },
    { title: 'output', value: ({ output }) => (output === undefined ? '-' : shortDigest(output)) },
    { title: 'note', value: nodeNote },
  ]);

/** The outcome of a node, or why it waits; empty for neither. */
export function nodeNote({ outcome, answer }: CascadeNode): string {
  if (outcome) return outcomeText(outcome);
  return answer ? `${answer.reason}: ${answer.detail}` : '';
}

/** The outcome of a rebuild in words. */
export function outcomeText(outcome: RebuildOutcome): string {
  switch (outcome.result) {
    case 'fixed': {
      const { alsoFound = [] } = outcome;
      const found =
        alsoFound.length > 0 ? `. Patchwave also found ${factsText(alsoFound)}, which a later rebuild must fix` : '';
      return `fixed: the new image has none of the facts of its cause${found}`;
    }
    case 'ineffective':
      return `ineffective: the new image still has ${factsText(outcome.left)}`;
    case 'worse':
      return `worse: the new image has ${factsText(outcome.added)}, which the old one did not have; the scanner knew ${outcome.added.length > 1 ? 'them' : 'it'} when the build began`;
    default:
      return `${outcome.result}: ${outcome.reason}`;
  }
}

const DEPLOYMENT_COLOURS: Readonly<Partial<Record<Deployment['state'], Colour>>> = {
  completed: 'green',
  failed: 'red',
  'rolled-back': 'red',
  superseded: 'yellow',
  refused: 'red',
};

export const renderDeployments = (deployments: readonly Deployment[]): string =>
  table(deployments, [
    { title: 'service', value: ({ service }) => service },
    { title: 'rollout', value: ({ mode }) => mode },
    { title: 'state', value: ({ state }) => state, colour: ({ state }) => DEPLOYMENT_COLOURS[state] },
    { title: 'deployment', value: ({ deploymentId }) => deploymentId ?? '-' },
    { title: 'note', value: ({ detail, progress }) => detail ?? progress ?? '' },
  ]);

/** Verified streams, and the old images that still run. */
export const renderClosures = (closures: readonly Closure[], now: number): string =>
  table(closures, [
    { title: 'stream', value: ({ stream }) => stream },
    { title: 'cascade', value: ({ cascadeId }) => cascadeId },
    { title: 'verified', value: ({ output }) => shortDigest(output) },
    {
      title: 'deadline',
      value: ({ deadlineEpochMs }) => untilText(deadlineEpochMs, now),
      colour: (closure) => (isOverdue(closure, now) ? 'red' : undefined),
    },
    { title: 'nothing runs since', value: ({ nothingRunsSinceEpochMs: at }) => (at === undefined ? '-' : instant(at)) },
    {
      title: 'open because',
      value: ({ waitingFor }) => waitingFor ?? 'no review has checked it yet; the next one does',
    },
  ]);

export const SET_ASIDE =
  'Unreadable ledger items. Correct or delete these items: until then Patchwave does not rebuild their streams';

export const renderSetAside = (items: readonly UnreadableItem[]): string =>
  items.map(({ item, problem }) => visibleLine(`  ${item}: ${problem}`)).join('\n');

export const WAITING = 'Waiting for a vendor fix';

/** Packages that a rebuild cannot fix yet. */
export const renderWaiting = (rows: readonly VendorDependency[], now: number): string =>
  table(rows, [
    { title: 'package', value: (one) => `${one.package} ${one.version}` },
    { title: 'vulnerability', value: ({ vulnerability }) => vulnerability },
    { title: 'stream nearest to the base', value: ({ stream }) => stream },
    { title: 'streams', value: ({ streams }) => String(streams.length), align: 'right' },
    { title: 'images', value: ({ images }) => String(images), align: 'right' },
    { title: 'since', value: ({ sinceEpochMs: at }) => `${instant(at)} (${relative(at, now)})` },
    { title: 'vendor image', value: ({ vendor }) => vendor?.places[0] ?? vendor?.digest ?? '-' },
    {
      title: 'why',
      value: ({ reason, triedAtEpochMs: at }) => `${reason}${at === undefined ? '' : `, tried ${instant(at)}`}`,
    },
  ]);

/** Work in progress that a pause does not stop. */
export function renderRunning({ rebuilds, deployments }: RunningWork, now: number): string {
  if (rebuilds.length + deployments.length === 0) return 'Nothing is being rebuilt or deployed.';
  const sections: string[] = [];
  if (rebuilds.length > 0) {
    const rows = table(rebuilds, [
      { title: 'stream being rebuilt', value: ({ stream }) => stream },
      { title: 'state', value: ({ state }) => state },
      { title: 'pipeline', value: ({ pipeline: at }) => (at ? `${at.account}/${at.region}/${at.name}` : '-') },
      { title: 'deadline', value: ({ deadlineEpochMs }) => untilText(deadlineEpochMs, now) },
    ]);
    sections.push(rows);
  }
  if (deployments.length > 0) sections.push(renderDeployments(deployments));
  return sections.join('\n\n');
}
