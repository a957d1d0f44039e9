import { readRepository } from '../../../shared/inventory/repository.ts';
import { interleave, type Turns } from '../../support/fakes/interleave.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, policyOf } from '../fleet-review/support.ts';
import { config, debian, imageOf, PUSHED } from './support.ts';

/* Readings of one repository at the same time: the head that stands is of the newest push, and no other image is marked. */

const rule = {
  ...{ id: 'debian', tier: 'base' as const, account: debian.account, regions: [debian.region], owner: 'platform' },
  ...{ repositories: [debian.repository], headTags: ['^v.*$'] },
};
const policy = policyOf({ streams: [rule] });
const LINE = `${debian.account}/${debian.region}/${debian.repository}:^v.*$`;

type World = ReturnType<typeof fakeWorld>;

function push(world: World, letter: string, pushedAtEpochMs: number): void {
  world.registry.push(debian, {
    ...{ artifact: imageOf(letter), tags: [`v-${letter}`], config: config() },
    pushedAtEpochMs,
  });
}

const read = (world: World, turns: Turns = {}) =>
  readRepository({ ...world, streams: interleave('streams', world.streams, turns) }, policy, {
    ...{ location: debian, isListed: true, digests: {}, tags: {} },
  });

const headOf = async (world: World) => (await world.streams.streams([LINE])).get(LINE)?.head?.images;
const marked = (world: World) =>
  [...world.images.records.values()].filter(({ isHead }) => isHead).map(({ digest }) => digest);

test('a read that was overtaken does not replace a newer head by an older one', async () => {
  const world = fakeWorld();
  push(world, 'a', PUSHED);
  await read(world);
  push(world, 'b', PUSHED + 1);
  let overtaken = false;
  const overtake = async (step: string): Promise<void> => {
    if (step !== 'streams.recordStream' || overtaken) return;
    overtaken = true;
    push(world, 'c', PUSHED + 2);
    expect((await read(world)).failure).toBeUndefined();
  };
  expect((await read(world, { before: overtake })).failure).toBeUndefined();
  expect(overtaken).toBe(true);
  expect(await headOf(world)).toEqual({ 'linux/amd64': digestOf('c') });
  expect(marked(world)).toEqual([digestOf('c')]);
});

test('a read that is overtaken at each attempt fails and marks no image that is not the head', async () => {
  const world = fakeWorld();
  push(world, 'a', PUSHED);
  await read(world);
  push(world, 'b', PUSHED + 1);
  const letters = ['1', '2', '3', '4', '5', '6', '7', '8'];
  const pushNext = () => push(world, letters.shift() ?? '', PUSHED + 10 - letters.length);
  // One that is written down, and one that the next reading finds.
  const overtake = async (step: string): Promise<void> => {
    if (step !== 'streams.recordStream') return;
    pushNext();
    await read(world);
    pushNext();
  };
  const { failure } = await read(world, { before: overtake });
  expect(failure).toMatchObject({ isRefusal: false, error: { name: 'LedgerContendedError' } });
  const head = await headOf(world);
  expect(head).toEqual({ 'linux/amd64': digestOf('7') });
  expect(marked(world)).toEqual([digestOf('7')]);
});
