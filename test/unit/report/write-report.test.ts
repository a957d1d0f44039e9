import { writeReport } from '../../../functions/report/write-report.ts';
import { mergeCause } from '../../../shared/domain/cause/cause.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { Report } from '../../../shared/domain/report/report.ts';
import type { ImageExpiry } from '../../../shared/domain/retention/image-expiry.ts';
import type { Reason } from '../../../shared/domain/verdict/verdict.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { DAY_MS, digestOf, hub, judged, RUN, reported, STREAM, tooOld, type World, worldWith } from './support.ts';

const run = { runId: RUN, mode: 'review' } as const;
const usage = (digest: Digest, workload: string) => ({
  ...{ ...hub, cluster: 'main', workload, container: 'app', count: 1, digest },
  ...({ workloadKind: 'ecs-service', digestSource: 'runtime' } as const),
});

async function stored(world: World): Promise<{ report: Report; markdown: string }> {
  return {
    report: JSON.parse((await world.reports.get('json', RUN)) ?? 'null'),
    markdown: (await world.reports.get('md', RUN)) ?? '',
  };
}

test('reports every image of the review by tier and owner, in JSON and Markdown', async () => {
  const [old, young, unclear] = [digestOf(1), digestOf(2), digestOf(3)];
  const world = await worldWith([[old, young], [unclear]]);
  await judged(world, old, 'violating', { owner: 'web', reasons: [tooOld] });
  await judged(world, young, 'compliant', { owner: 'web', nextBreachAtEpochMs: START_EPOCH_MS + 3 * DAY_MS });
  await judged(world, unclear, 'unknown', { tier: 'mirrored' });
  await reported(world, '1', { violating: 1, compliant: 1 });
  await reported(world, '2', { unknown: 1 });
  await world.usages.record([usage(old, 'shop'), usage(old, 'cart')], START_EPOCH_MS);

  await writeReport(world.ports, run);

  const { report, markdown } = await stored(world);
  expect(report).toMatchObject({
    review: { runId: RUN, state: 'succeeded', totals: { found: 3 } },
    images: { violating: 1, compliant: 1, unknown: 1, unjudged: 0 },
    groups: [
      {
        tier: 'application',
        owner: 'web',
        compliant: 1,
        violating: [
          {
            digest: old,
            workloads: ['111122223333/us-east-1 main cart/app', '111122223333/us-east-1 main shop/app'],
            reasons: [{ ruleId: 'age-limit' }],
          },
        ],
      },
      { tier: 'mirrored', unknown: [{ digest: unclear, workloads: [] }] },
    ],
    nextBreaches: [{ digest: young }],
    coverage: { found: 3, known: 3 },
    failures: [],
  });
  expect(markdown).toContain('**succeeded**');
  expect(markdown).toContain('main shop/app');
  expect(await world.reports.get('json')).toBe(await world.reports.get('json', RUN));
});

test('separates ancestors that do not run', async () => {
  const [app, base] = [digestOf(1), digestOf(2)];
  const world = await worldWith([[app]]);
  await world.runFiles.put(runFileKeys(RUN).batches, [
    { batch: '1', digests: [app] },
    { batch: 'ancestors-0001', digests: [base] },
  ]);
  await judged(world, app, 'compliant', { owner: 'web' });
  await judged(world, base, 'violating', { tier: 'base', reasons: [tooOld] });
  await reported(world, '1', { compliant: 1 });
  await reported(world, 'ancestors-0001', { violating: 1 });

  await writeReport(world.ports, run);

  const { report, markdown } = await stored(world);
  expect(report).toMatchObject({
    review: { state: 'succeeded', totals: { found: 1, ancestors: { found: 1 } } },
    images: { compliant: 1, violating: 0 },
    groups: [{ tier: 'application', compliant: 1 }],
    ancestors: { images: { violating: 1 }, groups: [{ tier: 'base', violating: [{ digest: base, workloads: [] }] }] },
    coverage: { found: 1 },
  });
  expect(markdown).toContain('1 running image: 0 violating, 0 unknown, 1 compliant (coverage unknown).');
  expect(markdown).toContain('Ancestors and heads that do not run: 1 violating, 0 unknown, 0 compliant.');
  expect(markdown).toContain('Violating: base, no owner (ancestors and heads, not running)');
});

test('a base with thousands of workloads names some of them', async () => {
  const world = await worldWith([[digestOf(1)]]);
  await judged(world, digestOf(1), 'violating', { reasons: [tooOld] });
  const usages = Array.from({ length: 25 }, (_, index) => usage(digestOf(1), `w${String(index).padStart(2, '0')}`));
  await world.usages.record(usages, START_EPOCH_MS);
  await reported(world, '1', { violating: 1 });
  const { groups } = await writeReport(world.ports, run);
  expect(groups[0]?.violating[0]?.workloads).toHaveLength(21);
  expect(groups[0]?.violating[0]?.workloads.at(-1)).toBe('and 5 more');
});

test('an image that could not be judged is shown without its older verdict, and an unrecorded image is shown too', async () => {
  const [failed, lost, kept] = [digestOf(1), digestOf(2), digestOf(3)];
  const world = await worldWith([[failed, lost, kept]]);
  await judged(world, failed, 'compliant', { judgedAtEpochMs: START_EPOCH_MS - 1 });
  await judged(world, kept, 'compliant');
  await reported(world, '1', { compliant: 1, failed: 2 }, [
    { digest: failed, error: 'ServerException', detail: 'internal' },
    { digest: lost, error: 'ImageNotRecordedError', detail: 'no facts' },
  ]);

  const report = await writeReport(world.ports, run);

  expect(report.images).toEqual({ compliant: 1, violating: 0, unknown: 0, unjudged: 2 });
  expect(report.failures.map(({ key, error }) => [key, error])).toEqual([
    [failed, 'ServerException'],
    [lost, 'ImageNotRecordedError'],
  ]);
  expect(report.review).toMatchObject({
    state: 'failed',
    failure: { detail: expect.stringContaining('ServerException: internal, and 1 more') },
  });
});

test('a review with a missing batch is shown as failed and still reported', async () => {
  const world = await worldWith([[digestOf(1)], [digestOf(2)]]);
  await judged(world, digestOf(1), 'compliant');
  await reported(world, '1', { compliant: 1 });
  const report = await writeReport(world.ports, run);
  expect(report.review.state).toBe('failed');
  expect(report.failures.map(({ kind, key, error }) => [kind, key, error])).toEqual([
    ['scan', '2', 'NothingReported'],
    ['verdict', '2', 'NothingReported'],
  ]);
});

test('reports causes, skipped scopes and containers without an image', async () => {
  const world = await worldWith();
  const observation = { ...usage(digestOf(9), 'shop'), reference: 'apps/web:gone' };
  await world.runFiles.put(runFileKeys(RUN).unresolved(hub, 1), [{ observation, reason: 'tag-unknown' }]);
  const scope = { account: '444455556666', region: 'eu-west-1' };
  const result = { scope, status: 'skipped', reason: 'empty' } as const;
  await world.runs.recordPart(RUN, { kind: 'scope', key: '444455556666/eu-west-1', result });
  await world.causes.change(STREAM, () => ({
    stream: STREAM,
    facts: [{ kind: 'age', ruleId: 'age-limit', sinceEpochMs: START_EPOCH_MS }],
    ...{ sinceEpochMs: START_EPOCH_MS, version: 1, state: 'open' },
  }));

  const report = await writeReport(world.ports, run);

  expect(report).toMatchObject({
    images: { compliant: 0, violating: 0, unknown: 0, unjudged: 0 },
    skippedScopes: [{ scope, reason: 'empty' }],
    unresolved: [{ observation: { workload: 'shop' }, reason: 'tag-unknown' }],
    pendingRebuilds: [{ stream: STREAM, owner: 'web', mode: 'report-only', tooOld: true, findings: 0 }],
  });
});

test('reports vendor dependencies, also of a head that the review did not read', async () => {
  const [older, head] = [digestOf(1), digestOf(2)];
  const flaw = { vulnerability: 'CVE-1', package: 'zlib', version: '1.2' };
  const reason: Reason = {
    ...{ ...flaw, ruleId: 'no-critical', effect: 'violates', kind: 'finding', severity: 'critical', fix: 'no' },
    firstSeenAtEpochMs: START_EPOCH_MS,
  };
  const world = await worldWith([[older]]);
  for (const digest of [older, head])
    await judged(world, digest, 'violating', { owner: 'web', stream: STREAM, reasons: [reason] });
  await world.images.recordPresence(head, { inUse: false });
  const named = { stream: STREAM, tier: 'application', owner: 'web', headTag: '^v1$' } as const;
  const record = { ...named, location: { ...hub, repository: 'apps/web' }, head: { images: { 'linux/amd64': head } } };
  await world.streams.recordStream(record, undefined);
  const fact = { ...flaw, kind: 'finding', ruleId: 'no-critical', fix: 'no', sinceEpochMs: START_EPOCH_MS } as const;
  await world.causes.change(STREAM, (before) => mergeCause(STREAM, before, [fact]));
  await reported(world, '1', { violating: 1 });

  await writeReport(world.ports, run);

  const { report, markdown } = await stored(world);
  expect(report.waitingForVendors).toMatchObject([
    { ...flaw, stream: STREAM, heads: [head], images: 2, reason: 'no-fix' },
  ]);
  expect(markdown).toMatch(/\| zlib +\| 1\.2 +\| CVE-1 +\|/);
});

test('reports expiries and unreadable repositories', async () => {
  const world = await worldWith();
  const location = { ...hub, repository: 'bases/os' };
  const look = { location, checkedAtEpochMs: world.clock(), images: 1, expiries: 1, unknown: 0 };
  const expiry: ImageExpiry = {
    ...{ digest: digestOf(1), location, use: 'ancestor', running: 2, workloads: [], foundAtEpochMs: world.clock() },
    expiryState: { state: 'unknown', reason: 'rule 1' },
  };
  const unseen = { ...look, location: { ...hub, repository: 'z' }, expiries: 0, failure: { error: 'E', detail: 'd' } };
  await world.expiries.record(look, [expiry]);
  await world.expiries.record(unseen);
  const report = await writeReport(world.ports, run);
  expect(report).toMatchObject({ expiries: [expiry], expiryChecks: { repositories: 2, unseen: [unseen] } });
});

test('an ended review is reported as it ended', async () => {
  const world = await worldWith();
  const review = await world.runs.get(RUN);
  if (!review) throw new Error('no review');
  const failure = { error: 'FleetReviewIncomplete', detail: 'as it was' };
  await world.runs.finish({ ...review, state: 'failed', failure });
  expect((await writeReport(world.ports, run)).review).toMatchObject({ state: 'failed', failure });
});

test('20,000 images: each appears once, in one pass', async () => {
  const digests = Array.from({ length: 20_000 }, (_, number) => digestOf(number + 1));
  const world = await worldWith([digests]);
  for (const [index, digest] of digests.entries()) {
    await judged(world, digest, index % 4 === 0 ? 'violating' : 'compliant', {
      reasons: index % 4 === 0 ? [tooOld] : [],
    });
  }
  await reported(world, '1', { compliant: 15_000, violating: 5_000 });
  const { images, coverage, review } = await writeReport(world.ports, run);
  expect(images).toEqual({ compliant: 15_000, violating: 5_000, unknown: 0, unjudged: 0 });
  expect(coverage.found).toBe(20_000);
  expect(review.state).toBe('succeeded');
}, 30_000);

test.each([
  ['a review that never began', 'run-9', 'ReviewNotFoundError'],
  ['a review without its files', 'run-2', 'RunFileMissingError'],
])('%s has no report', async (_, runId, name) => {
  const world = await worldWith();
  const review = await world.runs.get(RUN);
  if (review) await world.runs.finish({ ...review, runId: 'run-2' });
  await expect(writeReport(world.ports, { ...run, runId })).rejects.toMatchObject({ name });
  expect(await world.reports.get('json')).toBeUndefined();
});
