import { handleMessages } from '../../../functions/registry-events/registry-events.ts';
import type { Turns } from '../../support/fakes/interleave.ts';
import { digestOf } from '../../support/samples.ts';
import { headOf, messages, type PushWorld, portsOf, pushed, pushWorld } from './support.ts';

/* Batches of one repository at the same time: each moves the head from what stands, however often another came first. */

const handle = (world: PushWorld, bodies: readonly string[], turns: Turns = {}) =>
  handleMessages(portsOf(world, turns), messages(bodies));

const marked = ({ images }: PushWorld) =>
  [...images.records.values()].filter(({ isHead }) => isHead).map(({ digest }) => digest);

/** Before each of so many writes of a head another batch writes a newer one. */
function overtaking(world: PushWorld, times: number): Turns {
  let left = times;
  return {
    before: async (step) => {
      if (step !== 'streams.recordStream' || left === 0) return;
      left -= 1;
      const atSeconds = 100 - left;
      await handle(world, [pushed(world, { name: `other-${left}`, tag: `v1.0.${atSeconds}`, atSeconds })]);
    },
  };
}

test('a batch overtaken by another reads again at once without redelivery', async () => {
  const world = await pushWorld();
  const body = pushed(world, { name: 'newest', tag: 'v2.0.0', atSeconds: 200 });
  expect(await handle(world, [body], overtaking(world, 2))).toMatchObject({ recorded: 1, failed: [] });
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('newest') } });
  expect(marked(world)).toEqual([digestOf('newest')]);
});

test('a batch that is overtaken at each attempt is redelivered, and its head moves then', async () => {
  const world = await pushWorld();
  const body = pushed(world, { name: 'newest', tag: 'v2.0.0', atSeconds: 200 });
  const error = expect.objectContaining({ name: 'LedgerContendedError' });
  const { failed } = await handle(world, [body], overtaking(world, 50));
  expect(failed).toEqual([{ messageId: 'm0', error }]);
  expect(marked(world)).toEqual(Object.values((await headOf(world))?.images ?? {}));
  await handle(world, [body]);
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('newest') } });
});

test('a batch that moves no head leaves no mark on one that another batch has replaced meanwhile', async () => {
  const world = await pushWorld();
  await handle(world, [pushed(world, { name: 'old', tag: 'v1.0.0', atSeconds: 100 })]);
  const moving = pushed(world, { name: 'newest', tag: 'v2.0.0', atSeconds: 200 });
  let isMoved = false;
  // After it has read which image is the head, and before it reads which are marked.
  const turns: Turns = {
    before: async (step) => {
      if (step !== 'fleetPlaces.locationsOf' || isMoved) return;
      isMoved = true;
      await handle(world, [moving]);
    },
  };
  const branch = pushed(world, { name: 'branch', tag: 'feature-1', atSeconds: 150 });
  expect(await handle(world, [branch], turns)).toMatchObject({ recorded: 1, failed: [] });
  expect(await headOf(world)).toEqual({ images: { 'linux/arm64': digestOf('newest') } });
  expect(marked(world)).toEqual([digestOf('newest')]);
});
