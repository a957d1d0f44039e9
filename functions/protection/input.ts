import * as v from '../../shared/schema.ts';

/** Messages of the queue that starts a look; there is one thing to do, so nobody reads their bodies. */
export const protectionInput = v.object({ Records: v.array(v.object({ messageId: v.text() })) });
export type ProtectionInput = v.InferOutput<typeof protectionInput>;
