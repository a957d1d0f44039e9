import * as v from '../../shared/schema.ts';

/** The event of the schedule, or nothing from a person who asks for a look: there is one thing to do. */
export const protectionInput = v.unknown();
export type ProtectionInput = v.InferOutput<typeof protectionInput>;
