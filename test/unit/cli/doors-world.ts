import { type FakeWorld, fakeWorld } from '../../support/fakes/world.ts';
import { alone, DAY_MS, digestOf, imageProperties, judgement, verdict } from '../../support/samples.ts';

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
