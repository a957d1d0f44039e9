import type { ContainerImage } from '../../../shared/domain/admission/ecs-images.ts';
import type { Registry } from '../../../shared/domain/image/image.ts';
import { DeploymentsNotOursError, type PausedDeployment, type PausedDeployments } from '../../../shared/ports/doors.ts';

interface Deployment extends PausedDeployment {
  readonly place: Registry;
  readonly images: readonly ContainerImage[];
}

/** Deployments of ECS that wait, in memory. */
export class FakePausedDeployments implements PausedDeployments {
  readonly #waiting = new Map<string, Deployment>();
  readonly #refused = new Set<string>();
  readonly #unlisted = new Set<string>();
  /** Each answer. */
  readonly answers: { readonly deploymentArn: string; readonly action: 'CONTINUE' | 'ROLLBACK' }[] = [];

  /** The account lets Patchwave answer no deployment. */
  refuse(account: string): void {
    this.#refused.add(account);
  }

  /** The account lets Patchwave read the deployment, and not answer it. */
  leaveToPersons(deploymentArn: string): void {
    this.#unlisted.add(deploymentArn);
  }

  start(deployment: Deployment): void {
    this.#waiting.set(deployment.deploymentArn, deployment);
  }

  async waiting({ account, region }: Registry, deploymentArn: string): Promise<PausedDeployment | undefined> {
    this.#check({ account, region });
    return this.#waiting.get(deploymentArn);
  }

  async *all(place: Registry): AsyncIterable<PausedDeployment> {
    this.#check(place);
    for (const waiting of this.#waiting.values())
      if (waiting.place.account === place.account && waiting.place.region === place.region) yield waiting;
  }

  async imagesOf(_: Registry, { deploymentArn }: PausedDeployment): Promise<readonly ContainerImage[]> {
    return this.#waiting.get(deploymentArn)?.images ?? [];
  }

  async answer(place: Registry, { deploymentArn }: PausedDeployment, action: 'CONTINUE' | 'ROLLBACK') {
    this.#check(place);
    if (this.#unlisted.has(deploymentArn)) throw new DeploymentsNotOursError(place, new Error('AccessDenied'));
    if (!this.#waiting.delete(deploymentArn)) return false;
    this.answers.push({ deploymentArn, action });
    return true;
  }

  #check(place: Registry): void {
    if (this.#refused.has(place.account)) throw new DeploymentsNotOursError(place, new Error('AccessDenied'));
  }
}
