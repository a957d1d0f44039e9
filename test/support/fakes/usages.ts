import type { Digest } from '../../../shared/domain/image.ts';
import type { Scope } from '../../../shared/domain/run.ts';
import type { Usage } from '../../../shared/domain/usage.ts';
import type { UsageLedger } from '../../../shared/ports/ledger.ts';

/** Usages in memory; ended ones are kept beside the live ones. */
export class FakeUsageLedger implements UsageLedger {
  readonly #usages = new Map<string, { readonly usage: Usage; readonly endedAtEpochMs?: number }>();

  async *live(scope: Scope): AsyncIterable<Usage> {
    for (const usage of this.#live()) {
      if (usage.account === scope.account && usage.region === scope.region) yield usage;
    }
  }

  async record(usages: readonly Usage[], _atEpochMs: number): Promise<void> {
    for (const usage of usages) this.#usages.set(identity(usage), { usage: structuredClone(usage) });
  }

  async end(usages: readonly Usage[], atEpochMs: number): Promise<void> {
    for (const usage of usages) {
      this.#usages.set(identity(usage), { usage: structuredClone(usage), endedAtEpochMs: atEpochMs });
    }
  }

  async ofImage(digest: Digest): Promise<readonly Usage[]> {
    return this.#live().filter((usage) => usage.digest === digest);
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [...this.#usages].map(([key, entry]) => ({ key: `USE ${key}`, ...entry }));
  }

  #live(): Usage[] {
    const live = [...this.#usages].filter(([, { endedAtEpochMs }]) => endedAtEpochMs === undefined);
    return live.sort(([one], [other]) => (one < other ? -1 : 1)).map(([, { usage }]) => structuredClone(usage));
  }
}

const identity = (usage: Usage): string =>
  [usage.digest, usage.account, usage.region, usage.cluster, usage.workloadKind, usage.workload, usage.container].join(
    ' ',
  );
