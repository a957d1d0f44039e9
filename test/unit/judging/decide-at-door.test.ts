import type { DoorMode } from '../../../shared/domain/policy/doors.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { datedVerdict } from '../../../shared/domain/verdict/dated-verdict.ts';
import { evaluate, type VerdictInputs } from '../../../shared/domain/verdict/evaluate.ts';
import { decideAtDoor } from '../../../shared/judging/decide-at-door.ts';
import { doorImage, doorPolicy, doorTag, doorWorld, pushTag } from '../../support/door-world.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { alone, DAY_MS, digestOf, imageProperties, judgement } from '../../support/samples.ts';

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
test('each image has its decision, in order', async () => {
  const made = await doorWorld();
  const decisions = await decideAtDoor(made, PLACE, [
    doorImage('violating'),
    doorImage('compliant'),
    doorImage('strange'),
    undefined,
  ]);
  expect(decisions.map(({ decision }) => decision)).toEqual(['deny', 'allow', 'deny', 'deny']);
});

test('what runs in the namespace starts with a warning', async () => {
  const made = await doorWorld();
  await made.running.begin([{ digest: digestOf('violating'), place: PLACE }]);
  const [here] = await decideAtDoor(made, PLACE, [doorImage('violating')]);
  const [there] = await decideAtDoor(made, { ...PLACE, namespace: 'other' }, [doorImage('violating')]);
  expect([here?.decision, there?.decision]).toEqual(['warn', 'deny']);
  made.advance(100 * DAY_MS);
  expect(await decideAtDoor(made, PLACE, [doorImage('violating')])).toMatchObject([{ decision: 'deny' }]);
});

test('an index runs where it was found to run itself, or one of its images', async () => {
  for (const running of ['index', 'violating']) {
    const made = await doorWorld();
    await made.places.recordIndex(
      digestOf('index'),
      [{ digest: digestOf('violating'), platform: 'linux/amd64' }],
      made.clock(),
    );
    expect(await decideAtDoor(made, PLACE, [doorImage('index')])).toMatchObject([{ decision: 'deny' }]);
    await made.running.begin([{ digest: digestOf(running), place: PLACE }]);
    expect(await decideAtDoor(made, PLACE, [doorImage('index')])).toMatchObject([{ decision: 'warn' }]);
  }
});

test('an index that was pushed after one of its images began takes over nothing for an image that never ran', async () => {
  const images = ['compliant', 'violating'].map(
    (name) => ({ digest: digestOf(name), platform: 'linux/amd64' }) as const,
  );
  const decide = async (daysBefore: number, place = PLACE) => {
    const made = await doorWorld();
    const beganAtEpochMs = made.clock() - 3 * DAY_MS;
    await made.places.recordIndex(digestOf('index'), images, beganAtEpochMs - daysBefore * DAY_MS);
    if (daysBefore === Number.NEGATIVE_INFINITY) made.places.undate(digestOf('index'));
    await made.running.begin([{ digest: digestOf('compliant'), place }], beganAtEpochMs);
    const [decision] = await decideAtDoor(made, place, [doorImage('index')]);
    return decision;
  };
  const denied = { decision: 'deny', ruleId: 'critical' };
  expect(await decide(-1)).toMatchObject(denied);
  expect(await decide(-2, { ...PLACE, namespace: 'pay' })).toMatchObject(denied);
  // The index ran on nodes of the one platform, and starts on those of the other.
  expect(await decide(0)).toMatchObject({ decision: 'warn', ruleId: 'critical' });
  expect(await decide(1)).toMatchObject({ decision: 'warn', ruleId: 'critical' });
  // Version 0.1.0 recorded it.
  expect(await decide(Number.NEGATIVE_INFINITY)).toMatchObject({ decision: 'warn', ruleId: 'critical' });
});

test('a digest that another workload runs under a name that is not approved starts by its approved name', async () => {
  const made = fakeWorld();
  const approvedRegistries = { allow: ['111122223333.dkr.ecr.eu-west-1.amazonaws.com/**'] };
  await made.policies.publish(doorPolicy({ mode: 'deny' }, { approvedRegistries }), {});
  const { policy } = await made.policies.current();
  const image = imageProperties('grafana', { references: ['docker.io/grafana/grafana'] });
  await made.images.recordProperties(image);
  await made.images.recordLineage(image.digest, alone(image));
  const scan = { state: 'complete', completedAtEpochMs: made.clock(), coverage: ['os'] } as const;
  const inputs = { image: { ...image, lineage: alone(image) }, scan, findings: [], firstSeen: new Map() };
  const verdict = evaluate(inputs, policy, 'v1', made.clock());
  await made.images.recordJudgement(judgement('grafana', made.clock(), { scan, verdict }));

  // The report names the other name.
  expect(verdict.reasons).toMatchObject([{ kind: 'registry', registry: 'docker.io/grafana/grafana' }]);
  const asked = [doorImage('grafana'), `docker.io/grafana/grafana@${image.digest}`];
  const decisions = await decideAtDoor(made, PLACE, asked);
  expect(decisions).toMatchObject([{ decision: 'allow' }, { decision: 'deny', ruleId: 'approved-registries' }]);
});

describe('a tag, where no digest is required', () => {
  const tagged = (name: string) => doorImage(name).replace(/@.*/, ':stable');
  const at = (name: string) => ({ account: PLACE.account, region: PLACE.region, repository: `team/${name}` });
  /** A push of a repository's tag `stable`. */
  const world = async (mode: DoorMode = 'deny', requireDigest = false) => {
    const made = await doorWorld(mode, { requireDigest });
    const push = async (name: string, image = name, atEpochMs = made.clock()) => {
      const seen = { firstPushSeenAtEpochMs: atEpochMs, lastPushSeenAtEpochMs: atEpochMs };
      await made.places.recordLocation({ digest: digestOf(image), location: at(name), tags: ['stable'], ...seen });
    };
    return { ...made, push };
  };

  test('of an image that the ledger knows to violate is refused', async () => {
    const made = await world();
    await made.push('violating');
    expect(await decideAtDoor(made, PLACE, [tagged('violating')])).toMatchObject([
      { decision: 'deny', ruleId: 'critical' },
    ]);
  });

  test('of another image than the one that violates starts with a warning, and so does one that nobody has seen', async () => {
    const made = await world();
    await made.push('violating');
    await made.push('compliant');
    const names = [tagged('compliant'), tagged('strange'), 'docker.io/team/violating:stable'];
    const warned = { decision: 'warn', ruleId: 'digest-required' };
    expect(await decideAtDoor(made, PLACE, names)).toMatchObject([warned, warned, warned]);
  });

  test('that a review no longer found on the image says nothing of it', async () => {
    const made = await world();
    await made.push('violating');
    const gone = { digest: digestOf('violating'), location: at('violating'), tags: [] };
    await made.places.recordLocation(gone, made.clock() + DAY_MS);
    expect(await decideAtDoor(made, PLACE, [tagged('violating')])).toMatchObject([{ decision: 'warn' }]);
  });

  test('is judged by the image that it names now', async () => {
    const made = await world();
    await made.push('web', 'violating', made.clock() - DAY_MS);
    expect(await decideAtDoor(made, PLACE, [tagged('web')])).toMatchObject([{ decision: 'deny' }]);
    await made.push('web', 'compliant');
    expect(await decideAtDoor(made, PLACE, [tagged('web')])).toMatchObject([{ decision: 'warn' }]);
  });

  test('of an image that runs there has its grace, and a door that warns only warns', async () => {
    const made = await world();
    await made.push('violating');
    await made.running.begin([{ digest: digestOf('violating'), place: PLACE }]);
    expect(await decideAtDoor(made, PLACE, [tagged('violating')])).toMatchObject([{ decision: 'warn' }]);
    const warning = await world('warn');
    await warning.push('violating');
    expect(await decideAtDoor(warning, PLACE, [tagged('violating')])).toMatchObject([{ decision: 'warn' }]);
  });
});

test.each([':443', ':0443'])('the port %s in the name of an ECR registry hides no known violation', async (port) => {
  const made = await doorWorld('deny', { requireDigest: false });
  await pushTag(made, 'violating');
  await pushTag(made, 'compliant');
  const named = (name: string) => doorTag(name).replace('.com/', `.com${port}/`);
  const decisions = await decideAtDoor(made, PLACE, [named('violating'), named('compliant')]);
  expect(decisions.map(({ decision }) => decision)).toEqual(['deny', 'warn']);
});

test('a door that is off lets everything start', async () => {
  expect(await decideAtDoor(await doorWorld('off'), PLACE, ['nginx'])).toEqual([{ decision: 'allow' }]);
});

test('a policy that cannot be read is an error, and no decision', async () => {
  await expect(decideAtDoor(fakeWorld(), PLACE, ['nginx'])).rejects.toThrow();
});

describe('an image whose system ended a year ago', () => {
  const ended = { system: { kind: 'named', id: 'alpine', version: '3.18.4' } as const, digest: digestOf('base') };

  /** The decision in the place where it ran well before the first reading of its system, and in another one. */
  async function decide(changes: Partial<PolicyDocument>, daysLater: number) {
    const made = fakeWorld();
    await made.policies.publish(doorPolicy({ mode: 'deny', graceRunningDays: 14 }, changes), {});
    const { policy } = await made.policies.current();
    const image = imageProperties('old');
    await made.images.recordProperties(image);
    await made.images.recordLineage(image.digest, alone(image));
    const judgeWith = async (system?: VerdictInputs['system']) => {
      const scan = { state: 'complete', completedAtEpochMs: made.clock(), coverage: ['os'] } as const;
      const inputs = {
        ...{ image: { ...image, lineage: alone(image) }, scan, findings: [], firstSeen: new Map() },
        ...(system && { system }),
      };
      const applied = [{ version: 'v1', policy, fromEpochMs: made.clock() - 100 * DAY_MS }];
      const verdict = datedVerdict(evaluate(inputs, policy, 'v1', made.clock()), inputs, applied, made.clock());
      await made.images.recordJudgement(judgement('old', made.clock(), { scan, verdict }));
    };
    await judgeWith();
    await made.running.begin([{ digest: image.digest, place: PLACE }]);
    made.advance(DAY_MS);
    const system = { ...ended, readAtEpochMs: made.clock() };
    await judgeWith(system);
    made.advance(daysLater * DAY_MS);
    if (daysLater > 0) await judgeWith(system);
    const [here] = await decideAtDoor(made, PLACE, [doorImage('old')]);
    const [there] = await decideAtDoor(made, { ...PLACE, namespace: 'other' }, [doorImage('old')]);
    return [here?.decision, there?.decision];
  }

  test.each([
    ['by the rule', { systemSupported: {} }],
    ['without the rule', {}],
  ])(
    'starts with a warning where it ran well, until the grace since its first reading is over: %s',
    async (_, changes) => {
      expect(await decide(changes, 0)).toEqual(['warn', 'deny']);
      expect(await decide(changes, 12)).toEqual(['warn', 'deny']);
      expect(await decide(changes, 15)).toEqual(['deny', 'deny']);
    },
  );
});
