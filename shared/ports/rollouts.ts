import type { SeenDeployment } from '../domain/deployment.ts';
import type { Digest } from '../domain/image.ts';

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

/** Deployments of services, with the rollout role of their account. */
export interface Deployer {
  /** @throws DeployerUnreachableError, ServiceGoneError */
  describe(service: ServiceRef): Promise<ServiceState>;
  /**
   * Starts all tasks anew, so that tags mean what they mean now. Gives the deployment's id.
   * @throws DeploymentRefusedError where ECS will never do it; DeploymentUnknownError where its answer was lost: look at
   * the deployments first. So does `register`.
   */
  restart(service: ServiceRef): Promise<string>;
  /**
   * A new revision in which those containers have those images and nothing else differs, deployed. What is deployed so
   * already is left as it is.
   */
  register(service: ServiceRef, images: ReadonlyMap<string, string>): Promise<string>;
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
