import { digest } from '../../shared/domain/image/digest-schema.ts';
import * as v from '../../shared/schema.ts';

/** Messages of the queue of registry events. Each body is validated separately. */
export const registryEventsInput = v.object({
  Records: v.array(v.object({ messageId: v.text(), body: v.string() })),
});
export type RegistryEventMessage = v.InferOutput<typeof registryEventsInput>['Records'][number];

/** `account/region/repository:headTag`; repository names contain no colon. */
const STREAM_ID = /^\d{12}\/[a-z0-9-]+\/[^:]+:.+$/;

/** A request of another function: a `RefreshRequest`. */
export const refreshRequest = v.strictObject({
  kind: v.literal('refresh'),
  stream: v.pipe(v.string(), v.regex(STREAM_ID, 'must be the id of a stream')),
  digest: v.exactOptional(digest),
  scansAgain: v.exactOptional(v.literal(true)),
  judges: v.exactOptional(v.literal(true)),
});
