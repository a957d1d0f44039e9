import type { Closure, Deployment } from '../domain/cause/cascade.ts';
import type { EnvironmentStop } from '../domain/rollout/rollout.ts';

export interface RolloutLedger {
  deployment(cascadeId: string, service: string): Promise<Deployment | undefined>;
  /** Takes the single deployment of a service in a cascade; returns the resulting one. */
  beginDeployment(deployment: Deployment): Promise<Deployment>;
  /** Retried on a conflict, like `changeNode`. @throws LedgerContendedError, LedgerItemMissingError */
  changeDeployment(
    cascadeId: string,
    service: string,
    change: (before: Deployment) => Deployment | undefined,
  ): Promise<Deployment>;
  deployments(cascadeId: string): AsyncIterable<Deployment>;
  /** Keeps an existing one: the first failure is the one to look at. */
  stopEnvironment(stop: EnvironmentStop): Promise<void>;
  environmentStop(cascadeId: string, environment: string): Promise<EnvironmentStop | undefined>;
  /** Keeps an existing one: opening twice changes nothing. */
  openClosure(closure: Closure): Promise<void>;
  changeClosure(cascadeId: string, stream: string, change: (before: Closure) => Closure | undefined): Promise<Closure>;
  openClosures(): AsyncIterable<Closure>;
  closures(cascadeId: string): AsyncIterable<Closure>;
}
