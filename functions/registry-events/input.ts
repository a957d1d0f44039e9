import { digest } from '../../shared/domain/image/digest-schema.ts';
import * as v from '../../shared/schema.ts';

/** Messages of one queue. Each body is validated separately. */
export const registryEventsInput = v.object({
  Records: v.array(v.object({ messageId: v.text(), body: v.string(), eventSourceARN: v.text() })),
});
export type QueueMessage = v.InferOutput<typeof registryEventsInput>['Records'][number];
export type RegistryEventMessage = Pick<QueueMessage, 'messageId' | 'body'>;

/** `account/region/repository:headTag`; repository names contain no colon. */
const STREAM_ID = /^\d{12}\/[a-z0-9-]+\/[^:]+:.+$/;
const stream = v.pipe(v.string(), v.regex(STREAM_ID, 'must be the id of a stream'));

/** A request of another function: a `RefreshRequest`. */
export const refreshRequest = v.strictObject({
  kind: v.literal('refresh'),
  stream,
  digest: v.exactOptional(digest),
  scansAgain: v.exactOptional(v.literal(true)),
  judges: v.exactOptional(v.literal(true)),
});

/** As a repository may be called, so that no request for another name reaches a registry. */
const CHECKED_STREAM = /^\d{12}\/[a-z0-9-]{1,32}\/[a-z0-9][a-z0-9._/-]{1,255}:[\x21-\x7e]{1,512}$/;

/** A request of `patchwave check` for a verdict: the one message that a team may send. */
export const checkRequest = v.strictObject({
  kind: v.literal('refresh'),
  stream: v.pipe(v.string(), v.regex(CHECKED_STREAM, 'must be the id of a stream')),
  digest,
  judges: v.literal(true),
});
