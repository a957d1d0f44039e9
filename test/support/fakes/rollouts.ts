import type { Closure, Deployment } from '../../../shared/domain/cause/cascade.ts';
import type { EnvironmentStop } from '../../../shared/domain/rollout/rollout.ts';
import type { RolloutLedger } from '../../../shared/ports/rollout-ledger.ts';
import { changeKnown } from './changed.ts';
import { copied } from './copied.ts';

/** Deployments and closures in memory. */
export class FakeRolloutLedger implements RolloutLedger {
  readonly #deployments = new Map<string, Deployment>();
  readonly #stops = new Map<string, EnvironmentStop>();
  readonly #closures = new Map<string, Closure>();

  async deployment(cascadeId: string, service: string): Promise<Deployment | undefined> {
    return copied(this.#deployments.get(keyOf(cascadeId, service)));
  }

  async beginDeployment(deployment: Deployment): Promise<Deployment> {
    const key = keyOf(deployment.cascadeId, deployment.service);
    const stands = this.#deployments.get(key) ?? deployment;
    this.#deployments.set(key, copied(stands));
    return copied(stands);
  }

  async changeDeployment(
    cascadeId: string,
    service: string,
    change: (before: Deployment) => Deployment | undefined,
  ): Promise<Deployment> {
    return changeKnown(this.#deployments, keyOf(cascadeId, service), change);
  }

  async *deployments(cascadeId: string): AsyncIterable<Deployment> {
    yield* sorted(this.#deployments, (deployment) => deployment.cascadeId === cascadeId);
  }

  async stopEnvironment(stop: EnvironmentStop): Promise<void> {
    const key = keyOf(stop.cascadeId, stop.environment);
    if (!this.#stops.has(key)) this.#stops.set(key, copied(stop));
  }

  async environmentStop(cascadeId: string, environment: string): Promise<EnvironmentStop | undefined> {
    return copied(this.#stops.get(keyOf(cascadeId, environment)));
  }

  async openClosure(closure: Closure): Promise<void> {
    const key = keyOf(closure.cascadeId, closure.stream);
    if (!this.#closures.has(key)) this.#closures.set(key, copied(closure));
  }

  async changeClosure(
    cascadeId: string,
    stream: string,
    change: (before: Closure) => Closure | undefined,
  ): Promise<Closure> {
    return changeKnown(this.#closures, keyOf(cascadeId, stream), change);
  }

  async *openClosures(): AsyncIterable<Closure> {
    yield* sorted(this.#closures, ({ state }) => state === 'open');
  }

  async *closures(cascadeId: string): AsyncIterable<Closure> {
    yield* sorted(this.#closures, (closure) => closure.cascadeId === cascadeId);
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [
      ...[...this.#deployments].map(([key, deployment]) => ({ key: `DEPLOY ${key}`, ...deployment })),
      ...[...this.#stops].map(([key, stop]) => ({ key: `STOP ${key}`, ...stop })),
      ...[...this.#closures].map(([key, closure]) => ({ key: `CLOSURE ${key}`, ...closure })),
    ];
  }
}

const keyOf = (cascadeId: string, name: string): string => `${cascadeId} ${name}`;

function* sorted<Stored>(records: ReadonlyMap<string, Stored>, holds: (record: Stored) => boolean): Iterable<Stored> {
  const inOrder = [...records].sort(([one], [other]) => (one < other ? -1 : 1));
  for (const [, record] of inOrder) if (holds(record)) yield copied(record);
}
