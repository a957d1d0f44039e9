import * as v from '../../shared/schema.ts';

/** The schedule event, or nothing from a person; both run the same check. */
export const protectionInput = v.unknown();
export type ProtectionInput = v.InferOutput<typeof protectionInput>;
