import { planScans } from '../../../functions/fleet-review/plan-scans.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { RunningTask, Usage } from '../../../shared/domain/image/usage.ts';
import { keyOfScope } from '../../../shared/domain/review/run.ts';
import { TooManySchedulesError } from '../../../shared/ports/errors.ts';
import { batchesDocument } from '../../../shared/review/documents.ts';
import { parse } from '../../../shared/schema.ts';
import { digestOf, inventoryWorld, keys, payments, pushImage, RUN, referenceTo, task, web } from './support.ts';

const [a, b] = [digestOf('a'), digestOf('b')];
const prod = { ...payments, cluster: 'main' };
const scope = { ...payments, eksCluster: 'main' };

const pod = (digest: Digest, workload: string, workloadKind: RunningTask['workloadKind'] = 'eks-deployment') =>
  task({ image: referenceTo(web, `@${digest}`), digest }, { workloadKind, workload });
const start = (
  image: string,
  workload: string,
  workloadKind: RunningTask['workloadKind'] = 'eks-cronjob',
): RunningTask => {
  const { architecture: _, ...template } = task({ image }, { workloadKind, workload, isPossible: true });
  return template;
};
const namesOf = (usages: readonly Usage[]) =>
  usages.map(({ workload, digest, digestSource, isPossible = false }) => [
    ...[workload, digest === a ? 'a' : 'b', digestSource, isPossible],
  ]);

async function possibleWorld() {
  const set = await inventoryWorld();
  const { world } = set;
  pushImage(world, web, 'a', ['stable']);
  pushImage(world, web, 'b', ['blue']);
  world.eksWorkloads.addCluster(prod);
  const live = async () => namesOf(await collect(world.usages.live(scope)));
  const result = async () =>
    (await set.parts()).flatMap((part) =>
      part.kind === 'scope' && part.key === `${payments.account}/${payments.region}/main` ? [part.result] : [],
    )[0];
  const isUsed = (digest: Digest) => world.images.records.get(digest)?.inUse;
  return { ...set, live, result, isUsed };
}

test('a template is a possible usage: counted apart, with its image in use and present', async () => {
  const { world, review, live, result, isUsed, document } = await possibleWorld();
  world.eksWorkloads.run(prod, pod(a, 'shop/web'), start(referenceTo(web, `@${b}`), 'shop/nightly'));
  await review();
  expect(await live()).toEqual([
    ['shop/web', 'a', 'runtime', false],
    ['shop/nightly', 'b', 'reference', true],
  ]);
  expect(await result()).toMatchObject({
    inventory: { tasks: 1, containers: 1, possible: 1, usages: 2, unresolved: 0 },
  });
  expect(isUsed(b)).toBe(true);
  expect(await document(keys.digests(scope))).toEqual([a]);
  expect(await document(keys.possible(scope))).toEqual([b]);
  const place = { ...prod, namespace: 'shop' };
  expect([...(await world.running.presencesIn([a, b], place)).keys()]).toEqual([a, b]);
});

test('the digest of a template gives its image a presence, and a tag gives none', async () => {
  const { world, review } = await possibleWorld();
  world.eksWorkloads.run(
    prod,
    start(referenceTo(web, `@${a}`), 'shop/nightly'),
    start(referenceTo(web, ':blue'), 'shop/other'),
  );
  await review();
  const presences = await world.running.presencesIn([a, b], { ...prod, namespace: 'shop' });
  expect([...presences.keys()]).toEqual([a]);
});

test('what runs and may start by the same workload is two usages, and only the one that runs ends with its pod', async () => {
  const { world, review, live, isUsed, document } = await possibleWorld();
  world.eksWorkloads.run(prod, pod(a, 'shop/nightly', 'eks-cronjob'), start(referenceTo(web, `@${a}`), 'shop/nightly'));
  await review();
  expect(await live()).toHaveLength(2);
  // It runs, so it does not count as one that only may start.
  expect(await document(keys.possible(scope))).toEqual([]);
  world.eksWorkloads.stop(prod, 'shop/nightly').run(prod, start(referenceTo(web, `@${a}`), 'shop/nightly'));
  world.advance(300_000);
  await review();
  expect(await live()).toEqual([['shop/nightly', 'a', 'reference', true]]);
  expect(isUsed(a)).toBe(true);
});

test('a tag in a template means its image of now, as a guess that marks no image', async () => {
  const { world, review, live } = await possibleWorld();
  world.eksWorkloads.run(prod, pod(a, 'shop/web'), start(referenceTo(web, ':stable'), 'shop/nightly'));
  await review();
  expect(await live()).toEqual([
    ['shop/nightly', 'a', 'tag-guess', true],
    ['shop/web', 'a', 'runtime', false],
  ]);
  // The image that runs is known, whatever the template may start.
  expect(world.images.records.get(a)?.guessedIn).toBeUndefined();
  expect((await world.scopes.get(scope))?.unidentified).toEqual([
    {
      repository: `${web.account}/${web.region}/${web.repository}`,
      tag: 'stable',
      workload: `eks-cronjob ${payments.account}/${payments.region}/main/shop/nightly`,
      isPossible: true,
    },
  ]);
});

test('of a tag that runs unidentified and may start, the workload that runs is named', async () => {
  const { world, review } = await possibleWorld();
  world.eksWorkloads.run(
    prod,
    start(referenceTo(web, ':stable'), 'shop/a-nightly'),
    task({ image: referenceTo(web, ':stable') }, { workloadKind: 'eks-deployment', workload: 'shop/web' }),
  );
  await review();
  expect((await world.scopes.get(scope))?.unidentified).toMatchObject([
    { tag: 'stable', workload: expect.stringContaining('shop/web') },
  ]);
  expect((await world.scopes.get(scope))?.unidentified?.[0]).not.toHaveProperty('isPossible');
});

test('a list that cannot be read is recorded, ends no possible usage, and stops nothing else', async () => {
  const { world, review, live, result, isUsed } = await possibleWorld();
  world.eksWorkloads.run(
    prod,
    pod(a, 'shop/web'),
    start(referenceTo(web, `@${b}`), 'shop/nightly'),
    start(referenceTo(web, `@${b}`), 'shop/off', 'eks-deployment'),
  );
  await review();
  expect(await live()).toHaveLength(3);
  expect(await result()).not.toHaveProperty('unreadSources');

  world.eksWorkloads.hideStarts(prod, 'cronjobs');
  world.eksWorkloads.stop(prod, 'shop/off');
  world.advance(300_000);
  await review();
  // The Deployment was deleted, and its list was read; of the CronJob nothing is known.
  expect(await live()).toEqual([
    ['shop/web', 'a', 'runtime', false],
    ['shop/nightly', 'b', 'reference', true],
  ]);
  expect(isUsed(b)).toBe(true);
  const unread = [expect.objectContaining({ list: 'cronjobs', error: 'ClusterForbiddenError' })];
  expect(await result()).toMatchObject({ status: 'complete', inventory: { tasks: 1 }, unreadSources: unread });
  expect(await world.scopes.get(scope)).toMatchObject({ unreadSources: unread });

  world.eksWorkloads.hideStarts(prod);
  world.eksWorkloads.stop(prod, 'shop/nightly');
  world.advance(300_000);
  await review();
  expect(await live()).toEqual([['shop/web', 'a', 'runtime', false]]);
  expect(isUsed(b)).toBe(false);
  expect(await world.scopes.get(scope)).not.toHaveProperty('unreadSources');
});

test('an image that a template may start is scanned in a batch of its own, also while its cluster cannot be read', async () => {
  const { world, ports, run, review, document } = await possibleWorld();
  world.eksWorkloads.run(prod, pod(a, 'shop/web'), start(referenceTo(web, `@${b}`), 'shop/nightly'));
  await review();
  const planned = async () => {
    const { batches, found } = await planScans(ports, { action: 'plan-scans', ...run });
    return { found, batches: parse(batchesDocument, await document(batches.key)) };
  };
  const expected = {
    found: 1,
    batches: [
      { batch: '0001', digests: [a] },
      { batch: 'possible-0001', digests: [b] },
    ],
  };
  expect(await planned()).toEqual(expected);
  await world.runFiles.put(keys.digests(scope), undefined);
  await world.runs.recordPart(RUN, {
    kind: 'scope',
    key: 'x',
    result: { scope, status: 'failed', error: 'ClusterUnauthorizedError', detail: '' },
  });
  expect(await planned()).toEqual(expected);
});

describe('services of ECS at zero', () => {
  const service = (image: string, workload = 'standby') => start(image, workload, 'ecs-service');

  test('are possible usages of their account and Region, scanned in a batch of their own', async () => {
    const { world, ports, run, review, isUsed, document, parts } = await possibleWorld();
    world.workloads.run(prod, pod(a, 'web', 'ecs-service'), service(referenceTo(web, `@${b}`)));
    await review();
    expect(namesOf(await collect(world.usages.live(payments)))).toEqual([
      ['web', 'a', 'runtime', false],
      ['standby', 'b', 'reference', true],
    ]);
    expect(isUsed(b)).toBe(true);
    expect((await parts()).find(({ kind, key }) => kind === 'scope' && key === keyOfScope(payments))).toMatchObject({
      result: { status: 'complete', inventory: { tasks: 1, containers: 1, possible: 1, usages: 2 } },
    });
    const { batches } = await planScans(ports, { action: 'plan-scans', ...run });
    expect(parse(batchesDocument, await document(batches.key))).toEqual([
      { batch: '0001', digests: [a] },
      { batch: 'possible-0001', digests: [b] },
    ]);
  });

  test('that cannot be read any more stay as they were, and the scope says so', async () => {
    const { world, review } = await possibleWorld();
    world.workloads.run(prod, pod(a, 'web', 'ecs-service'), service(referenceTo(web, `@${b}`)));
    await review();
    world.workloads.hideStarts(prod, 'ecs-services').stop(prod, 'web').stop(prod, 'standby');
    world.advance(300_000);
    await review();
    expect(namesOf(await collect(world.usages.live(payments)))).toEqual([['standby', 'b', 'reference', true]]);
    const unread = [expect.objectContaining({ list: 'ecs-services' })];
    expect(await world.scopes.get(payments)).toMatchObject({ unreadSources: unread });
    world.workloads.hideStarts(prod);
    await review();
    expect(await collect(world.usages.live(payments))).toEqual([]);
    expect(await world.scopes.get(payments)).not.toHaveProperty('unreadSources');
  });
});

describe('services of ECS whose desired count is 0', () => {
  const zero = (workload = 'old'): RunningTask => ({
    ...start(referenceTo(web, `@${b}`), workload, 'ecs-service'),
    isAtZero: true,
  });
  const named = { ...prod, service: 'old' };
  const confirmed = { by: 'Jo', author: 'jo', atEpochMs: 1, untilEpochMs: 9e15, reason: 'kept for audits' };

  async function zeroWorld() {
    const set = await possibleWorld();
    const { world } = set;
    world.workloads.run(prod, pod(a, 'web', 'ecs-service'), zero());
    await set.review();
    const sinceEpochMs = world.clock();
    await world.servicesAtZero.change(named, (before) => before && { ...before, confirmed });
    world.advance(300_000);
    const known = () => collect(world.servicesAtZero.all());
    return { ...set, sinceEpochMs, known };
  }

  test('are recorded since the first review that found them so', async () => {
    const { review, sinceEpochMs, known } = await zeroWorld();
    await review();
    expect(await known()).toEqual([{ ...named, sinceEpochMs, confirmed }]);
  });

  test.each<[string, (set: Awaited<ReturnType<typeof zeroWorld>>) => void, string]>([
    ['started', ({ world }) => world.workloads.run(prod, pod(b, 'old', 'ecs-service')), 'started'],
    [
      'started, while services cannot be listed',
      ({ world }) =>
        world.workloads
          .hideStarts(prod, 'ecs-services')
          .stop(prod, 'old')
          .run(prod, pod(b, 'old', 'ecs-service')),
      'started',
    ],
    [
      'started with an image that is unknown',
      ({ world }) =>
        world.workloads
          .stop(prod, 'old')
          .run(prod, task({ image: referenceTo(web, ':gone') }, { workload: 'old', workloadKind: 'ecs-service' })),
      'started',
    ],
    ['deleted', ({ world }) => world.workloads.stop(prod, 'old'), 'gone'],
    [
      'set to run a task, without a place for one',
      ({ world }) =>
        world.workloads.stop(prod, 'old').run(prod, start(referenceTo(web, `@${b}`), 'old', 'ecs-service')),
      'gone',
    ],
  ])('lose their confirmation for good once %s', async (_, happens, why) => {
    const set = await zeroWorld();
    const { world, review, known, sinceEpochMs } = set;
    happens(set);
    await review();
    const ended = { atEpochMs: world.clock(), why };
    expect(await known()).toEqual([{ ...named, sinceEpochMs, confirmed, ended }]);
    world.workloads.hideStarts(prod).stop(prod, 'old').run(prod, zero());
    world.advance(300_000);
    await review();
    expect(await known()).toEqual([{ ...named, sinceEpochMs: world.clock() }]);
  });

  test('keep their confirmation while services cannot be listed', async () => {
    const { world, review, known, sinceEpochMs } = await zeroWorld();
    world.workloads.hideStarts(prod, 'ecs-services').stop(prod, 'old');
    await review();
    await review();
    expect(await known()).toEqual([{ ...named, sinceEpochMs, confirmed }]);
    world.workloads.hideStarts(prod);
    await review();
    expect(await known()).toMatchObject([{ ended: { why: 'gone' } }]);
  });

  test.each<[string, (world: Awaited<ReturnType<typeof zeroWorld>>['world']) => void, boolean]>([
    ['a rule starts the image', (world) => world.rules.add(prod, 'nightly', () => zero('nightly')), true],
    ['a schedule starts another image', (world) => world.schedules.add(prod, 'n', () => start('x:1', 'n')), false],
    ['schedules cannot be listed', (world) => world.schedules.deny(payments), true],
    ['services of EKS use the image', (world) => world.eksWorkloads.run(prod, pod(b, 'shop/web')), false],
  ])('are scheduled, or not, where %s', async (_, happens, isScheduled) => {
    const { world, review, known } = await zeroWorld();
    happens(world);
    await review();
    expect((await known()).map((one) => one.isScheduled === true)).toEqual([isScheduled]);
  });
});

test('an image that runs no more keeps its presence while a list that may still name it cannot be read', async () => {
  const { world, review } = await possibleWorld();
  const image = referenceTo(web, `@${a}`);
  world.workloads.run(prod, pod(a, 'web', 'ecs-service'), start(image, 'standby', 'ecs-service'));
  await review();
  const ended = async () => (await world.running.presencesIn([a], prod)).get(a)?.endedAtEpochMs;
  expect(await ended()).toBeUndefined();
  world.workloads.hideStarts(prod, 'ecs-services').stop(prod, 'web');
  world.advance(300_000);
  await review();
  expect(await ended()).toBeUndefined();
  world.workloads.hideStarts(prod).stop(prod, 'standby');
  world.advance(300_000);
  await review();
  expect(await ended()).toBe(world.clock());
});

describe.each(['rules', 'schedules'] as const)('%s that run tasks of ECS', (by) => {
  const workloadKind = by === 'rules' ? 'ecs-rule' : 'ecs-schedule';
  const list = by === 'rules' ? 'ecs-rules' : 'ecs-schedules';
  const nightly = (digest: Digest) => start(referenceTo(web, `@${digest}`), 'nightly', workloadKind);

  async function nightlyWorld() {
    const set = await possibleWorld();
    set.world.workloads.run(prod, pod(a, 'web', 'ecs-service'));
    set.world[by].add(prod, 'nightly', () => nightly(b));
    await set.review();
    const own = async () => namesOf(await collect(set.world.usages.live(payments)));
    return { ...set, own };
  }
  const seen = [
    ['web', 'a', 'runtime', false],
    ['nightly', 'b', 'reference', true],
  ];

  test('are possible usages of their account and Region, until they are gone', async () => {
    const { world, review, own, isUsed, document, parts } = await nightlyWorld();
    expect(await own()).toEqual(seen);
    expect(isUsed(b)).toBe(true);
    expect(await document(keys.possible(payments))).toEqual([b]);
    expect((await parts()).find(({ kind, key }) => kind === 'scope' && key === keyOfScope(payments))).toMatchObject({
      result: { status: 'complete', inventory: { tasks: 1, containers: 1, possible: 1, usages: 2 } },
    });
    world[by].delete(prod, 'nightly');
    await review();
    expect(await own()).toEqual([seen[0]]);
    expect(isUsed(b)).toBe(false);
  });

  test('stay as they were while they cannot be listed, and the scope says so, with the missing rights', async () => {
    const { world, review, own } = await nightlyWorld();
    world[by].deny(payments);
    world.workloads.stop(prod, 'web');
    world.advance(300_000);
    await review();
    expect(await own()).toEqual([seen[1]]);
    const service = by === 'rules' ? 'events' : 'scheduler';
    expect(await world.scopes.get(payments)).toMatchObject({
      unreadSources: [
        {
          ...{ list, error: 'ScopeUnreachableError', problem: expect.stringContaining('AccessDenied') },
          nextStep: expect.stringMatching(
            `account ${payments.account}: its read role must be allowed .*${service}:List.*ecs:DescribeTaskDefinition`,
          ),
        },
      ],
    });
    world[by].allow(payments).delete(prod, 'nightly');
    await review();
    expect(await own()).toEqual([]);
    expect(await world.scopes.get(payments)).not.toHaveProperty('unreadSources');
  });

  test('a list that is too long is unread at once, with what shortens it', async () => {
    const { world, review, own } = await nightlyWorld();
    let calls = 0;
    world[by].starts = async () => {
      calls += 1;
      throw new TooManySchedulesError(payments, 100_000);
    };
    await review();
    expect(await own()).toEqual(seen);
    const [unread] = (await world.scopes.get(payments))?.unreadSources ?? [];
    expect(unread).toMatchObject({ list, nextStep: expect.stringMatching(/^Delete schedules of account/) });
    expect(calls).toBe(1);
  });

  test.each([
    [2, undefined],
    [3, [expect.objectContaining({ list, error: 'ThrottlingException' })]],
  ])('a list that fails %d times is read in three attempts, and stops nothing', async (failures, unreadSources) => {
    const { world, review, own } = await nightlyWorld();
    let left = failures;
    const read = world[by].starts.bind(world[by]);
    world[by].starts = async (...asked) => {
      left -= 1;
      if (left >= 0) throw Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
      return read(...asked);
    };
    await review();
    expect(await own()).toEqual(seen);
    expect((await world.scopes.get(payments))?.unreadSources).toEqual(unreadSources);
  });

  test('a list that takes a minute to fail is not read again, because clusters need the time', async () => {
    const { world, review, own } = await nightlyWorld();
    let calls = 0;
    world[by].starts = async () => {
      calls += 1;
      world.advance(60_000);
      throw Object.assign(new Error('slow down'), { name: 'ThrottlingException' });
    };
    await review();
    expect(await own()).toEqual(seen);
    expect(calls).toBe(1);
  });
});
