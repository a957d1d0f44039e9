import { jest } from '@jest/globals';
import { planServices } from '../../../functions/rollout/plan.ts';
import { collect } from '../../../shared/concurrency.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { LedgerItemUnreadableError } from '../../../shared/ports/errors.ts';
import { digestOf, HOUR_MS } from '../../support/samples.ts';
import {
  CASCADE,
  FIXED,
  known,
  LIMITS,
  plan,
  planned,
  portsOf,
  type RolloutWorld,
  rolloutWorld,
  runs,
  service,
  serviceOf,
  streamOf,
} from './support.ts';

const closures = (world: RolloutWorld) => collect(world.rollouts.closures(CASCADE));

test('a service that runs what was replaced is deployed, and its stream is closed once nothing runs it', async () => {
  const world = await rolloutWorld();
  await service(world, 'web');
  expect(await planned(world)).toEqual([serviceOf('web')]);
  expect(await closures(world)).toEqual([
    {
      ...{ cascadeId: CASCADE, stream: streamOf('web'), facts: [FIXED], output: digestOf('web-new'), state: 'open' },
      ...{ sinceEpochMs: world.clock(), deadlineEpochMs: world.clock() + 72 * HOUR_MS },
      ...{ services: ['111122223333/eu-west-1/prod/web'], left: [] },
    },
  ]);
});

test('a service with two containers in one cascade is one deployment', async () => {
  const world = await rolloutWorld({ modes: { web: 'restart', proxy: 'restart' } });
  await service(world, 'shop', ['web', 'proxy']);
  expect(await planned(world)).toEqual([serviceOf('shop')]);
});

test('a service with one stream that is not verified stays as it is until the next review, and says so', async () => {
  const world = await rolloutWorld({ modes: { web: 'restart', proxy: 'restart' }, states: { proxy: 'ineffective' } });
  await service(world, 'shop', ['web', 'proxy']);
  expect(await planned(world)).toEqual([]);
  const [closure, ...more] = await closures(world);
  expect(more).toEqual([]);
  expect(closure).toMatchObject({
    stream: streamOf('web'),
    services: [],
    postponed: [serviceKey(serviceOf('shop'))],
    waitingFor: expect.stringMatching(
      /^Patchwave does not deploy ecs-service 111122223333\/eu-west-1\/prod\/shop \(not-verified\)\. Deploy these yourself\. Or, for `not-verified`, correct the other stream of the service, which `patchwave status` names; the next review plans/,
    ),
  });
});

test.each([
  [
    'a standalone task',
    { workloadKind: 'ecs-task' },
    'restart',
    'ecs-task 111122223333/eu-west-1/prod/web (standalone-task). Deploy these yourself',
  ],
  [
    'a daemon',
    { workloadKind: 'ecs-daemon' },
    'restart',
    'ecs-daemon 111122223333/eu-west-1/prod/web (daemon). Deploy these yourself',
  ],
  [
    'the pipeline deploys',
    {},
    'pipeline',
    'ecs-service 111122223333/eu-west-1/prod/web (pipeline). Deploy these yourself. Or, for `pipeline` and `none`, change `rollout` of their stream in the policy',
  ],
  [
    'the policy says `rollout: none`',
    {},
    'none',
    'ecs-service 111122223333/eu-west-1/prod/web (none). Deploy these yourself. Or, for `pipeline` and `none`, change `rollout` of their stream in the policy',
  ],
] as const)(
  'a workload that cannot be restarted is left to its owner, and its closure says so: %s',
  async (_, usage, mode, text) => {
    const world = await rolloutWorld({ modes: { web: mode } });
    await runs(world, 'web', 'old', usage);
    expect(await planned(world)).toEqual([]);
    expect(await closures(world)).toMatchObject([{ state: 'open', waitingFor: `Patchwave does not deploy ${text}` }]);
  },
);

test.each([
  ['holds the cause', { holds: true }, 1],
  ['is not judged', {}, 1],
  ['is newer and free of it', { holds: false, isHead: true }, 0],
  ['is older and free of it', { holds: false }, 0],
  ['was last scanned before it was first seen', { holds: false, scannedAtEpochMs: FIXED.sinceEpochMs - 1 }, 1],
] as const)('an image of the stream that %s', async (_, is, count) => {
  const world = await rolloutWorld();
  await known(world, 'web', 'other', is);
  await runs(world, 'web', 'other');
  expect(await planned(world)).toHaveLength(count);
});

test('a verified image is not deployed again, and neither is an image that belongs to another stream by now', async () => {
  const world = await rolloutWorld();
  await runs(world, 'web', 'new');
  const record = world.images.records.get(digestOf('web-old'));
  if (!record) throw new Error('no record');
  world.images.records.set(record.digest, { ...record, stream: streamOf('other') });
  await runs(world, 'web', 'old');
  expect(await planned(world)).toEqual([]);
});

test('a manual request replaces every running image except a head that was pushed later', async () => {
  const asked = {
    kind: 'person',
    ruleId: 'asked-by-person',
    by: 'ann',
    reason: 'a new base',
    sinceEpochMs: 1,
  } as const;
  const world = await rolloutWorld({ nodes: { web: { facts: [asked], holders: [] } } });
  await known(world, 'web', 'free', { holds: false });
  await known(world, 'web', 'theirs', { holds: false, isHead: true });
  await runs(world, 'web', 'free', { workload: 'one' });
  await runs(world, 'web', 'theirs', { workload: 'two' });
  expect(await planned(world)).toEqual([serviceOf('one')]);
});

test('planned again it finds its closures there, since when they were first opened', async () => {
  const world = await rolloutWorld();
  await service(world, 'web');
  await plan(world);
  const before = await closures(world);
  world.advance(HOUR_MS);
  await plan(world);
  expect(await closures(world)).toEqual(before);
});

test('an unknown cascade is refused', async () => {
  const world = await rolloutWorld();
  const step = planServices(portsOf(world), LIMITS, { cascadeId: 'fedcba987654-g1' });
  await expect(step).rejects.toThrow(/the ledger has no cascade fedcba987654-g1/);
});

describe('an item of the ledger that cannot be read', () => {
  const unreadable = async (): Promise<never> => {
    throw new LedgerItemUnreadableError('an item', 'damaged');
  };
  const two = () => rolloutWorld({ modes: { web: 'restart', proxy: 'restart' } });
  beforeEach(() => void jest.spyOn(logger, 'warn').mockImplementation(() => undefined));
  afterEach(() => jest.restoreAllMocks());

  /** For the first stream only. */
  const harms: readonly [string, (world: RolloutWorld) => void][] = [
    [
      'a usage',
      ({ usages }) => {
        const real = usages.ofImage.bind(usages);
        jest
          .spyOn(usages, 'ofImage')
          .mockImplementation((digest) => (digest === digestOf('web-old') ? unreadable() : real(digest)));
      },
    ],
    [
      'what its output holds',
      ({ places }) => {
        const real = places.indexes.bind(places);
        jest
          .spyOn(places, 'indexes')
          .mockImplementation((digests) => (digests.includes(digestOf('web-new')) ? unreadable() : real(digests)));
      },
    ],
  ];

  test.each(harms)('%s: its stream is not deployed, and the others are', async (_, harm) => {
    const world = await two();
    await service(world, 'web');
    await service(world, 'proxy');
    harm(world);
    expect(await planned(world)).toEqual([serviceOf('proxy')]);
    expect((await closures(world)).map(({ stream }) => stream)).toEqual([streamOf('proxy')]);
  });

  test('a service that its stream shares is not deployed either, where that can be read', async () => {
    const world = await two();
    await service(world, 'shop', ['web', 'proxy']);
    harms[1]?.[1](world);
    expect(await planned(world)).toEqual([]);
  });

  test('a closure: the other streams have theirs', async () => {
    const world = await two();
    await service(world, 'proxy');
    const open = world.rollouts.openClosure.bind(world.rollouts);
    jest
      .spyOn(world.rollouts, 'openClosure')
      .mockImplementation((closure) => (closure.stream === streamOf('web') ? unreadable() : open(closure)));
    expect(await planned(world)).toEqual([serviceOf('proxy')]);
    expect((await closures(world)).map(({ stream }) => stream)).toEqual([streamOf('proxy')]);
  });
});
