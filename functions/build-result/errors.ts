import type { RunnerExecution } from '../../shared/domain/cause/rebuild.ts';
import { pipelineKey } from '../../shared/domain/policy/pipeline.ts';

/** The run may be one of ours whose id is not recorded yet. */
export class RunNotRecordedYetError extends Error {
  override readonly name = 'RunNotRecordedYetError';
  constructor({ pipeline, executionId }: RunnerExecution, rebuildId: string) {
    super(
      `Run ${executionId} of ${pipelineKey(pipeline)} may be the run of rebuild ${rebuildId}, whose run id is not recorded yet. ` +
        'The queue delivers the event again.',
    );
  }
}
