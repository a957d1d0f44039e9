import * as v from '../../shared/schema.ts';

/** Messages of the queue. What they say does not matter: each publication has everything. */
export const publicationMessages = v.object({ Records: v.array(v.object({ messageId: v.text() })) });
