import type { Digest } from '../domain/image/image.ts';
import type { SeenDeployment } from '../domain/rollout/deployment.ts';

/** One ECS service. */
export interface ServiceRef {
  readonly account: string;
  readonly region: string;
  readonly cluster: string;
  readonly service: string;
}

export interface ServiceState {
  /** Its deployment type: by ECS itself, with any strategy; the others deploy by themselves. */
  readonly controller: 'ECS' | 'CODE_DEPLOY' | 'EXTERNAL';
  readonly taskDefinition: string;
  readonly containers: readonly { readonly name: string; readonly image: string }[];
  /** Newest first. */
  readonly deployments: readonly ServiceDeployment[];
  /**
   * How long ECS waits on purpose when it deploys the service, while old and new tasks run side by side: in its bake times
   * and, at most, for a person in its pause hooks. Absent for a rolling update.
   */
  readonly bakeMs?: number;
}

export type ServiceDeployment = SeenDeployment;

/** The service state on which the decision to deploy was based. */
export type DecidedOn = Pick<ServiceState, 'taskDefinition' | 'deployments'>;

/**
 * Deployments of services, with the rollout role of their account. ECS has no conditional deployment, so each method
 * reads the service right before its call, and does nothing if the service differs from `decidedOn`.
 * @throws DeployerUnreachableError, ServiceGoneError; ServiceChangedError if the service was deployed meanwhile and
 * nothing was called; DeploymentRefusedError if ECS will never do it; DeploymentUnknownError if its answer was lost:
 * read the deployments first
 */
export interface Deployer {
  /** @throws DeployerUnreachableError, ServiceGoneError */
  describe(service: ServiceRef): Promise<ServiceState>;
  /** Restarts all tasks, so that tags resolve to their current images. Returns the deployment's id. */
  restart(service: ServiceRef, decidedOn: DecidedOn): Promise<string>;
  /**
   * Deploys a copy of the decided revision with new images for those containers and no other change. An existing
   * deployment of it stays.
   */
  register(service: ServiceRef, images: ReadonlyMap<string, string>, decidedOn: DecidedOn): Promise<string>;
  /** Deploys an existing revision of somebody whose deployment ours replaced. */
  putBack(service: ServiceRef, taskDefinition: string, decidedOn: DecidedOn): Promise<string>;
}

/** Moves a tag of a repository to an existing manifest. */
export interface Tagger {
  /**
   * Tags `digest`; no call if the tag already names it.
   * @throws TaggerUnreachableError, ImageGoneError, TagImmutableError
   */
  tag(
    place: { readonly account: string; readonly region: string; readonly repository: string },
    digest: Digest,
    tag: string,
  ): Promise<void>;
}
