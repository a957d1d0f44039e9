import { inTime } from '../../../functions/admission-webhook/deadline.ts';
import { reviewAdmission } from '../../../functions/admission-webhook/review-admission.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { podOf, reviewOf } from '../../support/admission-reviews.ts';
import { headOfStream, STREAM_OF_DENIED } from '../../support/denied-stream.ts';
import { doorImage, doorWorld } from '../../support/door-world.ts';
import { digestOf } from '../../support/samples.ts';

const CLUSTER = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const BAD = doorImage('violating');
const HEAD = `111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/violating@${digestOf('compliant')}`;

const ofDeployment = {
  metadata: {
    labels: { 'pod-template-hash': '7d9f' },
    ownerReferences: [{ kind: 'ReplicaSet', name: 'web-7d9f', controller: true }],
  },
  ...{ spec: podOf(BAD).spec },
};

async function worldWith(head: Digest | undefined) {
  const world = await doorWorld();
  await headOfStream(world, 'violating', head);
  return world;
}

const messageOf = async (world: Awaited<ReturnType<typeof worldWith>>, object: object = ofDeployment) =>
  (await reviewAdmission(world, CLUSTER, reviewOf({ object }))).answer.response.status?.message ?? '';

test('a refusal names the head of the stream, and a command that deploys it', async () => {
  expect(await messageOf(await worldWith(digestOf('compliant')))).toContain(
    `${HEAD} may start here. Deploy it, for instance: kubectl -n shop set image deployment/web c0=${HEAD}`,
  );
});

test.each<[string, Digest | undefined]>([
  ['violates a rule', digestOf('violating-too')],
  ['Patchwave does not know', digestOf('unknown')],
  ['is the refused image', digestOf('violating')],
  ['is missing', undefined],
])('a head that %s is not named', async (_, head) => {
  const world = await worldWith(head);
  expect(await messageOf(world)).not.toContain('may start here');
  expect(world.startDenials.recorded).toHaveLength(1);
  expect(world.startDenials.recorded[0]).not.toHaveProperty('headToDeploy');
});

test('a refusal is recorded once an hour, with its owner and the head to deploy', async () => {
  const world = await worldWith(digestOf('compliant'));
  const deniedAtEpochMs = world.clock();
  for (const minutes of [0, 5, 20]) {
    world.advance(minutes * 60_000);
    await messageOf(world);
  }
  expect(world.startDenials.recorded).toEqual([
    {
      ...{
        door: 'eks-webhook',
        place: { ...CLUSTER, namespace: 'shop' },
        reference: BAD,
        digest: digestOf('violating'),
      },
      ...{ owner: STREAM_OF_DENIED.owner, workload: 'ReplicaSet/web-7d9f', ruleId: 'critical' },
      ...{ message: expect.stringContaining('may not start'), headToDeploy: HEAD, deniedAtEpochMs },
    },
  ]);
  world.advance(60 * 60_000);
  await messageOf(world);
  expect(world.startDenials.recorded).toHaveLength(2);
});

test('each refused image is recorded, with hidden characters made visible', async () => {
  const world = await worldWith(undefined);
  await messageOf(world, podOf(BAD, 'nginx:1', `a\u202eb${'x'.repeat(2000)}`));
  expect(
    world.startDenials.recorded.map(({ reference = '' }) => [reference.slice(0, 8), reference.length <= 400]),
  ).toEqual([
    [BAD.slice(0, 8), true],
    ['nginx:1', true],
    ['a\\u202eb', true],
  ]);
});

test.each<[string, object]>([
  ['a dry run', { dryRun: true }],
  ['a pod that may start', { object: podOf(doorImage('compliant')) }],
])('%s records nothing', async (_, changes) => {
  const world = await worldWith(digestOf('compliant'));
  await reviewAdmission(world, CLUSTER, reviewOf({ object: ofDeployment, ...changes }));
  expect(world.startDenials.recorded).toEqual([]);
});

test('a door that only warns records nothing', async () => {
  const world = await doorWorld('warn');
  await reviewAdmission(world, CLUSTER, reviewOf({ object: ofDeployment }));
  expect(world.startDenials.recorded).toEqual([]);
});

describe('the answer is the same, and says why it was not told,', () => {
  const never = () => new Promise<never>(() => undefined);
  const failing = () => Promise.reject(new Error('throttled'));
  test.each<[string, (world: Awaited<ReturnType<typeof worldWith>>) => object]>([
    ['if the record fails', () => ({ startDenials: { record: failing } })],
    ['if the record takes too long', () => ({ startDenials: { record: never } })],
    ['if the stream cannot be read', () => ({ streams: { streams: failing } })],
    ['if the stream takes too long', () => ({ streams: { streams: never } })],
  ])('%s', async (_, broken) => {
    const world = await worldWith(undefined);
    const review = reviewOf({ object: ofDeployment });
    const { answer, unreported: before } = await reviewAdmission(world, CLUSTER, review);
    expect(before).toBeUndefined();
    const soon = <Value>(work: Promise<Value>) => inTime(20, work);
    const reviewed = await reviewAdmission({ ...world, soon, ...broken(world) }, CLUSTER, review);
    expect(reviewed.answer).toEqual(answer);
    expect(reviewed.unreported).toBeInstanceOf(Error);
  });
});
