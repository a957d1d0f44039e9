import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { Platform } from '../../../shared/domain/image/image.ts';
import { CrashError, crashAt } from '../../support/fakes/interleave.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  HOST,
  imageOf,
  known,
  locationOf,
  MINUTE_MS,
  planned,
  pushImage,
  type RolloutWorld,
  rolloutWorld,
  runs,
  ServiceMachine,
  service,
  serviceOf,
} from './support.ts';

/* A new revision names a digest: only if the service was not deployed since the plan, and only for a running image. */

const WEB = serviceOf('web');
const pinnedTo = (which: string) => `${HOST}/team/web@${digestOf(`web-${which}`)}`;

async function scene() {
  const world = await rolloutWorld({ modes: { web: 'register' } });
  await service(world, 'web');
  await planned(world);
  return { world, machine: new ServiceMachine(world, WEB) };
}

const deploymentOf = (world: RolloutWorld, name = 'web') =>
  world.rollouts.deployment(CASCADE, serviceKey(serviceOf(name)));

const imageNow = async ({ deployer }: RolloutWorld, name = 'web') =>
  (await deployer.describe(serviceOf(name))).containers[0]?.image;

/** Its team deploys an image that it has just pushed. */
function theirs(world: RolloutWorld, tag = 'v2'): void {
  pushImage(world, 'web', 'theirs', [tag]);
  world.deployer.create(WEB, [{ name: 'web', image: imageOf('web', tag) }]);
}

const changes: readonly (readonly [string, (world: RolloutWorld) => unknown])[] = [
  ['another tag', (world) => theirs(world)],
  ['the same tag, which means something newer', (world) => theirs(world, 'v1')],
  [
    'another digest',
    ({ deployer }) => deployer.create(WEB, [{ name: 'web', image: `${imageOf('web')}@${digestOf('web-theirs')}` }]),
  ],
  [
    'a tag that no image has any more',
    ({ deployer }) => deployer.create(WEB, [{ name: 'web', image: imageOf('web', 'v2') }]),
  ],
];

test.each(changes)('a later deployment by the team stays, and its owner gets the reason: %s', async (_, arrange) => {
  const { world, machine } = await scene();
  arrange(world);
  world.advance(MINUTE_MS);
  const before = await imageNow(world);
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'refused' });
  expect((await deploymentOf(world))?.detail).toMatch(/^service-changed: container web now names ".*"/);
  expect([world.deployer.started, await imageNow(world)]).toEqual([[], before]);
});

const index = (world: RolloutWorld): void => {
  const children = [{ digest: digestOf('web-old'), platform: 'linux/arm64' as Platform }];
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const artifact = { kind: 'index', digest: digestOf('index'), mediaType, children } as const;
  world.registry.push(locationOf('web'), { artifact, tags: ['v1'], pushedAtEpochMs: world.clock() });
};

const kept: readonly (readonly [string, (world: RolloutWorld) => unknown])[] = [
  ['by the digest that ran', ({ deployer }) => deployer.create(WEB, [{ name: 'web', image: pinnedTo('old') }])],
  ['by a tag that still means what ran', (world) => pushImage(world, 'web', 'old', ['v1'])],
  ['by the tag of an index that holds what ran', index],
  [
    'by the tag that it was, and which is gone',
    (world) => {
      world.registry.delete(locationOf('web'), digestOf('web-new'));
      pushImage(world, 'web', 'new');
    },
  ],
];

test.each(kept)('a service that is as it was planned is registered: %s', async (_, arrange) => {
  const { world, machine } = await scene();
  arrange(world);
  world.advance(MINUTE_MS);
  await machine.run('check');
  expect(await imageNow(world)).toBe(pinnedTo('new'));
});

test("a team's restart of the old image is not taken for ours", async () => {
  const { world, machine } = await scene();
  const deploymentId = world.deployer.deployByHand(WEB);
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'wait' });
  world.deployer.complete(WEB, deploymentId);
  await machine.run('check');
  expect(await imageNow(world)).toBe(pinnedTo('new'));
  expect((await deploymentOf(world))?.deploymentId).not.toBe(deploymentId);
});

test('a revision that the step of a stopped cascade has just registered is adopted', async () => {
  const { world, machine } = await scene();
  const deploymentId = await world.deployer.register(
    WEB,
    new Map([['web', pinnedTo('new')]]),
    await world.deployer.describe(WEB),
  );
  await machine.run('check');
  expect(world.deployer.started).toHaveLength(1);
  expect((await deploymentOf(world))?.deploymentId).toBe(deploymentId);
});

describe('a step that died before it asked ECS', () => {
  async function died(side: 'before' | 'after') {
    const dry = await scene();
    const turns = crashAt(Number.POSITIVE_INFINITY);
    await dry.machine.step(turns);
    const { world, machine } = await scene();
    const at = turns.steps.indexOf('deployer.register');
    await expect(machine.step(crashAt(at, side))).rejects.toThrow(CrashError);
    world.advance(MINUTE_MS);
    return { world, machine };
  }

  test("leaves the team's newer deployment to the team", async () => {
    const { world, machine } = await died('before');
    theirs(world);
    await machine.run();
    expect((await deploymentOf(world))?.detail).toMatch(/^service-changed/);
    expect(await imageNow(world)).toBe(imageOf('web', 'v2'));
  });

  test('has its work done where the team only restarted', async () => {
    const { world, machine } = await died('before');
    world.deployer.complete(WEB, world.deployer.deployByHand(WEB));
    await machine.run('check');
    expect(await imageNow(world)).toBe(pinnedTo('new'));
  });

  test('after it did, is found again', async () => {
    const { world, machine } = await died('after');
    await machine.run('check');
    expect(world.deployer.started).toHaveLength(1);
    expect((await deploymentOf(world))?.deploymentId).toBe(world.deployer.started[0]?.deploymentId);
  });
});

describe('platforms', () => {
  /** One service on each platform; heads were pushed one by one. */
  async function apart(outputs?: readonly `sha256:${string}`[]) {
    const output = digestOf('web-new');
    const world = await rolloutWorld({
      ...{ modes: { web: 'register' }, nodes: { web: { work: 'deploy', output, ...(outputs && { outputs }) } } },
    });
    await known(world, 'web', 'amd-new', { holds: false, isHead: true, platform: 'linux/amd64' });
    await known(world, 'web', 'amd-old', { holds: true, platform: 'linux/amd64/v2' });
    for (const which of ['old', 'amd-old', 'amd-new']) pushImage(world, 'web', which, [which]);
    for (const which of ['old', 'amd-old']) {
      const ref = serviceOf(which);
      world.deployer.create(ref, [{ name: 'app', image: imageOf('web', which) }]);
      await runs(world, 'web', which, { workload: which, container: 'app', reference: imageOf('web', which) });
    }
    world.advance(MINUTE_MS);
    return { world, services: await planned(world) };
  }

  test('each service gets the image of its own', async () => {
    const { world, services } = await apart([digestOf('web-amd-new'), digestOf('web-new')]);
    for (const ref of services) await new ServiceMachine(world, ref).run('check');
    expect(await imageNow(world, 'old')).toBe(pinnedTo('new'));
    expect(await imageNow(world, 'amd-old')).toBe(pinnedTo('amd-new'));
  });

  test('one for which nothing was verified is refused, with the reason', async () => {
    const { world, services } = await apart();
    for (const ref of services) await new ServiceMachine(world, ref).run('check').catch(() => undefined);
    expect(await imageNow(world, 'old')).toBe(pinnedTo('new'));
    expect(await imageNow(world, 'amd-old')).toBe(imageOf('web', 'amd-old'));
    const refusal =
      /^wrong-platform: container app ran on linux\/amd64\/v2, but stream .* has no verified image for it\. Build/;
    expect(await deploymentOf(world, 'amd-old')).toMatchObject({
      state: 'refused',
      detail: expect.stringMatching(refusal),
    });
  });
});
