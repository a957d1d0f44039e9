import type { Rebuild, RunnerExecution } from '../../../domain/cause/rebuild.ts';
import { type Pipeline, pipelineKey } from '../../../domain/policy/pipeline.ts';
import type { RebuildLedger } from '../../../ports/rebuilds.ts';
import * as keys from '../table/keys.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';
import { DynamoRebuilds } from './rebuilds.ts';

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

  /** An id alone proves nothing: whoever names a run names its pipeline too. */
  async byExecution({ pipeline, executionId }: RunnerExecution) {
    const run = await this.#runs.get(keys.pipelineRun(pipeline.runner, executionId));
    if (!run || pipelineKey(run.pipeline) !== pipelineKey(pipeline)) return undefined;
    return { stream: run.stream, rebuildId: run.rebuildId };
  }
}
