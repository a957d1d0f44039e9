import { collect } from '../../../shared/concurrency.ts';
import { locationKey } from '../../../shared/domain/image/image.ts';
import { writeProperties } from '../../../shared/inventory/write-properties.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { imageProperties } from '../../support/samples.ts';
import { debian, digestOf, inventoryWorld, main, payments, pushImage, referenceTo, task, web } from './support.ts';

const [a, b] = [digestOf('a'), digestOf('b')];
const stableStream = '444455556666/eu-west-1/apps/web:^stable$';

async function webWorld() {
  const inventory = await inventoryWorld();
  pushImage(inventory.world, web, 'a', ['stable']);
  inventory.world.workloads.run(main, task({ image: referenceTo(web, ':stable'), digest: a }));
  return { ...inventory, listed: (stream: string) => collect(inventory.world.streamImages.of(stream)) };
}

test('images are listed with the stream that made them, the one before too', async () => {
  const { world, review, listed } = await webWorld();
  await review();
  expect(await listed(stableStream)).toEqual([a]);
  pushImage(world, web, 'b', ['stable']);
  world.workloads.stop(main, 'web');
  world.workloads.run(main, task({ image: referenceTo(web, ':stable'), digest: b }));
  await review();
  expect(await listed(stableStream)).toEqual([a, b].sort());
});

test('a possible parent without a release line is listed by its place', async () => {
  const { world, review, listed } = await webWorld();
  pushImage(world, debian, 'b', ['branch-7']);
  await review();
  expect(world.images.records.get(b)).toMatchObject({ tier: 'base' });
  expect(world.images.records.get(b)).not.toHaveProperty('stream');
  expect(await listed(locationKey(debian))).toEqual([b]);
  expect(await listed(locationKey(web))).toEqual([]);
});

test.each([
  ['base', 1],
  ['platform', 1],
  ['mirrored', 1],
  ['application', 0],
  ['external', 0],
  ['aws-managed', 0],
  ['unmanaged', 0],
] as const)('an image of tier %s without a stream is in %i lists', async (tier, lists) => {
  const world = fakeWorld();
  const { stream: _, ...image } = { ...imageProperties('a'), tier, locations: [debian] };
  await writeProperties(world, undefined, () => image);
  expect(await collect(world.streamImages.of(locationKey(debian)))).toHaveLength(lists);
});

test('a day without changes reads no list', async () => {
  const { world, review } = await webWorld();
  pushImage(world, debian, 'b', ['12']);
  await review();
  const { asked } = world.streamImages;
  expect(asked).toBeGreaterThanOrEqual(2);
  await review();
  expect(world.streamImages.asked).toBe(asked);
});

test('an image is listed before its facts are written, so a retry after a crash lists it again', async () => {
  const { world, review, listed } = await webWorld();
  const { recordProperties } = world.images;
  world.images.recordProperties = async () => {
    throw new Error('cut off');
  };
  await review().catch(() => undefined);
  expect(world.images.records.has(a)).toBe(false);
  expect(await listed(stableStream)).toEqual([a]);
  world.images.recordProperties = recordProperties;
  await review();
  expect(world.images.records.get(a)?.stream).toBe(stableStream);
});

test('an image whose registry cannot be read is listed by the tag it runs by', async () => {
  const { world, review, listed } = await webWorld();
  world.registry.deny(payments);
  await review();
  expect(world.images.records.get(a)).toMatchObject({ stream: stableStream, unresolved: expect.anything() });
  expect(await listed(stableStream)).toEqual([a]);
});

test('an image that another writer moved to another stream meanwhile is listed there too', async () => {
  const world = fakeWorld();
  await world.images.recordProperties(imageProperties('a', { stream: 'one' }));
  await writeProperties(world, undefined, (known) => imageProperties('a', { stream: known ? 'two' : 'one' }));
  const { digest } = imageProperties('a');
  expect(world.images.records.get(digest)?.stream).toBe('two');
  expect(await collect(world.streamImages.of('two'))).toEqual([digest]);
});
