import type { CascadeNode, Deployment } from '../cause/cascade.ts';
import type { Rebuild } from '../cause/rebuild.ts';
import { counted } from '../common/counted.ts';
import { instant } from '../common/time.ts';
import { HEAD_FIXED, PARENT_ON_HOLD, WAITING_APPROVAL, wait } from '../guard/guard-answer.ts';
import type { RolloutMode } from '../policy/rollout-mode.ts';
import { isDeploymentOver } from './deployment.ts';

/** The result of a cascade. */
export interface CascadeSummary {
  readonly state: 'complete' | 'parked' | 'incomplete';
  /** The number of nodes by last state. */
  readonly nodes: Readonly<Partial<Record<CascadeNode['state'], number>>>;
  readonly deployments: Readonly<Partial<Record<Deployment['state'], number>>>;
  /** Present if and only if the cascade is not complete. */
  readonly failure?: { readonly error: 'CascadeIncomplete' | 'CascadeParked'; readonly detail: string };
}

/** Planned nodes that are missing in the ledger. */
export interface LostNodes {
  readonly count: number;
  /** Those with a known name, sorted: they had a lock or slot of the cascade, or its machine received them. */
  readonly streams: readonly string[];
}

export const NOTHING_LOST: LostNodes = { count: 0, streams: [] };

/** The lost nodes of a cascade that has fewer than were planned. */
export const lostNodes = (planned: number, found: number, streams: readonly string[]): LostNodes => ({
  count: Math.max(planned - found, streams.length),
  streams: [...streams].sort(),
});

/** The lost nodes as text; `undefined` if there are none. */
export function lostText({ count, streams }: LostNodes): string | undefined {
  if (count === 0) return undefined;
  const named = streams.length === 0 ? '' : `: ${listed(streams)}`;
  const lacking = counted(count, 'stream of the cascade has', 'streams of the cascade have');
  const next =
    count === 1
      ? 'its lock and slots, and plans that stream again'
      : 'their locks and slots, and plans these streams again';
  return `${lacking} no node in the ledger${named}. Patchwave frees ${next}`;
}

/** Unreadable ledger items at the end of a cascade, as text; `undefined` if there are none. */
export function unreadableItemsText(items: readonly string[]): string | undefined {
  if (items.length === 0) return undefined;
  const what = counted(items.length, 'ledger item');
  return `${what} cannot be read: ${listed(items)}. Correct or delete ${items.length === 1 ? 'it' : 'them'}`;
}

/**
 * A cascade is complete if every planned node exists and is verified and rolled out, or no longer needed, and no
 * deployment failed, was rolled back or still runs. A deployment that was refused for good or superseded belongs to the
 * owner: the cascade does not fail, and its closure stays open. If only approvals are missing, the cascade is parked,
 * and another one finishes it.
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

/** Includes a node that is no longer needed: its head is fixed, and what still runs is planned again. */
export const isFixed = ({ state, answer }: Pick<CascadeNode, 'state' | 'answer'>): boolean =>
  state === 'verified' || (state === 'waiting' && answer?.reason === HEAD_FIXED);

/** Its own build, or that of an ancestor stream, waits for an approval. */
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
  return `stream ${stream}: ${state}${why === undefined ? '' : ` (${why})`}`;
}

const deploymentText = ({ service, state, detail }: Deployment): string =>
  `deployment of ${service}: ${state}${detail === undefined ? '' : ` (${detail})`}`;

const MOST_NAMED = 10;

const listed = (texts: readonly string[]): string =>
  `${texts.slice(0, MOST_NAMED).join('; ')}${texts.length > MOST_NAMED ? `; and ${texts.length - MOST_NAMED} more` : ''}`;

/** The rollout state of a cascade in the ledger. */
export interface RolloutSeen {
  readonly mode: RolloutMode;
  /** Services to deploy for the stream; absent if none were planned. */
  readonly services?: readonly string[] | undefined;
  /** By service. */
  readonly deployments: ReadonlyMap<string, Deployment>;
}

/**
 * Whether the rollout of a verified stream is complete: each of its deployments ended by itself. A deployment refused
 * for good belongs to the owner. A stream that Patchwave does not deploy is complete.
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
 * Whether an ended cascade made no progress for a node, without a fault of its pipeline: nothing was built, or the
 * verified image was not deployed. A node on hold by the guards does not count.
 */
export const isBrokenOff = ({ state, outcome, answer }: CascadeNode): boolean =>
  state === 'verified'
    ? answer?.reason === NOT_ROLLED_OUT
    : outcome === undefined && (state === 'failed' || answer?.reason === CASCADE_ENDED);

const NOT_ROLLED_OUT = 'not-rolled-out';
const CASCADE_ENDED = 'cascade-ended';

/** By the name of the error: Patchwave's own, those of Step Functions, and how Step Functions says that an execution ended. */
const ENDINGS: Readonly<Record<string, string>> = {
  NotTakenUp: 'its build ended, but no cascade resumed it in time',
  NodeLeftOpen: 'a child execution of the cascade ended unexpectedly',
  CascadeEnded: 'its build ended only after the cascade',
  ExecutionEnded: 'the execution of the cascade has ended or was deleted',
  CascadeIncomplete: 'other parts of the cascade failed',
  ABORTED: 'somebody stopped the execution of the cascade',
  TIMED_OUT: 'the execution of the cascade took too long',
  FAILED: 'the execution of the cascade failed',
  'States.Timeout': 'a step of the cascade took too long',
  'States.Permissions': 'a step of the cascade lacks a permission',
  'States.DataLimitExceeded': 'a step of the cascade returned more data than Step Functions accepts',
  'States.ExceedToleratedFailureThreshold': 'too many steps of the cascade failed',
  'States.ItemReaderFailed': 'a list of the cascade in the run bucket could not be read',
  'States.ResultWriterFailed': 'a result of the cascade could not be written to the run bucket',
  'States.Unknown': 'a step of the cascade failed without an error name',
};

/**
 * Why a cascade ended early, as text. Errors without a text here come from AWS or a step and are named as they are in
 * the log. https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
 * @param error the name of the error
 */
export const endingText = (error: string): string =>
  (Object.hasOwn(ENDINGS, error) ? ENDINGS[error] : undefined) ?? `a step of the cascade failed with ${error}`;

/** A verified node whose rollout was not completed: the next plan only deploys it and never builds again. */
export const notRolledOut = (node: CascadeNode, error: string): CascadeNode => ({
  ...node,
  answer: {
    answer: 'wait',
    reason: NOT_ROLLED_OUT,
    detail: `The image is verified, but its rollout was not completed: ${endingText(error)}. Patchwave plans the deployment again.`,
  },
});

/** A node that was not started or not built: the next plan takes it again. */
export const notFinished = (node: CascadeNode, error: string): CascadeNode => ({
  ...node,
  state: 'waiting',
  answer: {
    answer: 'wait',
    reason: CASCADE_ENDED,
    detail: `The cascade ended before this stream was done: ${endingText(error)}. Patchwave plans the stream again.`,
  },
});

/** A node whose run waits for a person: its slots are free, and another cascade resumes the rebuild. */
export const parkedNode = (
  node: CascadeNode,
  { rebuildId, deadlineEpochMs }: Pick<Rebuild, 'rebuildId' | 'deadlineEpochMs'>,
): CascadeNode => ({
  ...node,
  state: 'parked',
  rebuildId,
  answer: wait(
    WAITING_APPROVAL,
    `The build waits for approval until ${instant(deadlineEpochMs)}. Approve or reject it in the pipeline.`,
    deadlineEpochMs,
  ),
});

/** A deployment that no step watches any longer; `undefined` if it has ended. */
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
        detail: `outcome unknown: the cascade ended before the deployment did (${endingText(error)})`,
        endedAtEpochMs: nowEpochMs,
      };
