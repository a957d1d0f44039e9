import type { RunnerExecution } from '../../shared/domain/cause/rebuild.ts';
import { pipelineKey } from '../../shared/domain/policy/pipeline.ts';

/** The run may be one of ours whose id is not recorded yet. */
export class RunNotRecordedYetError extends Error {
  override readonly name = 'RunNotRecordedYetError';
  constructor({ pipeline, executionId }: RunnerExecution, rebuildId: string) {
    super(
      `Run ${executionId} of ${pipelineKey(pipeline)} may belong to rebuild ${rebuildId}, whose run is not known yet. ` +
        'The event is delivered again.',
    );
  }
}
