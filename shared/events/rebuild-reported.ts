import { digest } from '../domain/image/digest-schema.ts';
import type { Digest } from '../domain/image/image.ts';
import * as v from '../schema.ts';
import { type EventContract, envelope } from './contract.ts';
import { text } from './parts.ts';

/** A pipeline's claim about the image that it pushed. It counts only if `account` may report for the rebuild. */
export interface OutputReported {
  readonly rebuildId: string;
  readonly digest: Digest;
  /** The sender, set by EventBridge: a sender cannot choose it. */
  readonly account: string;
}

const SOURCE = 'patchwave.pipeline';
const DETAIL_TYPE = 'RebuildReported';

/** Sent by a build that Patchwave requested, if the pipeline has no output variable for the pushed digest. */
const schema = v.pipe(
  v.object({
    ...envelope.entries,
    source: v.literal(SOURCE),
    'detail-type': v.literal(DETAIL_TYPE),
    detail: v.object({ rebuildId: text, digest }),
  }),
  v.transform(
    ({ account, detail }): OutputReported => ({ account, rebuildId: detail.rebuildId, digest: detail.digest }),
  ),
);

export const rebuildReported = {
  source: SOURCE,
  detailType: DETAIL_TYPE,
  direction: 'consumed',
  schema,
} as const satisfies EventContract<OutputReported>;
