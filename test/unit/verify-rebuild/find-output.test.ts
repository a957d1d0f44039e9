import { findOutput } from '../../../functions/verify-rebuild/find-output.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  LIMITS,
  LOCATION,
  MINUTE_MS,
  NEW,
  portsOf,
  push,
  pushIndex,
  REBUILD,
  rebuildOf,
  STEP,
  STREAM,
  VerifyMachine,
  type VerifyWorld,
  verifyWorld,
} from './support.ts';

const find = (world: VerifyWorld) => findOutput(portsOf(world), LIMITS, STEP);

interface Proof {
  readonly name: string;
  readonly changes?: NonNullable<Parameters<typeof verifyWorld>[0]>['changes'];
  readonly arrange: (world: VerifyWorld) => void;
  readonly output: string;
}

const proofs: readonly Proof[] = [
  {
    name: 'its output variable',
    changes: { build: { state: 'succeeded', outputDigest: NEW } },
    arrange: (world) => void push(world, 'new'),
    output: 'new',
  },
  {
    name: 'what it reported',
    changes: { output: NEW },
    arrange: (world) => void push(world, 'new'),
    output: 'new',
  },
  {
    name: 'its output variable rather than what was reported',
    changes: { build: { state: 'succeeded', outputDigest: NEW }, output: digestOf('other') },
    arrange: (world) => {
      push(world, 'other');
      push(world, 'new');
    },
    output: 'new',
  },
  {
    name: 'the label, where the variable names what the repository does not have',
    changes: { build: { state: 'succeeded', outputDigest: digestOf('elsewhere') } },
    arrange: (world) => void push(world, 'new', { label: REBUILD }),
    output: 'new',
  },
  {
    name: 'the label on a push since, among those of others',
    arrange: (world) => {
      push(world, 'a person', { tags: ['22'] });
      push(world, 'another rebuild', { label: '20261124T020000Z-bbbbbbbbbbbb' });
      push(world, 'new', { label: REBUILD });
    },
    output: 'new',
  },
  {
    name: 'the label on the last of two pushes',
    arrange: (world) => {
      push(world, 'first try', { label: REBUILD });
      world.advance(1000);
      push(world, 'new', { label: REBUILD });
    },
    output: 'new',
  },
  {
    name: 'the index all of whose images bear the label',
    arrange: (world) => {
      push(world, 'arm', { label: REBUILD });
      push(world, 'amd', { label: REBUILD, platform: 'linux/amd64' });
      pushIndex(world, 'index', { arm: 'linux/arm64', amd: 'linux/amd64' });
      world.advance(1000);
      pushIndex(world, 'mixed', { arm: 'linux/arm64', old: 'linux/amd64' });
    },
    output: 'index',
  },
];

test.each(proofs)('what a build made is proven by $name', async ({ changes = {}, arrange, output }) => {
  const world = await verifyWorld({ changes });
  arrange(world);
  expect(await find(world)).toMatchObject({ decision: 'verify' });
  expect(await rebuildOf(world)).toMatchObject({ output: digestOf(output), verifyingSinceEpochMs: world.clock() });
  const node = await world.cascades.node(CASCADE, STREAM);
  expect(node).toMatchObject({ state: 'verifying', output: digestOf(output) });
});

const nothing: readonly (Omit<Proof, 'output'> & { readonly reason: RegExp })[] = [
  { name: 'pushes nothing', arrange: () => {}, reason: /^nothing pushed to .* bears label dev\.patchwave\.rebuild=/ },
  {
    name: 'pushed before it was dispatched',
    arrange: (world) => void push(world, 'new', { label: REBUILD, pushedAtEpochMs: world.clock() - 20 * MINUTE_MS }),
    reason: /^nothing pushed/,
  },
  {
    name: 'names a digest that its repository does not have',
    changes: { build: { state: 'succeeded', outputDigest: NEW } },
    arrange: () => {},
    reason: /its pipeline names sha256:.* does not have as an image, and nothing pushed/,
  },
  {
    name: 'names an index of attestations alone',
    changes: { build: { state: 'succeeded', outputDigest: digestOf('empty') } },
    arrange: (world) => void pushIndex(world, 'empty', {}),
    reason: /does not have as an image/,
  },
  {
    name: 'pushes an image for each of two platforms and no index',
    arrange: (world) => {
      push(world, 'arm', { label: REBUILD });
      push(world, 'amd', { label: REBUILD, platform: 'linux/amd64' });
    },
    reason: /^images for linux\/amd64, linux\/arm64 bear label/,
  },
];

test.each(nothing)('a build that $name has no output, after the grace', async ({ changes = {}, arrange, reason }) => {
  const world = await verifyWorld({ changes });
  arrange(world);
  const since = world.clock();
  expect(await find(world)).toMatchObject({ decision: 'wait', waitSeconds: 5 });
  await new VerifyMachine(world).run();
  expect(world.clock()).toBe(since + LIMITS.outputGraceMs);
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'no-output', reason: expect.stringMatching(reason) });
  expect(await find(world)).toMatchObject({ decision: 'ended' });
});

test('a push that is late counts within the grace', async () => {
  const world = await verifyWorld();
  expect(await find(world)).toMatchObject({ decision: 'wait' });
  world.advance(4 * MINUTE_MS);
  push(world, 'new', { label: REBUILD });
  expect(await find(world)).toMatchObject({ decision: 'verify' });
});

test('a registry that cannot be read proves nothing against the build: unverified, at the deadline', async () => {
  const world = await verifyWorld({ changes: { build: { state: 'succeeded', outputDigest: NEW } } });
  world.registry.deny(LOCATION);
  const since = world.clock();
  await new VerifyMachine(world).run();
  expect(world.clock()).toBe(since + 120 * MINUTE_MS);
  expect((await rebuildOf(world)).outcome).toMatchObject({
    result: 'unverified',
    reason: expect.stringMatching(/cannot be read/),
  });
});

test('what nobody asked for is refused', async () => {
  const world = await verifyWorld();
  const step = { ...STEP, rebuildId: 'nobody' };
  await expect(findOutput(portsOf(world), LIMITS, step)).rejects.toThrow(/no rebuild nobody/);
});
