import { account, region } from '../../shared/domain/policy/policy-parts.ts';
import * as v from '../../shared/schema.ts';

/** Messages of the queue. Each body is validated separately. */
export const checkMessages = v.object({
  Records: v.array(
    v.object({
      messageId: v.text(),
      body: v.string(),
      attributes: v.object({ ApproximateReceiveCount: v.numberFromText() }),
    }),
  ),
});
export type CheckMessage = v.InferOutput<typeof checkMessages>['Records'][number];

/** RFC 1123. */
const NAMESPACE = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

const asked = {
  place: v.strictObject({
    account,
    region,
    cluster: v.pipe(v.string(), v.regex(/^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$/, 'must be the name of an EKS cluster')),
    namespace: v.pipe(v.string(), v.regex(NAMESPACE, 'must be the name of a namespace')),
  }),
  uid: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
  user: v.pipe(v.string(), v.maxLength(512)),
  askedAtEpochMs: v.pipe(v.integer(), v.gtValue(0)),
};

/** What the webhook sends, a `BreakGlassCheck`, and the clock of the stack. */
export const breakGlassCheck = v.variant('kind', [
  v.strictObject({
    kind: v.literal('begin'),
    ...asked,
    breakGlass: v.strictObject({
      author: v.pipe(v.string(), v.maxLength(200)),
      reason: v.pipe(v.string(), v.maxLength(1000)),
      expiresAtEpochMs: v.integer(),
    }),
  }),
  v.strictObject({ kind: v.literal('end'), ...asked }),
  v.strictObject({ kind: v.literal('sweep') }),
]);
