import type { RunPart, ScanCounts } from '../../../../shared/domain/review/run.ts';
import {
  BASES_UNREAD,
  type ExpectedParts,
  NOTHING_REPORTED,
  SUMS_DIFFER,
  sumRun,
} from '../../../../shared/domain/review/run-summary.ts';
import { fc } from '../../../support/seeded.ts';
import { runs } from '../arbitraries.ts';

const inventory = { clusters: 1, tasks: 2, containers: 3, usages: 3, unresolved: 1 };
const scope = { account: '111122223333', region: 'us-east-1' };
const scans: ScanCounts = { requested: 2, fresh: 1, later: 1, refused: { enhanced: 1 } };

const complete: RunPart = { kind: 'scope', key: 's1', result: { scope, status: 'complete', inventory } };
const registry: RunPart = { kind: 'registry', key: 'r1', status: 'complete', images: 5, missing: 0 };
const scan = (key: string): RunPart => ({ kind: 'scan', key, scans });
const verdict = (key: string): RunPart => ({
  kind: 'verdict',
  key,
  outcomes: { compliant: 2, violating: 1, unknown: 1, failed: 1 },
  failures: [{ digest: `d-${key}`, error: 'SomeError', detail: 'why' }],
});
const expected: ExpectedParts = {
  scopes: ['s1'],
  registries: ['r1'],
  lineages: ['fleet'],
  scanBatches: [
    { key: '0001', digests: 5 },
    { key: '0002', digests: 5 },
  ],
  verdictBatches: [
    { key: '0001', digests: 5 },
    { key: '0002', digests: 5 },
  ],
};
const lineage: RunPart = { kind: 'lineage', key: 'fleet', images: 12, failures: [], failed: 0 };
const parts = [complete, registry, lineage, scan('0001'), scan('0002'), verdict('0001'), verdict('0002')];

test('everything reported: sums, and the images that failed', () => {
  expect(sumRun(expected, parts)).toEqual({
    totals: {
      scopes: { complete: 1, skipped: 0, failed: 0 },
      inventory: { ...inventory, possible: 0 },
      found: 10,
      scans: { requested: 4, fresh: 2, later: 2, refused: { enhanced: 2 } },
      outcomes: { compliant: 4, violating: 2, unknown: 2, failed: 2 },
      possible: { found: 0, outcomes: { compliant: 0, violating: 0, unknown: 0, failed: 0 } },
      ancestors: { found: 0, outcomes: { compliant: 0, violating: 0, unknown: 0, failed: 0 } },
    },
    failures: [
      { kind: 'verdict', key: 'd-0001', error: 'SomeError', detail: 'why' },
      { kind: 'verdict', key: 'd-0002', error: 'SomeError', detail: 'why' },
    ],
  });
});

test('each EKS cluster that a scope found must report; its counts are added, and a silent one has failed', () => {
  const found: RunPart = { ...complete, result: { scope, status: 'complete', inventory, eksClusters: ['a', 'b'] } };
  const key = '111122223333/us-east-1';
  const own: RunPart = {
    kind: 'scope',
    key: `${key}/a`,
    result: { scope: { ...scope, eksCluster: 'a' }, status: 'complete', inventory: { ...inventory, tasks: 40 } },
  };
  const { totals, failures } = sumRun(expected, [...parts, found, own]);
  expect(totals.inventory).toMatchObject({ clusters: 2, tasks: 42 });
  expect(totals.scopes).toEqual({ complete: 2, skipped: 0, failed: 1 });
  expect(failures).toContainEqual(expect.objectContaining({ kind: 'scope', key: `${key}/b`, error: NOTHING_REPORTED }));
});

test('ancestors are counted separately, with their lost batches', () => {
  const batches = ['ancestors-0001', 'ancestors-0002'].map((key) => ({ key, digests: 5 }));
  const more = {
    ...expected,
    scanBatches: [...expected.scanBatches, ...batches],
    verdictBatches: [...expected.verdictBatches, ...batches],
  };
  const all = [...parts, ...batches.map(({ key }) => scan(key)), verdict('ancestors-0001')];
  const { totals, failures } = sumRun(more, all);
  expect(totals).toMatchObject({ found: 10, outcomes: { compliant: 4, violating: 2, unknown: 2, failed: 2 } });
  expect(totals.ancestors).toEqual({ found: 10, outcomes: { compliant: 2, violating: 1, unknown: 1, failed: 6 } });
  expect(totals.scans.requested).toBe(8);
  expect(failures).toContainEqual(expect.objectContaining({ key: 'ancestors-0002', error: NOTHING_REPORTED }));
});

test('nothing expected and nothing reported is a run that found nothing', () => {
  const nothing = { scopes: [], registries: [], lineages: [], scanBatches: [], verdictBatches: [] };
  expect(sumRun(nothing, [])).toMatchObject({ totals: { found: 0 }, failures: [] });
});

test('a part reported twice counts once, in its last form', () => {
  const { totals } = sumRun(expected, [...parts, verdict('0001'), complete]);
  expect(totals).toEqual(sumRun(expected, parts).totals);
});

test.each<[string, RunPart, object]>([
  [
    'a failed scope',
    {
      kind: 'scope',
      key: 's1',
      result: { scope, status: 'failed', error: 'ScopeUnreachableError', detail: 'no role' },
    },
    { kind: 'scope', key: 's1', error: 'ScopeUnreachableError', detail: 'no role' },
  ],
  [
    'a failed registry',
    { kind: 'registry', key: 'r1', status: 'failed', images: 0, missing: 3, detail: 'no role' },
    { kind: 'registry', key: 'r1', error: 'RegistryFailed', detail: 'no role' },
  ],
  [
    'what lineage could not be read',
    {
      kind: 'lineage',
      key: 'fleet',
      images: 1,
      failures: [{ key: 'd', error: 'SomeError', detail: 'why' }],
      failed: 1,
    },
    { kind: 'lineage', key: 'd', error: 'SomeError', detail: 'why' },
  ],
  [
    'a batch that lost a digest',
    { kind: 'verdict', key: '0001', outcomes: { compliant: 4, violating: 0, unknown: 0, failed: 0 }, failures: [] },
    { kind: 'verdict', key: '0001', error: SUMS_DIFFER },
  ],
  [
    'a scan batch that counted one twice',
    { kind: 'scan', key: '0001', scans: { ...scans, fresh: 2 } },
    { kind: 'scan', key: '0001', error: SUMS_DIFFER },
  ],
])('%s is named', (_, part, failure) => {
  const others = parts.filter(({ kind, key }) => kind !== part.kind || key !== part.key);
  expect(sumRun(expected, [...others, part]).failures).toContainEqual(expect.objectContaining(failure));
});

test('a skipped scope is no failure', () => {
  const skipped: RunPart = { kind: 'scope', key: 's1', result: { scope, status: 'skipped', reason: 'empty' } };
  const { totals, failures } = sumRun(expected, [skipped, ...parts.slice(1)]);
  expect(totals.scopes).toEqual({ complete: 0, skipped: 1, failed: 0 });
  expect(failures.filter(({ kind }) => kind === 'scope')).toEqual([]);
});

test('an unexpected failed scope is named too', () => {
  const other: RunPart = {
    kind: 'scope',
    key: '999999999999/*',
    result: { scope, status: 'failed', error: 'E', detail: 'd' },
  };
  const { totals, failures } = sumRun(expected, [...parts, other]);
  expect(totals.scopes.failed).toBe(1);
  expect(failures).toContainEqual({ kind: 'scope', key: '999999999999/*', error: 'E', detail: 'd' });
});

test('a silent part is named, and its digests have failed: the sums add up', () => {
  fc.assert(
    fc.property(fc.subarray(parts), (some) => {
      const { totals, failures } = sumRun(expected, some);
      const silent = failures
        .filter(({ error }) => error === NOTHING_REPORTED)
        .map(({ kind, key }) => `${kind} ${key}`);
      const missing = parts.filter((part) => !some.includes(part)).map(({ kind, key }) => `${kind} ${key}`);
      expect(silent.sort()).toEqual(missing.sort());
      expect(Object.values(totals.outcomes).reduce((sum, number) => sum + number, 0)).toBe(totals.found);
      expect(totals.found).toBe(10);
      expect(totals.scopes.complete + totals.scopes.skipped + totals.scopes.failed).toBe(1);
    }),
    runs,
  );
});

test('the order of parts makes no difference', () => {
  fc.assert(
    fc.property(fc.shuffledSubarray(parts, { minLength: parts.length }), (shuffled) => {
      expect(sumRun(expected, shuffled)).toEqual(sumRun(expected, parts));
    }),
    runs,
  );
});

test.each<[string, readonly string[] | undefined, RegExp]>([
  [
    'with the reasons that its part names',
    ['base/old: 1 image could not be read. The first is sha256:a: KmsError: no key', 'base/new: denied'],
    /could not read \(base\/old: 1 image could not be read. The first is sha256:a: KmsError: no key; base\/new: denied\)\. Correct that/,
  ],
  [
    'whose part names none',
    undefined,
    /could not read\. Fix the failure reported for this registry, then start a review\.$/,
  ],
])('a registry that images wait for is named %s', (_, unreadBecause, expectedDetail) => {
  const unread = { ...registry, unread: ['base/old'], ...(unreadBecause && { unreadBecause }) } as RunPart;
  const waiting = { ...lineage, unread: [{ key: 'r1', images: 3 }] } as RunPart;
  const { failures } = sumRun(expected, [complete, unread, waiting, scan('0001'), scan('0002')]);
  const [found] = failures.filter(({ error }) => error === BASES_UNREAD);
  expect(found?.detail).toMatch(/^The age of 3 images is unknown/);
  expect(found?.detail).toMatch(expectedDetail);
});
