import { groupRegistries } from '../../../functions/fleet-review/group-registries.ts';
import { registryDocument, runFileKeys } from '../../../shared/review/documents.ts';
import { parse } from '../../../shared/schema.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { digestOf, hub, payments, portsOf, reviewedWorld, seen } from './support.ts';

const RUN = 'run-1';
const keys = runFileKeys(RUN);
const inventory = { clusters: 1, tasks: 1, containers: 1, usages: 0, unresolved: 0 };

const web = { ...payments, repository: 'apps/web' };
const host = '444455556666.dkr.ecr.eu-west-1.amazonaws.com';

async function observed(world: FakeWorld, pieces: readonly (readonly object[])[], isComplete = true) {
  await world.runFiles.put(keys.scopes, [{ scope: payments }]);
  for (const [index, piece] of pieces.entries())
    await world.runFiles.put(keys.observations(payments, { beganAtEpochMs: 1 }, index + 1), piece);
  if (isComplete)
    await world.runFiles.put(keys.observationsComplete(payments), {
      beganAtEpochMs: 1,
      pieces: pieces.length,
      inventory,
    });
}

async function grouped(pieces: readonly (readonly object[])[], isComplete = true) {
  const { world, policyVersion } = await reviewedWorld();
  await observed(world, pieces, isComplete);
  const reply = await groupRegistries(portsOf(world), {
    action: 'group-registries',
    runId: RUN,
    mode: 'review',
    policyVersion,
  });
  const registries = (await world.runFiles.get(keys.registries)) as { registry: typeof payments }[];
  expect(reply).toEqual({ key: keys.registries, count: registries.length });
  return Promise.all(
    registries.map(async ({ registry }) => parse(registryDocument, await world.runFiles.get(keys.registry(registry)))),
  );
}

const base = { registry: hub, digests: {}, tags: {} };

test('registries of base and platform streams are read though nothing runs from them', async () => {
  expect(await grouped([[]])).toEqual([base]);
});

test('asks again for indexes of version 0.2.0, in registries that it reads anyway', async () => {
  const { world, policyVersion } = await reviewedWorld();
  await observed(world, [[]]);
  const index = digestOf('index');
  world.places.recordOlder(index, [], world.clock());
  world.places.recordOlder(digestOf('nowhere'), [], world.clock());
  await world.places.recordIndex(digestOf('new'), [], world.clock());
  for (const location of [{ ...hub, repository: 'x' }, web])
    for (const digest of [index, digestOf('new')]) await world.places.recordLocation({ digest, location, tags: [] });
  await groupRegistries(portsOf(world), { action: 'group-registries', runId: RUN, mode: 'review', policyVersion });
  expect(await world.runFiles.get(keys.registries)).toEqual([{ registry: hub }]);
  expect(await world.runFiles.get(keys.registry(hub))).toEqual({ ...base, outdated: { x: [index] } });
});

test('requests the digests of each registry once, with their tags', async () => {
  const a = { digest: digestOf('a'), digestSource: 'runtime', location: web };
  const pieces = [
    [
      seen({ ...a, reference: `${host}/apps/web:stable` }),
      seen({ ...a, reference: `${host}/apps/web:blue`, container: 'b' }),
    ],
    [
      seen({ ...a, reference: `${host}/apps/web:stable`, container: 'c' }),
      seen({ digest: digestOf('b'), location: { ...hub, repository: 'x' } }),
    ],
  ];

  expect(await grouped(pieces)).toEqual([
    { ...base, digests: { x: { [digestOf('b')]: [] } } },
    { registry: payments, digests: { 'apps/web': { [digestOf('a')]: ['blue', 'stable'] } }, tags: {} },
  ]);
});

test('a tag beside a digest proves nothing about the tag', async () => {
  const reference = `${host}/apps/web:stable@${digestOf('a')}`;
  const [, asked] = await grouped([[seen({ digest: digestOf('a'), reference, location: web })]]);
  expect(asked?.digests).toEqual({ 'apps/web': { [digestOf('a')]: [] } });
});

/** Before all history: what a tag meant to a task of which ECS tells no pull is a guess. */
const NEVER = { endedAtEpochMs: 0 };

test('requests a tag with each distinct pull, in order', async () => {
  const pulled = (endedAtEpochMs: number) =>
    seen({
      reference: `${host}/apps/web:v1`,
      location: web,
      pull: { beganAtEpochMs: endedAtEpochMs - 1, endedAtEpochMs },
    });
  const withoutPull = seen({ reference: `${host}/apps/web:v1`, location: web });
  const [, asked] = await grouped([
    [pulled(1_795_489_200_000), withoutPull],
    [pulled(1_795_489_100_000), pulled(1_795_489_200_000)],
  ]);
  const pulls = [1_795_489_100_000, 1_795_489_200_000].map((at) => ({ beganAtEpochMs: at - 1, endedAtEpochMs: at }));
  expect(asked).toMatchObject({ tags: { 'apps/web': { v1: [NEVER, ...pulls] } } });
});

test('requests tags without a known digest', async () => {
  const [, asked] = await grouped([[seen({ reference: `${host}/apps/web`, location: web })]]);
  expect(asked).toEqual({ registry: payments, digests: {}, tags: { 'apps/web': { latest: [NEVER] } } });
});

test('leaves out AWS registries and images outside ECR', async () => {
  const aws = { account: '602401143452', region: 'eu-west-1', repository: 'eks/pause' };
  const pieces = [
    [seen({ digest: digestOf('c'), location: aws }), seen({ digest: digestOf('d'), reference: 'nginx:1' })],
  ];
  expect(await grouped(pieces)).toEqual([base]);
});

test('an incompletely read scope contributes nothing', async () => {
  expect(await grouped([[seen({ digest: digestOf('a'), location: web })]], false)).toEqual([base]);
});
