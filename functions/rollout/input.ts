import { account } from '../../shared/domain/policy/policy-parts.ts';
import * as v from '../../shared/schema.ts';

const text = v.text();
const service = v.strictObject({ account, region: text, cluster: text, service: text });

export const rolloutSteps = v.variant('action', [
  v.strictObject({ action: v.literal('plan'), cascadeId: text }),
  v.strictObject({ action: v.literal('deploy'), cascadeId: text, service }),
  v.strictObject({ action: v.literal('check'), cascadeId: text, service }),
  v.strictObject({ action: v.literal('check-closures'), runId: text, policyVersion: text }),
]);
export type RolloutStep = v.InferOutput<typeof rolloutSteps>;
export type RolloutStepInput<Action extends RolloutStep['action']> = Omit<
  Extract<RolloutStep, { action: Action }>,
  'action'
>;
