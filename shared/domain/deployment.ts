import type { Deployment } from './cascade.ts';

/** A deployment of a service as ECS tells of it. */
export interface SeenDeployment {
  readonly deploymentId: string;
  readonly isPrimary: boolean;
  /**
   * `rolled-back`: ECS went back to what ran before. `stopped`: ECS ended it before it was completed, as somebody asked or
   * as another one began. `unknown`: ECS does not tell, which is no end.
   */
  readonly state: 'in-progress' | 'completed' | 'failed' | 'rolled-back' | 'stopped' | 'unknown';
  readonly detail?: string;
  readonly createdAtEpochMs: number;
  readonly taskDefinition: string;
}

export const isOver = ({ state }: Pick<Deployment, 'state'>): boolean => state !== 'starting' && state !== 'running';

/** The clock of ECS and ours may differ by so much. */
const CLOCK_DIFFERENCE_MS = 5_000;

/**
 * The deployment that somebody began who did not live to write it down: the first one since then. One that another
 * person began at the same instant is taken for it: a second one beside it would mend nothing.
 */
export const begunSince = (seen: readonly SeenDeployment[], sinceEpochMs: number): SeenDeployment | undefined =>
  seen
    .filter(({ createdAtEpochMs }) => createdAtEpochMs >= sinceEpochMs - CLOCK_DIFFERENCE_MS)
    .sort((one, other) => one.createdAtEpochMs - other.createdAtEpochMs)[0];

/**
 * A running deployment after a look at its service; `deployment` itself while it goes on. Where another deployment is the
 * primary one, what ran before runs again (`rolled-back`), or somebody else deployed the service (`superseded`).
 * @param seen `undefined` where the service could not be asked
 */
export function deploymentAfter(
  deployment: Deployment,
  seen: readonly SeenDeployment[] | undefined,
  nowEpochMs: number,
): Deployment {
  const ended = (state: Deployment['state'], detail?: string): Deployment => ({
    ...deployment,
    state,
    endedAtEpochMs: nowEpochMs,
    ...(detail !== undefined && { detail }),
  });
  const late = (why: string): Deployment =>
    nowEpochMs < deployment.deadlineEpochMs ? deployment : ended('failed', `deadline: ${why}`);
  if (deployment.deploymentId === undefined) return late('nobody knows whether it began');
  if (!seen) return late('its service could not be asked');
  const own = seen.find(({ deploymentId }) => deploymentId === deployment.deploymentId);
  const primary = seen.find(({ isPrimary }) => isPrimary);
  if (own?.state === 'rolled-back') return ended('rolled-back', own.detail ?? 'ECS says no more');
  if (own?.isPrimary) {
    if (own.state === 'failed' || own.state === 'stopped') return ended('failed', own.detail ?? 'ECS says no more');
    if (own.state === 'unknown') return late('ECS did not tell how it went');
    return own.state === 'completed' ? ended('completed') : late('its tasks were not all replaced by then');
  }
  if (!primary) return late('ECS listed no primary deployment');
  const instead = `${own ? '' : 'ECS lists it no more; '}deployment ${primary.deploymentId} is the primary one`;
  if (isEarlier(primary, deployment, own)) return ended('rolled-back', own?.detail ?? instead);
  if (own?.state === 'failed') return ended('failed', own.detail ?? instead);
  return { ...ended('superseded', `somebody else deployed the service: ${instead}`), postponed: true };
}

/** Whether the primary deployment brings back what ran before: it is older, or a newer one of the earlier revision. */
function isEarlier(
  primary: SeenDeployment,
  { from, mode, startingAtEpochMs }: Deployment,
  own: SeenDeployment | undefined,
): boolean {
  if (primary.deploymentId === from?.deploymentId) return true;
  const sinceEpochMs = own?.createdAtEpochMs ?? startingAtEpochMs - CLOCK_DIFFERENCE_MS;
  if (primary.createdAtEpochMs < sinceEpochMs) return true;
  // A restart keeps the revision: a newer deployment of it takes nothing back.
  return mode === 'register' && primary.taskDefinition === from?.taskDefinition;
}
