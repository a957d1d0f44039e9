import type { DoorMode } from '../../../shared/domain/policy/doors.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { alone, DAY_MS, digestOf, imageProperties, judgement, usage, verdict } from '../../support/samples.ts';

export const SCOPE = { account: '111122223333', region: 'eu-west-1' };
export const MAIN = { ...SCOPE, cluster: 'main' };
const EKS = { workloadKind: 'eks-deployment', cluster: 'main' } as const;
const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';

/** An image as a workload names it. */
export const named = (name: string): string => `${HOST}/team/${name}@${digestOf(name)}`;

/** A world with the judged images `compliant` and `violating`; the deadline of the second is now. */
export async function judgedWorld(): Promise<FakeWorld> {
  const made = fakeWorld();
  for (const status of ['compliant', 'violating'] as const) {
    const properties = imageProperties(status);
    await made.images.recordProperties(properties);
    await made.images.recordLineage(properties.digest, alone(properties));
    const reasons = verdict(status).reasons.map((one) => ({ ...one, deadlineEpochMs: made.clock() }));
    // Late enough that it does not become too old while a test moves the clock.
    const scan = { state: 'complete', completedAtEpochMs: made.clock() + 90 * DAY_MS, coverage: ['os'] } as const;
    await made.images.recordJudgement(
      judgement(status, made.clock(), { scan, verdict: { ...verdict(status), reasons } }),
    );
  }
  return made;
}

/** A policy with these doors and nothing else. */
export const policyWith = (doors: object | undefined) =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [] },
    severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
    ...(doors && { doors }),
  });

/** `violating` runs within its grace, `compliant` runs, and both were read. */
export async function running(mode: DoorMode = 'deny', policy = policyWith({ mode })): Promise<FakeWorld> {
  const world = await judgedWorld();
  await world.policies.publish(policy, {});
  for (const scope of [SCOPE, { ...SCOPE, eksCluster: 'main' }])
    await world.scopes.record({ scope, completeAtEpochMs: world.clock() });
  const both = ['violating', 'compliant'].map((name) =>
    usage(name, { ...EKS, workload: `shop/${name}`, reference: named(name) }),
  );
  await world.usages.record(both, 0);
  await world.running.begin(both.map(({ digest }) => ({ digest, place: { ...MAIN, namespace: 'shop' } })));
  return world;
}
