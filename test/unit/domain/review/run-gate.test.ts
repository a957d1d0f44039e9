import { SCOPE_READABLE } from '../../../../shared/domain/policy/built-in-rules.ts';
import type { StreamRule, Waiver } from '../../../../shared/domain/policy/policy.ts';
import { decisiveFailures } from '../../../../shared/domain/review/run-gate.ts';
import {
  NOTHING_REPORTED,
  type RunFailure,
  type RunSummary,
  SUMS_DIFFER,
} from '../../../../shared/domain/review/run-summary.ts';

const NOW = Date.UTC(2026, 10, 25);
const SCOPE = '777788889999/eu-west-1';

const waiver: Waiver = {
  id: 'roll-out',
  rule: SCOPE_READABLE,
  scope: { account: '777788889999' },
  reason: 'the member role is rolled out next month',
  author: 'security@example.com',
  created: '2026-11-20',
  expires: '2026-12-20',
};

function summary(failures: readonly RunFailure[], failed = 0, found = 100): RunSummary {
  return {
    totals: {
      scopes: { complete: 1, skipped: 0, failed: 1 },
      inventory: { clusters: 0, tasks: 0, containers: 0, usages: 0, unresolved: 0 },
      found,
      scans: { requested: 0, fresh: 0, later: 0, refused: {} },
      outcomes: { compliant: found - failed, violating: 0, unknown: 0, failed },
    },
    failures,
  };
}

const failure = (kind: RunFailure['kind'], key = SCOPE, error = 'ScopeUnreachableError'): RunFailure => ({
  kind,
  key,
  error,
  detail: 'no role',
});

const gate = (waivers: readonly Waiver[] = []) => ({
  scopes: [SCOPE],
  policy: { waivers, streams: [], scopes: 'organization' as const, mirrors: [] },
  nowEpochMs: NOW,
});

const CLUSTER = `${SCOPE}/prod`;

test.each<[string, Waiver['scope'], readonly string[]]>([
  [
    'an account',
    { account: '777788889999' },
    [SCOPE, CLUSTER, `${SCOPE}/other`, `${SCOPE}/*`, '777788889999/us-east-1/prod'],
  ],
  ['a cluster', { account: '777788889999', cluster: 'prod' }, [CLUSTER, '777788889999/us-east-1/prod']],
  ['the list of clusters', { account: '777788889999', cluster: '*' }, [`${SCOPE}/*`]],
  ['a cluster of another account', { account: '111122223333', cluster: 'prod' }, []],
  ['a cluster and more', { account: '777788889999', cluster: 'prod', owner: 'shop' }, []],
])('a waiver of %s covers exactly its scopes', (_, scope, covered) => {
  const keys = [SCOPE, CLUSTER, `${SCOPE}/other`, `${SCOPE}/*`, '777788889999/us-east-1/prod'];
  const left = decisiveFailures(summary(keys.map((key) => failure('scope', key))), gate([{ ...waiver, scope }]));
  expect(left.map(({ key }) => key)).toEqual(keys.filter((key) => !covered.includes(key)));
});

test('a run without failures passes', () => {
  expect(decisiveFailures(summary([]), gate())).toEqual([]);
});

test.each(['scope', 'registry'] as const)(
  'a %s that cannot be read fails the run, unless its account is waived',
  (kind) => {
    expect(decisiveFailures(summary([failure(kind)]), gate())).toEqual([failure(kind)]);
    expect(decisiveFailures(summary([failure(kind)]), gate([waiver]))).toEqual([]);
  },
);

test('lineage that was not found for all fails the run, also where a scope of the same account is waived', () => {
  const lost = failure('lineage', `${SCOPE}/base/debian:^12$`);
  expect(decisiveFailures(summary([lost]), gate([waiver]))).toEqual([lost]);
});

test('too many ancestors that cannot be judged fail the run, with any number of running images', () => {
  const lost = failure('verdict', 'sha256:a');
  const { totals, failures } = summary([lost], 0, 1000);
  const ancestors = (failed: number) => ({
    found: 100,
    outcomes: { compliant: 100 - failed, violating: 0, unknown: 0, failed },
  });
  const decisive = (failed: number) =>
    decisiveFailures({ totals: { ...totals, ancestors: ancestors(failed) }, failures }, gate());
  expect(decisive(1)).toEqual([]);
  expect(decisive(2)).toEqual([lost]);
});

test('a registry outside the scopes fails nothing', () => {
  expect(decisiveFailures(summary([failure('registry', '999900001111/us-east-1')]), gate())).toEqual([]);
});

test('a registry of an account of ours is ours in each Region', () => {
  const key = '777788889999/us-east-1';
  expect(decisiveFailures(summary([failure('registry', key)]), gate())).toEqual([failure('registry', key)]);
});

test('a registry that a stream rule names is ours, also outside all scopes', () => {
  const key = '999900001111/us-east-1';
  const rule: StreamRule = {
    id: 'golden',
    tier: 'base',
    account: '999900001111',
    regions: ['us-east-1'],
    repositories: ['base/*'],
    headTags: ['^1$'],
    owner: 'platform',
    rollout: 'pipeline',
    promotes: false,
  };
  const named = { ...gate(), policy: { ...gate().policy, streams: [rule] } };
  expect(decisiveFailures(summary([failure('registry', key)]), named)).toEqual([failure('registry', key)]);
});

test.each<[string, Partial<Waiver>]>([
  ['expired', { expires: '2026-11-24' }],
  ['not yet in force', { created: '2026-11-26' }],
  ['of another rule', { rule: 'scan-required' }],
  ['of another account', { scope: { account: '111122223333' } }],
  ['of an owner there', { scope: { account: '777788889999', owner: 'payments' } }],
  ['of everything', { scope: {} }],
])('a waiver %s waives no scope', (_what, change) => {
  expect(decisiveFailures(summary([failure('scope')]), gate([{ ...waiver, ...change }]))).toHaveLength(1);
});

test.each([NOTHING_REPORTED, SUMS_DIFFER])('%s fails the run despite all waivers', (error) => {
  const failures = (['scope', 'registry', 'scan', 'verdict'] as const).map((kind) => failure(kind, SCOPE, error));
  expect(decisiveFailures(summary(failures), gate([waiver]))).toEqual(failures);
});

test('one image in a hundred may fail, two may not', () => {
  const failures = [failure('verdict', 'sha256:aa', 'ThrottlingException')];
  expect(decisiveFailures(summary(failures, 1), gate())).toEqual([]);
  expect(decisiveFailures(summary(failures, 2), gate())).toEqual(failures);
});
