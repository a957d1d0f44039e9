import type { Closure, Deployment } from '../domain/cause/cascade.ts';
import type { EnvironmentStop } from '../domain/rollout/rollout.ts';

export interface RolloutLedger {
  deployment(cascadeId: string, service: string): Promise<Deployment | undefined>;
  /** Takes the one deployment of a service in a cascade: gives the one that stands. */
  beginDeployment(deployment: Deployment): Promise<Deployment>;
  /** Tried again on a conflict, as `changeClosure` is. @throws LedgerContendedError, LedgerItemMissingError */
  changeDeployment(
    cascadeId: string,
    service: string,
    change: (before: Deployment) => Deployment | undefined,
  ): Promise<Deployment>;
  deployments(cascadeId: string): AsyncIterable<Deployment>;
  /** Keeps the one that is there: the first failure is where to look. */
  stopEnvironment(stop: EnvironmentStop): Promise<void>;
  environmentStop(cascadeId: string, environment: string): Promise<EnvironmentStop | undefined>;
  /** Keeps the one that is there: opening twice changes nothing. */
  openClosure(closure: Closure): Promise<void>;
  changeClosure(cascadeId: string, stream: string, change: (before: Closure) => Closure | undefined): Promise<Closure>;
  openClosures(): AsyncIterable<Closure>;
  closures(cascadeId: string): AsyncIterable<Closure>;
}
