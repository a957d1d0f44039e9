import { kubernetesService } from '../domain/image/workload-kind.ts';
import type { DecidedOn, Deployer, ServiceRef, ServiceState } from '../ports/rollouts.ts';

/** Deploys each service on its platform. */
export class Deployers implements Deployer {
  readonly #ecs: Deployer;
  readonly #eks: Deployer;

  constructor(ecs: Deployer, eks: Deployer) {
    this.#ecs = ecs;
    this.#eks = eks;
  }

  describe(ref: ServiceRef): Promise<ServiceState> {
    return this.#of(ref).describe(ref);
  }

  restart(ref: ServiceRef, decidedOn: DecidedOn, cascadeId: string): Promise<string> {
    return this.#of(ref).restart(ref, decidedOn, cascadeId);
  }

  register(
    ref: ServiceRef,
    images: ReadonlyMap<string, string>,
    decidedOn: DecidedOn,
    cascadeId: string,
  ): Promise<string> {
    return this.#of(ref).register(ref, images, decidedOn, cascadeId);
  }

  putBack(ref: ServiceRef, taskDefinition: string, decidedOn: DecidedOn): Promise<string> {
    return this.#of(ref).putBack(ref, taskDefinition, decidedOn);
  }

  #of({ service }: ServiceRef): Deployer {
    return kubernetesService(service) ? this.#eks : this.#ecs;
  }
}
