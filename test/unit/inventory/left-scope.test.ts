import { recordUsages } from '../../../functions/inventory/usages.ts';
import { readWorkloads } from '../../../functions/inventory/workloads.ts';
import { collect } from '../../../shared/concurrency.ts';
import { registryKey } from '../../../shared/domain/image/image.ts';
import type { LeftScope } from '../../../shared/domain/review/run.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { CrashError, crashAt, interleave } from '../../support/fakes/interleave.ts';
import { previewOf } from '../../support/preview.ts';
import { DAY_MS, digestOf, hub, inventoryWorld, main, payments, pushImage, referenceTo, task, web } from './support.ts';

const NEXT = 'run-2';
const [a, b] = [digestOf('a'), digestOf('b')];
const running = (digest: typeof a, workload = 'web') =>
  task({ image: referenceTo(web, ':stable'), digest }, { workload });

/** Two images ran there when it was read last; then it left. */
async function gone(left: Partial<LeftScope> = {}) {
  const set = await inventoryWorld();
  const { world } = set;
  pushImage(world, web, 'a', ['stable']);
  pushImage(world, web, 'b', ['blue']);
  world.workloads.run(main, running(a), running(b, 'blue')).run({ ...hub, cluster: 'main' }, running(b));
  await set.review([payments, hub]);
  const atEpochMs = world.clock() + DAY_MS;
  world.advance(DAY_MS);
  world.workloads.deny(payments);
  await world.scopes.change(payments, (before) => before && { ...before, left: { atEpochMs, usages: 0, ...left } });
  const inUse = () => [...world.images.records.values()].filter((image) => image.inUse).map(({ digest }) => digest);
  const away = () => collect(world.usages.left(payments));
  const run = { ...set.run, runId: NEXT };
  return {
    ...{ ...set, run, atEpochMs, inUse, away },
    workloads: () => readWorkloads(set.ports, { action: 'workloads', ...run, scope: payments }),
    usages: () => recordUsages(set.ports, { action: 'usages', ...run, scope: payments }),
    parts: () => collect(world.runs.parts(NEXT)),
  };
}

test('usages of a scope that left are set aside without a call: neither live nor ended', async () => {
  const { world, workloads, usages, live, away, inUse, parts, document, atEpochMs } = await gone();
  expect(await workloads()).toEqual({ status: 'left' });
  expect(await usages()).toEqual({ status: 'left' });
  expect(await live()).toEqual([]);
  expect(await away()).toMatchObject([{ digest: a }, { digest: b }]);
  // Its other scope runs b yet.
  expect(inUse()).toEqual([b]);
  expect(await world.scopes.get(payments)).toMatchObject({ left: { atEpochMs, usages: 2, isMoved: true } });
  const result = { scope: payments, status: 'left', atEpochMs, usages: 2 };
  expect(await parts()).toContainEqual({ kind: 'scope', key: '444455556666/eu-west-1', result });
  expect(await document(runFileKeys(NEXT).digests(payments))).toEqual([]);
});

test('a step that is killed at any call is completed by its retry', async () => {
  const counted = await gone();
  const turns = crashAt(Number.POSITIVE_INFINITY);
  const through = (set: Awaited<ReturnType<typeof gone>>, how: typeof turns) =>
    Object.fromEntries(
      Object.entries(set.ports).map(([name, port]) => [
        name,
        ['images', 'usages', 'scopes', 'runs'].includes(name) ? interleave(name, port as object, how) : port,
      ]),
    ) as unknown as typeof set.ports;
  await recordUsages(through(counted, turns), { action: 'usages', ...counted.run, scope: payments });
  expect(turns.steps).toEqual(expect.arrayContaining(['usages.leave', 'scopes.change', 'runs.recordPart']));
  for (let at = 0; at < turns.steps.length; at += 1) {
    for (const side of ['before', 'after'] as const) {
      const set = await gone();
      const step = recordUsages(through(set, crashAt(at, side)), { action: 'usages', ...set.run, scope: payments });
      await expect(step).rejects.toThrow(CrashError);
      await set.usages();
      expect([at, (await set.away()).length, set.inUse()]).toEqual([at, 2, [b]]);
      expect(await set.world.scopes.get(payments)).toMatchObject({ left: { usages: 2, isMoved: true } });
    }
  }
});

test('an unidentified container counts as well, because it may still run', async () => {
  const { world, usages } = await gone();
  const unidentified = [{ repository: 'a/b/c', workload: 'ecs-task x' }];
  await world.scopes.change(payments, (before) => before && { ...before, unidentified });
  await usages();
  expect(await world.scopes.get(payments)).toMatchObject({ left: { usages: 3 } });
});

test('usages confirmed long ago end', async () => {
  const { world, usages, away } = await gone();
  await usages();
  const confirmed = { by: 'ana', atEpochMs: world.clock(), reason: 'closed' };
  await world.scopes.change(payments, (before) => before?.left && { ...before, left: { ...before.left, confirmed } });
  world.advance(90 * DAY_MS);
  await usages();
  expect(await away()).toEqual([]);
  expect(await world.scopes.get(payments)).toMatchObject({ left: { usages: 0, confirmed } });
});

describe('a scope that is back', () => {
  test('restores its usages until a complete read replaces them', async () => {
    const { world, workloads, usages, live, inUse } = await gone();
    await usages();
    await world.scopes.change(
      payments,
      (before) => before?.left && { ...before, left: { ...before.left, isBack: true } },
    );
    // It cannot be read yet.
    expect(await workloads()).toMatchObject({ status: 'failed' });
    expect((await live()).map(({ digest }) => digest)).toEqual([a, b]);
    expect(inUse().sort()).toEqual([a, b]);
    expect(await world.scopes.get(payments)).toMatchObject({ failure: { error: 'ScopeUnreachableError' } });
    expect(await world.scopes.get(payments)).not.toHaveProperty('left');
    world.workloads.allow(payments).stop(main, 'web');
    await workloads();
    await usages();
    expect((await live()).map(({ digest }) => digest)).toEqual([b]);
  });

  test('a guessed usage is a guess again before the scope is read', async () => {
    const { world, workloads, usages, live } = await gone();
    const key = registryKey(payments);
    const guessed = (await live()).filter(({ digest }) => digest === a);
    await world.usages.record(
      guessed.map((usage) => ({ ...usage, digestSource: 'tag-guess' })),
      world.clock(),
    );
    await world.images.recordGuess(a, key, 'web');
    await usages();
    expect(world.images.records.get(a)).not.toHaveProperty('guessedIn');
    await world.scopes.change(
      payments,
      (before) => before?.left && { ...before, left: { ...before.left, isBack: true } },
    );
    expect(await workloads()).toMatchObject({ status: 'failed' });
    expect(world.images.records.get(a)?.guessedIn).toEqual({ [key]: expect.stringContaining('web') });
    expect(world.images.records.get(b)).not.toHaveProperty('guessedIn');
  });

  test('is read by a preview that found it back, and the record of the scope stays', async () => {
    const { world, ports, run, usages } = await gone();
    await usages();
    const record = await world.scopes.get(payments);
    const previewed = previewOf(world, world.runFiles, NEXT);
    await previewed.scopes.change(
      payments,
      (before) => before?.left && { ...before, left: { ...before.left, isBack: true } },
    );
    world.workloads.allow(payments);
    const step = { ...run, scope: payments };
    const steps = { ...ports, ...previewed };
    expect(await readWorkloads(steps, { action: 'workloads', ...step })).toMatchObject({ status: 'complete' });
    expect(await recordUsages(steps, { action: 'usages', ...step })).toMatchObject({ status: 'complete' });
    expect(await collect(previewed.runs.parts(NEXT))).toMatchObject([{ result: { status: 'complete' } }]);
    expect(await world.scopes.get(payments)).toEqual(record);
  });
});
