import { kubernetesService } from '../domain/image/workload-kind.ts';
import type { DecidedOn, Deployer, ServiceRef, ServiceState } from '../ports/rollouts.ts';
import { ecsClients, eksClients, type MemberAccess } from './clients.ts';
import { EcsDeployer } from './ecs-deployer.ts';
import { EksDeployer } from './eks-deployer.ts';

/** Deploys each service on its platform, with the rollout role of its account. */
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

export const deployers = (access: MemberAccess): Deployer =>
  new Deployers(
    new EcsDeployer(ecsClients(access)),
    new EksDeployer({
      clients: eksClients(access),
      credentials: async (account) => access.credentials(account)(),
      clock: Date.now,
    }),
  );
