import type { Rebuild, RunnerExecution } from '../../../domain/cause/rebuild.ts';
import { type Pipeline, pipelineKey } from '../../../domain/policy/pipeline.ts';
import { LedgerItemUnreadableError } from '../../../ports/errors.ts';
import type { RebuildLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Rebuilds of streams, for functions that begin and end none. */
export class DynamoRebuilds implements Pick<RebuildLedger, 'get' | 'latest'> {
  protected readonly records: StoredRecords<Rebuild>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords(table, 'rebuild');
  }

  async get(stream: string, rebuildId: string): Promise<Rebuild | undefined> {
    return this.records.get(keys.rebuild(stream, rebuildId));
  }

  async latest(stream: string, limit: number): Promise<readonly Rebuild[]> {
    const { PK, SK: prefix } = keys.rebuild(stream, '');
    const latest: Rebuild[] = [];
    const order = { backwards: true, pageSize: limit };
    const unreadable = (key: keys.Key, problem: string): never => {
      throw new LedgerItemUnreadableError(`${key.PK} / ${key.SK}`, problem);
    };
    for await (const rebuild of this.records.below(PK, prefix, order, unreadable)) {
      latest.push(rebuild);
      if (latest.length >= limit) break;
    }
    return latest;
  }
}

interface PipelineRun extends Pick<Rebuild, 'stream' | 'rebuildId'> {
  readonly pipeline: Pipeline;
}

/** Rebuilds as items of their stream, and runs of pipelines as items of their own. */
export class DynamoRebuildLedger extends DynamoRebuilds implements RebuildLedger {
  readonly #runs: StoredRecords<PipelineRun>;

  constructor(table: LedgerTable) {
    super(table);
    this.#runs = new StoredRecords(table, 'pipeline-run');
  }

  async record(
    stream: string,
    rebuildId: string,
    change: (before: Rebuild | undefined) => Rebuild | undefined,
  ): Promise<Rebuild | undefined> {
    return this.records.change(keys.rebuild(stream, rebuildId), change);
  }

  async recordExecution(
    { pipeline, executionId }: RunnerExecution,
    { stream, rebuildId }: Pick<Rebuild, 'stream' | 'rebuildId'>,
  ): Promise<void> {
    await this.#runs.begin(keys.pipelineRun(pipeline.runner, executionId), { pipeline, stream, rebuildId });
  }

  /** An id alone proves nothing, so a run is named with its pipeline. */
  async byExecution({ pipeline, executionId }: RunnerExecution) {
    const run = await this.#runs.get(keys.pipelineRun(pipeline.runner, executionId));
    if (!run || pipelineKey(run.pipeline) !== pipelineKey(pipeline)) return undefined;
    return { stream: run.stream, rebuildId: run.rebuildId };
  }
}
