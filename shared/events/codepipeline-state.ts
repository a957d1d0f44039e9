import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';
import type { PipelineRunChanged } from './run-changed.ts';

const SOURCE = 'aws.codepipeline';
const DETAIL_TYPE = 'CodePipeline Pipeline Execution State Change';

/**
 * A pipeline run changed its state. A run that waits for a manual approval sends no event and is found by polling. At
 * least once, in any order, and possibly before we know the id of the requested run.
 * https://docs.aws.amazon.com/codepipeline/latest/userguide/detect-state-changes-cloudwatch-events.html
 */
const schema = v.pipe(
  v.object({
    ...envelope.entries,
    source: v.literal(SOURCE),
    'detail-type': v.literal(DETAIL_TYPE),
    detail: v.object({ pipeline: v.text(), 'execution-id': v.text(), state: v.text() }),
  }),
  v.transform(
    ({ account, region, detail }): PipelineRunChanged => ({
      run: {
        pipeline: { runner: 'codepipeline', account, region, name: detail.pipeline },
        executionId: detail['execution-id'],
      },
      state: detail.state,
    }),
  ),
);

export const codepipelineState = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract<PipelineRunChanged>;
