import { promote } from '../../../functions/verify-rebuild/promote.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import { parse } from '../../../shared/schema.ts';
import { HOUR_MS } from '../../support/samples.ts';
import {
  CASCADE,
  finding,
  LIMITS,
  LOCATION,
  NEW,
  policyOf,
  portsOf,
  push,
  rebuildOf,
  STEP,
  STREAM,
  VerifyMachine,
  type VerifyWorld,
  verifyWorld,
} from './support.ts';

/* A person stops Patchwave, or a stream, between the verification of a rebuild and the move of its tag. */

const THROWN = { rebuilding: 'paused', by: 'ann', reason: 'a bad base', atEpochMs: 1 } as const;

const nodeOf = ({ cascades }: VerifyWorld) => cascades.node(CASCADE, STREAM);

async function verified() {
  const world = await verifyWorld({ promotes: true, changes: { build: { state: 'succeeded', outputDigest: NEW } } });
  push(world, 'new', { tags: ['22-candidate'] });
  world.scanner.completesAtOnce = true;
  return { world, machine: await new VerifyMachine(world).run('promote') };
}

async function setMode(world: VerifyWorld, mode: 'paused' | 'report-only' | 'enforce'): Promise<void> {
  const { version } = await world.policies.current();
  await world.policies.publish(parse(policySchema, policyOf(true, mode)), { replaces: version });
}

const pauses = [
  [
    'the kill switch',
    (world: VerifyWorld) => world.killSwitch.set(THROWN),
    (world: VerifyWorld) => world.killSwitch.set({ ...THROWN, rebuilding: 'active' }),
  ],
  [
    'the mode of the stream',
    (world: VerifyWorld) => setMode(world, 'paused'),
    (world: VerifyWorld) => setMode(world, 'enforce'),
  ],
] as const;

test.each(pauses)('paused by %s no tag moves, and it moves once that ends', async (_, pause, resume) => {
  const { world, machine } = await verified();
  await pause(world);
  for (let refreshes = 0; refreshes < 3; refreshes += 1) await machine.step();
  expect([machine.state, world.tagger.moved]).toEqual(['promote', []]);
  expect(await nodeOf(world)).toMatchObject({ state: 'verifying' });
  await resume(world);
  await machine.run();
  expect(world.tagger.moved).toMatchObject([{ digest: NEW, tag: '22' }]);
  expect(await rebuildOf(world)).toMatchObject({ promotedAtEpochMs: expect.any(Number) });
});

test.each(pauses)('paused by %s to the end of its cascade the node waits for another one', async (_, pause) => {
  const { world, machine } = await verified();
  await pause(world);
  await machine.run();
  expect(world.clock()).toBeGreaterThanOrEqual((await world.cascades.get(CASCADE))?.deadlineEpochMs ?? 0);
  expect(world.tagger.moved).toEqual([]);
  const answer = { answer: 'wait', reason: 'paused' };
  expect(await nodeOf(world)).toMatchObject({ state: 'waiting', answer, output: NEW, outcome: { result: 'fixed' } });
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
});

test('if the policy is report-only by now, the node is refused at once', async () => {
  const { world, machine } = await verified();
  await setMode(world, 'report-only');
  const { deadlineEpochMs = 0 } = (await world.cascades.get(CASCADE)) ?? {};
  await machine.step();
  expect(machine.state).toBe('done');
  expect(world.clock()).toBeLessThan(deadlineEpochMs - HOUR_MS);
  expect(world.tagger.moved).toEqual([]);
  expect(await nodeOf(world)).toMatchObject({ state: 'refused', answer: { reason: 'report-only' } });
});

test('a step repeated after the tag has moved makes no calls', async () => {
  const { world, machine } = await verified();
  await machine.run();
  await world.killSwitch.set(THROWN);
  expect(await promote(portsOf(world), LIMITS, STEP)).toMatchObject({ decision: 'ended' });
  expect(await nodeOf(world)).toMatchObject({ state: 'verifying' });
});

describe('output taken over by another cascade', () => {
  const takenOver = { takenOverFrom: 'rebuild-0', build: { state: 'succeeded', outputDigest: NEW } } as const;

  test('is found, verified and promoted', async () => {
    const world = await verifyWorld({ promotes: true, changes: takenOver });
    push(world, 'new', { tags: ['22-candidate'] });
    world.scanner.completesAtOnce = true;
    await new VerifyMachine(world).run();
    expect(await rebuildOf(world)).toMatchObject({ output: NEW, outcome: { result: 'fixed' } });
    expect(world.tagger.moved).toMatchObject([{ digest: NEW, tag: '22' }]);
  });

  test.each([
    ['holds the cause by now', (world: VerifyWorld) => push(world, 'new', { tags: ['22-candidate'] }), 'ineffective'],
    ['is in its registry no more', () => undefined, 'no-output: '],
  ])('and %s counts as no failure of a pipeline', async (_, arrange, why) => {
    const world = await verifyWorld({ promotes: true, changes: takenOver });
    arrange(world);
    world.scanner.finds(NEW, [finding('CVE-2026-1')]).completesAtOnce = true;
    await new VerifyMachine(world).run();
    const reason = expect.stringContaining(`the verified image of rebuild rebuild-0 can no longer be used (${why}`);
    expect((await rebuildOf(world)).outcome).toEqual({ result: 'unverified', reason });
    expect(world.tagger.moved).toEqual([]);
  });
});

describe('the policy in force is lost', () => {
  const lose = async ({ policies, policyVersion }: VerifyWorld) => policies.lose(policyVersion);
  const repair = ({ policies, policyVersion }: VerifyWorld) =>
    policies.publish(parse(policySchema, policyOf(true)), { replaces: policyVersion });

  test('no tag moves, and it moves once the policy can be read again', async () => {
    const { world, machine } = await verified();
    await lose(world);
    for (let refreshes = 0; refreshes < 3; refreshes += 1) await machine.step();
    expect([machine.state, world.tagger.moved]).toEqual(['promote', []]);
    await repair(world);
    await machine.run();
    expect(world.tagger.moved).toMatchObject([{ digest: NEW, tag: '22' }]);
  });

  test('a registry that only the policy names is read once the policy can be read again, at any time', async () => {
    const world = await verifyWorld({ promotes: true, changes: { build: { state: 'succeeded', outputDigest: NEW } } });
    push(world, 'new', { tags: ['22-candidate'] });
    world.scanner.completesAtOnce = true;
    await lose(world);
    world.registry.deny(LOCATION);
    const machine = new VerifyMachine(world);
    const since = world.clock();
    for (let refreshes = 0; refreshes < 500 && world.clock() < since + 5 * HOUR_MS; refreshes += 1)
      await machine.step();
    expect((await rebuildOf(world))?.outcome).toBeUndefined();
    await repair(world);
    world.registry.permit(LOCATION);
    await machine.run();
    expect(await rebuildOf(world)).toMatchObject({ outcome: { result: 'fixed' } });
  });

  test('an unjudged output is judged once the policy can be read again, at any time', async () => {
    const world = await verifyWorld({ promotes: true, changes: { build: { state: 'succeeded', outputDigest: NEW } } });
    push(world, 'new', { tags: ['22-candidate'] });
    world.scanner.completesAtOnce = true;
    const machine = await new VerifyMachine(world).run('check');
    await lose(world);
    const since = world.clock();
    while (world.clock() < since + 5 * HOUR_MS) await machine.step();
    expect([machine.state, (await rebuildOf(world))?.outcome]).toEqual(['check', undefined]);
    await repair(world);
    await machine.run();
    expect(await rebuildOf(world)).toMatchObject({ outcome: { result: 'fixed' } });
    expect(world.tagger.moved).toMatchObject([{ digest: NEW, tag: '22' }]);
  });
});
