import { checkScans } from '../../../functions/fleet-review/check-scans.ts';
import type { ScanProgress } from '../../../functions/fleet-review/input.ts';
import { firstProgress, planScans } from '../../../functions/fleet-review/plan-scans.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ScanState } from '../../../shared/domain/scan/scan.ts';
import { batchesDocument, runFileKeys } from '../../../shared/review/documents.ts';
import { parse } from '../../../shared/schema.ts';
import { type FakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, HOUR_MS, hub, payments, portsOf, reviewedWorld, seen } from './support.ts';

const RUN = 'run-1';
const keys = runFileKeys(RUN);
const run = { runId: RUN, mode: 'review', policyVersion: 'v1' } as const;
const limits = { catchUpMinutes: 90, scanWaitMinutes: 30, pollSeconds: 20 };
const [a, b, c] = [digestOf('a'), digestOf('b'), digestOf('c')];

const batchesAt = async (world: FakeWorld, key: string) => parse(batchesDocument, await world.runFiles.get(key));

describe('planning', () => {
  async function planned(prepare: (world: FakeWorld) => Promise<void>) {
    const { world } = await reviewedWorld();
    await world.runFiles.put(keys.scopes, [{ scope: hub }, { scope: payments }]);
    await prepare(world);
    const plan = await planScans(portsOf(world), { action: 'plan-scans', ...run });
    return { plan, batches: await batchesAt(world, plan.batches.key) };
  }

  test('takes every digest once, in batches of 100 in a fixed order', async () => {
    const many = Array.from({ length: 101 }, (_, index): Digest => `sha256:${String(index).padStart(64, '0')}`);
    const { plan, batches } = await planned(async (world) => {
      await world.runFiles.put(keys.digests(hub), many.toReversed());
      await world.runFiles.put(keys.digests(payments), many.slice(0, 5));
    });

    expect(plan).toMatchObject({ found: 101, batches: { count: 2 }, progress: { polls: 0, batchesKey: keys.batches } });
    expect(batches).toEqual([
      { batch: '0001', digests: many.slice(0, 100) },
      { batch: '0002', digests: many.slice(100) },
    ]);
  });

  test('ancestors have separate batches without running images', async () => {
    const { plan, batches } = await planned(async (world) => {
      await world.runFiles.put(keys.digests(hub), [b]);
      await world.runFiles.put(keys.digests(payments), []);
      await world.runFiles.put(keys.ancestors, [a, b, c]);
    });
    expect(plan).toMatchObject({ found: 1, images: 3, batches: { count: 2 } });
    expect(batches).toEqual([
      { batch: '0001', digests: [b] },
      { batch: 'ancestors-0001', digests: [a, c] },
    ]);
  });

  describe('what ran within the grace of the doors', () => {
    const doors = { mode: 'warn', graceRunningDays: 14 } as const;
    const ran = (digest: Digest, changes: object = {}) => ({
      ...seen(changes),
      ...{ digest, digestSource: 'runtime' as const },
    });
    async function plannedWith(
      changes: Parameters<typeof reviewedWorld>[0],
      prepare: (world: FakeWorld) => Promise<void>,
    ) {
      const { world, policyVersion } = await reviewedWorld(changes);
      await world.runFiles.put(keys.scopes, [{ scope: payments }]);
      await world.runFiles.put(keys.digests(payments), [a]);
      await prepare(world);
      const plan = await planScans(portsOf(world), { action: 'plan-scans', ...run, policyVersion });
      return batchesAt(world, plan.batches.key);
    }
    const RUNNING = { batch: '0001', digests: [a] };
    const endedAt =
      (digest: Digest, atEpochMs: number, changes: object = {}) =>
      (world: FakeWorld) =>
        world.usages.end([ran(digest, changes)], atEpochMs);

    test('is scanned like what may start: a namespace at zero, a standby Region, an old revision', async () => {
      expect(await plannedWith({ doors }, endedAt(b, START_EPOCH_MS - 13 * DAY_MS))).toEqual([
        RUNNING,
        { batch: 'possible-0001', digests: [b] },
      ]);
    });

    test.each([
      ['first', [b, c]],
      ['last', [c, b]],
    ])('is scanned with the image of its index for other nodes, whichever ended %s', async (_, order) => {
      const end = async (world: FakeWorld) => {
        for (const digest of order)
          await endedAt(digest, START_EPOCH_MS, digest === c ? { isPossible: true } : {})(world);
      };
      expect(await plannedWith({ doors }, end)).toEqual([RUNNING, { batch: 'possible-0001', digests: [b, c] }]);
    });

    test.each<[string, Parameters<typeof plannedWith>]>([
      ['ended before the grace', [{ doors }, endedAt(b, START_EPOCH_MS - 14 * DAY_MS - 1)]],
      ['has no door that judges', [{}, endedAt(b, START_EPOCH_MS)]],
      [
        'ran where the door is off',
        [
          { doors: { ...doors, mode: 'off', rules: [{ clusters: ['other'], mode: 'deny' }] } },
          endedAt(b, START_EPOCH_MS),
        ],
      ],
      ['had no grace', [{ doors: { ...doors, graceRunningDays: 0 } }, endedAt(b, START_EPOCH_MS)]],
      ['ran outside of the review', [{ doors }, endedAt(b, START_EPOCH_MS, hub)]],
      ['runs again', [{ doors }, endedAt(a, START_EPOCH_MS)]],
      ['only might have started', [{ doors }, endedAt(b, START_EPOCH_MS, { isPossible: true })]],
    ])('is left out if it %s', async (_, of) => {
      expect(await plannedWith(...of)).toEqual([RUNNING]);
    });

    test('a namespace at zero from Friday to Monday is scanned each day, and an image that is gone for longer is not', async () => {
      const { world, policyVersion } = await reviewedWorld({ doors: { ...doors, mode: 'deny' } });
      await world.runFiles.put(keys.scopes, [{ scope: payments }]);
      await world.runFiles.put(keys.digests(payments), []);
      await world.usages.record([ran(b)], START_EPOCH_MS - DAY_MS);
      await world.usages.end([ran(b)], START_EPOCH_MS);
      const scanned: boolean[] = [];
      for (let day = 0; day < 16; day += 1) {
        const plan = await planScans(portsOf(world), { action: 'plan-scans', ...run, policyVersion });
        scanned.push((await batchesAt(world, plan.batches.key)).some(({ digests }) => digests.includes(b)));
        world.advance(DAY_MS);
      }
      expect(scanned).toEqual([...Array.from({ length: 15 }, () => true), false]);
    });

    test('never more than doubles the scans of a fleet', async () => {
      const many = Array.from({ length: 1_200 }, (_, index): Digest => `sha256:${String(index).padStart(64, '0')}`);
      const [, ...batches] = await plannedWith({ doors }, (world) =>
        world.usages.end(
          many.map((digest) => ran(digest)),
          START_EPOCH_MS,
        ),
      );
      expect(batches.flatMap(({ digests }) => digests)).toHaveLength(1_000);
    });
  });

  test('the state holds only keys: 100,000 images', async () => {
    const many = Array.from({ length: 100_000 }, (_, index): Digest => `sha256:${String(index).padStart(64, '0')}`);
    const { plan, batches } = await planned(async (world) => {
      await world.runFiles.put(keys.digests(hub), many);
      await world.runFiles.put(keys.digests(payments), []);
    });
    expect(plan).toMatchObject({ found: 100_000, batches: { count: 1000 } });
    expect(JSON.stringify(plan).length).toBeLessThan(1000);
    expect(Math.max(...batches.map((batch) => JSON.stringify(batch).length))).toBeLessThan(10_000);
  });

  test('usages in an unreadable scope still count as running', async () => {
    const usage = { ...seen({ digest: b }), digest: b, digestSource: 'runtime' as const };
    const { batches } = await planned(async (world) => {
      await world.runFiles.put(keys.digests(hub), [a]);
      await world.usages.record([usage], START_EPOCH_MS - DAY_MS);
    });
    expect(batches).toEqual([{ batch: '0001', digests: [a, b] }]);
  });

  test('usages in an account without known Regions still count as running', async () => {
    const lost = { account: payments.account, region: 'sa-east-1' };
    const { plan } = await planned(async (world) => {
      await world.runFiles.put(keys.digests(hub), []);
      await world.runFiles.put(keys.digests(payments), []);
      await world.usages.record([{ ...seen({ ...lost }), digest: c, digestSource: 'runtime' }], START_EPOCH_MS);
      const result = { scope: lost, status: 'failed', error: 'AccountUnreachableError', detail: '' } as const;
      await world.runs.recordPart(RUN, { kind: 'scope', key: 'x', result });
    });
    expect(plan.found).toBe(1);
  });

  test('a fleet without images is a plan without batches', async () => {
    const { plan, batches } = await planned(async (world) => {
      await world.runFiles.put(keys.digests(hub), []);
      await world.runFiles.put(keys.digests(payments), []);
    });
    expect([plan.found, batches]).toEqual([0, []]);
  });
});

describe('checking', () => {
  async function image(world: FakeWorld, digest: Digest, scan: Partial<ScanState>, judgedAtEpochMs?: number) {
    await world.images.recordProperties({
      digest,
      tier: 'application',
      birth: { known: false, rejected: [] },
      locations: [{ ...payments, repository: 'apps/web' }],
    });
    const record = world.images.records.get(digest);
    if (!record) throw new Error('the image was not recorded');
    world.images.records.set(digest, {
      ...record,
      scan: { ...record.scan, ...scan },
      ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
    });
  }

  const check = (world: FakeWorld, progress: ScanProgress) =>
    checkScans(portsOf(world), limits, { action: 'check-scans', ...run, startedAtEpochMs: START_EPOCH_MS, progress });

  async function checked(prepare: (world: FakeWorld) => Promise<void>) {
    const { world } = await reviewedWorld();
    await world.runFiles.put(keys.scopes, [{ scope: payments }]);
    await world.runFiles.put(keys.digests(payments), [a, b, c]);
    const { progress } = await planScans(portsOf(world), { action: 'plan-scans', ...run });
    world.advance(60_000);
    await prepare(world);
    return { world, progress: await check(world, progress) };
  }

  const asked = START_EPOCH_MS + 30_000;

  test.each<[string, Partial<ScanState>, number | undefined, number]>([
    ['asked in this run', { requestedAtEpochMs: asked }, undefined, 1],
    ['asked in this run, and said to be in progress', { state: 'requested', requestedAtEpochMs: asked }, asked + 1, 1],
    ['asked before this run', { requestedAtEpochMs: START_EPOCH_MS - 1 }, undefined, 0],
    ['never asked', {}, undefined, 0],
    [
      'asked, and completed since',
      { state: 'complete', requestedAtEpochMs: asked, completedAtEpochMs: asked },
      asked,
      0,
    ],
    [
      'asked, completed before',
      { state: 'complete', requestedAtEpochMs: asked, completedAtEpochMs: asked - 1 },
      asked - 1,
      1,
    ],
    ['asked, and failed since', { state: 'failed', requestedAtEpochMs: asked }, asked + 1, 0],
  ])('%s', async (_, scan, judgedAtEpochMs, pending) => {
    const { progress } = await checked((world) => image(world, a, scan, judgedAtEpochMs));

    expect(progress).toMatchObject({ pending, decision: pending ? 'wait' : 'evaluate', batchesKey: keys.batches });
  });

  test('reads only digests open at the last poll, and a repetition gives the same result', async () => {
    const { world, progress } = await checked((world) => image(world, a, { requestedAtEpochMs: asked }));
    await image(world, b, { requestedAtEpochMs: asked });

    const next = await check(world, progress);

    expect(next).toMatchObject({ pending: 1, polls: 2 });
    expect(await check(world, progress)).toEqual(next);
  });

  test('requests once more only digests that became due inside the window', async () => {
    const { world, progress } = await checked(async (world) => {
      await image(world, a, { state: 'complete', completedAtEpochMs: START_EPOCH_MS + HOUR_MS - DAY_MS });
      await image(world, b, { state: 'complete', completedAtEpochMs: START_EPOCH_MS + 3 * HOUR_MS - DAY_MS });
      await image(world, c, { state: 'complete', completedAtEpochMs: START_EPOCH_MS });
      const scans = { requested: 0, fresh: 1, later: 1, refused: {} };
      const laterUntilEpochMs = START_EPOCH_MS + HOUR_MS;
      await world.runs.recordPart(RUN, { kind: 'scan', key: '0001', scans, laterUntilEpochMs });
    });
    expect(progress).toMatchObject({ decision: 'wait', waitSeconds: 59 * 60 });

    world.advance(59 * 60_000);
    const again = await check(world, progress);

    expect(again).toMatchObject({ decision: 'ask-again', batchesKey: keys.catchUp });
    expect(await batchesAt(world, again.batchesKey)).toEqual([{ batch: 'catch-up-0001', digests: [a] }]);
    expect(await check(world, again)).toMatchObject({ decision: 'evaluate' });
  });

  test.each([
    ['is over', undefined, 'evaluate'],
    ['goes on for what is still open', asked, 'wait'],
  ])('without due digests there is no request, and the wait %s', async (_, requestedAtEpochMs, decision) => {
    const { world, progress } = await checked(async (world) => {
      await image(world, a, { state: 'complete', completedAtEpochMs: START_EPOCH_MS + HOUR_MS - DAY_MS });
      if (requestedAtEpochMs !== undefined) await image(world, b, { requestedAtEpochMs });
      const scans = { requested: 0, fresh: 1, later: 1, refused: {} };
      const laterUntilEpochMs = START_EPOCH_MS + 90_000;
      await world.runs.recordPart(RUN, { kind: 'scan', key: '0001', scans, laterUntilEpochMs });
    });
    await image(world, a, { state: 'complete', completedAtEpochMs: START_EPOCH_MS + 60_000 });
    world.advance(30_000);

    const again = await check(world, progress);

    expect(again).toMatchObject({ decision, caughtUp: true, batchesKey: keys.batches });
    expect(await batchesAt(world, keys.catchUp)).toEqual([]);
  });

  test('a preview waits for nothing', async () => {
    const { world, progress } = await checked(async (world) => {
      const scans = { requested: 0, fresh: 0, later: 1, refused: {} };
      await world.runs.recordPart(RUN, {
        kind: 'scan',
        key: '0001',
        scans,
        laterUntilEpochMs: START_EPOCH_MS + HOUR_MS,
      });
    });
    expect(progress.decision).toBe('wait');

    const preview = { ...run, mode: 'preview' as const, startedAtEpochMs: START_EPOCH_MS };
    const first = firstProgress(keys.batches);
    const next = await checkScans(portsOf(world), limits, { action: 'check-scans', ...preview, progress: first });
    expect(next.decision).toBe('evaluate');
  });
});
