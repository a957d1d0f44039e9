import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { Platform } from '../../../shared/domain/image/image.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  imageOf,
  known,
  locationOf,
  MINUTE_MS,
  planned,
  pushImage,
  REGISTRY,
  type RolloutWorld,
  rolloutWorld,
  runs,
  ServiceMachine,
  serviceOf,
} from './support.ts';

/* A restart starts what a tag means now. Where that does not run on the platform of the service, its tasks would not start. */

const ARM = serviceOf('arm');
const AMD = serviceOf('amd');
const deploymentOf = (world: RolloutWorld, service = ARM) => world.rollouts.deployment(CASCADE, serviceKey(service));
const startedIn = ({ deployer }: RolloutWorld) => deployer.started.map(({ service: { service } }) => service);

/** A service on each platform, both by the tag `v1`. */
async function scene(output: `sha256:${string}`, outputs?: readonly `sha256:${string}`[]) {
  const world = await rolloutWorld({
    nodes: { web: { work: 'deploy', output, ...(outputs && { outputs }) } },
  });
  await known(world, 'web', 'amd-old', { holds: true, platform: 'linux/amd64' });
  await known(world, 'web', 'amd-new', { holds: false, isHead: true, platform: 'linux/amd64' });
  for (const [ref, which] of [
    [ARM, 'old'],
    [AMD, 'amd-old'],
  ] as const) {
    world.deployer.create(ref, [{ name: 'app', image: imageOf('web') }]);
    await runs(world, 'web', which, { workload: ref.service, container: 'app', reference: imageOf('web') });
  }
  world.advance(MINUTE_MS);
  return world;
}

/** The tag means an index of these platforms. */
async function pushIndex(world: RolloutWorld, children: Readonly<Record<string, Platform>>) {
  const list = Object.entries(children).map(([which, platform]) => ({ digest: digestOf(`web-${which}`), platform }));
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  await world.places.recordIndex(digestOf('index'), list, world.clock());
  const artifact = { kind: 'index', digest: digestOf('index'), mediaType, children: list } as const;
  world.registry.push(locationOf('web'), { artifact, tags: ['v1'], pushedAtEpochMs: world.clock() });
}

async function deployAll(world: RolloutWorld) {
  for (const ref of await planned(world)) {
    const machine = new ServiceMachine(world, ref);
    await machine.step();
    if (machine.last?.decision === 'check') {
      world.deployer.complete(ref, world.deployer.started.at(-1)?.deploymentId ?? '');
      await machine.run();
    }
  }
}

test('a tag that means an index of both platforms is restarted on both', async () => {
  const world = await scene(digestOf('index'));
  await pushIndex(world, { new: 'linux/arm64', 'amd-new': 'linux/amd64' });
  await deployAll(world);
  expect(startedIn(world).sort()).toEqual(['amd', 'arm']);
});

test('a tag that lost a platform is not restarted there: refused, with the reason', async () => {
  const world = await scene(digestOf('index'));
  await pushIndex(world, { 'amd-new': 'linux/amd64' });
  await deployAll(world);
  expect(startedIn(world)).toEqual(['amd']);
  expect(await deploymentOf(world)).toMatchObject({
    state: 'refused',
    detail: expect.stringMatching(
      /^wrong-platform: container app ran on linux\/arm64, but stream .* has no verified image for it\./,
    ),
  });
});

test('a tag that means an image of another platform is not restarted', async () => {
  const world = await scene(digestOf('web-amd-new'));
  pushImage(world, 'web', 'amd-new', ['v1']);
  await deployAll(world);
  expect(startedIn(world)).toEqual(['amd']);
  expect(await deploymentOf(world)).toMatchObject({ detail: expect.stringMatching(/^wrong-platform: /) });
});

test('several verified images: the one of the platform counts, in any order', async () => {
  for (const [tagged, expected] of [
    ['new', 'arm'],
    ['amd-new', 'amd'],
  ] as const) {
    const world = await scene(digestOf('web-amd-new'), [digestOf('web-amd-new'), digestOf('web-new')]);
    pushImage(world, 'web', tagged, ['v1']);
    await deployAll(world);
    expect(startedIn(world)).toEqual([expected]);
    const other = expected === 'arm' ? AMD : ARM;
    expect(await deploymentOf(world, other)).toMatchObject({ detail: expect.stringMatching(/^other-image: /) });
  }
});

test('where the platform is not known an index is restarted, and an image is not', async () => {
  for (const [which, expected] of [
    ['index', ['arm']],
    ['web-new', []],
  ] as const) {
    const world = await rolloutWorld({ nodes: { web: { output: digestOf(which) } } });
    if (which === 'index') await pushIndex(world, { new: 'linux/arm64' });
    const unread = world.images.records.get(digestOf('web-old'));
    if (!unread) throw new Error('no record');
    const { platform: _, ...record } = unread;
    world.images.records.set(unread.digest, record);
    world.deployer.create(ARM, [{ name: 'app', image: imageOf('web') }]);
    await runs(world, 'web', 'old', { ...REGISTRY, workload: 'arm', container: 'app' });
    world.advance(MINUTE_MS);
    await deployAll(world);
    expect(startedIn(world)).toEqual(expected);
  }
});
