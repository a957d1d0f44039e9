import type {
  Deployment,
  DeploymentConfiguration,
  DeploymentControllerType,
  DeploymentLifecycleHookDetail,
  Service,
  ServiceDeploymentBrief,
  ServiceDeployment as ServiceDeploymentDetail,
} from '@aws-sdk/client-ecs';
import { MINUTE_MS } from '../domain/common/time.ts';
import type { DeploymentHook, DeploymentProgress } from '../domain/rollout/deployment.ts';
import type { ServiceDeployment } from '../ports/rollouts.ts';

/* Maps an ECS service to our terms. https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Deployment.html
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html */

export const controllerOf = ({
  deploymentController: { type = 'ECS' } = { type: 'ECS' },
}: Service): DeploymentControllerType => type;

/** Controllers other than ECS keep the definition in task sets; an external one may have none yet. */
export const definitionOf = ({ taskDefinition, taskSets = [] }: Service): string =>
  taskDefinition ?? taskSets.find(({ status }) => status === 'PRIMARY')?.taskDefinition ?? '';

/** How far each service deployment is, by its ARN. */
export type ProgressOf = ReadonlyMap<string, DeploymentProgress>;

/**
 * @param briefs service deployments of the service: ECS reports a rollout state only for rolling updates, and none behind
 * a Classic Load Balancer
 */
export const deploymentsOf = (
  { deployments = [] }: Service,
  briefs: readonly ServiceDeploymentBrief[],
  progress: ProgressOf,
): readonly ServiceDeployment[] =>
  deployments
    .map((deployment) => deploymentOf(deployment, briefs, progress))
    .sort((one, other) => other.createdAtEpochMs - one.createdAtEpochMs);

/** Since when service deployments are read; `undefined` if every deployment has a rollout state. */
export function unreportedSince({ deployments = [] }: Service): Date | undefined {
  const unreported = deployments.filter(({ rolloutState }) => rolloutState === undefined);
  if (unreported.length === 0) return undefined;
  const oldest = Math.min(...unreported.map(({ createdAt }) => createdAt?.getTime() ?? 0));
  return new Date(Math.max(0, oldest - MINUTE_MS));
}

/** Whether a service deployment belongs to the deployment: both have the number of the service revision. */
export const isBriefOf = (
  { targetServiceRevisionArn = '' }: ServiceDeploymentBrief,
  { id = '' }: Deployment,
): boolean => id !== '' && targetServiceRevisionArn.endsWith(`/${id.slice(id.lastIndexOf('/') + 1)}`);

function deploymentOf(
  deployment: Deployment,
  briefs: readonly ServiceDeploymentBrief[],
  progressOf: ProgressOf,
): ServiceDeployment {
  const { id = '', status, createdAt, taskDefinition = '', rolloutState, rolloutStateReason } = deployment;
  const brief = briefs.find((one) => isBriefOf(one, deployment));
  const detail = rolloutState === undefined ? brief?.statusReason : rolloutStateReason;
  const progress = progressOf.get(brief?.serviceDeploymentArn ?? '');
  return {
    deploymentId: id,
    isPrimary: status === 'PRIMARY',
    state: rolloutState === undefined ? stateOf(brief) : (ROLLOUT_STATES[rolloutState] ?? 'unknown'),
    ...(detail !== undefined && { detail }),
    createdAtEpochMs: createdAt?.getTime() ?? 0,
    taskDefinition,
    ...(progress && { progress }),
  };
}

/** ARNs of the service deployments of listed deployments that go on, and for which only they tell how. */
export const goingOn = ({ deployments = [] }: Service, briefs: readonly ServiceDeploymentBrief[]): readonly string[] =>
  briefs
    .filter((brief) => stateOf(brief) === 'in-progress' && deployments.some((one) => isBriefOf(brief, one)))
    .flatMap(({ serviceDeploymentArn }) => serviceDeploymentArn ?? [])
    .slice(0, MOST_DESCRIBED);

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html */
const MOST_DESCRIBED = 20;

export function progressIn({ lifecycleStage, lifecycleHookDetails = [] }: ServiceDeploymentDetail): DeploymentProgress {
  const hooks = lifecycleHookDetails.filter(isOpen).map(hookOf);
  return {
    ...(lifecycleStage !== undefined && { stage: lifecycleStage }),
    ...(hooks.length > 0 && { hooks }),
  };
}

const isOpen = ({ status }: DeploymentLifecycleHookDetail): boolean =>
  status === 'AWAITING_ACTION' || status === 'IN_PROGRESS';

const hookOf = ({
  targetType,
  targetArn: target,
  expiresAt,
  timeoutAction,
}: DeploymentLifecycleHookDetail): DeploymentHook => ({
  kind: targetType === 'PAUSE' ? 'pause' : 'function',
  ...(target !== undefined && { target }),
  ...(expiresAt && { expiresAtEpochMs: expiresAt.getTime() }),
  ...(timeoutAction !== undefined && { afterwards: timeoutAction === 'CONTINUE' ? 'continue' : 'rollback' }),
});

const ROLLOUT_STATES = {
  IN_PROGRESS: 'in-progress',
  COMPLETED: 'completed',
  FAILED: 'failed',
} as const satisfies Readonly<Record<string, ServiceDeployment['state']>>;

/** Running tasks prove nothing: during the bake time those of both revisions run. */
function stateOf(brief: ServiceDeploymentBrief | undefined): ServiceDeployment['state'] {
  switch (brief?.status) {
    case 'SUCCESSFUL':
      return 'completed';
    case 'ROLLBACK_SUCCESSFUL':
      return 'rolled-back';
    case 'ROLLBACK_FAILED':
      return 'failed';
    case 'STOPPED':
      return 'stopped';
    case 'PENDING':
    case 'IN_PROGRESS':
    case 'STOP_REQUESTED':
    case 'ROLLBACK_REQUESTED':
    case 'ROLLBACK_IN_PROGRESS':
      return 'in-progress';
    default:
      return 'unknown';
  }
}

/**
 * How long ECS may wait on purpose in a deployment of the service, in all its steps: bake times, and pause hooks until they
 * expire; 0 for a rolling update.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html
 */
export function bakeMsOf({ deploymentConfiguration: configuration = {} }: Service): number {
  const { strategy = 'ROLLING', bakeTimeInMinutes = 0, linearConfiguration, canaryConfiguration } = configuration;
  if (strategy === 'ROLLING') return 0;
  const { stepPercent = 10, stepBakeTimeInMinutes = 6 } = linearConfiguration ?? {};
  const { canaryBakeTimeInMinutes = 10 } = canaryConfiguration ?? {};
  const shifts = strategy === 'LINEAR' ? Math.ceil(100 / Math.max(stepPercent, 1)) : strategy === 'CANARY' ? 2 : 1;
  const steps = strategy === 'LINEAR' ? shifts * stepBakeTimeInMinutes : 0;
  const canary = strategy === 'CANARY' ? canaryBakeTimeInMinutes : 0;
  return (bakeTimeInMinutes + steps + canary + pauseMinutes(configuration, shifts)) * MINUTE_MS;
}

/**
 * A pause hook waits for a person for 24 hours unless it says otherwise. Before each shift of the traffic it waits anew.
 * https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHookTimeoutConfiguration.html
 */
function pauseMinutes({ lifecycleHooks = [] }: DeploymentConfiguration, shifts: number): number {
  const pauses = lifecycleHooks.filter(({ targetType }) => targetType === 'PAUSE');
  const minutes = pauses.map(({ lifecycleStages = [], timeoutConfiguration }) => {
    const times = lifecycleStages.map((stage) => (stage === 'PRE_PRODUCTION_TRAFFIC_SHIFT' ? shifts : 1));
    return sum(times) * (timeoutConfiguration?.timeoutInMinutes ?? 1440);
  });
  return sum(minutes);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
