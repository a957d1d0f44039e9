import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';

/** The test event of `patchwave doctor`, as it came through the rule of a member account. */
export interface ForwardingTest {
  /** Of the run of the command that sent it. */
  readonly test: string;
  /** Its origin, set by EventBridge: a sender cannot choose it. */
  readonly account: string;
  readonly region: string;
}

const SOURCE = 'patchwave.doctor';
const DETAIL_TYPE = 'ForwardingTest';

const schema = v.pipe(
  v.object({
    ...envelope.entries,
    source: v.literal(SOURCE),
    'detail-type': v.literal(DETAIL_TYPE),
    detail: v.object({ test: v.text() }),
  }),
  v.transform(({ account, region, detail }): ForwardingTest => ({ test: detail.test, account, region })),
);

/** No function handles it: its rule leads to a queue that the command reads. */
export const forwardingTest = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract<ForwardingTest>;
