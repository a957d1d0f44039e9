import type { Closure, Deployment } from '../cause/cascade.ts';
import type { Cause } from '../cause/cause.ts';
import type { Rebuild } from '../cause/rebuild.ts';
import { isDeploymentOver } from '../rollout/deployment.ts';
import type { LedgerRecord } from './ledger-record.ts';

/** The metrics that alarms use. Zeros are published too, so that an alarm sees success. */
export interface Measurement {
  readonly metric: 'RebuildsUnverified' | 'AttemptsExhausted' | 'DeploymentsFailed' | 'WitnessDisagrees';
  readonly count: number;
}

/**
 * The metrics of one ledger change, whichever function wrote it and however often it tried. A change delivered twice
 * counts twice.
 */
export function measurementsOf(before: LedgerRecord | undefined, after: LedgerRecord | undefined): Measurement[] {
  switch (after?.kind) {
    case 'cause':
      return exhaustion(before?.kind === 'cause' ? before.record : undefined, after.record);
    case 'rebuild':
      return verification(before?.kind === 'rebuild' ? before.record : undefined, after.record);
    case 'deployment':
      return deploymentEnd(before?.kind === 'deployment' ? before.record : undefined, after.record);
    case 'closure':
      return closureEnd(before?.kind === 'closure' ? before.record : undefined, after.record);
    default:
      return [];
  }
}

/** Counts only while it is refused for that reason: then a person is needed. */
function exhaustion(before: Cause | undefined, { answer }: Cause): Measurement[] {
  const isExhausted = answer?.reason === 'attempts-exhausted' && before?.answer?.reason !== answer.reason;
  return isExhausted ? [{ metric: 'AttemptsExhausted', count: 1 }] : [];
}

/** Only some outcomes, because all would be six metrics. The end of the cascade covers the others. */
function verification(before: Rebuild | undefined, { outcome }: Rebuild): Measurement[] {
  if (!outcome || before?.outcome?.result === outcome.result) return [];
  return [{ metric: 'RebuildsUnverified', count: outcome.result === 'unverified' ? 1 : 0 }];
}

/** A refused deployment comes from the policy or the service itself; the closure reports it. */
function deploymentEnd(before: Deployment | undefined, after: Deployment): Measurement[] {
  if (!isDeploymentOver(after) || before?.state === after.state) return [];
  const hasFailed = after.state === 'failed' || after.state === 'rolled-back';
  return [{ metric: 'DeploymentsFailed', count: hasFailed ? 1 : 0 }];
}

/** A closure that Amazon Inspector contradicts has no proof, and no review looks at it again. */
function closureEnd(before: Closure | undefined, { state }: Closure): Measurement[] {
  if (state === 'open' || before?.state === state) return [];
  return [{ metric: 'WitnessDisagrees', count: state === 'witness-disagrees' ? 1 : 0 }];
}
