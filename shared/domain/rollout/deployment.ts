import { type Deployment, serviceIn } from '../cause/cascade.ts';
import { counted } from '../common/counted.ts';
import { DAY_MS, instant } from '../common/time.ts';
import { platformOf } from '../image/workload-kind.ts';

/** A deployment of a service, from ECS; in Kubernetes one version of a pod template. */
export interface SeenDeployment {
  readonly deploymentId: string;
  readonly isPrimary: boolean;
  /**
   * `rolled-back`: ECS returned to the earlier revision. `stopped`: ECS ended it early, by request or because another
   * one began. `unknown`: ECS reports no state, which is no end.
   */
  readonly state: 'in-progress' | 'completed' | 'failed' | 'rolled-back' | 'stopped' | 'unknown';
  readonly detail?: string;
  readonly createdAtEpochMs: number;
  readonly taskDefinition: string;
  /** Absent if ECS reports none: for a rolling update, and for one that is over. */
  readonly progress?: DeploymentProgress;
  /** The cascade that changed the service by it; only Kubernetes records that. */
  readonly cascadeId?: string;
  /** In Kubernetes: the wanted pods that are not available, of this template or an earlier one. */
  readonly unavailable?: number;
  /** In Kubernetes: every pod has this template, though some may not be available. */
  readonly isReplaced?: true;
  /** In Kubernetes: the controller has not seen the last change yet, which may also be one of the number of pods. */
  readonly isUnobserved?: true;
}

/** How far a blue/green, linear or canary deployment is. */
export interface DeploymentProgress {
  /** Such as `BAKE_TIME`. */
  readonly stage?: string;
  /** Hooks that have not answered yet. */
  readonly hooks?: readonly DeploymentHook[];
  /** Why ECS did not say how far it is. */
  readonly unread?: string;
}

export interface DeploymentHook {
  /** `pause` waits for a person, `function` for a Lambda function. */
  readonly kind: 'pause' | 'function';
  /** The ARN of the function. */
  readonly target?: string;
  readonly expiresAtEpochMs?: number;
  /** What ECS does once the hook expires. */
  readonly afterwards?: 'continue' | 'rollback';
}

/** The progress for people; `undefined` if nothing is known. */
export function progressText({ stage, hooks = [], unread }: DeploymentProgress): string | undefined {
  const parts = [
    ...(stage === undefined ? [] : [`it is in stage ${stage}`]),
    ...hooks.map(hookText),
    ...(unread === undefined ? [] : [unread]),
  ];
  return parts.length === 0 ? undefined : parts.join('; ');
}

function hookText({ kind, target, expiresAtEpochMs, afterwards = 'rollback' }: DeploymentHook): string {
  const until = expiresAtEpochMs === undefined ? '' : ` until ${instant(expiresAtEpochMs)}`;
  const then =
    expiresAtEpochMs === undefined ? '' : `, then ECS ${afterwards === 'rollback' ? 'rolls it back' : 'goes on'}`;
  if (kind === 'function') return `the hook function ${target ?? 'of the service'} has not answered yet`;
  return `a pause hook waits for a person${until}${then}. Continue it or roll it back with ContinueServiceDeployment`;
}

/** It was not completed: the earlier revision runs, or runs beside it. */
export const hasFailed = ({ state }: Pick<Deployment, 'state'>): boolean =>
  state === 'failed' || state === 'rolled-back';

export const isDeploymentOver = ({ state }: Pick<Deployment, 'state'>): boolean =>
  state !== 'starting' && state !== 'running';

/** The tolerated difference between the clock of ECS and ours. */
const CLOCK_DIFFERENCE_MS = 5_000;

/** Deployments that began since an instant, oldest first. */
export const begunSince = (seen: readonly SeenDeployment[], sinceEpochMs: number): readonly SeenDeployment[] =>
  seen
    .filter(({ createdAtEpochMs }) => createdAtEpochMs >= sinceEpochMs - CLOCK_DIFFERENCE_MS)
    .toSorted((one, other) => one.createdAtEpochMs - other.createdAtEpochMs);

/** ECS keeps service deployments for 90 days. One that it no longer reports has ended. */
const HISTORY_MS = 90 * DAY_MS;

/**
 * A running deployment of the service, which another one would replace. ECS reports a replaced rolling update as still
 * in progress, so only the primary one of those counts.
 */
export const underWay = (
  { deployments, bakeMs }: { readonly deployments: readonly SeenDeployment[]; readonly bakeMs?: number },
  nowEpochMs: number,
): SeenDeployment | undefined =>
  deployments.find(({ isPrimary, state, createdAtEpochMs }) => {
    if (state === 'unknown') return isPrimary && nowEpochMs < createdAtEpochMs + HISTORY_MS;
    return state === 'in-progress' && (isPrimary || bakeMs !== undefined);
  });

/**
 * Another team's deployment that ours replaced unseen: it began after the service was read and before ECS accepted
 * ours. Nothing is lost if its revision is the one that ours copies or deploys.
 */
export function replacedUnseen(
  { deploymentId, from }: Pick<Deployment, 'deploymentId' | 'from'>,
  seen: readonly SeenDeployment[],
): SeenDeployment | undefined {
  const own = seen.find((one) => one.deploymentId === deploymentId);
  if (!from || !own?.isPrimary) return undefined;
  const unseen = seen.filter(
    (one) =>
      one !== own &&
      !from.listed.includes(one.deploymentId) &&
      one.createdAtEpochMs <= own.createdAtEpochMs &&
      one.state !== 'failed' &&
      one.state !== 'rolled-back' &&
      one.taskDefinition !== from.taskDefinition &&
      one.taskDefinition !== own.taskDefinition,
  );
  return begunSince(unseen, 0).at(-1);
}

/**
 * A running deployment after a check of its service; returns `deployment` itself while it runs. If another deployment
 * is the primary one, either the earlier revision runs again (`rolled-back`), or somebody else deployed the service
 * (`superseded`).
 * @param seen `undefined` if the service could not be read
 */
export function deploymentAfter(
  deployment: Deployment,
  seen: readonly SeenDeployment[] | undefined,
  nowEpochMs: number,
): Deployment {
  const { progress: before, ...rest } = deployment;
  const ended = (state: Deployment['state'], detail?: string): Deployment => ({
    ...rest,
    state,
    endedAtEpochMs: nowEpochMs,
    ...(detail !== undefined && { detail }),
  });
  const late = (why: string): Deployment =>
    nowEpochMs < deployment.deadlineEpochMs
      ? deployment
      : ended('failed', `deadline: ${why}${before === undefined ? '' : `; last seen: ${before}`}`);
  const running = (progress: string | undefined, why: string): Deployment => {
    if (progress === before || nowEpochMs >= deployment.deadlineEpochMs) return late(why);
    return { ...rest, ...(progress !== undefined && { progress }) };
  };
  const platform = platformOf(serviceIn(deployment.service));
  if (deployment.deploymentId === undefined) return late(`${platform} did not confirm the start of the deployment`);
  if (!seen) return late(`Patchwave could not read the service from ${platform}`);
  const own = seen.find(({ deploymentId }) => deploymentId === deployment.deploymentId);
  const { from, mode } = deployment;
  if (mode === 'restart' && own && from && own.taskDefinition !== from.taskDefinition) {
    const theirs = `somebody else deployed ${own.taskDefinition} at the same time`;
    // A patch in Kubernetes names the template that it changes, so ours was not made.
    const ours = platform === 'ECS' ? ', and the restart by Patchwave started that revision' : '';
    return { ...ended('superseded', theirs + ours), postponed: true };
  }
  const primary = seen.find(({ isPrimary }) => isPrimary);
  const asBefore = own?.isPrimary === true && isAsAvailable(own, from);
  if (asBefore && own.isReplaced) return ended('completed', asBeforeText(own));
  const unexplained = `${platform} gave no reason`;
  if (own?.state === 'rolled-back') return ended('rolled-back', own.detail ?? unexplained);
  if (own?.isPrimary) {
    if (own.state === 'failed' || own.state === 'stopped') return ended('failed', own.detail ?? unexplained);
    if (own.state === 'completed') return ended('completed');
    const progress = platform === 'Kubernetes' ? own.detail : own.progress && progressText(own.progress);
    const isUnreported = own.state === 'unknown';
    const after = running(
      progress,
      isUnreported ? `${platform} did not report the result` : `not all ${TASKS[platform]} were replaced in time`,
    );
    if (!asBefore || after.state !== 'failed') return after;
    return { ...after, detail: `${after.detail}; ${asBeforeText(own)}`, heldUp: true, postponed: true };
  }
  if (!primary) return late(`${platform} listed no primary deployment`);
  const isUndone = platform === 'Kubernetes' && primary.deploymentId === from?.deploymentId;
  const instead = isUndone
    ? `somebody brought the earlier pod template back, as \`kubectl rollout undo\` does: ${primary.deploymentId}`
    : own
      ? `deployment ${primary.deploymentId} has replaced the one by Patchwave`
      : `${platform} no longer lists the deployment by Patchwave; deployment ${primary.deploymentId} has replaced it`;
  if (isEarlier(primary, deployment, own)) return ended('rolled-back', own?.detail ?? instead);
  if (own?.state === 'failed') return ended('failed', own.detail ?? instead);
  return { ...ended('superseded', `somebody else deployed the service: ${instead}`), postponed: true };
}

/** Whether no more pods are unavailable than before the deployment, and some were: these are no failure of its own. */
const isAsAvailable = ({ unavailable }: SeenDeployment, from: Deployment['from']): boolean =>
  unavailable !== undefined && unavailable > 0 && unavailable <= (from?.unavailable ?? 0);

const asBeforeText = ({ unavailable = 0 }: SeenDeployment): string =>
  `${counted(unavailable, 'pod')} not available, as before the deployment`;

const TASKS = { ECS: 'tasks', Kubernetes: 'pods' } as const;

/** Whether the primary deployment brings back what ran before: it is older, or a newer one of the earlier revision. */
function isEarlier(
  primary: SeenDeployment,
  { from, mode, startingAtEpochMs }: Deployment,
  own: SeenDeployment | undefined,
): boolean {
  if (primary.deploymentId === from?.deploymentId) return true;
  const sinceEpochMs = own?.createdAtEpochMs ?? startingAtEpochMs - CLOCK_DIFFERENCE_MS;
  if (primary.createdAtEpochMs < sinceEpochMs) return true;
  // A restart keeps the revision, so a newer deployment of it rolls nothing back.
  return mode === 'register' && primary.taskDefinition === from?.taskDefinition;
}
