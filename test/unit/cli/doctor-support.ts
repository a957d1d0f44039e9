import { OUTPUTS } from '../../../cli/doctor/checks/stack.ts';
import type { StackFacts } from '../../../cli/doctor/facts.ts';
import { type FakeInstallation, fakeInstallation, VERSION } from '../../support/fakes/doctor.ts';
import { HOUR_MS, review } from '../../support/samples.ts';
import { policyOf } from '../fleet-review/support.ts';

export const HUB = '111122223333';
export const REGION = 'eu-west-1';

const stack: StackFacts = {
  name: 'patchwave',
  account: HUB,
  region: REGION,
  status: 'UPDATE_COMPLETE',
  outputs: { ...Object.fromEntries(OUTPUTS.map((name) => [name, `the ${name}`])), TemplateVersion: VERSION },
  parameters: { DailyScanQuota: '1000' },
};

/** An installation in which everything works. */
export async function soundInstallation(): Promise<FakeInstallation> {
  const made = fakeInstallation(stack);
  const { hub, world, clock } = made;
  for (const queue of ['PlanQueue', 'PlanDeadLetters', 'ScanEventQueue', 'ScanEventDeadLetters']) hub.addQueue(queue);
  for (const alarm of ['patchwave-no-review', 'patchwave-review-failed']) hub.addAlarm(alarm);
  await world.policies.publish(policyOf(), {});
  await endReview(made, { endedAtEpochMs: clock() - HOUR_MS });
  return made;
}

export async function endReview(
  { world, clock }: FakeInstallation,
  changes: Parameters<typeof review>[1],
): Promise<void> {
  const inventory = { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 };
  const totals = {
    found: 1,
    outcomes: { compliant: 1, violating: 0, unknown: 0, failed: 0 },
    scopes: { complete: 1, skipped: 0, failed: 0 },
    inventory,
    scans: { requested: 12, fresh: 0, later: 0, refused: {} },
  };
  await world.runs.finish(review('run-1', { state: 'succeeded', endedAtEpochMs: clock(), totals, ...changes }));
}
