import type { LineageAge } from '../../../../shared/domain/age/image-lineage.ts';
import { TIERS } from '../../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../../shared/domain/image/image-properties.ts';
import { doorsSchema } from '../../../../shared/domain/policy/doors.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import type { Finding } from '../../../../shared/domain/scan/finding.ts';
import { NEVER_SCANNED, SCAN_STATES, type ScanReason, type ScanState } from '../../../../shared/domain/scan/scan.ts';
import { evaluate, type VerdictInputs, verdictAfterRefusal } from '../../../../shared/domain/verdict/evaluate.ts';
import { type Reason, type Verdict, withoutEndedWaivers } from '../../../../shared/domain/verdict/verdict.ts';
import type { WaivedAncestor } from '../../../../shared/domain/verdict/waiver.ts';
import { parse } from '../../../../shared/schema.ts';
import { alone } from '../../../support/samples.ts';
import { completeScan, DAY, digestOf, image, LOCATION, NOW } from '../arbitraries.ts';

const policyOf = (changes: Partial<PolicyDocument> = {}): Policy =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [],
    severities: [
      { id: 'no-critical', severities: ['critical'], graceDays: 0 },
      { id: 'high-in-a-week', severities: ['high'], graceDays: 7 },
      { id: 'base-medium', severities: ['medium'], graceDays: 0, tiers: ['base'] },
      { id: 'fixable-low', severities: ['low'], graceDays: 0, fix: ['yes'] },
    ],
    ...changes,
  } satisfies PolicyDocument);

const finding = (changes: Partial<Finding> = {}): Finding => ({
  vulnerability: 'CVE-2026-1',
  package: 'openssl',
  version: '3.0',
  severity: 'critical',
  fix: 'unknown',
  ...changes,
});

/** The lineage of the image was read; where a test says nothing else no known image is below it. */
const inputsOf = ({ image: given = image(), ...changes }: Partial<VerdictInputs> = {}): VerdictInputs => ({
  image: { lineage: alone(given), ...given },
  scan: completeScan(),
  findings: [],
  firstSeen: new Map(),
  ...changes,
});

const born = (daysAgo: number): Partial<ImageProperties> => ({
  birth: { known: true, bornAtEpochMs: NOW - daysAgo * DAY, evidence: [] },
});

const judge = (changes: Partial<VerdictInputs> = {}, policy: Policy = policyOf(), now = NOW): Verdict =>
  evaluate(inputsOf(changes), policy, 'version-1', now);

const verdictWords = ({ status, reasons }: Verdict) => [
  status,
  ...reasons.map(({ ruleId, effect }) => `${ruleId} ${effect}`),
];

test('an image with all facts known and fine is compliant, and has a next breach', () => {
  expect(judge()).toEqual({
    status: 'compliant',
    reasons: [],
    covers: ['os'],
    policyVersion: 'version-1',
    nextBreachAtEpochMs: NOW + 20 * DAY,
  });
});

test('a reason has a known exploit, and the EPSS score in whole percent from one on, which decide nothing', () => {
  const [plain, ...others] = [
    {},
    { epssScore: 0 },
    { epssScore: 0.004 },
    { epssScore: 0.1249, isExploited: true as const },
  ].map((one) => judge({ findings: [finding(one)] }).reasons);
  expect(others.slice(0, 2)).toEqual([plain, plain]);
  expect(others[2]).toEqual(plain?.map((reason) => ({ ...reason, isExploited: true, epssPercent: 12 })));
});

test('a reason has the layer named by the scanner, which decides nothing', () => {
  const layer = digestOf('layer');
  const [plain, layered] = [finding(), finding({ layer })].map((one) => judge({ findings: [one] }));
  expect(layered?.reasons).toEqual(plain?.reasons.map((reason) => ({ ...reason, layer })));
});

test('an image that a workload runs only by a guess is unknown, also without findings or with a waiver', () => {
  const guessedIn = { '222233334444/eu-west-1': 'ecs-task b', '111122223333/us-east-1': 'ecs-service a' };
  const verdict = judge({ image: { ...image(), guessedIn } });
  expect(verdict).toMatchObject({
    status: 'unknown',
    reasons: [
      { ruleId: 'digest-known', effect: 'unknown', kind: 'digest-guessed', workload: 'ecs-service a', scopes: 2 },
    ],
  });
  expect(
    judge({ image: { ...image({ birth: { known: true, bornAtEpochMs: NOW - 31 * DAY, evidence: [] } }), guessedIn } })
      .status,
  ).toBe('violating');
});

describe('age', () => {
  test.each<[number, string[]]>([
    [0, ['compliant']],
    [23.99, ['compliant']],
    [24, ['compliant', 'age-limit due']],
    [29.99, ['compliant', 'age-limit due']],
    [30, ['violating', 'age-limit violates']],
    [300, ['violating', 'age-limit violates']],
  ])('of %d days: %j', (days, expected) => {
    expect(verdictWords(judge({ image: image(born(days)) }))).toEqual(expected);
  });

  test('has birth, limit and deadline', () => {
    expect(judge({ image: image(born(31)) }).reasons).toEqual([
      {
        ruleId: 'age-limit',
        effect: 'violates',
        deadlineEpochMs: NOW - DAY,
        kind: 'age',
        bornAtEpochMs: NOW - 31 * DAY,
        limitDays: 30,
      },
    ]);
  });

  test('unknown is unknown', () => {
    const verdict = judge({ image: image({ birth: { known: false, rejected: [] } }) });
    expect(verdict).toMatchObject({
      status: 'unknown',
      reasons: [{ ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown' }],
    });
    expect(verdict).not.toHaveProperty('nextBreachAtEpochMs');
  });

  test('is unknown while the lineage of the image is unread, also for a young image', () => {
    const unread = (daysAgo: number, policy = policyOf()) =>
      evaluate({ ...inputsOf(), image: image(born(daysAgo)) }, policy, 'version-1', NOW);
    expect(unread(1)).toMatchObject({
      status: 'unknown',
      reasons: [{ ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', isLineageUnread: true }],
      nextBreachAtEpochMs: NOW + 29 * DAY,
    });
    expect(verdictWords(unread(31))).toEqual(['violating', 'age-limit violates', 'age-known unknown']);
  });

  const BASE = digestOf('base');
  const on = (age: LineageAge, daysAgo = 1) => judge({ image: { ...image(born(daysAgo)), lineage: { age } } });
  const ago = (days: number, decidedBy = BASE) => ({ bornAtEpochMs: NOW - days * DAY, decidedBy });

  test("is that of the oldest ancestor, by the limit of the image's tier, and names the ancestor", () => {
    expect(on({ known: true, ...ago(31) })).toMatchObject({
      status: 'violating',
      reasons: [{ ruleId: 'age-limit', bornAtEpochMs: NOW - 31 * DAY, deadlineEpochMs: NOW - DAY, decidedBy: BASE }],
    });
    expect(on({ known: true, ...ago(5) }, 40)).toMatchObject({
      status: 'compliant',
      nextBreachAtEpochMs: NOW + 25 * DAY,
    });
    const own = on({ known: true, ...ago(31, digestOf('web')) });
    expect(own.reasons[0]).not.toHaveProperty('decidedBy');
  });

  test('with an unknown ancestor is unknown, for any other ancestors', () => {
    expect(on({ known: false, unknown: [BASE, digestOf('web')] }).reasons).toEqual([
      { ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown', decidedBy: BASE },
    ]);
    const young = on({ known: false, unknown: [BASE], oldestKnown: ago(1, digestOf('web')) });
    expect(verdictWords(young)).toEqual(['unknown', 'age-known unknown']);
    expect(young.nextBreachAtEpochMs).toBe(NOW + 29 * DAY);
  });

  test('violates by its known part, and stays unknown with a waiver for that', () => {
    const age = { known: false, unknown: [digestOf('web')], oldestKnown: ago(31) } as const;
    expect(verdictWords(on(age))).toEqual(['violating', 'age-limit violates', 'age-known unknown']);
    const waiver = { id: 'w', rule: 'age-limit', reason: 'accepted for now', author: 'a' };
    const waived = policyOf({ waivers: [{ ...waiver, created: '2026-11-01', expires: '2026-12-20' }] });
    expect(verdictWords(judge({ image: { ...image(), lineage: { age } } }, waived))).toEqual([
      'unknown',
      'age-known unknown',
      'age-limit waived',
    ]);
  });

  test('has its own limit and warning for each tier', () => {
    const policy = policyOf({
      ages: { default: { limitDays: 30 }, tiers: { base: { limitDays: 10, warnAtPercent: 50 } } },
    });
    const at = (tier: 'base' | 'platform', days: number) =>
      verdictWords(judge({ image: image({ tier, ...born(days) }) }, policy));
    expect(at('base', 4.9)).toEqual(['compliant']);
    expect(at('base', 5)).toEqual(['compliant', 'age-limit due']);
    expect(at('base', 10)).toEqual(['violating', 'age-limit violates']);
    expect(at('platform', 10)).toEqual(['compliant']);
  });
});

describe('scan state', () => {
  const cases = SCAN_STATES.map(
    (state) => [state, ['complete', 'continuous', 'requested', 'stale'].includes(state)] as const,
  );

  test.each(cases)('%s, with a fresh result: known %s', (state, isKnown) => {
    expect(judge({ scan: { ...completeScan(), state } }).status).toBe(isKnown ? 'compliant' : 'unknown');
  });

  test.each(SCAN_STATES)('%s, without a result: unknown', (state) => {
    expect(judge({ scan: { state, coverage: [] } }).status).toBe('unknown');
  });

  test.each<[string, Partial<VerdictInputs>, Partial<Reason>]>([
    ['never scanned', { scan: NEVER_SCANNED }, { kind: 'scan', state: 'off', scanReason: 'never-scanned' }],
    ['a result older than 48 hours', { scan: completeScan(49) }, { kind: 'scan', state: 'stale' }],
    [
      'outside ECR, whatever a scanner said',
      { image: image({ locations: [] }) },
      { kind: 'scan', state: 'off', scanReason: 'not-in-ecr' },
    ],
    [
      'its registry out of reach',
      { image: image({ unresolved: { code: 'registry-unreachable', detail: 'no role' } }) },
      { kind: 'scan', state: 'unreachable', scanReason: 'access-denied' },
    ],
  ])('%s', (_, changes, reason) => {
    expect(judge(changes)).toMatchObject({
      status: 'unknown',
      reasons: [{ ruleId: 'scan-required', effect: 'unknown', ...reason }],
    });
  });

  test('a complete scan with unknown findings is unknown, not clean', () => {
    const { findings: _, ...rest } = inputsOf();
    expect(evaluate(rest, policyOf(), 'v', NOW)).toMatchObject({
      status: 'unknown',
      reasons: [{ ruleId: 'scan-required', scanReason: 'findings-missing' }],
    });
  });

  test('the policy says after how many hours a result is stale', () => {
    expect(judge({ scan: completeScan(49) }, policyOf({ staleScanHours: 72 })).status).toBe('compliant');
  });
});

describe('findings', () => {
  test.each<[string, Partial<Finding>, string[]]>([
    ['a critical one', {}, ['violating', 'no-critical violates']],
    ['a high one in grace', { severity: 'high' }, ['compliant', 'high-in-a-week due']],
    ['one that no rule names', { severity: 'medium' }, ['compliant']],
    ['a fix that the rule does not ask for', { severity: 'low' }, ['compliant']],
    ['a fix that the rule asks for', { severity: 'low', fix: 'yes' }, ['violating', 'fixable-low violates']],
    ['no fix: the default rule leaves it', { fix: 'no' }, ['compliant']],
  ])('%s', (_, changes, expected) => {
    expect(verdictWords(judge({ findings: [finding(changes)] }))).toEqual(expected);
  });

  test.each(TIERS)('a rule for base alone, in %s', (tier) => {
    const verdict = judge({ image: image({ tier }), findings: [finding({ severity: 'medium' })] });
    expect(verdict.status).toBe(tier === 'base' ? 'violating' : 'compliant');
  });

  test.each<[number, string[]]>([
    [6.99, ['compliant', 'high-in-a-week due']],
    [7, ['violating', 'high-in-a-week violates']],
  ])('grace runs from the first sighting in the stream, %d days ago', (days, expected) => {
    const firstSeen = new Map([['CVE-2026-1#openssl', NOW - days * DAY]]);
    expect(verdictWords(judge({ findings: [finding({ severity: 'high' })], firstSeen }))).toEqual(expected);
  });

  test('grace of a finding new to its stream starts at the scan', () => {
    const [reason] = judge({ findings: [finding({ severity: 'high' })], scan: completeScan(5) }).reasons;
    expect(reason).toEqual({
      ruleId: 'high-in-a-week',
      effect: 'due',
      deadlineEpochMs: NOW - 5 * 3_600_000 + 7 * DAY,
      kind: 'finding',
      vulnerability: 'CVE-2026-1',
      package: 'openssl',
      version: '3.0',
      severity: 'high',
      fix: 'unknown',
      firstSeenAtEpochMs: NOW - 5 * 3_600_000,
    });
  });

  test('the nearest deadline is the next breach', () => {
    const firstSeen = new Map([['CVE-2026-1#openssl', NOW - 4 * DAY]]);
    expect(judge({ findings: [finding({ severity: 'high' })], firstSeen }).nextBreachAtEpochMs).toBe(NOW + 3 * DAY);
  });

  test('of a stale scan still violate', () => {
    expect(verdictWords(judge({ scan: completeScan(60), findings: [finding()] }))).toEqual([
      'violating',
      'no-critical violates',
      'scan-required unknown',
    ]);
  });

  test('every rule that a finding falls under is cited', () => {
    const policy = policyOf({
      severities: [
        { id: 'b', severities: ['critical'], graceDays: 0 },
        { id: 'a', severities: ['critical', 'high'], graceDays: 7 },
      ],
    });
    expect(verdictWords(judge({ findings: [finding()] }, policy))).toEqual(['violating', 'b violates', 'a due']);
  });
});

describe('registries', () => {
  const policy = policyOf({ approvedRegistries: { allow: ['*.dkr.ecr.*.amazonaws.com/*', 'public.ecr.aws/nginx/*'] } });
  const rejected = (registry: string) => ({
    ruleId: 'approved-registries',
    effect: 'violates',
    kind: 'registry',
    registry,
  });

  test('an image in ECR comes from its plain name', () => {
    expect(verdictWords(judge({}, policy))).toEqual(['compliant']);
  });

  test('every place and every name is approved, or it violates', () => {
    const subject = image({
      locations: [LOCATION],
      references: ['docker.io/library/nginx', 'public.ecr.aws/nginx/nginx'],
    });
    expect(judge({ image: subject }, policy)).toMatchObject({
      status: 'violating',
      reasons: [rejected('docker.io/library/nginx')],
    });
  });

  test('a place in ECR that is not allowed violates', () => {
    const narrow = policyOf({ approvedRegistries: { id: 'own', allow: ['999999999999.dkr.ecr.*/*'] } });
    expect(judge({}, narrow).reasons).toEqual([
      { ...rejected('111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/web'), ruleId: 'own' },
    ]);
  });

  test('an approved image outside ECR is unknown, another one violates', () => {
    const outside = (references: string[]) =>
      judge({ image: image({ tier: 'external', locations: [], references }) }, policy).status;
    expect(outside(['public.ecr.aws/nginx/nginx'])).toBe('unknown');
    expect(outside(['docker.io/library/nginx'])).toBe('violating');
  });

  test('images of AWS are already named by the policy', () => {
    const subject = image({
      tier: 'aws-managed',
      locations: [],
      references: ['602401143452.dkr.ecr.us-west-2.amazonaws.com.evil/x'],
    });
    expect(verdictWords(judge({ image: subject }, policy))).toEqual(['unknown', 'scan-required unknown']);
  });

  test('without a rule every place is approved', () => {
    expect(judge({ image: image({ references: ['docker.io/library/nginx'] }) }).status).toBe('compliant');
  });
});

describe('waivers', () => {
  const waiver = {
    id: 'accepted',
    finding: 'CVE-2026-1',
    reason: 'not reachable from outside',
    author: 'security@example.com',
    created: '2026-11-01',
    expires: '2026-12-01',
  };
  const ends = Date.UTC(2026, 11, 2);
  const waived = (changes: object, subject: Partial<VerdictInputs> = { findings: [finding()] }, now = NOW) => {
    const { finding: named, ...rest } = { ...waiver, ...changes } as typeof waiver & { rule?: string };
    return judge(subject, policyOf({ waivers: [rest.rule === undefined ? { ...rest, finding: named } : rest] }), now);
  };

  test('a waived finding is reported with its waiver, and violates when the waiver ends', () => {
    const verdict = waived({});
    expect(verdict).toMatchObject({
      status: 'compliant',
      reasons: [
        { ruleId: 'no-critical', effect: 'waived', waiverId: 'accepted', deadlineEpochMs: ends, kind: 'finding' },
      ],
      nextBreachAtEpochMs: ends,
    });
  });

  test.each<[string, number, string]>([
    ['before it is made', Date.UTC(2026, 10, 1) - 1, 'violating'],
    ['from the day it is made', Date.UTC(2026, 10, 1), 'compliant'],
    ['to the end of its last day', ends - 1, 'compliant'],
    ['void at the first evaluation after that', ends, 'violating'],
  ])('%s', (_, now, status) => {
    const subject = {
      findings: [finding()],
      scan: { ...completeScan(), completedAtEpochMs: now },
      image: image({ birth: { known: true, bornAtEpochMs: now, evidence: [] } }),
    };
    expect(waived({}, subject, now).status).toBe(status);
  });

  test.each<[string, object, Partial<ImageProperties>, string]>([
    ['another vulnerability', { finding: 'CVE-2026-9' }, {}, 'violating'],
    ['its rule', { rule: 'no-critical' }, {}, 'compliant'],
    ['another rule', { rule: 'high-in-a-week' }, {}, 'violating'],
    ['its package', { scope: { package: 'openssl' } }, {}, 'compliant'],
    ['another package', { scope: { package: 'zlib' } }, {}, 'violating'],
    ['its owner', { scope: { owner: 'web' } }, {}, 'compliant'],
    ['another owner', { scope: { owner: 'api' } }, {}, 'violating'],
    ['its account', { scope: { account: '111122223333' } }, {}, 'compliant'],
    ['another account', { scope: { account: '444455556666' } }, {}, 'violating'],
    ['its repository', { scope: { repositories: ['apps/*'] } }, {}, 'compliant'],
    ['another repository', { scope: { repositories: ['base/*'] } }, {}, 'violating'],
    ['one of two things named', { scope: { owner: 'web', package: 'zlib' } }, {}, 'violating'],
    [
      'one of its two repositories',
      { scope: { repositories: ['apps/*'] } },
      { locations: [LOCATION, { ...LOCATION, repository: 'x' }] },
      'violating',
    ],
    [
      'one of its two accounts',
      { scope: { account: '111122223333' } },
      { locations: [LOCATION, { ...LOCATION, account: '444455556666' }] },
      'violating',
    ],
    ['an unknown place', { scope: { account: '111122223333' } }, { locations: [] }, 'violating'],
    [
      'a repository outside ECR',
      { scope: { repositories: ['nginx/nginx'] } },
      { locations: [], references: ['public.ecr.aws/nginx/nginx'] },
      'unknown',
    ],
  ])('for %s', (_, changes, subject, status) => {
    expect(waived(changes, { findings: [finding()], image: image(subject) }).status).toBe(status);
  });

  describe('of an ancestor', () => {
    const baseScope = { scope: { repositories: ['base/*'] } };
    const base = (changes: Partial<WaivedAncestor> = {}): WaivedAncestor => ({
      ...{ digest: digestOf('base'), locations: [{ ...LOCATION, repository: 'base/os' }], owner: 'os' },
      findings: [finding()],
      ...changes,
    });

    test('covers a finding that comes from it, and says so', () => {
      expect(waived(baseScope, { findings: [finding()], ancestors: [base()] })).toMatchObject({
        status: 'compliant',
        reasons: [{ effect: 'waived', waiverId: 'accepted', waivedThrough: digestOf('base'), deadlineEpochMs: ends }],
        nextBreachAtEpochMs: ends,
      });
    });

    test.each<[string, Partial<VerdictInputs>]>([
      ['the image brought the same vulnerability in another package', { findings: [finding({ package: 'libssl' })] }],
      ['it brought another version of the package', { findings: [finding({ version: '3.1' })] }],
      ['the image below does not have it', { ancestors: [base({ findings: [] })] }],
      [
        'the image below has it in a package of the system, and it is in one of a language of the same name',
        { findings: [finding({ isLanguagePackage: true })] },
      ],
      [
        'the image below has it in a package of a language, and it is in one of the system of the same name',
        { ancestors: [base({ findings: [finding({ isLanguagePackage: true })] })] },
      ],
      ['the findings of the image below are unknown', { ancestors: [{ ...base(), findings: undefined as never }] }],
      ['the image below lies outside the scope', { ancestors: [base({ locations: [LOCATION] })] }],
      ['it lies in the scope with one of its places', { ancestors: [base({ locations: [LOCATION, LOCATION] })] }],
      [
        'the scanner names another layer',
        {
          findings: [finding({ layer: digestOf('own layer') })],
          ancestors: [base({ findings: [finding({ layer: digestOf('layer of the base') })] })],
        },
      ],
      [
        'the scanner tells no version',
        { findings: [finding({ version: '' })], ancestors: [base({ findings: [finding({ version: '' })] })] },
      ],
    ])('covers nothing where %s', (_, changes) => {
      const verdict = waived(baseScope, { findings: [finding()], ancestors: [base()], ...changes });
      expect(verdictWords(verdict)).toEqual(['violating', 'no-critical violates']);
    });

    test("the longest of several waivers counts, among equal ones the image's own", () => {
      const longer = { ...waiver, id: 'longer', expires: '2026-12-09', scope: { repositories: ['base/*'] } };
      const own = { ...waiver, id: 'z-own', expires: '2026-12-09', scope: { repositories: ['apps/*'] } };
      const idOf = (...waivers: PolicyDocument['waivers'] & object) =>
        judge({ findings: [finding()], ancestors: [base()] }, policyOf({ waivers })).reasons[0]?.waiverId;
      expect(idOf({ ...waiver, scope: own.scope }, longer)).toBe('longer');
      expect(idOf(longer, own)).toBe('z-own');
    });

    const aged = (oldest: number, ...others: readonly (readonly [string, number])[]) => {
      const part = (name: string, days: number) => ({ bornAtEpochMs: NOW - days * DAY, decidedBy: digestOf(name) });
      const younger = others.map(([name, days]) => part(name, days));
      return { image: { ...image(), lineage: { age: { known: true, ...part('base', oldest), younger } } } } as const;
    };
    const ofAge = { rule: 'age-limit', ...baseScope };

    test('covers the age that it decides, and then the next oldest image decides', () => {
      const young = waived(ofAge, { ...aged(40, ['platform', 29], ['web', 2]), ancestors: [base()] });
      expect(young.reasons).toMatchObject([
        { effect: 'due', decidedBy: digestOf('platform'), deadlineEpochMs: NOW + DAY },
        { effect: 'waived', decidedBy: digestOf('base'), waivedThrough: digestOf('base') },
      ]);
      expect([young.status, young.nextBreachAtEpochMs]).toEqual(['compliant', NOW + DAY]);
      const old = waived(ofAge, { ...aged(40, ['platform', 31], ['web', 2]), ancestors: [base()] });
      expect(verdictWords(old)).toEqual(['violating', 'age-limit violates', 'age-limit waived']);
    });

    const grace = parse(doorsSchema, { mode: 'deny', graceRunningDays: 14 });
    const ended = (now: number, changes: object = {}, subject: Partial<VerdictInputs> = {}, doors = grace) => {
      const { finding: named, ...rest } = { ...waiver, ...baseScope, ...changes } as typeof waiver & { rule?: string };
      const judged = rest.rule === undefined ? 'finding' : 'age';
      const waivers = [rest.rule === undefined ? { ...rest, finding: named } : rest];
      const inputs = { findings: [finding()], ancestors: [base()], firstSeen, ...subject };
      return judge(inputs, { ...policyOf({ waivers }), doors }, now).reasons.filter(
        ({ effect, kind }) => effect === 'violates' && kind === judged,
      );
    };
    const firstSeen = new Map([['CVE-2026-1#openssl', NOW - DAY]]);

    test('once it has ended, the verdict says until when it covered, within the grace of doors', () => {
      expect(ended(ends)).toMatchObject([{ deadlineEpochMs: NOW - DAY, waivedUntilEpochMs: ends }]);
      expect(ended(ends + 14 * DAY - 1)).toMatchObject([{ waivedUntilEpochMs: ends }]);
      expect(ended(ends + 14 * DAY)[0]).not.toHaveProperty('waivedUntilEpochMs');
      expect(ended(ends, {}, {}, parse(doorsSchema, { graceRunningDays: 0 }))[0]).not.toHaveProperty(
        'waivedUntilEpochMs',
      );
      expect(ended(ends, ofAge, { ...aged(40), findings: [] })).toMatchObject([
        { kind: 'age', decidedBy: digestOf('base'), waivedUntilEpochMs: ends },
      ]);
    });

    test.each<[string, object, Partial<VerdictInputs>]>([
      ['covered another package', {}, { findings: [finding({ package: 'libssl' })] }],
      ['covered nothing of the image below', {}, { ancestors: [base({ findings: [] })] }],
      ['was one of the image itself, which doors know', { scope: { repositories: ['apps/*'] } }, {}],
      ['ended before the deadline', {}, { firstSeen: new Map([['CVE-2026-1#openssl', ends]]) }],
    ])('one that %s is not named', (_, changes, subject) => {
      for (const reason of ended(ends, changes, subject)) expect(reason).not.toHaveProperty('waivedUntilEpochMs');
    });

    test('covers no age that another image decides', () => {
      const platform = base({ digest: digestOf('platform') });
      expect(waived(ofAge, { ...aged(40, ['platform', 31]), ancestors: [platform] }).status).toBe('violating');
    });
  });

  test('of age, by its rule', () => {
    const old = { image: image(born(40)) };
    expect(verdictWords(waived({ rule: 'age-limit' }, old))).toEqual(['compliant', 'age-limit waived']);
    expect(waived({ rule: 'age-limit', scope: { package: 'openssl' } }, old).status).toBe('violating');
  });

  test('of a registry, by its rule', () => {
    const policy = policyOf({
      approvedRegistries: { allow: ['x/*'] },
      waivers: [
        {
          id: 'moving',
          rule: 'approved-registries',
          reason: waiver.reason,
          author: waiver.author,
          created: waiver.created,
          expires: waiver.expires,
        },
      ],
    });
    expect(verdictWords(judge({}, policy))).toEqual(['compliant', 'approved-registries waived']);
  });

  test('that ends before the deadline changes nothing', () => {
    const subject = { findings: [finding({ severity: 'high' })], firstSeen: new Map([['CVE-2026-1#openssl', NOW]]) };
    expect(waived({ expires: '2026-11-30' }, subject).reasons).toMatchObject([
      { effect: 'due', deadlineEpochMs: NOW + 7 * DAY },
    ]);
    expect(waived({ expires: '2026-12-01' }, subject).reasons).toMatchObject([
      { effect: 'waived', deadlineEpochMs: ends },
    ]);
  });

  test('of a distant limit gives the time of the breach', () => {
    const verdict = waived({ rule: 'age-limit', expires: '2026-12-31' }, {});
    expect(verdict).toMatchObject({ status: 'compliant', reasons: [], nextBreachAtEpochMs: Date.UTC(2027, 0, 1) });
  });

  test('the longest of two counts, then the first by name', () => {
    const { finding: named, ...rest } = waiver;
    const policy = policyOf({
      waivers: [
        { ...rest, id: 'short', finding: named, expires: '2026-11-30' },
        { ...rest, id: 'z', finding: named },
        { ...rest, id: 'a', finding: named },
      ],
    });
    expect(judge({ findings: [finding()] }, policy).reasons).toMatchObject([{ waiverId: 'a' }]);
  });
});

test('reasons are sorted: deciding ones, by severity, by deadline, by name', () => {
  const severities = (['critical', 'high', 'medium', 'low'] as const).map((severity) => ({
    id: `rule-${severity}`,
    severities: [severity],
    graceDays: 0,
  }));
  const policy = policyOf({
    severities: [{ id: 'later', severities: ['critical'], graceDays: 30 }, ...severities],
    approvedRegistries: { allow: ['x'] },
  });
  const findings = [
    finding({ severity: 'low' }),
    finding({ vulnerability: 'CVE-2026-3' }),
    finding({ vulnerability: 'CVE-2026-2', version: '2' }),
    finding({ vulnerability: 'CVE-2026-2', version: '1' }),
    finding({ severity: 'high', vulnerability: 'CVE-2026-0' }),
  ];
  const subject = { findings, scan: completeScan(50), image: image({ ...born(31), references: ['b', 'a'] }) };
  const names = judge(subject, policy).reasons.map((reason) =>
    reason.kind === 'finding'
      ? `${reason.ruleId} ${reason.vulnerability} ${reason.version}`
      : reason.kind === 'registry'
        ? reason.registry
        : reason.ruleId,
  );
  expect(names).toEqual([
    'age-limit',
    '111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/web',
    'a',
    'b',
    'rule-critical CVE-2026-2 1',
    'rule-critical CVE-2026-2 2',
    'rule-critical CVE-2026-3 3.0',
    'rule-high CVE-2026-0 3.0',
    'rule-low CVE-2026-1 3.0',
    'scan-required',
    'later CVE-2026-2 1',
    'later CVE-2026-2 2',
    'later CVE-2026-3 3.0',
  ]);
});

test('reports the effective scan state, not the stored one', () => {
  const scan: ScanState = { ...completeScan(60), state: 'requested', reason: 'in-progress' };
  expect(judge({ scan }).reasons).toMatchObject([{ kind: 'scan', state: 'requested', scanReason: 'in-progress' }]);
});

test('a waiver that ends now has ended; the reasons of others stay as they are', () => {
  const waived = (deadlineEpochMs?: number): Reason => ({
    ...{ ruleId: 'registry', effect: 'waived', kind: 'registry', registry: 'docker.io' },
    ...(deadlineEpochMs !== undefined && { deadlineEpochMs }),
  });
  const effects = (reason: Reason) =>
    withoutEndedWaivers({ status: 'compliant', policyVersion: '1', reasons: [reason] }, NOW).reasons.map(
      ({ effect }) => effect,
    );
  expect([NOW - 1, NOW, NOW + 1, undefined].map((deadline) => effects(waived(deadline))[0])).toEqual([
    ...['violates', 'violates', 'waived', 'waived'],
  ]);
});

test('a refused scan keeps a compliant verdict only of a judged image that has a result', () => {
  const compliant: Verdict = { status: 'compliant', policyVersion: '1', reasons: [] };
  const statusAfter = (
    judgedAtEpochMs: number | undefined,
    completedAtEpochMs: number | undefined,
    reason: ScanReason,
  ) =>
    verdictAfterRefusal(
      { verdict: compliant, ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs }) },
      { ...NEVER_SCANNED, state: 'failed', reason, ...(completedAtEpochMs !== undefined && { completedAtEpochMs }) },
      '2',
    ).status;
  expect(statusAfter(NOW, NOW, 'quota-or-scanned')).toBe('compliant');
  expect(statusAfter(undefined, NOW, 'quota-or-scanned')).toBe('unknown');
  expect(statusAfter(NOW, undefined, 'quota-or-scanned')).toBe('unknown');
  expect(statusAfter(NOW, NOW, 'unsupported-os')).toBe('unknown');
});

describe('an operating system', () => {
  const END = NOW + 60 * DAY;
  const LAST_DAY = Date.parse('2025-11-02');
  const alpine = (version: string) => ({ kind: 'named' as const, id: 'alpine', version });
  const own = image({ tier: 'base' });
  const on = (version: string) => ({
    image: own,
    system: { system: alpine(version), digest: own.digest, readAtEpochMs: 0 },
  });
  const at = (instant: number, changes: Partial<VerdictInputs>, policy = policyOf()): Verdict => {
    const young = { ...own, birth: { known: true as const, bornAtEpochMs: instant - DAY, evidence: [] } };
    const scan = { ...completeScan(), completedAtEpochMs: instant };
    return judge({ ...changes, image: { ...young, lineage: alone(young) }, scan }, policy, instant);
  };
  const rule = policyOf({ systemSupported: {} });

  test('past its end is never clean, however young each rebuild is', () => {
    for (let day = 0; day < 800; day += 40)
      expect(verdictWords(at(LAST_DAY + day * DAY, on('3.19.1')))).toEqual(['unknown', 'system-supported unknown']);
    expect(at(LAST_DAY, { ...on('3.19.1'), findings: [finding()] }).status).toBe('violating');
  });

  test.each([
    [91, ['compliant']],
    [89.9, ['compliant', 'system-supported due']],
    [60, ['compliant', 'system-supported due']],
    [0.01, ['compliant', 'system-supported due']],
    [0, ['unknown', 'system-supported unknown']],
  ])('%d days before its end: %j', (days, expected) => {
    expect(verdictWords(at(LAST_DAY - days * DAY, on('3.19.1')))).toEqual(expected);
  });

  test('with the rule it violates past the end, and a waiver covers it', () => {
    const waiver = {
      ...{ id: 'move', rule: 'system-supported', reason: 'the move to 3.23 is planned', author: 'platform' },
      ...{ created: '2025-11-01', expires: '2026-01-01' },
    };
    expect(verdictWords(at(LAST_DAY, on('3.19.1'), rule))).toEqual(['violating', 'system-supported violates']);
    expect(at(LAST_DAY - DAY, on('3.19.1'), rule).nextBreachAtEpochMs).toBe(LAST_DAY);
    expect(verdictWords(at(LAST_DAY, on('3.19.1'), policyOf({ systemSupported: {}, waivers: [waiver] })))).toEqual([
      'compliant',
      'system-supported waived',
    ]);
    const ofBases = policyOf({ systemSupported: { id: 'systems', tiers: ['application'] } });
    expect(verdictWords(at(LAST_DAY, on('3.19.1'), ofBases))).toEqual(['unknown', 'system-supported unknown']);
  });

  test.each([
    ['none', { kind: 'none' } as const, 'compliant'],
    ['one that could not be read', { kind: 'unread' } as const, 'unknown'],
    ['one without a known end', { kind: 'named', id: 'wolfi' } as const, 'unknown'],
    ['one that gets updates', alpine('3.23.0'), 'compliant'],
  ])('%s', (_, system, status) => {
    const found = { system, digest: own.digest, readAtEpochMs: 0 };
    expect(at(LAST_DAY, { system: found }, rule).status).toBe(status);
    expect(at(LAST_DAY, { system: found }).status).toBe('compliant');
  });

  test('of an ancestor names that ancestor', () => {
    const base = digestOf('base');
    expect(at(END, { system: { system: alpine('3.19.1'), digest: base, readAtEpochMs: 0 } }).reasons).toEqual([
      {
        ...{ ruleId: 'system-supported', effect: 'unknown', kind: 'system', deadlineEpochMs: LAST_DAY },
        ...{ system: { id: 'alpine', version: '3.19.1' }, decidedBy: base },
      },
    ]);
  });
});
