import { closeReview } from '../../../functions/fleet-review/close.ts';
import { openReview } from '../../../functions/fleet-review/open.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import type { RunPart } from '../../../shared/domain/review/run.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { digestOf, HOUR_MS, payments, portsOf, reviewedWorld, started } from './support.ts';

const vendor = { account: '999988887777', region: 'us-east-1' };
const key = '444455556666/eu-west-1';
const inventory = { clusters: 1, tasks: 2, containers: 3, usages: 2, unresolved: 1 };

/** A run in which nothing went wrong; each test breaks one thing. */
const parts = {
  scope: { kind: 'scope', key, result: { scope: payments, status: 'complete', inventory } },
  registry: { kind: 'registry', key, status: 'complete', images: 2, missing: 0 },
  vendor: { kind: 'registry', key: '999988887777/us-east-1', status: 'complete', images: 1, missing: 0 },
  lineage: { kind: 'lineage', key: 'fleet', images: 5, failures: [], failed: 0 },
  scan: { kind: 'scan', key: '0001', scans: { requested: 1, fresh: 1, later: 0, refused: { archived: 1 } } },
  catchUp: { kind: 'scan', key: 'catch-up-0001', scans: { requested: 1, fresh: 0, later: 0, refused: {} } },
  verdict: {
    kind: 'verdict',
    key: '0001',
    outcomes: { compliant: 1, violating: 1, unknown: 1, failed: 0 },
    compliantCovers: { os: 1, language: 0 },
    failures: [],
  },
} as const satisfies Record<string, RunPart>;

type Changes = Partial<Record<keyof typeof parts, RunPart | undefined>>;

async function opened(changes: Changes = {}, policy: Partial<PolicyDocument> = {}) {
  const { world, policyVersion } = await reviewedWorld({
    scopes: [{ account: payments.account, regions: [payments.region] }],
    ...policy,
  });
  const ports = portsOf(world);
  const open = { action: 'open', ...started, input: { mode: 'review' } } as const;
  const { runId } = await openReview(ports, { leaseMinutes: 60, readsEks: true }, open);
  const keys = runFileKeys(runId);
  const digests = [digestOf('a'), digestOf('b'), digestOf('c')];
  await world.runFiles.put(keys.registries, [{ registry: payments }, { registry: vendor }]);
  await world.runFiles.put(keys.batches, [{ batch: '0001', digests }]);
  await world.runFiles.put(keys.catchUp, [{ batch: 'catch-up-0001', digests: digests.slice(0, 1) }]);
  for (const part of Object.values({ ...parts, ...changes })) if (part) await world.runs.recordPart(runId, part);
  const close = (closures: object = { open: 0 }) =>
    closeReview(ports, { action: 'close', runId, mode: 'review', policyVersion, closures: { Cause: '', ...closures } });
  return { world, close, runId };
}

test('a whole review succeeds, frees the lease, and closing it again changes nothing', async () => {
  const { world, close, runId } = await opened();
  world.advance(HOUR_MS);

  const closed = await close();

  expect(closed).toEqual({
    scopeKey: 'fleet',
    closuresOverdue: 0,
    state: 'succeeded',
    summary: '3 images: 1 compliant (os), 1 violating, 1 unknown, 0 failed',
    totals: {
      scopes: { complete: 1, skipped: 0, failed: 0 },
      inventory: { ...inventory, possible: 0 },
      found: 3,
      scans: { requested: 2, fresh: 1, later: 0, refused: { archived: 1 } },
      outcomes: { compliant: 1, violating: 1, unknown: 1, failed: 0 },
      compliantCovers: { os: 1, language: 0 },
      possible: { found: 0, outcomes: { compliant: 0, violating: 0, unknown: 0, failed: 0 } },
      ancestors: { found: 0, outcomes: { compliant: 0, violating: 0, unknown: 0, failed: 0 } },
    },
  });
  const review = await world.runs.get(runId);
  expect(review).toMatchObject({ state: 'succeeded', endedAtEpochMs: START_EPOCH_MS + HOUR_MS, totals: closed.totals });
  expect(review).not.toHaveProperty('failure');
  expect((await world.runs.latest()).running).toBeUndefined();
  world.advance(HOUR_MS);
  expect(await close()).toEqual(closed);
  expect(await world.runs.get(runId)).toEqual(review);
});

test('ancestors are counted separately', async () => {
  const { world, close, runId } = await opened();
  const keys = runFileKeys(runId);
  const batches = [
    { batch: '0001', digests: [digestOf('a'), digestOf('b'), digestOf('c')] },
    { batch: 'ancestors-0001', digests: [digestOf('d')] },
  ];
  await world.runFiles.put(keys.batches, batches);
  const key = 'ancestors-0001';
  await world.runs.recordPart(runId, { ...parts.scan, key, scans: { ...parts.catchUp.scans, requested: 1 } });
  const outcomes = { compliant: 0, violating: 1, unknown: 0, failed: 0 };
  await world.runs.recordPart(runId, { kind: 'verdict', key, outcomes, failures: [] });
  expect(await close()).toMatchObject({
    state: 'succeeded',
    summary:
      '3 images: 1 compliant (os), 1 violating, 1 unknown, 0 failed; ' +
      'and 1 image that does not run: 0 compliant, 1 violating, 0 unknown, 0 failed',
    totals: { found: 3, ancestors: { found: 1, outcomes } },
  });
});

const failed = { scope: payments, status: 'failed', error: 'ScopeUnreachableError', detail: 'no role' } as const;
const unreachable = { status: 'failed', images: 1, missing: 1, detail: 'no role' } as const;
const outcomes = (changes: object): RunPart => ({
  ...parts.verdict,
  outcomes: { ...parts.verdict.outcomes, ...changes },
  failures: [{ digest: 'sha256:a', error: 'ScannerError', detail: 'broken' }],
});

test.each<[string, Changes, RegExp]>([
  ['a scope that reported nothing', { scope: undefined }, /^scope 444455556666\/eu-west-1: NothingReported/],
  ['a registry that reported nothing', { registry: undefined }, /^registry 444455556666\/eu-west-1: NothingReported/],
  ["a vendor's registry that reported nothing", { vendor: undefined }, /^registry 999988887777.*NothingReported/],
  ['lineage that reported nothing', { lineage: undefined }, /^lineage fleet: NothingReported/],
  [
    'lineage that could not be found for all',
    { lineage: { ...parts.lineage, failures: [{ key: 'base', error: 'TypeError', detail: 'gone' }], failed: 1 } },
    /^lineage base: TypeError: gone$/,
  ],
  ['a scan batch that reported nothing', { scan: undefined }, /^scan 0001: NothingReported/],
  ['a catch-up batch that reported nothing', { catchUp: undefined }, /^scan catch-up-0001: NothingReported/],
  ['a verdict batch that reported nothing', { verdict: undefined }, /^verdict 0001: NothingReported/],
  ['a scope that failed', { scope: { ...parts.scope, result: failed } }, /^scope .*ScopeUnreachableError: no role$/],
  ['a registry of our streams out of reach', { registry: { ...parts.registry, ...unreachable } }, /^registry 4444/],
  ['an image without an outcome', { verdict: outcomes({ unknown: 0 }) }, /SumsDiffer/],
  ['an image with two', { verdict: outcomes({ violating: 2 }) }, /SumsDiffer/],
  [
    'too many that could not be judged',
    { verdict: outcomes({ unknown: 0, failed: 1 }) },
    /sha256:a: ScannerError: broken$/,
  ],
])('%s fails the review by name, with everything else done and the lease free', async (_, changes, summary) => {
  const { world, close, runId } = await opened(changes);

  const closed = await close();

  expect(closed).toMatchObject({ state: 'failed', summary: expect.stringMatching(summary) });
  expect(await world.runs.get(runId)).toMatchObject({
    state: 'failed',
    totals: closed.totals,
    failure: { error: 'FleetReviewIncomplete', detail: closed.summary },
  });
  expect((await world.runs.latest()).running).toBeUndefined();
});

test.each<[string, Changes]>([
  [
    'a scope left out as empty',
    { scope: { ...parts.scope, result: { scope: payments, status: 'skipped', reason: 'empty' } } },
  ],
  ["a vendor's registry out of reach: its images are unknown", { vendor: { ...parts.vendor, ...unreachable } }],
])('%s does not', async (_, changes) => {
  const { close } = await opened(changes);
  expect(await close()).toMatchObject({ state: 'succeeded' });
});

test('a failed scope that a waiver accepts does not fail the review, and stays failed', async () => {
  const waiver = {
    ...{ id: 'roll-out', rule: 'scope-readable', scope: { account: payments.account } },
    ...{
      reason: 'the role is rolled out in December',
      author: 'platform',
      created: '2026-11-01',
      expires: '2026-12-01',
    },
  };
  const { close } = await opened({ scope: { ...parts.scope, result: failed } }, { waivers: [waiver] });
  expect(await close()).toMatchObject({ state: 'succeeded', totals: { scopes: { failed: 1, complete: 0 } } });
});

test('a failed scope that is on no list still fails the review', async () => {
  const { world, close, runId } = await opened();
  await world.runs.recordPart(runId, { kind: 'scope', key: '999999999999/*', result: failed });
  expect(await close()).toMatchObject({ state: 'failed', summary: expect.stringContaining('999999999999/*') });
});

test('unchecked closures fail the review and its record', async () => {
  const { world, close, runId } = await opened();
  const Cause = JSON.stringify({ errorMessage: 'the table does not answer', trace: ['at x'] });
  const closed = await close({ Error: 'LedgerContendedError', Cause });
  const summary = 'closures of verified rebuilds: LedgerContendedError: the table does not answer';
  expect(closed).toMatchObject({ state: 'failed', summary, totals: { found: 3 } });
  expect(await world.runs.get(runId)).toMatchObject({ state: 'failed', failure: { detail: summary } });
  expect((await world.runs.latest()).running).toBeUndefined();
});

test('many failures are counted, the first ones named', async () => {
  const { world, close, runId } = await opened();
  for (let index = 0; index < 300; index += 1) {
    const result = { ...failed, detail: 'x'.repeat(5000) };
    await world.runs.recordPart(runId, { kind: 'scope', key: `account-${String(index).padStart(3, '0')}`, result });
  }
  const { summary } = await close();
  expect(summary).toContain('account-000');
  expect(summary.length).toBeLessThanOrEqual(4000);
});

test('a review that was never opened is an error', async () => {
  const { world, policyVersion } = await reviewedWorld();
  const close = closeReview(portsOf(world), {
    action: 'close',
    runId: 'nobody',
    mode: 'review',
    policyVersion,
    closures: { Cause: '' },
  });
  await expect(close).rejects.toMatchObject({ name: 'RunNotRecordedError' });
});
