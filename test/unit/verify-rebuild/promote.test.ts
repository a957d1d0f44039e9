import { promote } from '../../../functions/verify-rebuild/promote.ts';
import { digestOf } from '../../support/samples.ts';
import {
  finding,
  LIMITS,
  LOCATION,
  MINUTE_MS,
  NEW,
  OLD,
  portsOf,
  push,
  REBUILD,
  rebuildOf,
  STEP,
  STREAM,
  VerifyMachine,
  type VerifyWorld,
  verifyWorld,
} from './support.ts';

const FOUND = { build: { state: 'succeeded', outputDigest: NEW } } as const;
const meaning = (world: VerifyWorld) => world.registry.resolveTag(LOCATION, '22');

/** A candidate was pushed and its scan has ended; the tag itself means the old head. */
async function candidate({ tags = ['22-candidate', 'sha-4f2a91c'], promotes = true } = {}) {
  const world = await verifyWorld({ promotes, changes: FOUND });
  push(world, 'new', { tags, label: REBUILD });
  world.scanner.completesAtOnce = true;
  return { world, machine: new VerifyMachine(world) };
}

test('the tag that others build on moves after its candidate is verified, and not before', async () => {
  const { world, machine } = await candidate();
  await machine.run('promote');
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(await meaning(world)).toBe(OLD);
  await machine.run();
  expect(await meaning(world)).toBe(NEW);
  expect(world.tagger.moved).toEqual([{ place: LOCATION, digest: NEW, tag: '22' }]);
  expect((await world.streams.streams([STREAM])).get(STREAM)?.head).toEqual({ images: { 'linux/arm64': NEW } });
  expect(world.images.records.get(NEW)).toMatchObject({ stream: STREAM, isHead: true });
});

test('a head tag that only the edited pattern has proves the output, and is what moves', async () => {
  const lines = { headTags: ['^(22|jod)$'], names: { '^(22|jod)$': '^22$' } };
  const world = await verifyWorld({ promotes: true, changes: FOUND, lines });
  push(world, 'new', { tags: ['jod-candidate'] });
  world.scanner.completesAtOnce = true;
  await new VerifyMachine(world).run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(world.tagger.moved).toEqual([{ place: LOCATION, digest: NEW, tag: 'jod' }]);
  expect((await world.streams.streams([STREAM])).get(STREAM)?.head).toEqual({ images: { 'linux/arm64': NEW } });
});

test('promoted twice it moves once', async () => {
  const { world, machine } = await candidate();
  await machine.run();
  await promote(portsOf(world), LIMITS, STEP);
  expect(world.tagger.moved).toHaveLength(1);
});

test('without `promotes` in the rule no tag moves', async () => {
  const { world, machine } = await candidate({ promotes: false });
  await machine.run();
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
  expect(world.tagger.moved).toEqual([]);
});

test('an output that does not fix its cause is not promoted, and its node is settled', async () => {
  const { world, machine } = await candidate();
  world.scanner.finds(NEW, [finding('CVE-2026-1')]);
  await machine.run();
  expect((await rebuildOf(world)).outcome).toMatchObject({ result: 'ineffective' });
  expect(await meaning(world)).toBe(OLD);
});

test('an unverified output is never promoted', async () => {
  const { world } = await candidate();
  await expect(promote(portsOf(world), LIMITS, STEP)).rejects.toThrow(/is not verified/);
  expect(world.tagger.moved).toEqual([]);
});

test('a verified output without a candidate tag is an error with the next step', async () => {
  const { machine } = await candidate({ tags: ['sha-4f2a91c', '21-candidate'] });
  await machine.run('promote');
  await expect(machine.step()).rejects.toThrow(/has no candidate tag: .*Let the pipeline push such a tag/s);
});

test("a person's push under the tag during the rebuild stays", async () => {
  const { world, machine } = await candidate();
  push(world, 'theirs', { tags: ['22'] });
  await machine.run('promote');
  await expect(machine.step()).rejects.toThrow(/to sha256:.* during the rebuild, so Patchwave leaves the tag there/);
  expect(await meaning(world)).toBe(digestOf('theirs'));
});

describe('a newer push has taken the candidate tag before the rebuild was verified', () => {
  async function overtaken(by: 'find-output' | 'check' = 'check') {
    const world = await verifyWorld({ promotes: true, changes: FOUND });
    push(world, 'new', { tags: ['22-candidate'] });
    const machine = await new VerifyMachine(world).run('check');
    if (by === 'check') await machine.step();
    world.advance(MINUTE_MS);
    push(world, 'newer', { tags: ['22-candidate'] });
    world.scanner.finds(digestOf('newer'), [finding('CVE-2026-1')]).completesAtOnce = true;
    world.scanner.finish();
    return { world, machine };
  }

  test.each(['find-output', 'check'] as const)(
    'by %s: the verified one is promoted, the newer one is not',
    async (by) => {
      const { world, machine } = await overtaken(by);
      await machine.run();
      expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
      expect(world.tagger.moved).toEqual([{ place: LOCATION, digest: NEW, tag: '22' }]);
      expect(await world.registry.resolveTag(LOCATION, '22-candidate')).toBe(digestOf('newer'));
    },
  );

  test('if the newer one was verified first and has the tag, the tag does not move back', async () => {
    const { world, machine } = await overtaken();
    await world.tagger.tag(LOCATION, digestOf('newer'), '22');
    await machine.run('promote');
    await expect(machine.step()).rejects.toThrow(/leaves the tag there/);
    expect(await meaning(world)).toBe(digestOf('newer'));
  });
});

test('an output deleted after verification is an error that says so', async () => {
  const { world, machine } = await candidate();
  await machine.run('promote');
  world.registry.delete(LOCATION, NEW);
  await expect(machine.step()).rejects.toMatchObject({ name: 'ImageGoneError' });
});

test('an older image under the tag again, by our push history, is an error that says so', async () => {
  const { world, machine } = await candidate();
  const record = { digest: OLD, location: LOCATION, tags: ['22'] };
  await world.places.recordLocation({ ...record, lastPushSeenAtEpochMs: world.clock() });
  await machine.run('promote');
  await expect(machine.step()).rejects.toThrow(/leaves the tag there/);
  expect(world.tagger.moved).toEqual([]);
});

test('an immutable tag and a missing role are errors of the step', async () => {
  const { world, machine } = await candidate();
  await machine.run('promote');
  world.tagger.freeze(LOCATION);
  await expect(machine.step()).rejects.toMatchObject({ name: 'TagImmutableError' });
});
