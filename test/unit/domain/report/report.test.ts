import { type Cause, mergeCause } from '../../../../shared/domain/cause/cause.ts';
import { TIERS } from '../../../../shared/domain/image/image.ts';
import { TOO_LARGE } from '../../../../shared/domain/image/image-properties.ts';
import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../../../shared/domain/policy/built-in-policy.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import type { Report, ReportContext, ReportImage } from '../../../../shared/domain/report/report.ts';
import { startReport } from '../../../../shared/domain/report/report-build.ts';
import { reportMarkdown } from '../../../../shared/domain/report/report-markdown.ts';
import type { VendorDependency } from '../../../../shared/domain/report/vendor-dependency.ts';
import type { ReviewRecord } from '../../../../shared/domain/review/run.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import type { Reason, Verdict } from '../../../../shared/domain/verdict/verdict.ts';
import { parse } from '../../../../shared/schema.ts';
import { forgedLines, hiddenIn, hostileTexts, poisoned } from '../../../support/hostile.ts';
import { fc } from '../../../support/seeded.ts';
import { completeScan, DAY, digestOf, image, NOW, runs } from '../arbitraries.ts';
import { findingFact } from '../rollout/acting.ts';

const policyOf = (changes: Partial<PolicyDocument> = {}) =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [
      {
        id: 'apps',
        tier: 'application',
        account: '111122223333',
        regions: ['us-east-1'],
        repositories: ['apps/*'],
        headTags: ['^v.*$'],
        owner: 'web',
        mode: 'report-only',
      },
    ],
    severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
    mode: 'enforce',
    ...changes,
  } satisfies PolicyDocument);

const STREAM_OF_APPS = '111122223333/us-east-1/apps/web:^v.*$';

const review: ReviewRecord = {
  runId: 'run-1',
  mode: 'review',
  scopeKey: 'organization',
  policyVersion: 'abcdef0123456789',
  state: 'succeeded',
  startedAtEpochMs: NOW - 600_000,
  leaseUntilEpochMs: NOW,
};
const context = (changes: Partial<ReportContext> = {}): ReportContext => ({
  review,
  policy: policyOf(),
  nowEpochMs: NOW,
  breachWithinDays: 7,
  failures: [],
  skippedScopes: [],
  leftScopes: [],
  unreadStarts: [],
  witnessed: [],
  servicesAtZero: { unused: [], confirmed: [], over: [] },
  unresolved: [],
  expiries: [],
  checks: [],
  streams: [],
  unreadable: () => [],
  causes: [],
  ...changes,
});

const old: Reason = {
  ruleId: 'age-limit',
  effect: 'violates',
  deadlineEpochMs: NOW - 5 * DAY,
  kind: 'age',
  bornAtEpochMs: NOW - 35 * DAY,
  limitDays: 30,
};
const found = (
  vulnerability: string,
  effect: Reason['effect'] = 'violates',
  changes: Partial<Reason> = {},
): Reason => ({
  ...({
    ruleId: 'critical',
    effect,
    deadlineEpochMs: NOW - DAY,
    kind: 'finding',
    vulnerability,
    package: 'openssl',
    version: '3.0',
    severity: 'critical',
    fix: 'unknown',
    firstSeenAtEpochMs: NOW - DAY,
  } satisfies Reason),
  ...(changes as object),
});
const unscanned: Reason = {
  ruleId: 'scan-required',
  effect: 'unknown',
  kind: 'scan',
  state: 'off',
  scanReason: 'never-scanned',
};

const verdict = (
  status: Verdict['status'],
  reasons: readonly Reason[] = [],
  nextBreachAtEpochMs?: number,
): Verdict => ({
  status,
  reasons,
  policyVersion: 'abcdef0123456789',
  ...(nextBreachAtEpochMs !== undefined && { nextBreachAtEpochMs }),
});
const record = (name: string, judged: Verdict | undefined, changes: Partial<ImageRecord> = {}): ReportImage => ({
  record: {
    ...image(),
    digest: digestOf(name),
    inUse: true,
    isHead: false,
    scan: completeScan(),
    ...(judged && { verdict: judged }),
    ...changes,
  },
});

function buildReport(
  about: ReportContext,
  images: Iterable<ReportImage>,
  waitingForVendors: readonly VendorDependency[] = [],
): Report {
  const builder = startReport(about);
  for (const each of images) builder.add(each);
  return builder.finish(waitingForVendors);
}

test('images stand in one group each, by tier and owner, in a fixed order', () => {
  const { groups, images } = buildReport(context(), [
    record('a', verdict('compliant')),
    record('b', verdict('violating', [old])),
    record('c', verdict('unknown', [unscanned]), { owner: 'api' }),
    record('d', verdict('compliant'), { tier: 'base', owner: 'platform' }),
    record('e', undefined),
  ]);
  expect(
    groups.map(({ tier, owner, compliant, violating, unknown, unjudged }) => [
      tier,
      owner,
      compliant,
      violating.length,
      unknown.length,
      unjudged.length,
    ]),
  ).toEqual([
    ['base', 'platform', 1, 0, 0, 0],
    ['application', 'api', 0, 0, 1, 0],
    ['application', 'web', 1, 1, 0, 1],
  ]);
  expect(images).toEqual({ compliant: 2, violating: 1, unknown: 1, unjudged: 1 });
});

test('what may start is listed apart, and counts neither as running nor in the coverage', () => {
  const built = buildReport(context(), [
    record('a', verdict('compliant')),
    {
      ...record('b', verdict('violating', [old])),
      isPossible: true,
      workloads: ['x/y z shop/nightly/app (may start)'],
    },
    { ...record('c', verdict('violating', [old])), isAncestor: true },
  ]);
  expect(built.images).toEqual({ compliant: 1, violating: 0, unknown: 0, unjudged: 0 });
  expect(built.possible).toMatchObject({ images: { compliant: 0, violating: 1, unknown: 0, unjudged: 0 } });
  expect(built.coverage.found).toBe(1);
  const text = reportMarkdown(built);
  expect(text).toContain('Images that may start and do not run: 1 violating, 0 unknown, 0 compliant.');
  expect(text).toContain('## Violating: application, web (may start, not running)');
  expect(text).toContain('shop/nightly/app (may start)');
  // A report that an earlier version wrote.
  const { possible: _, unreadStarts: __, witnessed: ___, ...earlier } = built;
  expect(reportMarkdown(earlier)).not.toContain('may start and do not run');
});

test('"Not seen" of each report names what no list of AWS shows', () => {
  const [, notSeen = ''] = reportMarkdown(buildReport(context(), [])).split('## Not seen');
  expect(notSeen).toMatch(/No review sees a task of ECS that Step Functions, AWS Batch, a program or a person starts/);
});

test('a list of possible starts that could not be read is in "Not seen", with the next step', () => {
  const scope = { account: '444455556666', region: 'eu-west-1', eksCluster: 'prod' };
  const unread = {
    scope,
    list: 'waiting-jobs',
    error: 'ClusterForbiddenError',
    problem: 'the read role is not allowed to list jobs (403 Forbidden)',
    nextStep: 'Apply enforcement/access/read.yaml.',
  } as const;
  const text = reportMarkdown(buildReport(context({ unreadStarts: [unread] }), []));
  const [, notSeen = ''] = text.split('## Not seen');
  expect(notSeen).toMatch(
    /jobs +\| 444455556666\/eu-west-1\/prod \| the read role .*403 Forbidden\). Apply enforcement/,
  );
  expect(notSeen).not.toContain('Every scope was read');
});

test('what only Amazon Inspector sees in use is in "Not seen", with the stream that waits for it', () => {
  const use = {
    repository: '444455556666/eu-west-1/web',
    digest: digestOf('old'),
    count: 2,
    lastAtEpochMs: 1_795_489_000_000,
  };
  const waits = { stream: '444455556666/eu-west-1/web:^v1$', deadlineEpochMs: 1_795_576_000_000, ...use };
  const [, notSeen = ''] = reportMarkdown(buildReport(context({ witnessed: [waits] }), [])).split('## Not seen');
  expect(notSeen).toContain(`444455556666/eu-west-1/web@${use.digest} (used by 2 tasks or pods, last at 2026-`);
  expect(notSeen).toMatch(/eu-west-1\/web:.*, until 2026-.* get-clusters-for-image/);
  expect(notSeen).not.toContain('Every scope was read');
});

test('an image without an owner is listed so', () => {
  const { record: owned } = record('a', verdict('compliant'), { tier: 'external', locations: [] });
  const { owner: _, ...unowned } = owned;
  expect(buildReport(context(), [{ record: unowned }]).groups).toEqual([
    { tier: 'external', compliant: 1, violating: [], unknown: [], unjudged: [] },
  ]);
});

test('a violating image says why, since when, where it is and who runs it', () => {
  const reasons = [old, found('CVE-1'), found('CVE-2', 'due'), found('CVE-3', 'waived')];
  const [group] = buildReport(context(), [
    { ...record('a', verdict('violating', reasons)), workloads: ['shared/web/app'] },
  ]).groups;
  expect(group?.violating).toEqual([
    {
      digest: digestOf('a'),
      tier: 'application',
      owner: 'web',
      stream: '111122223333/us-east-1/apps/web:^v.*$',
      places: ['111122223333/us-east-1/apps/web'],
      workloads: ['shared/web/app'],
      reasons: [old, found('CVE-1')],
      reasonCount: 2,
      sinceEpochMs: NOW - 5 * DAY,
    },
  ]);
});

test('the most serious of many reasons are listed, and all are counted', () => {
  const reasons = Array.from({ length: 5000 }, (_, number) => found(`CVE-${number}`));
  const [line] = buildReport(context(), [record('a', verdict('violating', reasons))]).groups[0]?.violating ?? [];
  expect([line?.reasons.length, line?.reasonCount]).toEqual([20, 5000]);
});

test('the longest violation comes first', () => {
  const since = (days: number) => verdict('violating', [{ ...old, deadlineEpochMs: NOW - days * DAY }]);
  const [group] = buildReport(context(), [
    record('new', since(1)),
    record('old', since(9)),
    record('mid', since(4)),
  ]).groups;
  expect(group?.violating.map(({ digest }) => digest)).toEqual([digestOf('old'), digestOf('mid'), digestOf('new')]);
});

describe('next breaches', () => {
  const breaches = (...images: ReportImage[]) => buildReport(context(), images).nextBreaches;

  test.each<[string, Verdict, string[] | undefined]>([
    ['age before its warning', verdict('compliant', [], NOW + 6 * DAY), ['age-limit']],
    ['at the end of the days', verdict('compliant', [], NOW + 7 * DAY), ['age-limit']],
    ['after them', verdict('compliant', [], NOW + 7 * DAY + 1), undefined],
    ['without one', verdict('compliant'), undefined],
    ['of a violating image', verdict('violating', [old], NOW + DAY), undefined],
    ['of an unknown image', verdict('unknown', [unscanned], NOW + DAY), ['age-limit']],
    [
      'grace and a waiver that run out together',
      verdict(
        'compliant',
        [
          found('CVE-1', 'due', { deadlineEpochMs: NOW + DAY, ruleId: 'high' }),
          { ...old, effect: 'waived', deadlineEpochMs: NOW + DAY, waiverId: 'w' },
        ],
        NOW + DAY,
      ),
      ['age-limit', 'high'],
    ],
    [
      'a reason that runs out later is not named',
      verdict('compliant', [found('CVE-1', 'due', { deadlineEpochMs: NOW + 2 * DAY })], NOW + DAY),
      ['age-limit'],
    ],
  ])('%s', (_, judged, ruleIds) => {
    expect(breaches(record('a', judged)).map((breach) => breach.ruleIds)).toEqual(ruleIds ? [ruleIds] : []);
  });

  test('the nearest first', () => {
    const at = (days: number) => verdict('compliant', [], NOW + days * DAY);
    expect(breaches(record('b', at(3)), record('a', at(1)), record('c', at(2))).map(({ digest }) => digest)).toEqual([
      digestOf('a'),
      digestOf('c'),
      digestOf('b'),
    ]);
  });
});

test('coverage counts each image by the state that counts now', () => {
  const { coverage } = buildReport(context(), [
    record('a', verdict('compliant')),
    record('b', verdict('unknown', [unscanned]), { scan: completeScan(50) }),
    record('c', verdict('unknown', [unscanned]), { scan: { state: 'off', coverage: [] } }),
    record('d', verdict('unknown', [unscanned]), { locations: [] }),
    record('e', verdict('unknown', [unscanned]), { unresolved: { code: 'registry-unreachable', detail: 'x' } }),
  ]);
  expect(coverage).toMatchObject({
    found: 5,
    known: 1,
    byState: { complete: 1, stale: 1, off: 2, unreachable: 1, failed: 0 },
  });
});

describe('waivers', () => {
  const waiver = (id: string, created: string, expires: string) => ({
    id,
    finding: 'CVE-1',
    reason: 'accepted for now',
    author: 'a',
    created,
    expires,
  });
  const policy = policyOf({
    waivers: [
      { ...waiver('long', '2026-11-01', '2027-01-01'), scope: { owner: 'web', repositories: ['apps/*', 'base/*'] } },
      waiver('void', '2026-10-01', '2026-11-22'),
      waiver('last-day', '2026-10-01', '2026-11-23'),
      waiver('today', '2026-11-01', '2026-11-24'),
      waiver('not-yet', '2026-11-25', '2026-12-01'),
    ],
  });
  const waived = (id: string) =>
    verdict('compliant', [found('CVE-1', 'waived', { waiverId: id }), found('CVE-1', 'waived', { waiverId: id })]);
  const report = buildReport(context({ policy }), [
    record('a', waived('long')),
    record('b', waived('long')),
    record('c', waived('today')),
  ]);

  test('by their end, with their state and the images that need them', () => {
    expect(report.waivers.map(({ id, state, images }) => [id, state, images])).toEqual([
      ['void', 'void', 0],
      ['last-day', 'void', 0],
      ['today', 'in-force', 1],
      ['not-yet', 'not-yet', 0],
      ['long', 'in-force', 2],
    ]);
    expect(report.waivers.at(-1)?.scope).toBe('repositories apps/*, base/*; owner web');
    expect(report.waivers[0]?.scope).toBe('everything');
  });

  test('that run out soon are marked on the page', () => {
    const lines = reportMarkdown(report).split('\n');
    expect(lines.find((line) => line.startsWith('| today'))).toContain('ends soon');
    expect(lines.find((line) => line.startsWith('| long'))).toContain('in-force');
  });
});

test('open causes say what would be rebuilt, and in which mode', () => {
  const cause = (stream: string): Cause => ({
    stream,
    facts: [
      { kind: 'age', ruleId: 'age-limit', sinceEpochMs: NOW },
      {
        kind: 'finding',
        ruleId: 'critical',
        vulnerability: 'CVE-1',
        package: 'x',
        version: '1',
        fix: 'yes',
        sinceEpochMs: NOW - DAY,
      },
    ],
    sinceEpochMs: NOW - DAY,
    version: 2,
    state: 'open',
  });
  const known = '111122223333/us-east-1/apps/web:^v.*$';
  const gone = '111122223333/us-east-1/gone:^1$';
  const common = { findings: 1, tooOld: true, parentMoved: false, sinceEpochMs: NOW - DAY, version: 2 };
  expect(buildReport(context({ causes: [cause(gone), cause(known)] }), []).pendingRebuilds).toEqual([
    { stream: known, owner: 'web', mode: 'report-only', ...common },
    { stream: gone, mode: 'paused', ...common },
  ]);
});

test('the order of images makes no difference', () => {
  const images = fc.uniqueArray(
    fc.record({
      name: fc.nat({ max: 50 }),
      tier: fc.constantFrom(...TIERS),
      judged: fc.constantFrom(
        verdict('compliant', [], NOW + DAY),
        verdict('violating', [old]),
        verdict('unknown', [unscanned]),
        undefined,
      ),
    }),
    { selector: ({ name }) => name, maxLength: 12 },
  );
  fc.assert(
    fc.property(images, (all) => {
      const records = all.map(({ name, tier, judged }) => record(String(name), judged, { tier }));
      const report = buildReport(context(), records);
      expect(buildReport(context(), [...records].reverse())).toEqual(report);
      expect(Object.values(report.images).reduce((sum, number) => sum + number, 0)).toBe(all.length);
      expect(report.coverage.found).toBe(all.length);
    }),
    runs,
  );
});

describe('the page', () => {
  const observation = {
    account: '1',
    region: 'r',
    cluster: 'c',
    workloadKind: 'ecs-task',
    workload: 'w',
    container: 'app',
    count: 1,
    reference: 'nginx:1',
  } as const;
  const report = buildReport(
    context({
      review: { ...review, state: 'failed', failure: { error: 'FleetReviewIncomplete', detail: 'scope 1/r failed' } },
      failures: [{ kind: 'scope', key: '1/r', error: 'ScopeUnreachableError', detail: 'no | role\nhere' }],
      skippedScopes: [{ scope: { account: '2', region: 'r' }, reason: 'empty' }],
      leftScopes: [
        { scope: { account: '3', region: 'r' }, atEpochMs: NOW - DAY, usages: 4 },
        { scope: { account: '4', region: 'r' }, atEpochMs: NOW, usages: 0 },
      ],
      unresolved: [{ observation, reason: 'digest-unknown' }],
    }),
    [
      record('a', verdict('violating', [old, found('CVE-1'), found('CVE-2'), found('CVE-3')])),
      record('b', verdict('unknown', [unscanned])),
      record('c', { ...verdict('compliant', [], NOW + DAY), covers: ['os'] }),
    ],
  );
  const page = reportMarkdown(report);

  test.each([
    '**failed: scope 1/r failed**',
    '3 running images: 1 violating, 1 unknown, 1 compliant (os). With a valid scan result: 3 of 3.',
    '## Violating: application, web',
    '111122223333/us-east-1/apps/web sha256:',
    '| -      |',
    'Run run-1 (review) of 2026-11-24 02:50 UTC',
    'Policy `abcdef012345`. Written 2026-11-24 03:00 UTC',
    'age counts from 2026-10-20 03:00 UTC, limit 30 days (age-limit); critical CVE-1 in openssl 3.0 (critical); critical CVE-2 in openssl 3.0 (critical); and 1 more',
    '## Unknown: application, web',
    'scan off, never-scanned (scan-required)',
    '## Next breaches, within 7 days',
    '2026-11-25 03:00 UTC',
    '## Coverage',
    String.raw`no \| role\\nhere`,
    '2/r',
    'if the containers are gone: patchwave confirm-left 3/r --reason TEXT; otherwise bring the scope back: add its account to the organization or to the scopes of the policy, enable its Region, or for EKS set ReadEks=true',
    'nothing to do: no workload ran there',
    'its container runtime reports no digest: name the image by digest',
    'SI-2',
    'RA-5',
    'CM-8',
  ])('shows: %s', (text) => {
    expect(page).toContain(text);
  });

  test('shows each character of foreign text, and none is markup', () => {
    const vendor: VendorDependency = {
      ...{ package: 'p', version: '1', vulnerability: 'CVE-1', stream: 's/r/base:^1$', heads: [], ruleIds: [] },
      ...{ reason: 'no-fix', sinceEpochMs: NOW, streams: ['s/r/base:^1$'], images: 1 },
      vendor: { digest: digestOf('v'), tier: 'mirrored', places: ['s/r/debian'] },
    };
    fc.assert(
      fc.property(hostileTexts, (text) => {
        const foreign = poisoned({ ...report, waitingForVendors: [vendor] }, text, ['key']);
        const unresolved = foreign.unresolved.map((one) => ({ ...one, reason: 'digest-unknown' as const }));
        const markdown = reportMarkdown({ ...foreign, unresolved });
        expect([hiddenIn(markdown), forgedLines(markdown)]).toEqual([undefined, []]);
        const unescaped = markdown.replace(/\\./g, '').replace(/`[^`\n]*`/g, '');
        expect(unescaped).not.toMatch(/[<>~&$]|\]\(|https?:|www\./);
        // A row has as many cells as the titles above it.
        const rows = unescaped.split('\n').filter((line) => line.startsWith('|'));
        for (const [at, row] of rows.entries()) {
          if (/^\| -+:? /.test(row)) continue;
          const titles = rows.slice(0, at + 1).findLast((_, before) => /^\| -+/.test(rows[before + 1] ?? ''));
          expect(row.split('|')).toHaveLength(titles?.split('|').length ?? -1);
        }
      }),
      { numRuns: 100 },
    );
  });

  test('a table of very many rows names how many it leaves out', () => {
    const many = Array.from({ length: 501 }, (_, number) => record(String(number), verdict('unknown', [unscanned])));
    expect(reportMarkdown(buildReport(context(), many))).toContain('1 more row in the JSON report.');
  });

  test('an image without a place says so, and what runs it is listed', () => {
    const nowhere = record('a', verdict('unknown', [unscanned]), { locations: [] });
    const text = reportMarkdown(buildReport(context(), [{ ...nowhere, workloads: ['shared/web', 'edge/api'] }]));
    expect(text).toContain(`place unknown ${digestOf('a').slice(0, 19)}`);
    expect(text).toContain('shared/web, edge/api');
  });

  test('streams that need a rebuild are listed, or there are none', () => {
    const cause: Cause = { stream: 's/r/x:^1$', facts: [], sinceEpochMs: NOW, version: 1, state: 'open' };
    expect(reportMarkdown(buildReport(context({ causes: [cause] }), []))).toContain(
      '`patchwave plan` shows what happens to each of them.',
    );
    expect(reportMarkdown(buildReport(context(), []))).not.toContain('rebuilds nothing');
  });

  test('a preview names the streams at fault, which no ledger knows, and how to plan them', () => {
    const stream = '111122223333/us-east-1/apps/web:^v.*$';
    const lineage = { age: { known: false, unknown: [] } } as const;
    const bad = record('a', verdict('violating', [found('CVE-1')]), { stream, inUse: true, lineage });
    const preview = { ...review, mode: 'preview' } as const;
    const report = buildReport(context({ review: preview }), [bad]);
    expect(report.found).toEqual({
      rootStreams: [{ stream, mode: 'report-only', findings: 1, tooOld: false, streams: 1 }],
      ...{ toDeploy: [], unclear: [] },
    });
    expect(report.pendingRebuilds).toMatchObject([{ stream, findings: 1, owner: 'web' }]);
    expect(reportMarkdown(report)).toContain('`patchwave plan --preview run-1`');
    expect(reportMarkdown(report)).toMatch(/\| 111122223333\S* +\| report-only \| +1 \| no +\| +1 \|/);
    expect(buildReport(context(), [bad])).not.toHaveProperty('found');
    expect(reportMarkdown(buildReport(context(), [bad]))).not.toContain('Streams to fix first');
  });

  test('dependencies on vendors are listed, or the section is empty', () => {
    const waiting: VendorDependency = {
      ...{ package: 'openssl', version: '3.0', vulnerability: 'CVE-1', stream: 's/r/base:^1$', heads: [digestOf('a')] },
      ...{ ruleIds: ['critical'], reason: 'no-fix-seen', triedAtEpochMs: NOW - DAY, sinceEpochMs: NOW - 3 * DAY },
      ...{ streams: ['s/r/base:^1$', 's/r/x:^1$'], images: 401 },
      vendor: { digest: digestOf('v'), tier: 'mirrored', places: ['s/r/debian'] },
    };
    const report = buildReport(context(), [], [waiting]);
    expect(report.waitingForVendors).toEqual([waiting]);
    expect(reportMarkdown(report).replace(/ +/g, ' ')).toContain(
      `| openssl | 3.0 | CVE-1 | s/r/base:^1\\$ | 2 | 401 | s/r/debian ${digestOf('v').slice(0, 19)} | 2026-11-21 03:00 UTC | a rebuild at 2026-11-23 03:00 UTC did not fix it |`,
    );
    const { vendor: _, triedAtEpochMs: __, ...others } = waiting;
    const untried = buildReport(context(), [], [{ ...others, reason: 'no-fix' }]);
    expect(reportMarkdown(untried).replace(/ +/g, ' ')).toContain(
      '| - | 2026-11-21 03:00 UTC | the scanner says that there is no fix |',
    );
    expect(reportMarkdown(buildReport(context(), []))).toMatch(/## Waiting for a vendor fix\n\n.*\n\nNothing\./);
  });

  test('layers that say otherwise are listed where there are any', () => {
    const one = {
      ...{ vulnerability: 'CVE-1', package: 'openssl', version: '3.0', layer: digestOf('l') },
      ...{ attributedTo: digestOf('a'), broughtBy: digestOf('b') },
    };
    const found = [{ ...record('a', verdict('violating', [old])), layerDisagreements: [one] }];
    const report = buildReport(context(), found);
    expect(report.layerDisagreements).toEqual([{ digest: digestOf('a'), ...one }]);
    expect(reportMarkdown(report)).toContain(`CVE-1 in openssl 3.0 | ${digestOf('a').slice(0, 19)}`);
    expect(reportMarkdown(buildReport(context(), []))).not.toContain('layer');
  });

  test('nothing found is no good news', () => {
    expect(reportMarkdown(buildReport(context(), []))).toContain('No image was found.');
  });
});

test('a fleet of 100,000 images is reported', () => {
  function* fleet(): Iterable<ReportImage> {
    for (let number = 0; number < 100_000; number += 1) {
      const judged = [
        verdict('compliant', [], NOW + DAY),
        verdict('violating', [old]),
        verdict('unknown', [unscanned]),
      ][number % 3];
      yield { record: { ...record('x', judged).record, digest: `sha256:${String(number).padStart(64, '0')}` } };
    }
  }
  const report = buildReport(context(), fleet());
  expect(report.images).toEqual({ compliant: 33_334, violating: 33_333, unknown: 33_333, unjudged: 0 });
  expect(reportMarkdown(report).length).toBeLessThan(1_000_000);
});

test('reports a rule without a repository, and a stream with an open cause and no rule', () => {
  const streams = [...policyOf().streams, { ...policyOf().streams[0], id: 'misspelt', repositories: ['aps/*'] }];
  const policy = { ...policyOf(), streams } as Policy;
  const [known, gone] = ['apps/web', 'gone/old'].map((repository) => `111122223333/us-east-1/${repository}:^v.*$`);
  const causes = [known, gone].flatMap((stream) => mergeCause(stream ?? '', undefined, [findingFact()]) ?? []);
  const report = startReport(context({ policy, causes, streams: [known ?? ''] })).finish([]);
  expect(report.policyGaps.unmatchedRules).toContain('misspelt');
  expect(report.policyGaps.unnamedStreams).toEqual([gone]);
  expect(reportMarkdown(report)).toContain('Rule misspelt matches no repository that Patchwave has seen');
  expect(reportMarkdown(report)).toContain(`No rule names stream ${gone}`);
});

test('an unreadable ledger item is reported', () => {
  const item = { item: 'STREAM#web / OPEN', problem: '`executionArn` must be text, not a number' };
  const report = startReport(context({ unreadable: () => [item] })).finish([]);
  expect(reportMarkdown(report)).toContain('STREAM#web / OPEN');
  expect(reportMarkdown(startReport(context()).finish([]))).not.toContain('cannot be read');
});

test('a report without the policy says so first, and calls nothing none that it cannot know', () => {
  const version = 'f'.repeat(64);
  const detail = `Policy ${version} cannot be read: gone. Apply one.`;
  const failures = [{ kind: 'policy', key: version, error: 'PolicyUnreadableError', detail }] as const;
  const failed = { ...review, state: 'failed', policyVersion: BUILT_IN_VERSION } as const;
  const cause = mergeCause(STREAM_OF_APPS, undefined, [findingFact()]);
  const causes = cause ? [cause] : [];
  const report = startReport(
    context({ review: failed, policy: BUILT_IN_POLICY, failures, causes, streams: [STREAM_OF_APPS] }),
  ).finish([]);
  expect(report.policyGaps).toEqual({ unmatchedRules: [], rulesWithoutImages: [], unnamedStreams: [] });
  expect(report.pendingRebuilds).toMatchObject([{ stream: STREAM_OF_APPS, mode: 'paused' }]);
  const page = reportMarkdown(report);
  expect(page.indexOf('**This review had no policy.**')).toBeGreaterThan(0);
  expect(page.indexOf('**This review had no policy.**')).toBeLessThan(page.indexOf('0 running images:'));
  expect(page.match(/Unknown without a policy\./g)).toHaveLength(2);
});

test('the report names an image of which the ledger does not keep all, with the reason', () => {
  const unkept: Reason = {
    ...{ ruleId: 'scan-required', effect: 'unknown', kind: 'scan' },
    ...{ state: 'unsupported', scanReason: 'too-large-to-keep' },
  };
  const text = reportMarkdown(
    buildReport(context(), [record('evil', verdict('unknown', [unkept]), { unresolved: TOO_LARGE })]),
  );
  expect(text).toContain(digestOf('evil').slice(0, 19));
  expect(text).toContain('too-large-to-keep');
});
