import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import type { ServiceRef } from '../../../shared/ports/rollouts.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  complete,
  DEPLOYMENT_MS,
  HOST,
  HOUR_MS,
  imageOf,
  locationOf,
  MINUTE_MS,
  planned,
  REGISTRY,
  type RolloutWorld,
  rolloutWorld,
  ServiceMachine,
  service,
  serviceOf,
} from './support.ts';

const NEW = digestOf('web-new');

/** One service, planned. */
async function scene(mode: RolloutMode = 'restart') {
  const world = await rolloutWorld({ modes: { web: mode } });
  const ref = await service(world, 'web');
  await planned(world);
  return { world, ref, machine: new ServiceMachine(world, ref) };
}

const deploymentOf = (world: RolloutWorld, name = 'web') =>
  world.rollouts.deployment(CASCADE, serviceKey(serviceOf(name)));

test('a service is restarted once, and its deployment is awaited', async () => {
  const { world, machine } = await scene();
  await machine.run('check');
  expect(world.deployer.started).toHaveLength(1);
  expect(await deploymentOf(world)).toMatchObject({ state: 'running', mode: 'restart' });
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
  complete(world);
  await machine.run();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'completed' });
  expect(world.deployer.started).toHaveLength(1);
});

test('register copies the definition and changes one image', async () => {
  const { world, ref, machine } = await scene('register');
  const before = await world.deployer.describe(ref);
  await machine.run('check');
  const after = await world.deployer.describe(ref);
  expect(after.taskDefinition).not.toBe(before.taskDefinition);
  expect(after.containers).toEqual([
    { name: 'web', image: `${HOST}/team/web@${NEW}` },
    { name: 'sidecar', image: 'public.ecr.aws/envoy:1' },
  ]);
  complete(world);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'completed' });
});

test('two containers of a service, one to restart and one to register, are one deployment', async () => {
  const world = await rolloutWorld({ modes: { web: 'restart', proxy: 'register' } });
  const ref = await service(world, 'shop', ['web', 'proxy']);
  await planned(world);
  await new ServiceMachine(world, ref).run('check');
  expect(world.deployer.started).toHaveLength(1);
  const { containers } = await world.deployer.describe(ref);
  expect(containers.map(({ image }) => image)).toEqual([
    imageOf('web'),
    `${HOST}/team/proxy@${digestOf('proxy-new')}`,
    'public.ecr.aws/envoy:1',
  ]);
});

interface Refusal {
  readonly name: string;
  readonly mode?: RolloutMode;
  readonly arrange: (world: RolloutWorld) => unknown;
  readonly detail: RegExp;
  /** Its cause passes by itself. */
  readonly passes?: true;
}

const WEB: ServiceRef = serviceOf('web');

const refusals: readonly Refusal[] = [
  {
    name: 'is pinned to a digest',
    arrange: ({ deployer }) =>
      deployer.create(WEB, [{ name: 'web', image: `${imageOf('web')}@${digestOf('web-old')}` }]),
    detail: /^pinned-reference: container web of stream .* names a digest, so a restart keeps the old image/,
  },
  {
    name: 'has a tag that means something else',
    arrange: ({ deployer }) => deployer.create(WEB, [{ name: 'web', image: imageOf('web', 'v0') }]),
    detail: /^other-image: .* now names no image, not the verified image/,
  },
  {
    name: 'pulls by a tag from a registry that has it not',
    arrange: ({ deployer }) => deployer.create(WEB, [{ name: 'web', image: 'docker.io/team/web:v1' }]),
    detail: /^other-image:/,
  },
  {
    name: 'has another controller',
    arrange: ({ deployer }) =>
      deployer.create(WEB, [{ name: 'web', image: imageOf('web') }], { controller: 'CODE_DEPLOY' }),
    detail: /^foreign-controller: the deployment controller of the service is CODE_DEPLOY, not ECS/,
  },
  {
    name: 'has lost the container',
    arrange: ({ deployer }) => deployer.create(WEB, [{ name: 'api', image: imageOf('web') }]),
    detail: /^container-gone: .* no longer has container web/,
  },
  {
    name: 'was deleted',
    arrange: ({ deployer }) => deployer.remove(WEB),
    detail: /^service-gone: .* no longer exists/,
  },
  {
    name: 'is in an account without the role',
    arrange: ({ deployer }) => deployer.deny(WEB),
    detail: /^unreachable: .*Deploy member-account.yaml there/,
    passes: true,
  },
  {
    name: 'pulls from a registry that cannot be read',
    arrange: ({ registry }) => registry.deny(REGISTRY),
    detail: /^registry-unreachable: /,
    passes: true,
  },
  {
    name: 'is to be registered, and pulls from a registry without the image',
    mode: 'register',
    arrange: ({ registry }) => registry.delete(locationOf('web'), NEW),
    detail: /^not-in-registry: .*team\/web@sha256:/,
  },
];

test.each(refusals)('a service that $name is refused, with the reason', async ({ mode, arrange, detail, passes }) => {
  const { world, machine } = await scene(mode);
  arrange(world);
  world.advance(MINUTE_MS);
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'refused' });
  expect(await deploymentOf(world)).toMatchObject({ state: 'refused', detail: expect.stringMatching(detail) });
  // What passes by itself is left to another cascade; the rest is the owner's to make.
  expect((await deploymentOf(world))?.abandoned ?? false).toBe(passes ?? false);
  expect(world.deployer.started).toEqual([]);
  await new ServiceMachine(world, WEB).run();
});

type Happening = (world: RolloutWorld, deploymentId: string) => void;

const ends: readonly (readonly [string, Happening, string, RegExp])[] = [
  ['fails', ({ deployer }, id) => void deployer.fail(WEB, id), 'failed', /circuit breaker/],
  [
    'is rolled back',
    ({ deployer }, id) => void deployer.fail(WEB, id, { rollsBack: true }),
    'rolled-back',
    /circuit breaker/,
  ],
  [
    'vanishes',
    ({ deployer }, id) => void deployer.fail(WEB, id, { rollsBack: true }).forget(WEB, id),
    'rolled-back',
    /no longer lists the deployment/,
  ],
  [
    'is registered, and taken back by hand',
    ({ deployer }) => void deployer.deployByHand(WEB, { taskDefinition: 'web:1' }),
    'rolled-back',
    /deployment ecs-svc\/\d+ has replaced /,
  ],
  ['loses its service', ({ deployer }) => void deployer.remove(WEB), 'failed', /service-gone/],
];

/** Two services in one cluster, and one in another. */
async function threeServices(mode: RolloutMode) {
  const world = await rolloutWorld({ modes: { web: mode } });
  for (const [name, cluster] of [
    ['web', 'prod'],
    ['web-2', 'prod'],
    ['web-3', 'test'],
  ] as const)
    await service(world, name, ['web'], cluster);
  await planned(world);
  return world;
}

const byHand: readonly (readonly [string, RolloutMode, Happening])[] = [
  ['another revision', 'register', ({ deployer }) => void deployer.deployByHand(WEB, { image: 'hotfix' })],
  ['another revision', 'restart', ({ deployer }) => void deployer.deployByHand(WEB, { image: 'hotfix' })],
  ['the same revision again', 'restart', ({ deployer }) => void deployer.deployByHand(WEB)],
  [
    'another revision, and ECS lists ours no more',
    'register',
    ({ deployer }, id) => {
      deployer.deployByHand(WEB, { image: 'hotfix' });
      deployer.forget(WEB, id);
    },
  ],
];

test.each(byHand)(
  'a team that deploys %s (%s) supersedes the deployment, and stops no other',
  async (_, mode, happen) => {
    const world = await threeServices(mode);
    const machine = await new ServiceMachine(world, WEB).run('check');
    happen(world, world.deployer.started[0]?.deploymentId ?? '');
    await machine.run();
    expect(machine.last).toMatchObject({
      ...{ decision: 'ended', state: 'superseded' },
      detail: expect.stringMatching(/somebody else deployed the service: .*deployment ecs-svc\/\d+ has replaced /),
    });
    await new ServiceMachine(world, serviceOf('web-2')).run('check');
    expect(world.deployer.started.map(({ service: { service } }) => service)).toEqual(['web', 'web-2']);
  },
);

test.each(ends)('a deployment that %s stops one that waits in its environment, too', async (_, happen) => {
  const world = await threeServices('register');
  const waiting = new ServiceMachine(world, serviceOf('web-2'));
  const theirs = world.deployer.deployByHand(serviceOf('web-2'));
  await waiting.step();
  expect(waiting.last).toMatchObject({ decision: 'wait', detail: expect.stringContaining('started by somebody else') });
  const machine = await new ServiceMachine(world, WEB).run('check');
  happen(world, world.deployer.started[0]?.deploymentId ?? '');
  await machine.run();
  world.deployer.complete(serviceOf('web-2'), theirs);
  await waiting.run();
  expect(waiting.last).toMatchObject({ state: 'refused', detail: expect.stringContaining('environment-stopped') });
  expect(world.deployer.started.map(({ service: { service } }) => service)).toEqual(['web']);
});

test.each(ends)('a deployment that %s ends so, and stops its environment', async (_, happen, state, detail) => {
  const world = await threeServices('register');
  const machine = await new ServiceMachine(world, WEB).run('check');
  happen(world, world.deployer.started[0]?.deploymentId ?? '');
  await machine.run();
  expect(machine.last).toMatchObject({ state, detail: expect.stringMatching(detail) });
  const next = new ServiceMachine(world, serviceOf('web-2'));
  const steps: string[] = [];
  await next.step({ before: (step) => void steps.push(step) });
  // One question, however many services the cascade deploys.
  expect(steps).not.toContain('rollouts.deployments');
  expect(next.last).toMatchObject({ state: 'refused', detail: expect.stringContaining('environment-stopped') });
  const stopped = await world.rollouts.deployment(CASCADE, serviceKey(serviceOf('web-2')));
  expect(stopped).toMatchObject({ abandoned: true });
  await new ServiceMachine(world, serviceOf('web-3', 'test')).run('check');
  expect(world.deployer.started.map(({ service: { service } }) => service)).toEqual(['web', 'web-3']);
});

test('a canary with ten hours of bake time ends `completed`', async () => {
  const { world, machine } = await scene();
  world.deployer.create(WEB, [{ name: 'web', image: imageOf('web') }], { bakeMs: 10 * HOUR_MS });
  world.advance(MINUTE_MS);
  await machine.run('check');
  const { deploymentId = '' } = world.deployer.started[0] ?? {};
  const bakedAtEpochMs = world.clock() + 10 * HOUR_MS + 90 * MINUTE_MS;
  while (world.clock() < bakedAtEpochMs) {
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
  }
  world.deployer.complete(WEB, deploymentId);
  await machine.run();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'completed' });
});

test('a deployment may take as long as `guards.deploymentHours` says', async () => {
  const { world, machine } = await scene();
  await world.apply('enforce', { guards: { deploymentHours: 5 } });
  await machine.run('check');
  const begunAtEpochMs = world.clock();
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'failed', detail: expect.stringMatching(/deadline/) });
  expect(world.clock()).toBeGreaterThanOrEqual(begunAtEpochMs + 5 * HOUR_MS - MINUTE_MS);
});

test('the stage of a deployment and the hook that waits for a person are shown until it ends', async () => {
  const { world, machine } = await scene();
  world.deployer.create(WEB, [{ name: 'web', image: imageOf('web') }], { bakeMs: HOUR_MS });
  world.advance(MINUTE_MS);
  await machine.run('check');
  const { deploymentId = '' } = world.deployer.started[0] ?? {};
  const hooks = [{ kind: 'pause', expiresAtEpochMs: world.clock() + HOUR_MS, afterwards: 'rollback' }] as const;
  world.deployer.advance(WEB, deploymentId, { stage: 'POST_TEST_TRAFFIC_SHIFT', hooks });
  await machine.step();
  const text =
    /it is in stage POST_TEST_TRAFFIC_SHIFT; a pause hook waits for a person until .* UTC, then ECS rolls it back/;
  expect(machine.last).toMatchObject({ decision: 'check', detail: expect.stringMatching(text) });
  expect(await deploymentOf(world)).toMatchObject({ progress: expect.stringMatching(text) });
  world.deployer.advance(WEB, deploymentId, { stage: 'BAKE_TIME' });
  await machine.step();
  expect(await deploymentOf(world)).toMatchObject({ progress: 'it is in stage BAKE_TIME' });
  world.deployer.complete(WEB, deploymentId);
  await machine.run();
  expect(await deploymentOf(world)).not.toHaveProperty('progress');
});

describe('a service that is deployed blue/green', () => {
  const bakeMs = 3 * HOUR_MS;

  async function baking() {
    const { world, machine } = await scene();
    world.deployer.create(WEB, [{ name: 'web', image: imageOf('web') }], { bakeMs });
    world.advance(MINUTE_MS);
    await machine.run('check');
    return { world, machine, deploymentId: world.deployer.started[0]?.deploymentId ?? '' };
  }

  test('is not done while it bakes, and has failed only once the bake time is over as well', async () => {
    const { world, machine } = await baking();
    const begunAtEpochMs = world.clock();
    while (world.clock() < begunAtEpochMs + bakeMs) {
      await machine.step();
      expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
    }
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'failed', detail: expect.stringMatching(/deadline/) });
    expect(world.clock()).toBeGreaterThanOrEqual(begunAtEpochMs + bakeMs + DEPLOYMENT_MS - MINUTE_MS);
  });

  test.each([
    ['completed', 'completed'],
    ['rolled-back', 'rolled-back'],
    ['stopped', 'failed'],
  ] as const)('ends as its service deployment does: %s', async (serviceState, state) => {
    const { world, machine, deploymentId } = await baking();
    world.deployer.tell(WEB, deploymentId, serviceState);
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'ended', state });
  });

  test('is not done while ECS does not report it', async () => {
    const { world, machine, deploymentId } = await baking();
    world.deployer.tell(WEB, deploymentId, 'unknown');
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'check', state: 'running' });
  });
});

test.each([
  ['that does not end', () => {}, /deadline: not all tasks were replaced/],
  [
    'whose account cannot be asked any more',
    (world: RolloutWorld) => void world.deployer.deny(WEB),
    /deadline: Patchwave could not read the service from ECS/,
  ],
])('a deployment %s has failed at its deadline', async (_, happen, detail) => {
  const { world, machine } = await scene();
  await machine.run('check');
  const { deadlineEpochMs = 0 } = (await deploymentOf(world)) ?? {};
  happen(world);
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'failed', detail: expect.stringMatching(detail) });
  expect(world.clock()).toBe(deadlineEpochMs);
});

describe('paused', () => {
  const pauses = [
    [
      'the kill switch',
      (world: RolloutWorld, rebuilding: 'paused' | 'active') =>
        world.killSwitch.set({ rebuilding, by: 'ann', atEpochMs: 1, reason: 'a test' }),
    ],
    [
      'the policy',
      (world: RolloutWorld, rebuilding: 'paused' | 'active') =>
        world.apply(rebuilding === 'active' ? 'enforce' : 'paused'),
    ],
  ] as const;

  test.each(pauses)('by %s nothing begins, until it ends', async (_, set) => {
    const { world, machine } = await scene();
    await set(world, 'paused');
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'wait', state: 'starting' });
    expect(await deploymentOf(world)).toBeUndefined();
    await set(world, 'active');
    await machine.run('check');
    expect(world.deployer.started).toHaveLength(1);
  });

  test.each(pauses)('by %s until the deadline of the cascade: refused, and left to another cascade', async (_, set) => {
    const { world, machine } = await scene();
    await set(world, 'paused');
    const { deadlineEpochMs = 0 } = (await world.cascades.get(CASCADE)) ?? {};
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'refused', detail: expect.stringContaining('paused') });
    expect(await deploymentOf(world)).toMatchObject({ state: 'refused', abandoned: true });
    expect(world.clock()).toBe(deadlineEpochMs);
    expect(world.deployer.started).toEqual([]);
  });
});

test('a check before any deployment and an unplanned service are refused', async () => {
  const { world } = await scene();
  const machine = new ServiceMachine(world, WEB);
  machine.state = 'check';
  await expect(machine.step()).rejects.toThrow(/has no deployment/);
  await expect(new ServiceMachine(world, serviceOf('stranger')).step()).rejects.toMatchObject({
    name: 'RunFileMissingError',
  });
});
