import { planCommand } from '../../../cli/commands/plan.ts';
import { NotFoundError } from '../../../cli/errors.ts';
import type { PlanNow } from '../../../cli/plan/plan-now.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import type { StreamRecord } from '../../../shared/domain/stream/stream-record.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { previewOf } from '../../support/preview.ts';
import { digestOf, imageProperties, review } from '../../support/samples.ts';
import {
  causeOf,
  fact,
  locationOf,
  type PlanWorld,
  planWorld,
  reasonOf,
  streamOf,
  tell,
  violating,
} from '../cascade-plan/support.ts';
import { readOnlyContext, run } from './support.ts';

const RUN = 'preview-1';

interface Image {
  readonly n: number;
  readonly tier?: 'base' | 'application';
  readonly on?: Digest;
  readonly isHead?: boolean;
  readonly inUse?: boolean;
  readonly isClean?: boolean;
}

/** A preview that found these images, and wrote down in its own files what a review writes into the ledger. */
async function previewed(world: PlanWorld, found: readonly Image[], runId = RUN): Promise<void> {
  const { version: policyVersion } = await world.policies.current();
  const { images, runs } = previewOf(world, world.runFiles, runId);
  await runs.begin(review(runId, { mode: 'preview', policyVersion, startedAtEpochMs: world.clock() }));
  for (const { n, tier = 'application', on, isHead = false, inUse = true, isClean = false } of found) {
    const digest = digestOf(`app-${n}`);
    const properties: ImageProperties = {
      ...imageProperties(`app-${n}`, { locations: [locationOf(n)] }),
      digest,
      tier,
      stream: streamOf(n),
      owner: 'payments',
      platform: 'linux/arm64',
    };
    await images.recordProperties(properties);
    await images.recordPresence(digest, { inUse, isHead });
    await images.recordLineage(digest, {
      age: { known: false, unknown: [] },
      ...(on && { parent: { digest: on, evidence: 'layers' } }),
    });
    await images.recordJudgement({
      digest,
      scan: { state: 'complete', completedAtEpochMs: world.clock(), coverage: ['os'] },
      verdict: {
        status: isClean ? 'compliant' : 'violating',
        reasons: isClean ? [] : [reasonOf(fact())],
        policyVersion,
      },
      judgedAtEpochMs: world.clock() + 1,
    });
  }
  await world.runFiles.put(runFileKeys(runId).batches, [
    { batch: '0001', digests: found.map(({ n }) => digestOf(`app-${n}`)) },
  ]);
}

async function planned(world: PlanWorld, flags: Record<string, string | boolean> = { preview: RUN }): Promise<PlanNow> {
  const { text } = await run(planCommand, readOnlyContext(world), [], { ...flags, json: true });
  return JSON.parse(text) as PlanNow;
}

const BASE: Image = { n: 0, tier: 'base', isHead: true, inUse: false };
const on = { on: digestOf('app-0') };

test('a preview is planned like a review, and nothing is written', async () => {
  const world = await planWorld({ tiers: ['base'] });
  await previewed(world, [BASE, { n: 1, ...on }, { n: 2, ...on }, { n: 3, isClean: true }]);
  const found = await planned(world);
  expect(found).toMatchObject({ preview: { runId: RUN, unseen: 4 } });
  expect(found.planned.map(({ stream, wave, parents }) => [stream, wave, parents])).toEqual([
    [streamOf(0), 0, []],
    [streamOf(1), 1, [streamOf(0)]],
    [streamOf(2), 1, [streamOf(0)]],
  ]);
  expect(found.forecast).toMatchObject({ builds: 3, withoutHistory: 3, waves: [{ builds: 1 }, { builds: 2 }] });
  expect((await planned(world, {})).planned).toEqual([]);
  expect(await world.causes.get([streamOf(0)])).toEqual(new Map());
});

test('the tree includes streams missing from the ledger', async () => {
  const world = await planWorld({ tiers: ['base'] });
  await previewed(world, [BASE, { n: 1, ...on, isHead: true }]);
  const { text } = await run(planCommand, readOnlyContext(world), [], { preview: RUN, tree: true });
  expect(text).toMatch(/^as preview preview-1 found it; the lineage of 2 images that no review has seen is unknown/);
  expect(text).toMatch(/wave 1 {2}\S*app-0:\S+ +up to 180 min\nwave 2 {2}└─ \S*app-1:/);
});

test('guards still apply: streams on hold stay on hold', async () => {
  const world = await planWorld({ mode: 'report-only' });
  await previewed(world, [{ n: 1 }]);
  expect(await planned(world)).toMatchObject({
    planned: [],
    held: [{ stream: streamOf(1), answer: 'refuse', reason: 'report-only' }],
  });
});

test('ledger causes and preview causes are merged, each fact once', async () => {
  const world = await planWorld();
  await violating(world, 1);
  await tell(world, 1, fact({ vulnerability: 'CVE-2020-1' }));
  await previewed(world, [{ n: 2 }]);
  expect((await planned(world)).planned.map(({ stream, facts: asked }) => [stream, asked.length])).toEqual([
    [streamOf(1), 1],
    [streamOf(2), 1],
  ]);
  expect((await causeOf(world, 1)).version).toBe(2);
});

test('a head that differs from the ledger is taken from the preview', async () => {
  const world = await planWorld();
  const record: StreamRecord = {
    ...{ stream: streamOf(1), tier: 'application', owner: 'payments', headTag: '^v.*$', location: locationOf(1) },
    head: { images: { 'linux/arm64': digestOf('old-head') } },
  };
  await world.streams.recordStream(record, undefined);
  await previewed(world, [{ n: 1, isHead: true }]);
  expect((await planned(world)).planned).toMatchObject([
    { stream: streamOf(1), work: 'rebuild', headUnknown: false, holders: [digestOf('app-1')] },
  ]);
});

test('a verdict of an earlier review adds no cause', async () => {
  const world = await planWorld();
  await previewed(world, [{ n: 1 }]);
  const { runs } = previewOf(world, world.runFiles, RUN);
  await runs.finish(review(RUN, { mode: 'preview', startedAtEpochMs: world.clock() + 10 }));
  expect((await planned(world)).planned).toEqual([]);
});

test.each([
  ['that was never started', 'preview-9', /no preview preview-9/],
  ['that did not come to its images', 'preview-2', /has not listed its images yet/],
])('a preview %s is reported as such', async (_, runId, message) => {
  const world = await planWorld();
  await previewOf(world, world.runFiles, 'preview-2').runs.begin(review('preview-2', { mode: 'preview' }));
  const asked = planned(world, { preview: runId });
  await expect(asked).rejects.toThrow(NotFoundError);
  await expect(asked).rejects.toThrow(message);
});
