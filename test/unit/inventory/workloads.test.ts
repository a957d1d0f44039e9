import type { RunningContainer } from '../../../shared/domain/image/usage.ts';
import { FakeWorkloads } from '../../support/fakes/workloads.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { digestOf, inventoryWorld, keys, main, payments, referenceTo, task, web } from './support.ts';

const a = digestOf('a');
const began = { beganAtEpochMs: START_EPOCH_MS };

test('equal containers are counted together, and different ones separately', async () => {
  const { world, workloads, document } = await inventoryWorld();
  const reference = referenceTo(web, ':stable');
  world.workloads.run(main, task({ image: reference, digest: a }), task({ image: reference, digest: a }));
  world.workloads.run(main, task({ image: reference, digest: a }, { architecture: 'arm64' }));
  world.workloads.run({ ...main, cluster: 'other' }, task({ image: reference, digest: a }));

  expect(await workloads()).toEqual({
    status: 'complete',
    inventory: { clusters: 2, tasks: 4, containers: 4, possible: 0 },
  });
  const observed = { reference, digest: a, digestSource: 'runtime', location: web, container: 'app', workload: 'web' };
  expect(await document(keys.observations(payments, began, 1))).toEqual([
    expect.objectContaining({ ...observed, cluster: 'main', architecture: 'amd64', count: 2 }),
    expect.objectContaining({ ...observed, cluster: 'main', architecture: 'arm64', count: 1 }),
    expect.objectContaining({ ...observed, cluster: 'other', architecture: 'amd64', count: 1 }),
  ]);
  expect(await document(keys.observationsComplete(payments))).toMatchObject({ pieces: 1 });
});

const unpinned = {
  ...payments,
  cluster: 'main',
  workloadKind: 'ecs-service',
  workload: 'web',
  container: 'app',
  count: 1,
};

test.each<[string, Partial<RunningContainer>, object]>([
  [
    'what the agent reported',
    { image: referenceTo(web, `@${digestOf('b')}`), digest: a },
    { reference: referenceTo(web, `@${digestOf('b')}`), digest: a, digestSource: 'runtime', location: web },
  ],
  [
    'what the task pins',
    { image: referenceTo(web, `@${a}`) },
    { reference: referenceTo(web, `@${a}`), digest: a, digestSource: 'reference', location: web },
  ],
  ['no digest for a tag', { image: referenceTo(web, ':1') }, { reference: referenceTo(web, ':1'), location: web }],
  ['a digest without any image, as AWS adds sidecars', { digest: a }, { digest: a, digestSource: 'runtime' }],
  ['an image that cannot be read', { image: 'no such:image' }, { reference: 'no such:image' }],
  ['a public image', { image: 'nginx:1', digest: a }, { digest: a, digestSource: 'runtime', reference: 'nginx:1' }],
])('takes %s', async (_, container, expected) => {
  const { world, workloads, document } = await inventoryWorld();
  world.workloads.run(main, task(container));
  await workloads();

  expect(await document(keys.observations(payments, began, 1))).toEqual([
    { ...unpinned, architecture: 'amd64', ...expected },
  ]);
});

test('observations are stored in pieces, so that memory use stays constant', async () => {
  const { world, workloads, document } = await inventoryWorld();
  const tasks = Array.from({ length: 4_001 }, (_, index) => task({ digest: a }, { workload: `task-${index}` }));
  world.workloads.run(main, ...tasks);

  await workloads();

  expect(await document(keys.observationsComplete(payments))).toMatchObject({
    pieces: 3,
    inventory: { tasks: 4_001 },
  });
  const sizes = await Promise.all(
    [1, 2, 3].map(async (piece) => ((await document(keys.observations(payments, began, piece))) as unknown[]).length),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(4_001);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(2_099);
});

test('two attempts to read a scope write no piece of each other, whichever ends last', async () => {
  const { world, workloads } = await inventoryWorld();
  const tasks = Array.from({ length: 2_001 }, (_, index) => task({ digest: a }, { workload: `task-${index}` }));
  world.workloads.run(main, ...tasks);
  const written: string[] = [];
  const put = world.runFiles.put.bind(world.runFiles);
  world.runFiles.put = async (key, document) => {
    written.push(key);
    await put(key, document);
  };

  await workloads();
  world.advance(1);
  await workloads();

  const pieces = written.filter((key) => !key.endsWith('/complete.json'));
  expect(pieces).toHaveLength(4);
  expect(new Set(pieces).size).toBe(4);
});

test('an unreadable scope is a failed part and does not count as complete', async () => {
  const { world, workloads, parts, document } = await inventoryWorld();
  world.workloads.deny(payments);

  expect(await workloads()).toEqual({ status: 'failed', error: 'ScopeUnreachableError' });

  expect(await parts()).toMatchObject([
    { kind: 'scope', key: '444455556666/eu-west-1', result: { status: 'failed', error: 'ScopeUnreachableError' } },
  ]);
  await expect(document(keys.observationsComplete(payments))).rejects.toMatchObject({ name: 'RunFileMissingError' });
  const first = await world.scopes.get(payments);
  world.advance(1000);
  await workloads();
  expect((await world.scopes.get(payments))?.failure?.sinceEpochMs).toBe(first?.failure?.sinceEpochMs);
});

test('a scope has the workloads of every source, and is complete once each was read', async () => {
  const { world, ports, workloads, document } = await inventoryWorld();
  const other = new FakeWorkloads().run({ ...main, cluster: 'elsewhere' }, task({ digest: a }));
  ports.workloadSources.push(other);
  world.workloads.run(main, task({ digest: a }));
  expect(await workloads()).toMatchObject({ status: 'complete', inventory: { clusters: 2, tasks: 2 } });
  expect(await document(keys.observations(payments, began, 1))).toMatchObject([
    { cluster: 'elsewhere' },
    { cluster: 'main' },
  ]);

  other.deny(payments);
  expect(await workloads()).toEqual({ status: 'failed', error: 'ScopeUnreachableError' });
});

test('any other error is thrown, for the state machine to try again', async () => {
  const { world, ports, workloads } = await inventoryWorld();
  world.workloads.run(main, task({ digest: a }));
  ports.workloads.tasks = async function* () {
    yield [task({ digest: a })];
    throw Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
  };
  await expect(workloads()).rejects.toMatchObject({ name: 'ThrottlingException' });
});

test('a scope with nothing is complete', async () => {
  const { workloads, document } = await inventoryWorld();
  expect(await workloads()).toMatchObject({ status: 'complete', inventory: { clusters: 0 } });
  expect(await document(keys.observationsComplete(payments))).toMatchObject({ pieces: 0 });
});
