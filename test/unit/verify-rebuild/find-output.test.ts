import { findOutput } from '../../../functions/verify-rebuild/find-output.ts';
import type { LocationRecord } from '../../../shared/domain/image/image-properties.ts';
import { DAY_MS, digestOf, HOUR_MS } from '../../support/samples.ts';
import {
  CASCADE,
  LIMITS,
  LOCATION,
  MINUTE_MS,
  NEW,
  OLD,
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

const VARIABLE = { build: { state: 'succeeded', outputDigest: NEW } } as const;
/** When the build of the test world began. */
const began = (world: VerifyWorld): number => world.clock() - 10 * MINUTE_MS;

const proofs: readonly Proof[] = [
  {
    name: 'its output variable',
    changes: VARIABLE,
    arrange: (world) => void push(world, 'new', { tags: ['22'] }),
    output: 'new',
  },
  {
    name: 'what it reported',
    changes: { reported: [NEW] },
    arrange: (world) => void push(world, 'new', { tags: ['22'] }),
    output: 'new',
  },
  {
    name: 'its output variable rather than what was reported',
    changes: { ...VARIABLE, reported: [digestOf('other')] },
    arrange: (world) => {
      push(world, 'new', { tags: ['22'] });
      push(world, 'other', { tags: ['22-candidate'] });
    },
    output: 'new',
  },
  {
    name: 'its output variable, which names a candidate',
    changes: VARIABLE,
    arrange: (world) => void push(world, 'new', { tags: ['22-candidate'] }),
    output: 'new',
  },
  {
    name: 'its output variable, which names an image that bears the label alone',
    changes: VARIABLE,
    arrange: (world) => {
      push(world, 'new', { label: REBUILD });
      world.advance(1000);
      push(world, 'second try', { label: REBUILD });
    },
    output: 'new',
  },
  {
    name: 'its output variable, which names the head before: it made the same once more',
    changes: { build: { state: 'succeeded', outputDigest: OLD } },
    arrange: () => {},
    output: 'old',
  },
  {
    name: 'its output variable, by a clock of the registry that is a little behind',
    changes: VARIABLE,
    arrange: (world) => void push(world, 'new', { tags: ['22'], pushedAtEpochMs: began(world) - 50_000 }),
    output: 'new',
  },
  {
    name: 'its output variable, which names an index: the images in it have no tags',
    changes: { build: { state: 'succeeded', outputDigest: digestOf('index') } },
    arrange: (world) => {
      push(world, 'arm');
      push(world, 'amd', { platform: 'linux/amd64' });
      pushIndex(world, 'index', { arm: 'linux/arm64', amd: 'linux/amd64' }, ['22']);
    },
    output: 'index',
  },
  {
    name: 'its output variable, which names one image of an index that bears the tag: all of it is the output',
    changes: { build: { state: 'succeeded', outputDigest: digestOf('amd') } },
    arrange: (world) => {
      push(world, 'arm');
      push(world, 'amd', { platform: 'linux/amd64' });
      pushIndex(world, 'index', { arm: 'linux/arm64', amd: 'linux/amd64' }, ['22']);
    },
    output: 'index',
  },
  {
    name: 'of two reports the one whose image was pushed last',
    changes: { reported: [NEW, digestOf('first try')] },
    arrange: (world) => {
      push(world, 'first try', { tags: ['22-candidate'] });
      world.advance(1000);
      push(world, 'new', { tags: ['22'] });
    },
    output: 'new',
  },
  {
    name: 'a true report, although the variable names an older image of a branch',
    changes: { build: { state: 'succeeded', outputDigest: digestOf('branch') }, reported: [NEW] },
    arrange: (world) => {
      push(world, 'branch', { tags: ['branch-7'], pushedAtEpochMs: world.clock() - 10 * DAY_MS });
      push(world, 'new', { tags: ['22'] });
    },
    output: 'new',
  },
  {
    name: 'the label, although a report names an older image of a branch',
    changes: { reported: [digestOf('branch')] },
    arrange: (world) => {
      push(world, 'branch', { tags: ['branch-7'], pushedAtEpochMs: world.clock() - 10 * DAY_MS });
      push(world, 'new', { label: REBUILD });
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

test.each(proofs)('the output is proven by $name', async ({ changes = {}, arrange, output }) => {
  const world = await verifyWorld({ changes });
  arrange(world);
  expect(await find(world)).toMatchObject({ decision: 'verify' });
  expect(await rebuildOf(world)).toMatchObject({ output: digestOf(output), verifyingSinceEpochMs: world.clock() });
  const node = await world.cascades.node(CASCADE, STREAM);
  expect(node).toMatchObject({ state: 'verifying', output: digestOf(output) });
});

const nothing: readonly (Omit<Proof, 'output'> & { readonly reason: RegExp })[] = [
  {
    name: 'pushes nothing',
    arrange: () => {},
    reason: /^no image with label dev\.patchwave\.rebuild=.* has been pushed to /,
  },
  {
    name: 'pushed before it was dispatched',
    arrange: (world) => void push(world, 'new', { label: REBUILD, pushedAtEpochMs: world.clock() - 20 * MINUTE_MS }),
    reason: /^no image with label .* has been pushed to/,
  },
  {
    name: 'names a digest that its repository does not have',
    changes: { build: { state: 'succeeded', outputDigest: NEW } },
    arrange: () => {},
    reason: /the pipeline reported sha256:.* which does not count: .* has no such image; no image with label/,
  },
  {
    name: 'names an older image of a branch',
    changes: VARIABLE,
    arrange: (world) => void push(world, 'new', { tags: ['branch-7'], pushedAtEpochMs: world.clock() - 10 * DAY_MS }),
    reason: /which does not count: the image was pushed at 2026-11-14.*, before the build began at 2026-11-24/,
  },
  {
    name: 'names an earlier head, which the tag has left',
    changes: VARIABLE,
    arrange: (world) => {
      push(world, 'new', { tags: ['22'], pushedAtEpochMs: world.clock() - 10 * DAY_MS });
      push(world, 'old', { tags: ['22'] });
    },
    reason: /which does not count: the image was pushed/,
  },
  {
    name: 'reports what a branch pushed meanwhile',
    changes: { reported: [NEW] },
    arrange: (world) => void push(world, 'new', { tags: ['branch-7'] }),
    reason: /which does not count: the image has neither a head tag nor a candidate tag of the stream/,
  },
  {
    name: 'names what bears the tag of another line',
    changes: VARIABLE,
    arrange: (world) => void push(world, 'new', { tags: ['20', '20-candidate'] }),
    reason: /which does not count: the image has neither a head tag nor a candidate tag of the stream/,
  },
  {
    name: 'names an index of attestations alone',
    changes: { build: { state: 'succeeded', outputDigest: digestOf('empty') } },
    arrange: (world) => void pushIndex(world, 'empty', {}),
    reason: /has no such image/,
  },
  {
    name: 'pushes an image for each of two platforms and no index',
    arrange: (world) => {
      push(world, 'arm', { label: REBUILD });
      push(world, 'amd', { label: REBUILD, platform: 'linux/amd64' });
    },
    reason: /^images for linux\/amd64, linux\/arm64 have label/,
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

test('an unaccepted digest is recorded with its reason, and a later true report counts', async () => {
  const world = await verifyWorld({ changes: { reported: [digestOf('branch')] } });
  push(world, 'branch', { tags: ['branch-7'], pushedAtEpochMs: world.clock() - 10 * DAY_MS });
  push(world, 'new', { tags: ['22'] });
  expect(await find(world)).toMatchObject({ decision: 'wait' });
  const refused = [{ digest: digestOf('branch'), reason: expect.stringContaining('before the build began') }];
  expect(await rebuildOf(world)).toMatchObject({ refusedClaims: refused });
  expect(await rebuildOf(world)).not.toHaveProperty('output');
  await world.rebuilds.record(STREAM, REBUILD, (one) => one && { ...one, reported: [NEW, ...(one.reported ?? [])] });
  expect(await find(world)).toMatchObject({ decision: 'verify' });
  expect(await rebuildOf(world)).toMatchObject({ output: NEW });
});

describe('a tag that a later push has taken meanwhile', () => {
  const overtaken = async (pushTimes: Partial<LocationRecord> | undefined) => {
    const world = await verifyWorld({ changes: VARIABLE });
    push(world, 'new', { tags: ['22'] });
    const atEpochMs = world.clock();
    push(world, 'theirs', { tags: ['22'] });
    const pushed = { firstPushSeenAtEpochMs: atEpochMs, lastPushSeenAtEpochMs: atEpochMs };
    if (pushTimes)
      await world.places.recordLocation({ digest: NEW, location: LOCATION, tags: ['22'], ...pushed, ...pushTimes });
    return world;
  };

  test('is known by the push history', async () => {
    const world = await overtaken({});
    expect(await find(world)).toMatchObject({ decision: 'verify' });
    expect(await rebuildOf(world)).toMatchObject({ output: NEW });
  });

  test.each<[string, Partial<LocationRecord> | undefined]>([
    ['where the push is unknown', undefined],
    ['in another repository', { location: { ...LOCATION, repository: 'team/copy' } }],
    ['by an earlier push of the same image', { firstPushSeenAtEpochMs: 1 }],
  ])('proves nothing %s', async (_, pushTimes) => {
    expect(await find(await overtaken(pushTimes))).toMatchObject({ decision: 'wait' });
  });
});

test('an earlier image that was pushed again under the tag counts by its last push', async () => {
  const world = await verifyWorld({ changes: VARIABLE });
  push(world, 'new', { tags: ['22'], pushedAtEpochMs: world.clock() - 10 * DAY_MS });
  expect(await find(world)).toMatchObject({ decision: 'wait' });
  const record = { digest: NEW, location: LOCATION, tags: ['22'], firstPushSeenAtEpochMs: 1 };
  await world.places.recordLocation({ ...record, lastPushSeenAtEpochMs: world.clock() });
  expect(await find(world)).toMatchObject({ decision: 'verify' });
});

describe('an output that an earlier version took from a report', () => {
  test('is proven like any other claim', async () => {
    const world = await verifyWorld({ changes: { output: NEW } });
    push(world, 'new', { tags: ['22'] });
    expect(await find(world)).toMatchObject({ decision: 'verify' });
    expect(await rebuildOf(world)).toMatchObject({ output: NEW, outputProvenAtEpochMs: world.clock() });
  });

  test('is not accepted without proof, and blocks no true claim', async () => {
    const world = await verifyWorld({ changes: { output: digestOf('other'), reported: [digestOf('other')] } });
    push(world, 'other', { tags: ['feature'] });
    expect(await find(world)).toMatchObject({ decision: 'wait' });
    expect(await rebuildOf(world)).toMatchObject({ refusedClaims: [{ digest: digestOf('other') }] });
    push(world, 'new', { tags: ['22'] });
    await world.rebuilds.record(STREAM, REBUILD, (before) => before && { ...before, reported: [NEW] });
    expect(await find(world)).toMatchObject({ decision: 'verify' });
    expect(await rebuildOf(world)).toMatchObject({ output: NEW });
  });
});

test('a proven output stays, even if its tags change', async () => {
  const world = await verifyWorld({ changes: VARIABLE });
  push(world, 'new', { tags: ['22'] });
  await find(world);
  world.registry.untag(LOCATION, '22');
  expect(await find(world)).toMatchObject({ decision: 'verify' });
});

test('a taken-over output counts, although it was pushed long before', async () => {
  const reservedAtEpochMs = 1_795_489_200_000 - 3 * HOUR_MS;
  const world = await verifyWorld({ changes: { ...VARIABLE, takenOverFrom: 'earlier', reservedAtEpochMs } });
  push(world, 'new', { tags: ['22-candidate'], pushedAtEpochMs: reservedAtEpochMs + MINUTE_MS });
  expect(await find(world)).toMatchObject({ decision: 'verify' });
});

test('if the push history has the image, the repository is not listed', async () => {
  const world = await verifyWorld({ changes: VARIABLE });
  push(world, 'new', { tags: ['22'] });
  const atEpochMs = world.clock();
  const pushed = { firstPushSeenAtEpochMs: atEpochMs, lastPushSeenAtEpochMs: atEpochMs };
  await world.places.recordLocation({ digest: NEW, location: LOCATION, tags: ['22'], ...pushed });
  const steps: string[] = [];
  await findOutput(portsOf(world, { before: (step) => void steps.push(step) }), LIMITS, STEP);
  expect(steps).not.toContain('registry.images');
});

test('cascade and rebuild are read once in a step that finds the output and requests its scans', async () => {
  const world = await verifyWorld({ changes: VARIABLE });
  push(world, 'new', { tags: ['22'] });
  const steps: string[] = [];
  await findOutput(portsOf(world, { before: (step) => void steps.push(step) }), LIMITS, STEP);
  expect(world.refreshes.take()).toHaveLength(1);
  expect(steps.filter((step) => step === 'cascades.get' || step === 'rebuilds.get')).toEqual([
    'cascades.get',
    'rebuilds.get',
  ]);
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

test('an unknown rebuild is refused', async () => {
  const world = await verifyWorld();
  const step = { ...STEP, rebuildId: 'nobody' };
  await expect(findOutput(portsOf(world), LIMITS, step)).rejects.toThrow(/no rebuild nobody/);
});
