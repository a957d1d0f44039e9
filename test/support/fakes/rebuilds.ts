import type { Rebuild, RebuildHistory, RunnerExecution, StreamLock } from '../../../shared/domain/cause/rebuild.ts';
import { emptyHistory } from '../../../shared/domain/cause/rebuild.ts';
import { sameContent } from '../../../shared/domain/common/same-content.ts';
import { pipelineKey } from '../../../shared/domain/policy/pipeline.ts';
import type { GuardLedger, LockLedger, RebuildLedger } from '../../../shared/ports/rebuilds.ts';
import { copied } from './copied.ts';

/** Rebuilds of streams in memory, and which runs they belong to. */
export class FakeRebuildLedger implements RebuildLedger {
  readonly #rebuilds = new Map<string, Rebuild>();
  readonly #executions = new Map<string, Pick<Rebuild, 'stream' | 'rebuildId'>>();

  async get(stream: string, rebuildId: string): Promise<Rebuild | undefined> {
    return copied(this.#rebuilds.get(keyOf(stream, rebuildId)));
  }

  async latest(stream: string, limit: number): Promise<readonly Rebuild[]> {
    const rebuilds = [...this.#rebuilds.values()].filter((rebuild) => rebuild.stream === stream);
    rebuilds.sort((one, other) => (one.rebuildId > other.rebuildId ? -1 : 1));
    return copied(rebuilds.slice(0, limit));
  }

  async record(
    stream: string,
    rebuildId: string,
    change: (before: Rebuild | undefined) => Rebuild | undefined,
  ): Promise<Rebuild | undefined> {
    const key = keyOf(stream, rebuildId);
    const after = change(copied(this.#rebuilds.get(key)));
    if (after) this.#rebuilds.set(key, copied(after));
    return copied(this.#rebuilds.get(key));
  }

  async recordExecution(
    execution: RunnerExecution,
    { stream, rebuildId }: Pick<Rebuild, 'stream' | 'rebuildId'>,
  ): Promise<void> {
    const key = executionKey(execution);
    if (!this.#executions.has(key)) this.#executions.set(key, { stream, rebuildId });
  }

  async byExecution(execution: RunnerExecution): Promise<Pick<Rebuild, 'stream' | 'rebuildId'> | undefined> {
    return copied(this.#executions.get(executionKey(execution)));
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [...this.#rebuilds].map(([key, rebuild]) => ({ key: `REBUILD ${key}`, ...rebuild }));
  }
}

const keyOf = (stream: string, rebuildId: string): string => `${stream} ${rebuildId}`;
const executionKey = ({ pipeline, executionId }: RunnerExecution): string => `${pipelineKey(pipeline)} ${executionId}`;

/** One lock a stream in memory. */
export class FakeLockLedger implements LockLedger {
  readonly #locks = new Map<string, StreamLock>();

  async get(stream: string): Promise<StreamLock | undefined> {
    return copied(this.#locks.get(stream));
  }

  async take(lock: StreamLock, stale?: StreamLock): Promise<StreamLock> {
    const held = this.#locks.get(lock.stream);
    const isFree = !held || (stale && sameContent(held, stale));
    if (isFree) this.#locks.set(lock.stream, copied(lock));
    return copied(isFree ? lock : held);
  }

  async adopt(stream: string, rebuildId: string, taskToken: string): Promise<boolean> {
    const held = this.#locks.get(stream);
    if (held?.rebuildId !== rebuildId) return false;
    this.#locks.set(stream, { ...held, taskToken });
    return true;
  }

  async release(stream: string, rebuildId: string): Promise<void> {
    if (this.#locks.get(stream)?.rebuildId === rebuildId) this.#locks.delete(stream);
  }

  /** Every lock of a fake can be read. */
  async clearUnreadable(_stream: string): Promise<boolean> {
    return false;
  }

  async *all(): AsyncIterable<readonly StreamLock[]> {
    const locks = [...this.#locks.values()].sort((one, other) => (one.stream < other.stream ? -1 : 1));
    if (locks.length > 0) yield copied(locks);
  }
}

/** What guards remember, in memory. */
export class FakeGuardLedger implements GuardLedger {
  readonly #histories = new Map<string, RebuildHistory>();

  async get(streams: readonly string[]): Promise<ReadonlyMap<string, RebuildHistory>> {
    return new Map(
      streams.flatMap((stream) => {
        const history = this.#histories.get(stream);
        return history ? [[stream, copied(history)] as const] : [];
      }),
    );
  }

  async change(stream: string, change: (before: RebuildHistory) => RebuildHistory): Promise<void> {
    const before = this.#histories.get(stream) ?? emptyHistory(stream);
    this.#histories.set(stream, copied(change(copied(before))));
  }
}
