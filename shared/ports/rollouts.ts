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
  /** As it is started by: ECS itself, by whatever strategy; the others deploy by themselves. */
  readonly controller: 'ECS' | 'CODE_DEPLOY' | 'EXTERNAL';
  readonly taskDefinition: string;
  readonly containers: readonly { readonly name: string; readonly image: string }[];
  /** Newest first. */
  readonly deployments: readonly ServiceDeployment[];
  /** How long ECS keeps old and new tasks side by side on purpose when it deploys the service; absent for a rolling update. */
  readonly bakeMs?: number;
}

export type ServiceDeployment = SeenDeployment;

/** What the decision to deploy a service was made on. */
export type DecidedOn = Pick<ServiceState, 'taskDefinition' | 'deployments'>;

/**
 * Deployments of services, with the rollout role of their account. ECS takes no condition with a deployment, so each of
 * these reads the service again right before it asks for one, and asks for none where the service is not as `decidedOn`.
 * @throws DeployerUnreachableError, ServiceGoneError; ServiceChangedError where nothing was asked for, since somebody else
 * deployed the service meanwhile; DeploymentRefusedError where ECS will never do it; DeploymentUnknownError where its
 * answer was lost: look at the deployments first
 */
export interface Deployer {
  /** @throws DeployerUnreachableError, ServiceGoneError */
  describe(service: ServiceRef): Promise<ServiceState>;
  /** Starts all tasks anew, so that tags mean what they mean now. Gives the deployment's id. */
  restart(service: ServiceRef, decidedOn: DecidedOn): Promise<string>;
  /**
   * A copy of the revision that was decided on, in which those containers have those images and nothing else differs,
   * deployed. What is deployed so already is left as it is.
   */
  register(service: ServiceRef, images: ReadonlyMap<string, string>, decidedOn: DecidedOn): Promise<string>;
  /** Deploys a revision that is there, of somebody whose deployment was replaced by ours. */
  putBack(service: ServiceRef, taskDefinition: string, decidedOn: DecidedOn): Promise<string>;
}

/** Moves a tag of a repository to a manifest that is there. */
export interface Tagger {
  /**
   * Tags `digest`; nothing where the tag means it already.
   * @throws TaggerUnreachableError, ImageGoneError, TagImmutableError
   */
  tag(
    place: { readonly account: string; readonly region: string; readonly repository: string },
    digest: Digest,
    tag: string,
  ): Promise<void>;
}
