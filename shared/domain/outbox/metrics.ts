import type { Deployment } from '../cause/cascade.ts';
import type { Cause } from '../cause/cause.ts';
import type { Rebuild } from '../cause/rebuild.ts';
import { isDeploymentOver } from '../rollout/deployment.ts';
import type { LedgerRecord } from './ledger-record.ts';

/** What alarms hang on. A zero is told too, so that an alarm sees what went well. */
export interface Measurement {
  readonly metric: 'RebuildsUnverified' | 'AttemptsExhausted' | 'DeploymentsFailed';
  readonly count: number;
}

/**
 * What one change of the ledger counts for; whichever function wrote it, and however often it tried. The same change,
 * delivered twice, counts twice.
 */
export function measure(before: LedgerRecord | undefined, after: LedgerRecord | undefined): Measurement[] {
  switch (after?.kind) {
    case 'cause':
      return exhaustion(before?.kind === 'cause' ? before.record : undefined, after.record);
    case 'rebuild':
      return verification(before?.kind === 'rebuild' ? before.record : undefined, after.record);
    case 'deployment':
      return deploymentEnd(before?.kind === 'deployment' ? before.record : undefined, after.record);
    default:
      return [];
  }
}

/** Where it is refused for that reason, somebody is needed; where its facts are gone meanwhile, nobody is. */
function exhaustion(before: Cause | undefined, { answer }: Cause): Measurement[] {
  const isExhausted = answer?.reason === 'attempts-exhausted' && before?.answer?.reason !== answer.reason;
  return isExhausted ? [{ metric: 'AttemptsExhausted', count: 1 }] : [];
}

/** Not each outcome: that would be six metrics. The others are told by the end of their cascade. */
function verification(before: Rebuild | undefined, { outcome }: Rebuild): Measurement[] {
  if (!outcome || before?.outcome?.result === outcome.result) return [];
  return [{ metric: 'RebuildsUnverified', count: outcome.result === 'unverified' ? 1 : 0 }];
}

/** A refused deployment is the policy's or the service's own doing, and is told by the closure. */
function deploymentEnd(before: Deployment | undefined, after: Deployment): Measurement[] {
  if (!isDeploymentOver(after) || before?.state === after.state) return [];
  const hasFailed = after.state === 'failed' || after.state === 'rolled-back';
  return [{ metric: 'DeploymentsFailed', count: hasFailed ? 1 : 0 }];
}
