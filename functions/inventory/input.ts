import { registry, scopeSchema } from '../../shared/review/documents.ts';
import * as v from '../../shared/schema.ts';

const run = {
  runId: v.text(),
  mode: v.picklist(['review', 'preview']),
  policyVersion: v.text(),
};

export const inventoryInput = v.variant('action', [
  v.strictObject({
    action: v.literal('workloads'),
    ...run,
    scope: scopeSchema,
    /** Whether stopping tasks are read too. */
    includesStopping: v.exactOptional(v.boolean()),
  }),
  v.strictObject({ action: v.literal('registry'), ...run, registry }),
  v.strictObject({ action: v.literal('usages'), ...run, scope: scopeSchema }),
]);
export type InventoryInput = v.InferOutput<typeof inventoryInput>;
export type InventoryActionInput<Action extends InventoryInput['action']> = Extract<InventoryInput, { action: Action }>;
