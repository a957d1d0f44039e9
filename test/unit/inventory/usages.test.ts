import { jest } from '@jest/globals';
import { groupRegistries } from '../../../functions/fleet-review/group-registries.ts';
import { recordUsages } from '../../../functions/inventory/usages.ts';
import { readWorkloads } from '../../../functions/inventory/workloads.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Standing } from '../../../shared/domain/admission/standing.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { RunningTask } from '../../../shared/domain/image/usage.ts';
import type { DoorPlace } from '../../../shared/domain/policy/doors.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import type { RunningReads } from '../../../shared/ports/admission.ts';
import { FakeScratch } from '../../support/fakes/scratch.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { policyOf } from '../fleet-review/support.ts';
import {
  DAY_MS,
  digestOf,
  hub,
  indexOf,
  inventoryWorld,
  keys,
  main,
  PUSHED,
  payments,
  pushImage,
  referenceTo,
  task,
  web,
} from './support.ts';

const [a, b, c, d] = [digestOf('a'), digestOf('b'), digestOf('c'), digestOf('d')];
const running = (digest: Digest, changes: Partial<RunningTask> = {}) =>
  task({ image: referenceTo(web, ':stable'), digest }, changes);

async function webWorld() {
  const set = await inventoryWorld();
  pushImage(set.world, web, 'a', ['stable']);
  pushImage(set.world, web, 'b', ['blue']);
  const inUse = () => [...set.world.images.records.values()].filter((image) => image.inUse).map(({ digest }) => digest);
  return { ...set, inUse };
}

test('records who runs what, and is complete with its counts', async () => {
  const { world, review, live, parts, document, inUse } = await webWorld();
  world.workloads.run(main, running(a), running(a), running(b, { workload: 'blue' }));

  await review();

  expect(await live()).toMatchObject(
    [
      { workload: 'blue', digest: b, count: 1, digestSource: 'runtime' },
      { workload: 'web', digest: a, count: 2, reference: referenceTo(web, ':stable') },
    ].sort((one, other) => (one.digest < other.digest ? -1 : 1)),
  );
  expect(inUse().sort()).toEqual([a, b]);
  expect(await document(keys.digests(payments))).toEqual([a, b]);
  expect(await parts()).toContainEqual({
    kind: 'scope',
    key: '444455556666/eu-west-1',
    result: {
      scope: payments,
      status: 'complete',
      inventory: { clusters: 1, tasks: 3, containers: 3, possible: 0, usages: 2, unresolved: 0 },
    },
  });
  expect(await world.scopes.get(payments)).toEqual({
    scope: payments,
    completeAtEpochMs: START_EPOCH_MS,
    includesEks: true,
    includesStanding: true,
  });
});

test('a read counts from its start: later starts are not in it', async () => {
  const { world, review, live } = await webWorld();
  await review([payments], () => {
    world.advance(20 * 60_000);
    world.workloads.run(main, running(a));
  });
  expect(await live()).toEqual([]);
  expect(await world.scopes.get(payments)).toEqual({
    scope: payments,
    completeAtEpochMs: START_EPOCH_MS,
    includesEks: true,
    includesStanding: true,
  });
});

test('a stopping task that was read is recorded as running, and the scope says so', async () => {
  const { world, workloads, usages, live } = await webWorld();
  world.workloads.run(main, running(a)).stop(main, 'web');

  await workloads(payments, { includesStopping: true });
  await usages();

  expect(await live()).toMatchObject([{ workload: 'web', digest: a, count: 1 }]);
  expect(await world.scopes.get(payments)).toEqual({
    ...{
      scope: payments,
      completeAtEpochMs: START_EPOCH_MS,
      includesStopping: true,
      includesEks: true,
      includesStanding: true,
    },
  });
  await workloads();
  await usages();
  expect(await live()).toEqual([]);
  expect(await world.scopes.get(payments)).toEqual({
    scope: payments,
    completeAtEpochMs: START_EPOCH_MS,
    includesEks: true,
    includesStanding: true,
  });
});

test('a complete read ends missing usages, and the image is no longer in use', async () => {
  const { world, review, live, inUse } = await webWorld();
  world.workloads.run(main, running(a), running(b, { workload: 'blue' }));
  await review();
  world.workloads.stop(main, 'web');

  await review();

  expect((await live()).map(({ digest }) => digest)).toEqual([b]);
  expect(inUse()).toEqual([b]);
});

test('an image that another scope still runs stays in use', async () => {
  const { world, review, inUse } = await webWorld();
  const elsewhere = { ...hub, cluster: 'main' };
  world.workloads.run(main, running(a)).run(elsewhere, running(a));
  await review([payments, hub]);
  world.workloads.stop(main, 'web');

  await review([payments, hub]);

  expect(inUse()).toEqual([a]);
});

test.each([
  ['is read first, and then ours', [hub, payments]],
  ['is not read, as nothing but ours is', [payments]],
])('an image that another scope runs stays in use where that scope %s', async (_, scopes) => {
  const { world, review, inUse } = await webWorld();
  world.workloads.run(main, running(a)).run({ ...hub, cluster: 'main' }, running(a));
  await review([payments, hub]);
  world.workloads.stop(main, 'web');

  await review(scopes);

  expect(inUse()).toEqual([a]);
});

test('an image that another cluster of the scope runs stays in use until that ends, too', async () => {
  const { world, review, inUse, live } = await webWorld();
  const other = { ...main, cluster: 'other' };
  world.workloads.run(main, running(a)).run(other, running(a));
  await review();
  world.workloads.stop(main, 'web');
  await review();
  expect(inUse()).toEqual([a]);
  expect(await live()).toMatchObject([{ cluster: 'other' }]);
  world.workloads.stop(other, 'web');
  await review();
  expect(inUse()).toEqual([]);
});

test('a mark that another scope removed in between is set again', async () => {
  const { world, ports, review, inUse } = await webWorld();
  world.workloads.run(main, running(a));
  const record = world.usages.record.bind(world.usages);
  ports.usages.record = async (usages, at) => {
    await record(usages, at);
    await world.images.recordPresence(a, { inUse: false });
  };

  await review();

  expect(inUse()).toEqual([a]);
});

test('an incompletely read scope is unchanged, also if tasks stopped meanwhile', async () => {
  const { world, review, usages, live, inUse, run } = await webWorld();
  world.workloads.run(main, running(a));
  await review();
  const before = await live();
  world.workloads.stop(main, 'web').deny(payments);

  // Another run, whose reading of this scope leaves no `complete.json`.
  Object.assign(run, { runId: 'run-2' });
  expect(await usages()).toEqual({ status: 'left-alone' });

  expect(await live()).toEqual(before);
  expect(inUse()).toEqual([a]);
  expect(await collect(world.runs.parts('run-2'))).toEqual([]);
});

test('a changed usage is written again, and an unchanged one is not', async () => {
  const { world, review, live } = await webWorld();
  world.workloads.run(main, running(a), running(b, { workload: 'blue' }));
  await review();
  const written: unknown[] = [];
  const record = world.usages.record.bind(world.usages);
  world.usages.record = async (usages, at) => {
    written.push(...usages);
    await record(usages, at);
  };
  world.workloads.run(main, running(a));

  await review();

  expect(written).toMatchObject([{ workload: 'web', count: 2 }]);
  expect(await live()).toHaveLength(2);
});

describe('an index', () => {
  const children = [
    { digest: c, platform: 'linux/amd64' },
    { digest: d, platform: 'linux/arm64/v8' },
  ] as const;

  test.each<[string, Partial<RunningTask>, readonly Digest[]]>([
    ['of the task’s architecture', { architecture: 'arm64' }, [d]],
    ['where the architecture is not reported: all of them', {}, [c, d]],
  ])('is its child %s', async (_, { architecture }, expected) => {
    const { world, review, live } = await inventoryWorld();
    pushImage(world, web, 'c');
    pushImage(world, web, 'd');
    world.registry.push(web, { artifact: indexOf('b', children), tags: ['stable'], pushedAtEpochMs: PUSHED });
    const { architecture: _architecture, ...withoutArchitecture } = running(b);
    world.workloads.run(main, { ...withoutArchitecture, ...(architecture !== undefined && { architecture }) });

    await review();

    expect((await live()).map(({ digest, count }) => [digest, count])).toEqual(expected.map((digest) => [digest, 1]));
  });

  test('without an image for its node is unknown: no image of it is taken for what runs', async () => {
    const { world, review, live } = await inventoryWorld();
    pushImage(world, web, 'c');
    pushImage(world, web, 'd');
    world.registry.push(web, { artifact: indexOf('b', children), tags: ['stable'], pushedAtEpochMs: PUSHED });
    world.workloads.run(main, { ...running(b), architecture: 's390x' });

    await review();

    expect((await live()).map(({ digest }) => digest)).toEqual([b]);
    expect(world.images.records.get(b)).toMatchObject({
      unresolved: { code: 'no-image-for-node' },
      birth: { known: false },
      tier: 'application',
    });
    expect(await world.places.indexes([b])).toEqual(new Map([[b, children]]));
  });

  test('without an image is recorded under its own digest and is never compliant', async () => {
    const { world, review, live, document } = await inventoryWorld();
    world.registry.push(web, { artifact: indexOf('b', []), tags: ['stable'], pushedAtEpochMs: PUSHED });
    world.workloads.run(main, running(b));

    await review();

    expect((await live()).map(({ digest }) => digest)).toEqual([b]);
    expect(world.images.records.get(b)).toMatchObject({
      unresolved: { code: 'empty-index' },
      birth: { known: false },
      tier: 'application',
      inUse: true,
    });
    expect(await document(keys.digests(payments))).toEqual([b]);
  });
});

test.each([
  ['by tag in the first scope', ':stable', '@'],
  ['by tag in the second scope', '@', ':stable'],
])('an index without images, run %s, is of the stream that its tag names', async (_, here, there) => {
  const { world, review } = await inventoryWorld();
  const suffix = (text: string) => (text === '@' ? `@${b}` : text);
  world.registry.push(web, { artifact: indexOf('b', []), tags: ['stable'], pushedAtEpochMs: PUSHED });
  world.workloads.run(main, task({ image: referenceTo(web, suffix(here)), digest: b }));
  world.workloads.run({ ...hub, cluster: 'main' }, task({ image: referenceTo(web, suffix(there)), digest: b }));

  await review([payments, hub]);

  expect(world.images.records.get(b)?.stream).toBe(`${payments.account}/${payments.region}/apps/web:^stable$`);
});

describe('an image outside our registries', () => {
  test.each<[string, { image?: string }, object]>([
    ['from outside', { image: 'nginx:1' }, { tier: 'external', references: ['docker.io/library/nginx'] }],
    [
      'of AWS itself',
      { image: referenceTo({ ...payments, account: '602401143452', repository: 'pause' }, ':1') },
      { tier: 'aws-managed' },
    ],
    ['without a reference', {}, { tier: 'external' }],
  ])('%s has facts, no place and no birth', async (_, container, expected) => {
    const { world, review } = await inventoryWorld();
    world.workloads.run(main, task({ ...container, digest: a }));

    await review();

    const { inUse, isHead, scan, ...facts } = world.images.records.get(a) ?? { inUse: false };
    expect(inUse).toBe(true);
    expect(facts).toEqual({ digest: a, birth: { known: false, rejected: [] }, locations: [], ...expected });
  });

  test('a sidecar of AWS is recognised by its name if it has neither image nor place', async () => {
    const { world, review } = await inventoryWorld();
    const sidecar = { name: 'aws-guardduty-agent-1', digest: a };
    world.workloads.run(main, { ...task({}), containers: [sidecar] });
    await review();
    expect(world.images.records.get(a)?.tier).toBe('aws-managed');
  });

  describe('the names by which it runs', () => {
    const there = { ...hub, cluster: 'main' };
    const names = (world: World) => world.images.records.get(a)?.references;
    type World = Awaited<ReturnType<typeof inventoryWorld>>['world'];
    /** By one name in the first scope, and by another one in a second scope. */
    async function namedTwice() {
      const set = await inventoryWorld();
      set.world.workloads.run(main, task({ image: 'nginx:1', digest: a }));
      set.world.workloads.run(there, task({ image: 'quay.io/nginx/nginx:1', digest: a }));
      await set.review([payments, hub]);
      expect(names(set.world)).toEqual(['docker.io/library/nginx', 'quay.io/nginx/nginx']);
      return set;
    }

    test('are those of all scopes, whichever is read', async () => {
      const { world, review } = await namedTwice();
      await review([payments]);
      await review([hub]);
      expect(names(world)).toEqual(['docker.io/library/nginx', 'quay.io/nginx/nginx']);
    });

    test('go away with the last workload that uses them, by the review that sees it', async () => {
      const { world, review } = await namedTwice();
      world.workloads.stop(there, 'web');
      await review([hub]);
      expect(names(world)).toEqual(['docker.io/library/nginx']);
    });

    test('go away if the workload names the image in another way', async () => {
      const { world, review } = await namedTwice();
      world.workloads.stop(there, 'web');
      world.workloads.run(there, task({ image: 'ghcr.io/nginx/nginx:1', digest: a }));
      await review([hub]);
      expect(names(world)).toEqual(['docker.io/library/nginx', 'ghcr.io/nginx/nginx']);
    });

    test('of an earlier version, which no workload has any more, go away with the next review', async () => {
      const { world, review } = await namedTwice();
      const record = world.images.records.get(a);
      if (record)
        world.images.records.set(a, { ...record, references: ['docker.io/dev/x', ...(record.references ?? [])] });
      await review([payments]);
      expect(names(world)).toEqual(['docker.io/library/nginx', 'quay.io/nginx/nginx']);
    });

    test('stay while their scope is not in the fleet, because the workload may still run', async () => {
      const { world, review } = await namedTwice();
      await world.usages.leave(await collect(world.usages.live(hub)), START_EPOCH_MS);
      await review([payments]);
      expect(names(world)).toEqual(['docker.io/library/nginx', 'quay.io/nginx/nginx']);
    });

    test('of an image that nothing runs any more stay, so that it is found by them', async () => {
      const { world, review } = await namedTwice();
      world.workloads.stop(main, 'web');
      world.workloads.stop(there, 'web');
      await review([payments, hub]);
      expect(names(world)).toEqual(['quay.io/nginx/nginx']);
    });

    test('leave a verdict judged when they change', async () => {
      const { world, review } = await namedTwice();
      const record = world.images.records.get(a);
      if (record) world.images.records.set(a, { ...record, judgedAtEpochMs: START_EPOCH_MS });
      world.workloads.run(main, task({ image: 'ghcr.io/nginx/nginx:1', digest: a }, { workload: 'other' }));
      await review([payments]);
      expect(names(world)).toContain('ghcr.io/nginx/nginx');
      expect(world.images.records.get(a)?.judgedAtEpochMs).toBe(START_EPOCH_MS);
    });
  });

  test('references that two scopes add at the same time are both kept', async () => {
    const { world, ports, review, run } = await inventoryWorld();
    world.workloads.run(main, task({ image: 'nginx:1', digest: a }));
    world.workloads.run({ ...hub, cluster: 'main' }, task({ image: 'quay.io/nginx/nginx:1', digest: a }));
    await review([payments, hub]);
    world.images.records.clear();
    await world.usages.end(await collect(world.usages.live(payments)), START_EPOCH_MS);

    await Promise.all([payments, hub].map((scope) => recordUsages(ports, { action: 'usages', ...run, scope })));

    expect(world.images.records.get(a)?.references).toEqual(['docker.io/library/nginx', 'quay.io/nginx/nginx']);
  });

  test('every requested location is recorded', async () => {
    const { world, review, registry, usages } = await webWorld();
    const other = { ...web, repository: 'apps/other' };
    world.workloads.run(main, running(a), task({ image: referenceTo(other, ':stable'), digest: a }, { workload: 'o' }));
    await review();
    world.images.records.clear();
    await world.usages.end(await collect(world.usages.live(payments)), START_EPOCH_MS);

    await usages();

    expect(world.images.records.get(a)?.locations).toEqual([other, web]);
    await registry(payments);
    expect(world.images.records.get(a)).toMatchObject({ locations: [other, web], layerCount: 1 });
  });

  test('an image whose registry failed in this review has that reason, and the next review resolves it', async () => {
    const { world, ports, review, registry, usages } = await webWorld();
    world.workloads.run(main, running(a));
    await review();
    world.images.records.clear();
    await world.usages.end(await collect(world.usages.live(payments)), START_EPOCH_MS);

    expect(await usages()).toMatchObject({ status: 'complete' });
    expect(world.images.records.get(a)).toMatchObject({
      unresolved: { code: 'registry-not-read' },
      tier: 'application',
      locations: [web],
    });
    await registry(payments);
    expect(world.images.records.get(a)).not.toHaveProperty('unresolved');
    expect(ports).toBeDefined();
  });
});

test.each([
  ['no reference and no digest', {}, 'no-reference'],
  ['a reference that cannot be read', { image: 'no such:image' }, 'reference-unreadable'],
  ['a public tag', { image: 'nginx:1' }, 'digest-unknown'],
])('a container with %s is counted and named', async (_, container, reason) => {
  const { world, review, document } = await inventoryWorld();
  world.workloads.run(main, task(container));
  await review();
  expect(await document(keys.unresolved(payments, 1))).toMatchObject([
    { reason, observation: { workload: 'web', count: 1 } },
  ]);
});

test('the same step again changes nothing', async () => {
  const { world, review, usages, live } = await webWorld();
  world.workloads.run(main, running(a), task({ image: 'nginx:1', digest: c }, { workload: 'proxy' }));
  await review();
  const before = {
    writes: world.images.writes,
    live: await live(),
    usages: world.usages.dump(),
    places: world.places.dump(),
  };

  await usages();
  await usages();

  expect({
    writes: world.images.writes,
    live: await live(),
    usages: world.usages.dump(),
    places: world.places.dump(),
  }).toEqual(before);
});

test('a step that is killed at any write is completed by its retry', async () => {
  const whole = await cutOffAfter(Number.POSITIVE_INFINITY);
  expect(whole.writes).toBeGreaterThan(8);
  for (let writes = 0; writes < whole.writes; writes += 1) {
    expect((await cutOffAfter(writes)).state).toEqual(whole.state);
  }
});

/** One workload stopped, one started; the step that records it breaks after so many writes and is tried again. */
async function cutOffAfter(most: number) {
  const { world, ports, review, run, workloads, usages } = await webWorld();
  world.workloads.run(main, running(a), running(b, { workload: 'blue' }));
  await review();
  world.workloads.stop(main, 'web').run(main, task({ image: 'nginx:1', digest: c }, { workload: 'proxy' }));
  await workloads();

  const line = { writes: 0, most };
  const { images, usages: ledger, runs, scopes, files } = ports;
  const cut = { images: frail(images, line), usages: frail(ledger, line), runs: frail(runs, line) };
  const broken = { ...ports, ...cut, scopes: frail(scopes, line), files: frail(files, line) };
  await recordUsages(broken, { action: 'usages', ...run, scope: payments }).catch(() => undefined);
  await usages();

  const state = {
    images: [...world.images.records].sort(([one], [other]) => (one < other ? -1 : 1)),
    usages: await collect(world.usages.live(payments)),
    parts: await collect(world.runs.parts(run.runId)),
    scopes: await collect(world.scopes.all()),
  };
  return { state, writes: line.writes };
}

/** A port whose writes fail once there were too many on all ports of the line. */
function frail<Port extends object>(port: Port, line: { writes: number; readonly most: number }): Port {
  return new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(target, name);
      if (typeof member !== 'function') return member;
      if (!/^(record|end|put|change)/.test(String(name))) return member.bind(target);
      return async (...values: unknown[]) => {
        if (line.writes >= line.most) throw new Error('cut off');
        line.writes += 1;
        return member.apply(target, values);
      };
    },
  });
}

test('marks of a step that died are removed by the next run if another image runs by then', async () => {
  let wasCutOff = true;
  for (let most = 0; wasCutOff; most += 1) {
    const { world, ports, review, run, workloads, inUse, live } = await webWorld();
    world.workloads.run(main, running(a));
    await review();
    world.workloads.stop(main, 'web').run(main, running(b));
    await workloads();
    const line = { writes: 0, most };
    const { images, usages, runs, scopes, files } = ports;
    const cut = { images: frail(images, line), usages: frail(usages, line), runs: frail(runs, line) };
    const broken = { ...ports, ...cut, scopes: frail(scopes, line), files: frail(files, line) };
    wasCutOff = await recordUsages(broken, { action: 'usages', ...run, scope: payments }).then(
      () => false,
      () => true,
    );

    world.workloads.stop(main, 'web').run(main, running(a));
    const next = { ...run, runId: 'run-2', scope: payments };
    await readWorkloads(ports, { action: 'workloads', ...next });
    await recordUsages(ports, { action: 'usages', ...next });
    expect({ most, inUse: inUse() }).toEqual({ most, inUse: [a] });
    expect(await live()).toMatchObject([{ digest: a }]);
    expect((await world.scopes.get(payments))?.markingRunId).toBeUndefined();
  }
});

test('a guess that a step marked before it died is removed by the next run', async () => {
  const { world, ports, review, run, workloads, registry, inUse } = await webWorld();
  world.workloads.run(main, running(a));
  await review();
  world.workloads.stop(main, 'web').run(main, task({ image: referenceTo(web, ':blue') }));
  await workloads();
  await groupRegistries(ports, { action: 'group-registries', ...run });
  await registry(payments);
  const usages = frail(ports.usages, { writes: 0, most: 0 });
  await expect(recordUsages({ ...ports, usages }, { action: 'usages', ...run, scope: payments })).rejects.toThrow();
  const guesses = () =>
    [...world.images.records.values()].flatMap(({ digest, guessedIn }) => (guessedIn ? digest : []));
  expect([inUse().sort(), guesses()]).toEqual([[b], [b]]);

  world.workloads.stop(main, 'web').run(main, running(a));
  const next = { ...run, runId: 'run-2', scope: payments };
  await readWorkloads(ports, { action: 'workloads', ...next });
  await recordUsages(ports, { action: 'usages', ...next });
  expect([inUse(), guesses()]).toEqual([[a], []]);
});

test('a scope with neither a cluster nor a stream of the policy counts as empty for a week', async () => {
  const { world, review } = await inventoryWorld();
  const empty = { account: payments.account, region: 'sa-east-1' };
  await review([empty, payments]);
  expect(await world.scopes.get(empty)).toMatchObject({ emptyUntilEpochMs: START_EPOCH_MS + 7 * DAY_MS });
  expect(await world.scopes.get(payments)).not.toHaveProperty('emptyUntilEpochMs');
});

describe('a scope with more usages than a step holds in memory', () => {
  const digests = Array.from({ length: 12 }, (_, n): Digest => `sha256:${n.toString(16).repeat(64)}`);

  /** Two reviews with eleven images, of which six are replaced or end in the second. */
  async function reviewed(scratch: FakeScratch) {
    const { world, ports, review, live, parts, document } = await inventoryWorld();
    const reads: number[] = [];
    const get = world.images.get.bind(world.images);
    world.images.get = async (asked) => {
      reads.push(asked.length);
      return get(asked);
    };
    Object.assign(ports, { scratch });
    const run = (digest: Digest, workload: string, container = 'app') =>
      world.workloads.run(main, task({ name: container, image: `shop/${workload}:1`, digest }, { workload }));
    for (const [n, digest] of digests.slice(0, 9).entries()) run(digest, `service-${n}`);
    run(digests[0] ?? a, 'another');
    world.workloads.run(main, task({ image: 'shop/unknown:1' }, { workload: 'unknown' }));
    await review();
    for (let n = 0; n < 6; n += 1) world.workloads.stop(main, `service-${n}`);
    for (const [n, digest] of digests.slice(9).entries()) run(digest, `service-${n}`);
    run(digests[8] ?? a, 'service-8');
    await review();
    const state = {
      images: [...world.images.records].sort(([one], [other]) => (one < other ? -1 : 1)),
      live: await live(),
      parts: await parts(),
      digests: await document(keys.digests(payments)),
      unresolved: await document(keys.unresolved(payments, 1)),
    };
    return { state, most: Math.max(...reads) };
  }

  test('is recorded as if all of them were held', async () => {
    const [few, all] = [new FakeScratch(3), new FakeScratch(1000)];
    const [inGroups, atOnce] = [await reviewed(few), await reviewed(all)];
    expect(inGroups.state).toEqual(atOnce.state);
    expect(inGroups.state.live).toHaveLength(7);
    expect(atOnce.most).toBe(12);
    expect(inGroups.most).toBeLessThan(3);
    expect([few.opened, few.folders.size, all.opened]).toEqual([2, 0, 0]);
  });

  test('leaves no files behind if its step fails', async () => {
    const { world, ports, workloads, usages } = await webWorld();
    for (let n = 0; n < 5; n += 1) world.workloads.run(main, running(a, { workload: `service-${n}` }));
    await workloads();
    const scratch = new FakeScratch(2);
    Object.assign(ports, { scratch, usages: frail(ports.usages, { writes: 0, most: 0 }) });
    await expect(usages()).rejects.toThrow('cut off');
    expect([scratch.opened, scratch.folders.size]).toEqual([1, 0]);
  });
});

test('which images run in a cluster is recorded for the doors, and ends with the last usage there', async () => {
  const { world, review } = await webWorld();
  const place = { ...payments, cluster: main.cluster };
  const runs = () => runningIn(world, [a, b], place);
  world.workloads.run(main, running(a), running(a, { workload: 'other' }), running(b, { workload: 'blue' }));
  await review();
  expect(await runs()).toEqual(new Set([a, b]));
  const { written } = world.running;
  await review();
  expect(world.running.written).toBe(written);
  world.workloads.stop(main, 'blue').stop(main, 'other');
  world.advance(DAY_MS);
  await review();
  expect(await runs()).toEqual(new Set([a]));
});

test('an attempt that dies while it records what runs is repeated by the next one', async () => {
  const { world, review } = await webWorld();
  world.workloads.run(main, running(b, { workload: 'blue' }));
  await review();
  world.workloads.run(main, running(a));
  const record = world.running.record.bind(world.running);
  world.running.record = async () => {
    world.running.record = record;
    throw new Error('the function was ended');
  };
  await expect(review()).rejects.toThrow('the function was ended');
  await review();
  expect(await runningIn(world, [a], { ...payments, cluster: main.cluster })).toEqual(new Set([a]));
});

test('a workload that is back before its end was recorded is still known to the doors', async () => {
  const { world, review } = await webWorld();
  world.workloads.run(main, running(a));
  await review();
  world.workloads.stop(main, 'web');
  world.advance(DAY_MS);
  const end = world.usages.end.bind(world.usages);
  world.usages.end = async () => {
    world.usages.end = end;
    throw new Error('the function was ended');
  };
  await expect(review()).rejects.toThrow('the function was ended');
  world.workloads.run(main, running(a));
  await review();
  expect(await runningIn(world, [a], { ...payments, cluster: main.cluster })).toEqual(new Set([a]));
});

test('what an earlier version recorded as running is made known to the doors by the next review', async () => {
  const { world, review } = await webWorld();
  const place = { ...payments, cluster: main.cluster };
  world.workloads.run(main, running(a));
  await review();
  await world.running.record([{ digest: a, place, presence: { endedAtEpochMs: 0 } }]);
  const { includesStanding: _, ...earlier } = (await world.scopes.get(payments)) ?? { scope: payments };
  await world.scopes.record(earlier);
  await review();
  expect(await runningIn(world, [a], place)).toEqual(new Set([a]));
});

test('only the first reading of a scope since version 0.2.0 does not know how an image began', async () => {
  const { world, review } = await webWorld();
  const place = { ...payments, cluster: main.cluster };
  const countsFrom = async (digest: Digest) =>
    (await world.running.presencesIn([digest], place)).get(digest)?.countsFromEpochMs;
  world.workloads.run(main, running(a));
  await review();
  const firstEpochMs = world.clock();
  expect(await countsFrom(a)).toBe(firstEpochMs);
  world.advance(DAY_MS);
  world.workloads.run(main, running(b, { workload: 'blue' }));
  await review();
  expect([await countsFrom(a), await countsFrom(b)]).toEqual([firstEpochMs, undefined]);
  // Version 0.2.0 recorded the scope, and that something runs there.
  const { includesStanding: _, ...earlier } = (await world.scopes.get(payments)) ?? { scope: payments };
  await world.scopes.record(earlier);
  await world.running.record([{ digest: b, place, presence: {} }]);
  world.advance(DAY_MS);
  await review();
  expect([await countsFrom(a), await countsFrom(b)]).toEqual([firstEpochMs, world.clock()]);
});

describe('an image begins in a place while a review goes on', () => {
  const begins = { ...payments, cluster: 'other' };

  /** Nothing in the policy of the review forbids the image by its content, and it runs elsewhere. */
  async function beginning(changes: Partial<PolicyDocument> = {}) {
    const { world, run, review } = await inventoryWorld(changes);
    pushImage(world, web, 'a', ['stable']);
    world.workloads.addCluster(begins).run(main, running(a));
    await review();
    const verdict = { status: 'compliant', reasons: [], policyVersion: run.policyVersion } as const;
    const scan = { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] } as const;
    await world.images.recordJudgement({ digest: a, scan, verdict, judgedAtEpochMs: world.clock() });
    world.advance(DAY_MS);
    world.workloads.run(begins, running(a));
    return {
      ...{ world, review },
      apply: (later: Partial<PolicyDocument>) =>
        world.policies.publish(policyOf(later), { replaces: run.policyVersion, atEpochMs: world.clock() - 1 }),
      standing: async () => (await world.running.presencesIn([a], begins)).get(a)?.standing,
    };
  }

  const elsewhere = { approvedRegistries: { allow: ['ghcr.io/*'] } };

  test.each<[string, Partial<PolicyDocument>, Partial<PolicyDocument> | undefined, Standing]>([
    ['and no other policy came', {}, undefined, 'good'],
    ['and a policy came since that has not judged it', {}, { nonRoot: {} }, 'undecided'],
    ['and the policy forbids its name', elsewhere, undefined, 'forbidden'],
    ['and a policy came since that forbids its name no longer', elsewhere, {}, 'undecided'],
  ])('%s', async (_, ofReview, later, standing) => {
    const made = await beginning(ofReview);
    await made.review([payments], async () => {
      if (later) await made.apply(later);
    });
    expect(await made.standing()).toBe(standing);
  });

  test('and its registry left the policy since the review began', async () => {
    const made = await beginning();
    await made.review();
    made.world.workloads.stop(begins, 'web');
    made.world.advance(100 * DAY_MS);
    await made.review();
    made.world.workloads.run(begins, running(a));
    await made.apply(elsewhere);
    await made.review();
    expect(await made.standing()).toBe('forbidden');
  });

  test('and the policy in force cannot be read', async () => {
    const made = await beginning();
    await made.review([payments], async () => made.world.policies.lose(await made.apply({ nonRoot: {} })));
    expect(await made.standing()).toBe('undecided');
  });

  test('and where it runs on in good standing, no review asks for the policy in force', async () => {
    const made = await beginning();
    await made.review();
    made.world.workloads.stop(main, 'web');
    const current = jest.spyOn(made.world.policies, 'current');
    await made.review();
    expect(current).not.toHaveBeenCalled();
  });
});

async function runningIn(
  { running }: { readonly running: RunningReads },
  digests: readonly Digest[],
  place: DoorPlace,
) {
  const presences = await running.presencesIn(digests, place);
  return new Set(digests.filter((one) => presences.has(one) && presences.get(one)?.endedAtEpochMs === undefined));
}
