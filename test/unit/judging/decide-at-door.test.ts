import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { decideAtDoor } from '../../../shared/judging/decide-at-door.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { alone, DAY_MS, digestOf, imageProperties, judgement, verdict } from '../../support/samples.ts';

const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
const named = (name: string) => `${HOST}/team/${name}@${digestOf(name)}`;
const policy = (mode: string) =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [], doors: { mode } },
  });

async function world(mode = 'deny') {
  const made = fakeWorld();
  await made.policies.publish(policy(mode), {});
  for (const status of ['compliant', 'violating'] as const) {
    const properties = imageProperties(status);
    await made.images.recordProperties(properties);
    await made.images.recordLineage(properties.digest, alone(properties));
    const reasons = verdict(status).reasons.map((one) => ({ ...one, deadlineEpochMs: made.clock() }));
    const scan = { state: 'complete', completedAtEpochMs: made.clock(), coverage: ['os'] } as const;
    await made.images.recordJudgement(
      judgement(status, made.clock(), { scan, verdict: { ...verdict(status), reasons } }),
    );
  }
  return made;
}

test('each image has its decision, in order', async () => {
  const made = await world();
  const decisions = await decideAtDoor(made, PLACE, [
    named('violating'),
    named('compliant'),
    named('strange'),
    undefined,
  ]);
  expect(decisions.map(({ decision }) => decision)).toEqual(['deny', 'allow', 'deny', 'deny']);
});

test('what runs in the namespace starts with a warning', async () => {
  const made = await world();
  await made.running.begin([{ digest: digestOf('violating'), place: PLACE }]);
  const [here] = await decideAtDoor(made, PLACE, [named('violating')]);
  const [there] = await decideAtDoor(made, { ...PLACE, namespace: 'other' }, [named('violating')]);
  expect([here?.decision, there?.decision]).toEqual(['warn', 'deny']);
  made.advance(100 * DAY_MS);
  expect(await decideAtDoor(made, PLACE, [named('violating')])).toMatchObject([{ decision: 'deny' }]);
});

test('a door that is off lets everything start', async () => {
  expect(await decideAtDoor(await world('off'), PLACE, ['nginx'])).toEqual([{ decision: 'allow' }]);
});

test('a policy that cannot be read is an error, and no decision', async () => {
  await expect(decideAtDoor(fakeWorld(), PLACE, ['nginx'])).rejects.toThrow();
});
