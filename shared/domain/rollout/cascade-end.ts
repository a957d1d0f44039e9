import type { CascadeNode, Deployment } from '../cause/cascade.ts';
import type { Rebuild } from '../cause/rebuild.ts';
import { counted } from '../common/counted.ts';
import { HEAD_FIXED, instantText, PARENT_ON_HOLD, WAITING_APPROVAL, wait } from '../guard/guard-answer.ts';
import type { RolloutMode } from '../policy/rollout-mode.ts';
import { isDeploymentOver } from './deployment.ts';

/** What a cascade came to. */
export interface CascadeSummary {
  readonly state: 'complete' | 'parked' | 'incomplete';
  /** Nodes by their last state. */
  readonly nodes: Readonly<Partial<Record<CascadeNode['state'], number>>>;
  readonly deployments: Readonly<Partial<Record<Deployment['state'], number>>>;
  /** Present exactly where it is not complete. */
  readonly failure?: { readonly error: 'CascadeIncomplete' | 'CascadeParked'; readonly detail: string };
}

/** Nodes that were planned and that the ledger does not have any more. */
export interface LostNodes {
  readonly count: number;
  /** Those of them that are known by name, sorted: they held something for the cascade, or its machine was given them. */
  readonly streams: readonly string[];
}

export const NOTHING_LOST: LostNodes = { count: 0, streams: [] };

/** What a cascade lost: it has fewer nodes than were planned. */
export const lostNodes = (planned: number, found: number, streams: readonly string[]): LostNodes => ({
  count: Math.max(planned - found, streams.length),
  streams: [...streams].sort(),
});

/** What is lost, for a person; `undefined` where nothing is. */
export function lostText({ count, streams }: LostNodes): string | undefined {
  if (count === 0) return undefined;
  const named = streams.length === 0 ? '' : `: ${listed(streams)}`;
  const nodes = `${counted(count, 'node')} ${count === 1 ? 'is' : 'are'}`;
  const held =
    count === 1
      ? 'Its lock and slots are free, and its cause is'
      : 'Their locks and slots are free, and their causes are';
  return `${nodes} missing in the ledger${named}. ${held} planned again`;
}

/** Items of the ledger that could not be read when a cascade ended, for a person; `undefined` where there are none. */
export function unreadableItemsText(items: readonly string[]): string | undefined {
  if (items.length === 0) return undefined;
  const what = counted(items.length, 'ledger item');
  return `${what} cannot be read: ${listed(items)}. Correct or delete ${items.length === 1 ? 'it' : 'them'}`;
}

/**
 * A cascade is complete where every node that was planned is there and verified and rolled out, or not needed any more,
 * and no deployment failed, was rolled back or still runs. One that was refused for good, or superseded, is the owner's to
 * make: it does not fail the cascade, its closure stays open. Where all that is missing waits for a person to approve a
 * build, nothing failed: the cascade is parked, and another one brings that to its end.
 * @param unreadable items that could not be read, each with its problem: they make the cascade incomplete
 */
export function summarizeCascade(
  nodes: readonly CascadeNode[],
  deployments: readonly Deployment[],
  lost: LostNodes,
  unreadable: readonly string[] = [],
): CascadeSummary {
  const open = nodes.filter(isLacking);
  const lacking = [
    ...[unreadableItemsText(unreadable), lostText(lost)].filter((text) => text !== undefined),
    ...open.map(nodeText),
    ...deployments.filter(({ state }) => !WITHOUT_FAILURE.has(state)).map(deploymentText),
  ].sort();
  const sums = { nodes: countByState(nodes), deployments: countByState(deployments) };
  if (lacking.length === 0) return { state: 'complete', ...sums };
  const detail = listed(lacking);
  return lacking.length === open.length && open.every(waitsForPerson)
    ? { state: 'parked', ...sums, failure: { error: 'CascadeParked', detail } }
    : { state: 'incomplete', ...sums, failure: { error: 'CascadeIncomplete', detail } };
}

const WITHOUT_FAILURE: ReadonlySet<Deployment['state']> = new Set(['completed', 'superseded', 'refused']);

const isLacking = (node: CascadeNode): boolean => isBrokenOff(node) || !isFixed(node);

/** Also a node that nobody needs any more: its head is fixed, and what still runs is planned anew. */
export const isFixed = ({ state, answer }: Pick<CascadeNode, 'state' | 'answer'>): boolean =>
  state === 'verified' || (state === 'waiting' && answer?.reason === HEAD_FIXED);

/** Its own build waits for a person to approve it, or that of a stream that it is built on. */
export const waitsForPerson = ({ state, answer }: Pick<CascadeNode, 'state' | 'answer'>): boolean =>
  state === 'parked' || (state === 'waiting' && answer?.reason === PARENT_ON_HOLD);

function countByState<State extends string>(
  items: readonly { readonly state: State }[],
): Partial<Record<State, number>> {
  const counts: Partial<Record<State, number>> = {};
  for (const { state } of items) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

function nodeText({ stream, state, answer, outcome }: CascadeNode): string {
  const why = answer
    ? `${answer.reason}: ${answer.detail}`
    : outcome && 'reason' in outcome
      ? outcome.reason
      : undefined;
  return `stream ${stream} ${state}${why === undefined ? '' : ` (${why})`}`;
}

const deploymentText = ({ service, state, detail }: Deployment): string =>
  `deployment of ${service} ${state}${detail === undefined ? '' : ` (${detail})`}`;

const MOST_NAMED = 10;

const listed = (texts: readonly string[]): string =>
  `${texts.slice(0, MOST_NAMED).join('; ')}${texts.length > MOST_NAMED ? `; and ${texts.length - MOST_NAMED} more` : ''}`;

/** What the rollout of a cascade left in the ledger. */
export interface RolloutSeen {
  readonly mode: RolloutMode;
  /** Services that it was to deploy for the stream; absent where it was not planned. */
  readonly services?: readonly string[] | undefined;
  /** By service. */
  readonly deployments: ReadonlyMap<string, Deployment>;
}

/**
 * Whether the rollout of a verified stream is through: each of its deployments came to an end of its own. One that was
 * refused for good is its owner's to make. Where Patchwave deploys nothing there is nothing to come to an end.
 */
export function isRolledOut({ mode, services, deployments }: RolloutSeen): boolean {
  if (mode === 'pipeline' || mode === 'none') return true;
  return (
    services?.every((service) => {
      const deployment = deployments.get(service);
      return deployment !== undefined && isDeploymentOver(deployment) && !deployment.abandoned;
    }) ?? false
  );
}

/**
 * Whether a cascade that is over brought the stream of a node nowhere, through no fault of its pipeline: nothing was
 * built, or nobody deployed what was verified. A node that the guards held back was not broken off.
 */
export const isBrokenOff = ({ state, outcome, answer }: CascadeNode): boolean =>
  state === 'verified'
    ? answer?.reason === NOT_ROLLED_OUT
    : outcome === undefined && (state === 'failed' || answer?.reason === CASCADE_ENDED);

const NOT_ROLLED_OUT = 'not-rolled-out';
const CASCADE_ENDED = 'cascade-ended';

/** By the name of the error: Patchwave's own, those of Step Functions, and how Step Functions says that an execution ended. */
const ENDINGS: Readonly<Record<string, string>> = {
  NotTakenUp: 'no cascade took up its finished build in time',
  NodeLeftOpen: 'the step that worked on it died',
  CascadeEnded: 'its build ended after the cascade',
  ExecutionEnded: 'the execution of the cascade is over or gone',
  CascadeIncomplete: 'other parts of the cascade failed',
  ABORTED: 'somebody stopped the execution of the cascade',
  TIMED_OUT: 'the execution of the cascade took too long',
  FAILED: 'the execution of the cascade failed',
  'States.Timeout': 'a step of the cascade took too long',
  'States.Permissions': 'a step of the cascade lacks a permission',
  'States.DataLimitExceeded': 'a step of the cascade gave more data than Step Functions takes',
  'States.ExceedToleratedFailureThreshold': 'too many steps of the cascade failed',
  'States.ItemReaderFailed': 'a list of the cascade in the run bucket could not be read',
  'States.ResultWriterFailed': 'a result of the cascade could not be written to the run bucket',
  'States.Unknown': 'a step of the cascade failed without an error name',
};

/**
 * Why a cascade ended early, for a person. An error that has no sentence of its own is of AWS or of a step: its name is what the
 * log says.
 * https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 * @param error the name of the error
 */
export const endingText = (error: string): string =>
  (Object.hasOwn(ENDINGS, error) ? ENDINGS[error] : undefined) ?? `a step of the cascade failed with ${error}`;

/** A verified node whose rollout broke off, as the next plan finds it: only deployed, never built again. */
export const notRolledOut = (node: CascadeNode, error: string): CascadeNode => ({
  ...node,
  answer: {
    answer: 'wait',
    reason: NOT_ROLLED_OUT,
    detail: `The image is verified, but its rollout broke off: ${endingText(error)}. Patchwave plans the deployment again.`,
  },
});

/** A node that was not begun or not built, as it is planned again. */
export const notFinished = (node: CascadeNode, error: string): CascadeNode => ({
  ...node,
  state: 'waiting',
  answer: {
    answer: 'wait',
    reason: CASCADE_ENDED,
    detail: `The cascade ended before this stream was done: ${endingText(error)}. Patchwave plans the stream again.`,
  },
});

/** A node whose run waits for a person: its place and its slots are others' now, and another cascade takes the rebuild up. */
export const parkedNode = (
  node: CascadeNode,
  { rebuildId, deadlineEpochMs }: Pick<Rebuild, 'rebuildId' | 'deadlineEpochMs'>,
): CascadeNode => ({
  ...node,
  state: 'parked',
  rebuildId,
  answer: wait(
    WAITING_APPROVAL,
    `The build waits for approval until ${instantText(deadlineEpochMs)}. Approve or reject it in the pipeline.`,
    deadlineEpochMs,
  ),
});

/** A deployment that nobody watches any more; `undefined` for one that is over. */
export const abandonedDeployment = (
  deployment: Deployment,
  error: string,
  nowEpochMs: number,
): Deployment | undefined =>
  isDeploymentOver(deployment)
    ? undefined
    : {
        ...deployment,
        state: 'failed',
        abandoned: true,
        detail: `outcome unknown: the cascade ended first (${endingText(error)})`,
        endedAtEpochMs: nowEpochMs,
      };
