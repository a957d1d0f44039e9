import type { Digest } from '../domain/image/image.ts';
import type { SeenDeployment } from '../domain/rollout/deployment.ts';
import type { WorkloadObstacle } from '../domain/rollout/kubernetes-workload.ts';

/** One ECS service, or one workload of Kubernetes as a service (`serviceNameOf`). */
export interface ServiceRef {
  readonly account: string;
  readonly region: string;
  readonly cluster: string;
  readonly service: string;
}

export interface ServiceState {
  /** Its deployment type: by ECS itself, with any strategy, or by Kubernetes; the others deploy by themselves. */
  readonly controller: 'ECS' | 'CODE_DEPLOY' | 'EXTERNAL' | 'KUBERNETES';
  /** In Kubernetes a name for the pod template without what only restarts its pods. */
  readonly taskDefinition: string;
  readonly containers: readonly DefinedContainer[];
  /** Newest first; of Kubernetes the present one, and those of Patchwave that another one replaced. */
  readonly deployments: readonly ServiceDeployment[];
  /**
   * How much longer than usual a deployment of the service may take. ECS waits on purpose while old and new tasks run side
   * by side: in its bake times and, at most, for a person in its pause hooks. Kubernetes replaces many pods one after the
   * other. Absent if it takes no longer.
   */
  readonly bakeMs?: number;
  /** Why a workload of Kubernetes cannot be deployed now. */
  readonly obstacles?: readonly WorkloadObstacle[];
}

/** A container, init container or image volume in the definition of a service. */
export interface DefinedContainer {
  readonly name: string;
  readonly image: string;
  /** Of Kubernetes: only with `Always` a new pod is sure to run the image that its tag names now. */
  readonly pullPolicy?: string;
}

export type ServiceDeployment = SeenDeployment;

/** The service state on which the decision to deploy was based. */
export type DecidedOn = Pick<ServiceState, 'taskDefinition' | 'deployments'>;

/**
 * Deployments of services, with the rollout role of their account. ECS has no conditional deployment, so each method
 * reads the service right before its call, and does nothing if the service differs from `decidedOn`. Kubernetes itself
 * checks that.
 * @throws DeployerUnreachableError, ServiceGoneError; ServiceChangedError if the service was deployed meanwhile and
 * nothing was called; DeploymentRefusedError if the platform will never do it; DeploymentUnknownError if its answer was
 * lost: read the deployments first
 */
export interface Deployer {
  /** @throws DeployerUnreachableError, ServiceGoneError */
  describe(service: ServiceRef): Promise<ServiceState>;
  /**
   * Restarts all tasks or pods, so that tags resolve to their current images. Returns the deployment's id. In Kubernetes a
   * second restart by the same cascade changes nothing.
   */
  restart(service: ServiceRef, decidedOn: DecidedOn, cascadeId: string): Promise<string>;
  /**
   * Deploys a copy of the decided revision with new images for those containers and no other change. An existing
   * deployment of it stays. In Kubernetes the pod template then names the cascade.
   */
  register(
    service: ServiceRef,
    images: ReadonlyMap<string, string>,
    decidedOn: DecidedOn,
    cascadeId: string,
  ): Promise<string>;
  /** Deploys an existing revision of somebody whose deployment ours replaced. In Kubernetes ours never does. */
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
