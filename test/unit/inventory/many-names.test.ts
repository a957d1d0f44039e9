import { imageContent } from '../../../shared/adapters/dynamodb/table/items.ts';
import type { Cluster } from '../../../shared/domain/image/usage.ts';
import type { ImageRecord } from '../../../shared/domain/verdict/image-record.ts';
import { coversImage } from '../../../shared/domain/verdict/waiver.ts';
import { itemSize, MOST_ITEM_BYTES } from '../../support/item-size.ts';
import { digestOf as digestNamed } from '../../support/samples.ts';
import { digestOf, hub, inventoryWorld, main, task } from './support.ts';

/** A digest has one content, and anybody may run it under any number of names: long ones, which no compression makes short. */
const digest = digestOf('a');
const nameOf = (n: number): string =>
  `evil.example/${digestNamed(`one ${n}`).slice(7)}/${digestNamed(`other ${n}`).slice(7)}`;
const there = { ...hub, cluster: 'main' };
const approvedRegistries = { id: 'approved-registries', allow: ['evil.example/*'] };

type World = Awaited<ReturnType<typeof inventoryWorld>>['world'];
const run = (world: World, from: number, to: number, cluster: Cluster = main): void => {
  for (let n = from; n < to; n += 1)
    world.workloads.run(cluster, task({ image: `${nameOf(n)}@${digest}`, digest }, { workload: `w${n}` }));
};
const imageIn = (world: World): ImageRecord => {
  const record = world.images.records.get(digest);
  if (!record) throw new Error('The image is not recorded');
  return record;
};

test('one digest under 5,000 names is an item as small as others, and fails in no scope', async () => {
  const { world, review, parts } = await inventoryWorld();
  run(world, 0, 3000);
  run(world, 2000, 5000, there);
  world.workloads.run(main, task({ image: 'nginx:1', digest: digestOf('b') }, { workload: 'other' }));
  for (const _ of [1, 2]) {
    await review([mainScope, hub]);
    const scopes = (await parts()).flatMap((part) => (part.kind === 'scope' ? part.result.status : []));
    expect(scopes).toEqual(['complete', 'complete']);
  }
  const { references = [], moreReferences } = imageIn(world);
  expect([references.length, moreReferences]).toEqual([100, 4900]);
  expect(itemSize(imageContent({ record: imageIn(world) }))).toBeLessThan(MOST_ITEM_BYTES / 10);
  expect(world.images.records.get(digestOf('b'))?.references).toEqual(['docker.io/library/nginx']);
});

const mainScope = { account: main.account, region: main.region };

test('a review of one scope counts the names of all, and a second one changes nothing', async () => {
  const { world, review } = await inventoryWorld();
  run(world, 0, 200);
  run(world, 100, 300, there);
  await review([mainScope, hub]);
  await review([mainScope, hub]);
  const before = imageIn(world);
  expect(before.moreReferences).toBe(200);
  await review([hub]);
  await review([mainScope]);
  expect(imageIn(world)).toEqual(before);
});

test('the count goes with the workloads', async () => {
  const { world, review } = await inventoryWorld();
  run(world, 0, 150);
  await review();
  for (let n = 20; n < 150; n += 1) world.workloads.stop(main, `w${n}`);
  await review();
  const names = Array.from({ length: 20 }, (_, n) => nameOf(n)).sort();
  expect(imageIn(world)).toMatchObject({ references: names });
  expect(imageIn(world).moreReferences).toBeUndefined();
});

test('a name that the policy does not approve is kept before others', async () => {
  const { world, review } = await inventoryWorld({ approvedRegistries });
  run(world, 0, 200);
  world.workloads.run(main, task({ image: `zzz.example/last@${digest}`, digest }, { workload: 'last' }));
  await review();
  expect(imageIn(world).references).toContain('zzz.example/last');
});

test('no waiver of repositories covers an image of which not every name is known', async () => {
  const waiver = { scope: { repositories: ['team/*'] } };
  const image = { locations: [], references: ['evil.example/team/app'], owner: 'o' };
  expect(coversImage(waiver, image)).toBe(true);
  expect(coversImage(waiver, { ...image, moreReferences: 1 })).toBe(false);
});
