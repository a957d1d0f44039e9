import type { AdmissionFacts, RecordedImage } from '../../../../shared/domain/admission/admission-facts.ts';
import {
  type Admission,
  admit,
  admitUntil,
  type BreakGlass,
  digestsToRead,
  strictest,
} from '../../../../shared/domain/admission/admit.ts';
import type { Presence } from '../../../../shared/domain/admission/standing.ts';
import type { AppliedPolicy } from '../../../../shared/domain/policy/applied-policy.ts';
import type { Door } from '../../../../shared/domain/policy/doors.ts';
import { policySchema } from '../../../../shared/domain/policy/policy.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { parse } from '../../../../shared/schema.ts';
import { DAY_MS, digestOf, findingReason, HOUR_MS, NOON_EPOCH_MS, verdict } from '../../../support/samples.ts';

const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const NOW = NOON_EPOCH_MS;
const WEB = digestOf('web');
const NAMED = `${HOST}/apps/web@${WEB}`;
const policy = parse(policySchema, {
  ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], nonRoot: {}, sourceKnown: {}, tags: {} },
  severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
  approvedRegistries: { allow: ['*.dkr.ecr.eu-west-1.amazonaws.com/apps/*'] },
  awsManaged: { accounts: ['602401143452'] },
});
const GOOD = { standing: 'good', beganAtEpochMs: NOW - 20 * DAY_MS } as const;
const DENY: Door = { mode: 'deny', requireDigest: true, onUnreachable: 'refuse', graceRunningDays: 14 };

const good: RecordedImage = {
  ...{ digest: WEB, isRecorded: true, tier: 'application', waivers: [], covered: { locations: [] } },
  scan: { state: 'complete', completedAtEpochMs: NOW - HOUR_MS, coverage: ['os'] },
  verdict: verdict('compliant', { reasons: [] }),
  judgedAtEpochMs: NOW - HOUR_MS,
  age: { known: true, bornAtEpochMs: NOW - 10 * DAY_MS, decidedBy: WEB },
};

interface Situation {
  readonly reference?: string | undefined;
  readonly images?: readonly AdmissionFacts['images'][number][];
  readonly runsHere?: boolean;
  /** Images with what they have of a presence there, instead of `runsHere`. */
  readonly presences?: readonly RecordedImage[];
  readonly door?: Partial<Door>;
  readonly breakGlass?: BreakGlass;
}
const decide = ({
  images = [good],
  runsHere = false,
  presences,
  door = {},
  breakGlass,
  ...asked
}: Situation): Admission =>
  admit('reference' in asked ? asked.reference : NAMED, {
    ...{ door: { ...DENY, ...door }, policy, nowEpochMs: NOW, breakGlass },
    known: new Map([[WEB, { digest: WEB, images, presences: presences?.flatMap(presenceOf) ?? standing(runsHere) }]]),
  });
const standing = (runsHere: boolean) => (runsHere ? [{ presence: GOOD }] : []);
const presenceOf = (image: RecordedImage) => (image.presence ? [{ presence: image.presence, image }] : []);
const ran = (image: RecordedImage, presence: Presence): RecordedImage => ({ ...image, presence });
const judged = (reasons: readonly Reason[], changes: Partial<RecordedImage> = {}): RecordedImage => ({
  ...good,
  verdict: verdict(
    reasons.some(({ effect }) => effect === 'violates')
      ? 'violating'
      : reasons.some(({ effect }) => effect === 'unknown')
        ? 'unknown'
        : 'compliant',
    { reasons },
  ),
  ...changes,
});
const elsewhere: Reason = {
  ...{ ruleId: 'approved-registries', effect: 'violates', kind: 'registry', registry: 'docker.io/library/nginx' },
};
const since = (days: number) => ({ deadlineEpochMs: NOW - days * DAY_MS });
const age = (days: number): Reason => ({
  ...{ ruleId: 'age-limit', effect: 'violates', kind: 'age', bornAtEpochMs: NOW - (30 + days) * DAY_MS, limitDays: 30 },
  ...since(days),
});
const found = (days: number): Reason => ({
  ...{ ...findingReason(1), effect: 'violates', firstSeenAtEpochMs: NOW - days * DAY_MS },
  ...since(days),
});
/** The image of an index for other nodes: its finding is from today. */
const ARM: RecordedImage = judged([found(0)], {
  digest: digestOf('arm'),
  lastGood: { untilEpochMs: NOW - DAY_MS, resultAtEpochMs: NOW - DAY_MS },
});
const scan = (hours: number) => ({ ...good.scan, completedAtEpochMs: NOW - hours * HOUR_MS });
/** A breach that no reason names, of an image of this age: its limit was 30 days. */
const aged = (days: number, reasons: readonly Reason[]): RecordedImage => {
  const { verdict: of = verdict('compliant') } = judged(reasons);
  const bornAtEpochMs = NOW - days * DAY_MS;
  const verdictOf = { ...of, nextBreachAtEpochMs: Math.min(NOW, bornAtEpochMs + 30 * DAY_MS) };
  return { ...judged(reasons), verdict: verdictOf, age: { known: true, bornAtEpochMs, decidedBy: WEB } };
};
const old: Reason = { ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'stale' };
const guessed: Reason = { ruleId: 'digest-known', effect: 'unknown', kind: 'digest-guessed', workload: 'x', scopes: 1 };
const unknownAge: Reason = { ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown' };
const waived = { ...found(20), ...since(-1), effect: 'waived', waiverId: 'w' } as Reason;
const waiver = (days?: number) => ({
  waivers: [
    { waiverId: 'w', ruleId: waived.ruleId, ...(days !== undefined && { voidFromEpochMs: NOW + days * DAY_MS }) },
  ],
});
const { judgedAtEpochMs: _, ...unjudged } = good;
const { verdict: __, ...never } = unjudged;
const rule = (ruleId: string) => `deny ${ruleId}`;

describe('a door', () => {
  test.each<[string, Situation, string]>([
    ['a compliant image', {}, 'allow'],
    [
      'a reference with a tag and a digest, of which the digest counts',
      { reference: NAMED.replace('@', ':lying@') },
      'allow',
    ],
    ['the same host by FIPS', { reference: NAMED.replace('.ecr.', '.ecr-fips.') }, 'allow'],
    [
      'the same host by its dual-stack name',
      { reference: NAMED.replace('.dkr.ecr.eu-west-1.amazonaws.com', '.dkr-ecr.eu-west-1.on.aws') },
      'allow',
    ],
    ['the same host in capitals', { reference: NAMED.replace(HOST, HOST.toUpperCase()) }, 'allow'],
    ['no reference', { reference: undefined }, rule('reference-readable')],
    ['an empty reference', { reference: '' }, rule('reference-readable')],
    ['a reference of another grammar', { reference: `${HOST}/Apps/web@${WEB}` }, rule('reference-readable')],
    ['a short name of Docker Hub', { reference: `nginx@${WEB}` }, rule('approved-registries')],
    [
      'a host that only begins like an approved one',
      { reference: `${HOST}.evil.example/apps/web@${WEB}` },
      rule('approved-registries'),
    ],
    [
      'a repository that only begins like an approved one',
      { reference: `${HOST}/appsevil@${WEB}` },
      rule('approved-registries'),
    ],
    [
      'a port that the approved host does not have',
      { reference: `${HOST}:8443/apps/web@${WEB}` },
      rule('approved-registries'),
    ],
    [
      'an image of AWS, which needs no approved registry',
      { reference: `602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause@${WEB}` },
      'allow',
    ],
    ['a tag alone', { reference: `${HOST}/apps/web:1` }, rule('digest-required')],
    ['no tag', { reference: `${HOST}/apps/web` }, rule('digest-required')],
    [
      'a tag where none is required',
      { reference: `${HOST}/apps/web:1`, door: { requireDigest: false } },
      'warn digest-required',
    ],
    [
      'a tag of a foreign registry where no digest is required',
      { reference: 'nginx:1', door: { requireDigest: false } },
      rule('approved-registries'),
    ],
    [
      'a digest whose facts were not read',
      { reference: `${HOST}/apps/web@${digestOf('other')}` },
      rule('image-recorded'),
    ],
    ['an unrecorded image', { images: [{ digest: WEB, isRecorded: false }], runsHere: true }, rule('image-recorded')],
    [
      'an image whose record is lost, in good standing by itself',
      { images: [{ digest: WEB, isRecorded: false, presence: { ...GOOD, beganAtEpochMs: NOW - DAY_MS } }] },
      'warn image-recorded',
    ],
    ['an image without a verdict', { images: [never], runsHere: true }, rule('image-judged')],
    ['a verdict that is about to be renewed', { images: [unjudged] }, rule('image-judged')],
    ['the same, running', { images: [unjudged], runsHere: true }, 'warn image-judged'],
    [
      'the same, running, whose scan is from long ago',
      { images: [{ ...unjudged, scan: scan(15 * 24) }], runsHere: true },
      rule('image-judged'),
    ],
    ['an image that is too old', { images: [judged([age(1)])] }, rule('age-limit')],
    ['the same, running', { images: [judged([age(1)])], runsHere: true }, 'warn age-limit'],
    [
      'the same on the last moment of its grace',
      { images: [judged([age(14 - 1 / 24)])], runsHere: true },
      'warn age-limit',
    ],
    ['the same after its grace', { images: [judged([age(14)])], runsHere: true }, rule('age-limit')],
    [
      'the same without any grace',
      { images: [judged([age(1)])], runsHere: true, door: { graceRunningDays: 0 } },
      rule('age-limit'),
    ],
    ['a finding', { images: [judged([found(0)])] }, rule('critical')],
    ['the same, running', { images: [judged([found(0)])], runsHere: true }, 'warn critical'],
    [
      'two reasons, of which one has no grace left',
      { images: [judged([found(0), age(20)])], runsHere: true },
      rule('age-limit'),
    ],
    [
      'a deadline that passed after the verdict',
      { images: [judged([{ ...age(1), effect: 'due' }])] },
      rule('age-limit'),
    ],
    ['a deadline to come', { images: [judged([{ ...age(-1), effect: 'due' }])] }, 'allow'],
    ['a breach without a reason, as its warning was not due', { images: [aged(30, [])] }, rule('age-limit')],
    [
      'the same, running',
      {
        images: [aged(30, [])],
        runsHere: true,
      },
      'warn age-limit',
    ],
    ...([found(0), { ...found(0), effect: 'due' }] as const).map((reason): [string, Situation, string] => [
      `the same for longer than the grace, running, beside a finding that ${reason.effect === 'due' ? 'came due since' : 'violates'}`,
      { images: [aged(44, [reason])], runsHere: true },
      rule('age-limit'),
    ]),
    [
      'an unknown age, running, whose breach is a finding of now',
      { images: [{ ...aged(44, [found(0)]), age: { known: false, unknown: [WEB] } }], runsHere: true },
      'warn critical',
    ],
    ['a waived finding', { images: [judged([waived], waiver(1))] }, 'allow'],
    ['a waiver that ended', { images: [judged([waived], waiver(0))] }, rule('critical')],
    ['a waiver that the policy no longer has', { images: [judged([waived], waiver())] }, rule('critical')],
    ['the same, running', { images: [judged([waived], waiver())], runsHere: true }, 'warn critical'],
    [
      'a waiver that ended, running, after the grace',
      { images: [judged([waived], waiver(-14))], runsHere: true },
      rule('critical'),
    ],
    [
      'a compliant image whose scan is too old by now',
      { images: [{ ...good, scan: scan(49) }] },
      rule('scan-required'),
    ],
    ['the same, running', { images: [{ ...good, scan: scan(49) }], runsHere: true }, 'warn scan-required'],
    [
      'the same, after the grace',
      { images: [{ ...good, scan: scan(49 + 14 * 24) }], runsHere: true },
      rule('scan-required'),
    ],
    ['a verdict that says so', { images: [judged([old], { scan: scan(49) })], runsHere: true }, 'warn scan-required'],
    [
      'a scan that failed, running',
      { images: [judged([{ ...old, state: 'failed' }], { scan: { ...scan(1), state: 'failed' } })], runsHere: true },
      'warn scan-required',
    ],
    [
      'findings that are missing, running',
      { images: [judged([{ ...old, state: 'complete', scanReason: 'findings-missing' }])], runsHere: true },
      'warn scan-required',
    ],
    [
      'a verdict that is not compliant and names no reason, running',
      { images: [{ ...good, verdict: verdict('unknown', { reasons: [] }) }], runsHere: true },
      'warn image-judged',
    ],
    [
      'a verdict that is not compliant and names only what is due later',
      { images: [{ ...good, verdict: verdict('violating', { reasons: [{ ...age(-1), effect: 'due' }] }) }] },
      rule('image-judged'),
    ],
    ...(['unsupported', 'expired', 'off', 'unreachable'] as const).map((state): [string, Situation, string] => [
      `a scan that is ${state} after an earlier result, running`,
      { images: [{ ...good, scan: { ...scan(49), state } }], runsHere: true },
      'warn scan-required',
    ]),
    ['an unknown age, running', { images: [judged([unknownAge])], runsHere: true }, 'warn age-known'],
    [
      'a violation and an unknown fact, running: the grace of the doubt ends first',
      { images: [judged([found(0), unknownAge])], runsHere: true },
      'warn age-known',
    ],
    ['a guess of another workload, while the digest is named here', { images: [judged([guessed])] }, 'allow'],
    [
      'an image that also runs under a name that is not approved: only the name that starts counts',
      { images: [judged([elsewhere])] },
      'allow',
    ],
    [
      'the same, which is past the age limit since its verdict',
      {
        images: [aged(30, [elsewhere])],
      },
      rule('age-limit'),
    ],
    ['an index with one bad image', { images: [good, judged([found(0)])] }, rule('critical')],
    [
      'an index with one unrecorded image',
      { images: [good, { digest: digestOf('arm'), isRecorded: false }] },
      rule('image-recorded'),
    ],
    [
      'an index in good standing, of which a second image with a new finding never ran',
      { images: [ran(good, GOOD), ARM], presences: [ran(good, GOOD)] },
      'warn critical',
    ],
    ...(['forbidden', 'undecided'] as const).flatMap((standing): [string, Situation, string][] => {
      const second = { ...GOOD, standing, beganAtEpochMs: NOW - 12 * HOUR_MS };
      const of = (first: RecordedImage, arm: RecordedImage): Situation => ({
        images: [first, arm],
        presences: [first, arm].filter(({ presence }) => presence),
      });
      return [
        [
          `the same, of which the second image has started since then, and is recorded as ${standing}`,
          of(ran(good, GOOD), ran(ARM, second)),
          'warn critical',
        ],
        [
          `the same, of which the second image had a violation already when the index began: ${standing}`,
          of(ran(good, GOOD), ran({ ...ARM, lastGood: { untilEpochMs: NOW - 21 * DAY_MS } }, second)),
          rule('critical'),
        ],
        [
          `the same, of which the second image never had a good result: ${standing}`,
          of(ran(good, GOOD), ran(judged([found(0)], { digest: digestOf('arm') }), second)),
          rule('critical'),
        ],
        [
          `the same, of which no image is in good standing: ${standing}`,
          of(ran(good, { ...GOOD, standing: 'forbidden' }), ran(ARM, second)),
          rule('critical'),
        ],
        [`the second image alone: ${standing}`, of(ran(ARM, second), ran(ARM, second)), rule('critical')],
      ];
    }),
    ['anything, where the door is off', { images: [judged([found(0)])], door: { mode: 'off' } }, 'allow'],
    ['anything, where it only warns', { images: [judged([found(0)])], door: { mode: 'warn' } }, 'warn critical'],
  ])('%s', (_, situation, expected) => {
    const decision = decide(situation);
    expect([decision.decision, ...('ruleId' in decision ? [decision.ruleId] : [])].join(' ')).toBe(expected);
  });

  test('a break-glass of the namespace turns a refusal into a warning until it expires, and is named', () => {
    const images = [judged([found(0)])];
    const breakGlass = { author: 'ada', reason: 'incident 7', expiresAtEpochMs: NOW + 1 };
    expect(decide({ images, breakGlass })).toMatchObject({
      decision: 'warn',
      message: expect.stringMatching(/^Break-glass by ada until .*: incident 7\. /),
    });
    expect(decide({ images, breakGlass: { ...breakGlass, expiresAtEpochMs: NOW } })).toMatchObject({
      decision: 'deny',
    });
  });

  test('where it only warns, the door says so before what it would refuse', () => {
    const images = [judged([found(0)])];
    const message = (mode: 'warn' | 'deny', runsHere: boolean): string => {
      const admission = decide({ images: runsHere ? [judged([age(1)])] : images, runsHere, door: { mode } });
      return admission.decision === 'allow' ? '' : admission.message;
    };
    expect(message('warn', false)).toBe(`This door only warns. ${message('deny', false)}`);
    expect(message('warn', true)).toBe(message('deny', true));
  });

  test('a message is one line without control characters, of at most 1,100 characters', () => {
    const hostile = judged([
      { ...(found(0) as Extract<Reason, { kind: 'finding' }>), package: `\u001b[2J\n${'x'.repeat(5000)}` },
    ]);
    for (const situation of [
      { images: [hostile] },
      { reference: `${HOST}/\u202e${'y'.repeat(9000)}` },
      { reference: `\n${HOST}` },
    ]) {
      const decision = decide(situation);
      if (decision.decision === 'allow') throw new Error('it must be refused');
      expect(decision.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      expect(decision.message.length).toBeLessThanOrEqual(1100);
    }
  });
});

test('of several decisions the first refusal counts, then the first warning', () => {
  const [deny, warn] = [decide({ reference: 'nginx' }), decide({ images: [judged([age(1)])], runsHere: true })];
  expect(strictest([])).toEqual({ decision: 'allow' });
  expect(strictest([{ decision: 'allow' }, warn, deny])).toBe(deny);
  expect(strictest([{ decision: 'allow' }, warn])).toBe(warn);
});

test('the digest of each reference is read once', () => {
  expect(digestsToRead([NAMED, NAMED, 'nginx:1', undefined, '???'])).toEqual([WEB]);
});

describe('a message', () => {
  const messageOf = (situation: Situation) => {
    const admission = decide(situation);
    return admission.decision === 'allow' ? '' : admission.message;
  };
  test.each([undefined, 'a b', `${NAMED}0`])('on a reference that cannot be read cites its rule: %s', (reference) => {
    expect(messageOf({ reference })).toContain('(reference-readable)');
  });
  test('names the owner of the image, if it has one', () => {
    expect(messageOf({ images: [judged([found(0)], { owner: 'payments' })] })).toMatch(
      /^sha256:[0-9a-f]{12} of payments may not start: /,
    );
    expect(messageOf({ images: [judged([found(0)])] })).toMatch(/^sha256:[0-9a-f]{12} may not start: /);
    expect(messageOf({ images: [judged([found(0)])] })).toContain('Its verdict is violating (coverage unknown).');
    const verdictOfSystem = verdict('violating', { reasons: [found(0)], covers: ['os'] });
    expect(messageOf({ images: [judged([], { verdict: verdictOfSystem })] })).toContain(
      'Its verdict is violating (os).',
    );
  });
  test('does not say that a finding is waived whose waiver has ended', () => {
    const message = messageOf({ images: [judged([waived], waiver(0))] });
    expect(message).toContain('(critical); its waiver w has ended.');
    expect(message).not.toContain('waived by');
  });
});

test('of thousands of findings one is put into words', () => {
  let read = 0;
  const counted = (number: number): Reason => ({
    ...findingReason(number),
    ...{ effect: 'violates', firstSeenAtEpochMs: 0, deadlineEpochMs: NOW - 20 * DAY_MS },
    get vulnerability() {
      read += 1;
      return `CVE-2026-${number}`;
    },
  });
  const reasons = Array.from({ length: 5000 }, (_, number) => counted(number));
  const decision = decide({ images: [judged(reasons)], runsHere: true });
  expect(decision).toMatchObject({ decision: 'deny', message: expect.stringContaining('CVE-2026-0 in libexample0') });
  expect(read).toBeLessThan(5);
});

describe('the grace of a rule', () => {
  const approving = (...allow: string[]) => ({ ...policy, approvedRegistries: { id: 'registries', allow } });
  const [anywhere, elsewhere] = [approving('*/**'), approving('elsewhere.example/*')];
  /** Policies by the days since they came, the newest first. */
  const appliedBy = (...story: readonly (readonly [days: number, policy: typeof policy])[]): readonly AppliedPolicy[] =>
    story.map(([days, one], n) => {
      const until = story[n - 1]?.[0];
      return {
        ...{ version: `v${story.length - n}`, policy: one, fromEpochMs: NOW - days * DAY_MS },
        ...(until !== undefined && { untilEpochMs: NOW - until * DAY_MS }),
      };
    });
  const at = (image: RecordedImage, applied: readonly AppliedPolicy[], runsHere = true) => {
    const [{ policy: now } = { policy }] = applied;
    const presences = runsHere ? [{ presence: GOOD }] : [];
    const known = new Map([[WEB, { digest: WEB, images: [image], presences }]]);
    return admitUntil(NAMED, { door: DENY, policy: now, applied, known, nowEpochMs: NOW });
  };
  const told = (...asked: Parameters<typeof at>): string => {
    const { admission, graceEndsAtEpochMs } = at(...asked);
    const days = graceEndsAtEpochMs === undefined ? '' : ` ${(graceEndsAtEpochMs - NOW) / DAY_MS}`;
    return `${admission.decision}${days}`;
  };

  test.each<[string, readonly AppliedPolicy[], string]>([
    ['a list of registries that is new', appliedBy([3, elsewhere], [60, anywhere]), 'warn 11'],
    [
      'one whose id is new',
      appliedBy(
        [3, { ...elsewhere, approvedRegistries: { ...elsewhere.approvedRegistries, id: 'new' } }],
        [9, elsewhere],
        [60, anywhere],
      ),
      'warn 5',
    ],
    [
      'one that was loosened for a few days',
      appliedBy([1, elsewhere], [5, anywhere], [9, elsewhere], [60, anywhere]),
      'warn 5',
    ],
    ['one that is as old as the grace', appliedBy([3, elsewhere], [14, elsewhere], [60, anywhere]), 'deny'],
    [
      'one whose image was of AWS before',
      appliedBy([3, elsewhere], [60, { ...elsewhere, awsManaged: { accounts: ['111122223333'], references: [] } }]),
      'warn 11',
    ],
    ['one of which nothing is known', [], 'deny'],
  ])('%s', (_, applied, expected) => {
    const given = applied.length === 0 ? [] : applied;
    if (given.length > 0) expect(told(good, given)).toBe(expected);
    else expect(decide({ reference: `nginx@${WEB}`, runsHere: true }).decision).toBe(expected);
    expect(told(good, appliedBy([3, elsewhere], [60, anywhere]), false)).toBe('deny');
  });

  const root: Reason = { ruleId: 'non-root', effect: 'violates', kind: 'user', user: 'root' };
  const judgedBy = (policyVersion: string, reason: Reason = root): RecordedImage => ({
    ...good,
    verdict: verdict('violating', { reasons: [reason], policyVersion }),
  });
  test.each<[string, RecordedImage, readonly AppliedPolicy[], string]>([
    [
      'its instant in the verdict',
      judgedBy('v2', { ...root, sinceEpochMs: NOW - 5 * DAY_MS }),
      appliedBy([3, policy], [60, policy]),
      'warn 9',
    ],
    ['the policy of the verdict, if that has none', judgedBy('v1'), appliedBy([3, policy], [9, policy]), 'warn 5'],
    ['the policy in force, if that one is not known', judgedBy('gone'), appliedBy([3, policy], [9, policy]), 'warn 11'],
    ['nothing, without both', judgedBy('gone'), [], 'deny'],
  ])('counts from %s', (_, image, applied, expected) => {
    expect(told(image, applied)).toBe(expected);
  });

  test('what only a rule asks for is in doubt since that rule, also while an earlier doubt went by', () => {
    const unread: Reason = { ruleId: 'non-root', effect: 'unknown', kind: 'user', sinceEpochMs: NOW - 3 * DAY_MS };
    const image = { ...judgedBy('v1'), verdict: verdict('unknown', { reasons: [unread], policyVersion: 'v1' }) };
    const doubted = { ...image, lastKnown: { untilEpochMs: NOW - 13 * DAY_MS } };
    expect(told(doubted, appliedBy([60, policy]))).toBe('warn 11');
    expect(told({ ...image, lastKnown: { untilEpochMs: NOW - DAY_MS } }, appliedBy([60, policy]))).toBe('warn 13');
  });

  test('results that a policy makes stale are in doubt since that policy', () => {
    const old: RecordedImage = { ...good, scan: { ...good.scan, completedAtEpochMs: NOW - 25 * DAY_MS } };
    const patient = { ...policy, staleScanHours: 30 * 24 };
    expect(told(old, appliedBy([3, policy], [60, patient]))).toBe('warn 11');
    expect(told(old, appliedBy([60, policy]))).toBe('deny');
    expect(told({ ...old, scan: scan(15 * 24) }, appliedBy([3, policy], [60, policy]))).toBe('warn 1');
  });
});

describe('a reason of an earlier policy counts as far as the policy in force objects, too', () => {
  const user: Reason = { ruleId: 'non-root', effect: 'violates', kind: 'user', user: '', sinceEpochMs: 0 };
  const label: Reason = { ruleId: 'source', effect: 'unknown', kind: 'source' };
  const moved: Reason = {
    ...{ ruleId: 'tags', effect: 'violates', kind: 'tag', tag: '14', sinceEpochMs: 0 },
    problem: { kind: 'left-behind', newest: '14.9' },
  };
  const commit: Reason = { ...moved, kind: 'tag', tag: 'latest', problem: { kind: 'no-commit' } };
  const { nonRoot: _r, sourceKnown: _s, tags: _t, ...without } = policy;
  const tagsBy = (application: 'versions' | 'unique') => ({ ...without, tags: { id: 'tags', tiers: { application } } });
  const limit = (limitDays: number) => ({
    ...policy,
    ages: { ...policy.ages, default: { limitDays, warnAtPercent: 80 } },
  });
  const graceOf = (graceDays: number, changes: object = {}) => ({
    ...policy,
    severities: policy.severities.map((one) => ({ ...one, ...changes, graceDays })),
  });
  const ageWaived = { ...age(20), effect: 'waived', ruleId: 'age-limit', waiverId: 'w', ...since(-1) } as Reason;
  const ofAge = { waivers: [{ waiverId: 'w', ruleId: 'age-limit', voidFromEpochMs: NOW + DAY_MS }] };
  const breached = (reasons: readonly Reason[], more = {}): RecordedImage => ({ ...aged(50, reasons), ...more });

  test.each<[string, RecordedImage, typeof policy, string]>([
    ['a user, by the same rule', judged([user]), policy, rule('non-root')],
    ['a user, and no rule asks for it now', judged([user]), without, 'allow'],
    [
      'the same rule has another id',
      judged([user]),
      { ...without, nonRoot: { id: 'no-root', tiers: ['application'] } },
      rule('non-root'),
    ],
    [
      'the rule is for other tiers now',
      judged([user]),
      { ...without, nonRoot: { id: 'non-root', tiers: ['base'] } },
      'allow',
    ],
    ['an unknown label, by the same rule', judged([label]), policy, rule('source')],
    ['an unknown label, and no rule asks for it now', judged([label]), without, 'allow'],
    ['a tag left behind, by the same scheme', judged([moved]), tagsBy('versions'), rule('tags')],
    ['a tag left behind, and tags name commits now', judged([moved]), tagsBy('unique'), 'allow'],
    ['a tag without a commit, by the same scheme', judged([commit]), tagsBy('unique'), rule('tags')],
    ['a tag without a commit, and tags name versions now', judged([commit]), tagsBy('versions'), 'allow'],
    ['a tag, and no rule asks for it now', judged([commit]), without, 'allow'],
    ['a finding, and no rule names its severity now', judged([found(2)]), { ...policy, severities: [] }, 'allow'],
    [
      'a finding, and its rule is for others that have a fix',
      judged([found(2)]),
      graceOf(0, { fix: ['yes'] }),
      'allow',
    ],
    ['a finding that has more days now', judged([found(2)]), graceOf(3), 'allow'],
    ['the same, after these days', judged([found(3)]), graceOf(3), rule('critical')],
    ['an age within a longer limit', judged([age(2)]), limit(33), 'allow'],
    ['the same, after it', judged([age(3)]), limit(33), rule('age-limit')],
    ['an age that no reason names, within a longer limit', aged(31, []), limit(32), 'allow'],
    ['the same, after it', aged(32, []), limit(32), rule('age-limit')],
    [
      'an unlisted age beside a finding that no rule names',
      breached([found(2)]),
      graceOf(0, { fix: ['yes'] }),
      rule('age-limit'),
    ],
    [
      'the same, and a waiver covers the age',
      breached([found(2), ageWaived], ofAge),
      graceOf(0, { fix: ['yes'] }),
      'allow',
    ],
    [
      'a waiver that covers the age, and a breach that was of a name elsewhere',
      breached([elsewhere, ageWaived], ofAge),
      policy,
      'allow',
    ],
    ['what no policy can take back', judged([unknownAge]), without, rule('age-known')],
  ])('%s', (_, image, inForce, expected) => {
    const known = new Map([[WEB, { digest: WEB, images: [image], presences: [] }]]);
    const answer = admit(NAMED, { door: DENY, known, policy: inForce, nowEpochMs: NOW });
    expect(answer.decision === 'allow' ? 'allow' : `${answer.decision} ${answer.ruleId}`).toBe(expected);
  });

  test('and its grace counts from the later deadline', () => {
    const known = new Map([[WEB, { digest: WEB, images: [judged([age(20)])], presences: [{ presence: GOOD }] }]]);
    const at = { door: DENY, known, nowEpochMs: NOW };
    expect(admit(NAMED, { ...at, policy })).toMatchObject({ decision: 'deny' });
    expect(admitUntil(NAMED, { ...at, policy: limit(40) })).toMatchObject({
      admission: { decision: 'warn' },
      graceEndsAtEpochMs: NOW - 10 * DAY_MS + 14 * DAY_MS,
    });
  });

  describe('of which waivers changed since', () => {
    const accepted = { reason: 'accepted for now', author: 'security', created: '2026-09-01' };
    const lasting = { ...accepted, id: 'w', rule: 'critical', scope: {}, expires: '2026-12-24' };
    const covered = {
      locations: [{ account: '111122223333', region: 'eu-west-1', repository: 'apps/web' }],
      references: [`${HOST}/apps/web`],
    };
    const byWaiver = judged([waived], { ...waiver(30), covered });
    const decideBy = (
      image: RecordedImage,
      waivers: readonly object[],
      version = 'policy-2',
      presences = [] as object[],
    ) =>
      admitUntil(NAMED, {
        ...{ door: DENY, policy: parse(policySchema, { ...policy, waivers }), nowEpochMs: NOW },
        applied: [{ version, policy, fromEpochMs: NOW - 2 * HOUR_MS }],
        known: new Map([[WEB, { digest: WEB, images: [image], presences: presences as AdmissionFacts['presences'] }]]),
      });
    const said = (image: RecordedImage, waivers: readonly object[], version?: string): string => {
      const { admission } = decideBy(image, waivers, version);
      return admission.decision === 'allow' ? 'allow' : `${admission.decision} ${admission.ruleId}`;
    };
    const named = { ...lasting, rule: undefined, finding: (waived as { vulnerability?: string }).vulnerability };

    test.each<[string, RecordedImage, readonly object[], string]>([
      ['a finding, and its rule is waived now', judged([found(2)], { covered }), [lasting], 'allow'],
      ['a finding, and it is waived now', judged([found(2)], { covered }), [named], 'allow'],
      [
        'a waiver of another finding',
        judged([found(2)], { covered }),
        [{ ...named, finding: 'CVE-1999-0001' }],
        rule('critical'),
      ],
      [
        'a waiver that begins later',
        judged([found(2)], { covered }),
        [{ ...lasting, created: '2026-12-20' }],
        rule('critical'),
      ],
      [
        'a waiver that ended',
        judged([found(2)], { covered }),
        [{ ...lasting, expires: '2026-11-01' }],
        rule('critical'),
      ],
      [
        'a waiver of other repositories',
        judged([found(2)], { covered }),
        [{ ...lasting, scope: { repositories: ['tools/*'] } }],
        rule('critical'),
      ],
      [
        'a waiver, and a doubt that none covers',
        judged([found(2), old], { covered }),
        [lasting],
        rule('scan-required'),
      ],
      ['a waiver as before', byWaiver, [lasting], 'allow'],
      [
        'a waiver that is for other repositories now',
        byWaiver,
        [{ ...lasting, scope: { repositories: ['tools/*'] } }],
        rule('critical'),
      ],
      [
        'a waiver that is for another package now',
        byWaiver,
        [{ ...lasting, scope: { package: 'other' } }],
        rule('critical'),
      ],
      ['a waiver that is for another rule now', byWaiver, [{ ...lasting, rule: 'age-limit' }], rule('critical')],
      [
        'a waiver for less, and one under another id',
        byWaiver,
        [
          { ...lasting, scope: { package: 'other' } },
          { ...lasting, id: 'v' },
        ],
        'allow',
      ],
      [
        'a waiver of an ancestor, whose scope the door does not know',
        judged([{ ...waived, waivedThrough: digestOf('base') }], { ...waiver(30), covered }),
        [{ ...lasting, scope: { repositories: ['base/*'] } }],
        'allow',
      ],
    ])('%s', (_, image, waivers, expected) => {
      expect(said(image, waivers)).toBe(expected);
    });

    test('a copy of the image elsewhere takes no waiver away before the next verdict', () => {
      const { verdict: of } = byWaiver;
      expect(said(byWaiver, [{ ...lasting, scope: { repositories: ['tools/*'] } }], of?.policyVersion)).toBe('allow');
    });

    test('what runs has its grace from the policy on that took the waiver away, also if it is being judged again', () => {
      const { judgedAtEpochMs: _, ...again } = byWaiver;
      const runs = [{ presence: GOOD, image: again }];
      const { admission, graceEndsAtEpochMs } = decideBy({ ...again, waivers: waiver().waivers }, [], 'policy-2', runs);
      expect(admission).toMatchObject({ decision: 'warn' });
      expect(graceEndsAtEpochMs).toBe(NOW - 2 * HOUR_MS + 14 * DAY_MS);
    });
  });
});
