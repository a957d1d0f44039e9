import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';

const SOURCE = 'aws.states';
const DETAIL_TYPE = 'Step Functions Execution Status Change';

/**
 * An execution of fleet-review or rebuild-cascade ended. Best effort.
 * https://docs.aws.amazon.com/step-functions/latest/dg/eventbridge-integration.html
 */
const schema = v.object({
  ...envelope.entries,
  source: v.literal(SOURCE),
  'detail-type': v.literal(DETAIL_TYPE),
  detail: v.object({
    executionArn: v.text(),
    stateMachineArn: v.text(),
    status: v.picklist(['SUCCEEDED', 'FAILED', 'TIMED_OUT', 'ABORTED']),
    /** Epoch milliseconds. */
    startDate: v.pipe(v.integer(), v.gtValue(0)),
    /** From a Fail state; otherwise null or absent. */
    error: v.nullish(v.string()),
    cause: v.nullish(v.string()),
  }),
});

export type ExecutionEnded = v.InferOutput<typeof schema>;

export const executionEnded = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract;
