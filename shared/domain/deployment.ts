import type { Deployment } from './cascade.ts';

/** A deployment of a service as ECS tells of it. */
export interface SeenDeployment {
  readonly deploymentId: string;
  readonly isPrimary: boolean;
  readonly state: 'in-progress' | 'completed' | 'failed';
  readonly detail?: string;
  readonly createdAtEpochMs: number;
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
 * A running deployment after a look at its service; `deployment` itself while it goes on. One that ECS lists no more,
 * or that another one has taken the place of, is rolled back: what runs is not what it brought.
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
  const instead = `${primary ? `deployment ${primary.deploymentId}` : 'another deployment'} is the primary one`;
  if (!own) return ended('rolled-back', `ECS lists it no more; ${instead}`);
  if (!own.isPrimary) return ended('rolled-back', own.detail ?? instead);
  if (own.state === 'failed') return ended('failed', own.detail ?? 'ECS says no more');
  return own.state === 'completed' ? ended('completed') : late('its tasks were not all replaced by then');
}
