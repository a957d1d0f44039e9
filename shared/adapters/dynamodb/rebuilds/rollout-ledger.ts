import type { Closure, Deployment } from '../../../domain/cause/cascade.ts';
import type { EnvironmentStop } from '../../../domain/rollout/rollout.ts';
import type { RolloutLedger } from '../../../ports/rollout-ledger.ts';
import * as keys from '../table/keys.ts';
import { OPEN } from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Closures that are open, for functions that roll nothing out. */
export class DynamoClosures implements Pick<RolloutLedger, 'openClosures'> {
  protected readonly records: StoredRecords<Closure>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords<Closure>(table, 'closure', {
      partition: OPEN.closure,
      sortKey: ({ state, cascadeId, stream }) => (state === 'open' ? `${cascadeId}/${stream}` : undefined),
    });
  }

  openClosures(): AsyncIterable<Closure> {
    return this.records.eachOpen();
  }
}

/** Deployments as items of their cascade, and closures in partitions of their own, which outlive it. */
export class DynamoRolloutLedger extends DynamoClosures implements RolloutLedger {
  readonly #deployments: StoredRecords<Deployment>;
  readonly #stops: StoredRecords<EnvironmentStop>;

  constructor(table: LedgerTable) {
    super(table);
    this.#deployments = new StoredRecords(table, 'deployment');
    this.#stops = new StoredRecords(table, 'environment-stop');
  }

  async deployment(cascadeId: string, service: string): Promise<Deployment | undefined> {
    return this.#deployments.get(keys.deployment(cascadeId, service));
  }

  async beginDeployment(deployment: Deployment): Promise<Deployment> {
    return this.#deployments.begin(keys.deployment(deployment.cascadeId, deployment.service), deployment);
  }

  async changeDeployment(
    cascadeId: string,
    service: string,
    change: (before: Deployment) => Deployment | undefined,
  ): Promise<Deployment> {
    return this.#deployments.changeKnown(keys.deployment(cascadeId, service), change);
  }

  deployments(cascadeId: string): AsyncIterable<Deployment> {
    const { PK, SK: prefix } = keys.deployment(cascadeId, '');
    return this.#deployments.below(PK, prefix);
  }

  async stopEnvironment(stop: EnvironmentStop): Promise<void> {
    await this.#stops.begin(keys.environmentStop(stop.cascadeId, stop.environment), stop);
  }

  async environmentStop(cascadeId: string, environment: string): Promise<EnvironmentStop | undefined> {
    return this.#stops.get(keys.environmentStop(cascadeId, environment));
  }

  async openClosure(closure: Closure): Promise<void> {
    await this.records.begin(keys.closure(closure.cascadeId, closure.stream), closure);
  }

  async changeClosure(
    cascadeId: string,
    stream: string,
    change: (before: Closure) => Closure | undefined,
  ): Promise<Closure> {
    return this.records.changeKnown(keys.closure(cascadeId, stream), change);
  }

  closures(cascadeId: string): AsyncIterable<Closure> {
    return this.records.below(keys.closure(cascadeId, '').PK);
  }
}
