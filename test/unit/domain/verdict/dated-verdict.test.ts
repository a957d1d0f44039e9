import { type AppliedPolicy, appliedWith } from '../../../../shared/domain/policy/applied-policy.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { type Finding, findingKey } from '../../../../shared/domain/scan/finding.ts';
import {
  type DatedInputs,
  datedVerdict,
  isDatable,
  MOST_ENDED_TAGS,
  withEndedTags,
} from '../../../../shared/domain/verdict/dated-verdict.ts';
import { evaluate } from '../../../../shared/domain/verdict/evaluate.ts';
import type { ImageRecord } from '../../../../shared/domain/verdict/image-record.ts';
import { withJudgement } from '../../../../shared/domain/verdict/image-updates.ts';
import type { Reason, Verdict } from '../../../../shared/domain/verdict/verdict.ts';
import { parse } from '../../../../shared/schema.ts';
import { alone } from '../../../support/samples.ts';
import { completeScan, DAY, digestOf, image, LOCATION, NOW } from '../arbitraries.ts';

const APPS = {
  ...{ id: 'apps', tier: 'application' as const, account: LOCATION.account, regions: [LOCATION.region] },
  ...{ repositories: [LOCATION.repository], headTags: ['^v'], owner: 'shop' },
} satisfies PolicyDocument['streams'][number];

const policyOf = (changes: Partial<PolicyDocument> = {}): Policy =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 365 } }, streams: [APPS], severities: [] },
    doors: { mode: 'deny', graceRunningDays: 14 },
    ...changes,
  } satisfies PolicyDocument);

/** An image of 100 days that runs as root, names no source, and has a tag without a commit. */
const BAD = image({
  tier: 'application',
  birth: { known: true, bornAtEpochMs: NOW - 100 * DAY, evidence: [] },
  configFacts: { user: 'root' },
  tagFacts: [{ location: LOCATION, tags: ['latest'], unmovedTags: {} }],
});
const FOUND: Finding = {
  ...{ vulnerability: 'CVE-2026-1', package: 'openssl', version: '3.0', severity: 'critical', fix: 'yes' },
};
const FIRST_SEEN = NOW - 50 * DAY;

/** Policies by the days since they came, the oldest first. */
type Story = readonly (readonly [daysAgo: number, changes: Partial<PolicyDocument>])[];

const applied = (story: Story): readonly AppliedPolicy[] =>
  story
    .map(([daysAgo, changes], n) => {
      const until = story[n + 1]?.[0];
      return {
        ...{ version: `v${n}`, policy: policyOf(changes), fromEpochMs: NOW - daysAgo * DAY },
        ...(until !== undefined && { untilEpochMs: NOW - until * DAY }),
      };
    })
    .toReversed();

function judge(story: Story, changes: Partial<DatedInputs> = {}): Verdict {
  const { image: given = BAD, ...others } = changes;
  const inputs: DatedInputs = {
    ...{ image: { lineage: alone(given), ...given }, scan: completeScan(), findings: [] },
    firstSeen: new Map([[findingKey(FOUND), FIRST_SEEN]]),
    ...others,
  };
  const policies = applied(story);
  const [current] = policies;
  if (!current) throw new TypeError('a story needs a policy');
  return datedVerdict(evaluate(inputs, current.policy, current.version, NOW), inputs, policies, NOW);
}

/** The days since each objection, by rule; `due` where its deadline says it. */
const since = (story: Story, changes?: Partial<DatedInputs>): Readonly<Record<string, number | 'due'>> =>
  Object.fromEntries(
    judge(story, changes)
      .reasons.filter(({ effect }) => effect === 'violates')
      .map(({ ruleId, sinceEpochMs }) => [ruleId, sinceEpochMs === undefined ? 'due' : (NOW - sinceEpochMs) / DAY]),
  );

const nonRoot = { nonRoot: {} };
const renamed = { nonRoot: { id: 'no-root' } };
const age = (limitDays: number) => ({ ages: { default: { limitDays } } });
const critical = (graceDays: number, id = 'critical') => ({
  severities: [{ id, severities: ['critical' as const], graceDays }],
});
const waiver = (expiresDaysAgo: number, rule = 'non-root') => ({
  ...{ id: 'w', rule, reason: 'accepted for a while', author: 'ada', scope: {} },
  created: new Date(NOW - 90 * DAY).toISOString().slice(0, 10),
  expires: new Date(NOW - (expiresDaysAgo + 1) * DAY).toISOString().slice(0, 10),
});
const MIDNIGHT = Math.floor(NOW / DAY) * DAY;
const fromMidnight = (NOW - MIDNIGHT) / DAY;

describe('a rule', () => {
  test.each<[string, Story, Readonly<Record<string, number>>]>([
    ['that came with the only policy', [[30, nonRoot]], { 'non-root': 30 }],
    [
      'that is new',
      [
        [30, {}],
        [3, nonRoot],
      ],
      { 'non-root': 3 },
    ],
    [
      'that other changes of the policy leave alone',
      [
        [30, {}],
        [9, nonRoot],
        [3, { ...nonRoot, ...age(300) }],
      ],
      { 'non-root': 9 },
    ],
    [
      'with another id',
      [
        [30, {}],
        [9, nonRoot],
        [3, renamed],
      ],
      { 'no-root': 9 },
    ],
    [
      'that was loosened for 13 days',
      [
        [30, nonRoot],
        [16, {}],
        [3, nonRoot],
      ],
      { 'non-root': 30 },
    ],
    [
      'that was loosened for 14 days',
      [
        [30, nonRoot],
        [17, {}],
        [3, nonRoot],
      ],
      { 'non-root': 3 },
    ],
    [
      'that began to count for the tier of the image',
      [
        [30, { nonRoot: { tiers: ['base'] } }],
        [3, nonRoot],
      ],
      { 'non-root': 3 },
    ],
    [
      'that counts for one more tier',
      [
        [30, { nonRoot: { tiers: ['application'] } }],
        [3, nonRoot],
      ],
      { 'non-root': 30 },
    ],
    [
      'that counts because the image has another tier now',
      [
        [30, { nonRoot: { tiers: ['application'] }, streams: [{ ...APPS, tier: 'base' }] }],
        [3, { nonRoot: { tiers: ['application'] } }],
      ],
      { 'non-root': 3 },
    ],
    [
      'on sources',
      [
        [30, {}],
        [5, { sourceKnown: {} }],
      ],
      { 'source-known': 5 },
    ],
    [
      'on tags',
      [
        [30, {}],
        [5, { tags: {} }],
      ],
      { tags: 5 },
    ],
    [
      'of each kind, each from its own policy',
      [
        [30, nonRoot],
        [20, { ...nonRoot, sourceKnown: {} }],
        [10, { ...nonRoot, sourceKnown: {}, tags: {} }],
      ],
      { 'non-root': 30, 'source-known': 20, tags: 10 },
    ],
  ])('%s', (_, story, expected) => {
    expect(since(story)).toEqual(expected);
  });

  test('keeps its instant however long ago it was, so that none is a sign of an earlier version', () => {
    expect(since([[170, nonRoot]])).toEqual({ 'non-root': 170 });
  });
});

describe('a fact', () => {
  const found = { findings: [FOUND] };
  test.each<[string, Story, Partial<DatedInputs>, Readonly<Record<string, number | 'due'>>]>([
    ['whose deadline is later than the policy', [[60, critical(40)]], found, { critical: 'due' }],
    [
      'under a limit that is new',
      [
        [60, age(365)],
        [3, age(30)],
      ],
      {},
      { 'age-limit': 3 },
    ],
    [
      'under a limit that is tightened twice',
      [
        [60, age(365)],
        [9, age(50)],
        [3, age(30)],
      ],
      {},
      { 'age-limit': 9 },
    ],
    [
      'that was due under the policy before',
      [
        [60, age(98)],
        [1, age(30)],
      ],
      {},
      { 'age-limit': 2 },
    ],
    [
      'under a rule that is new',
      [
        [60, {}],
        [3, critical(0)],
      ],
      found,
      { critical: 3 },
    ],
    [
      'under a rule with another id',
      [
        [60, {}],
        [9, critical(0)],
        [3, critical(0, 'worst')],
      ],
      found,
      { worst: 9 },
    ],
    [
      'under a shorter grace of the rule',
      [
        [60, critical(90)],
        [3, critical(7)],
      ],
      found,
      { critical: 3 },
    ],
    [
      'under a looser policy for a few days',
      [
        [60, critical(0)],
        [9, {}],
        [3, critical(0)],
      ],
      found,
      { critical: 'due' },
    ],
    [
      'that has been due for longer than the grace',
      [
        [60, age(365)],
        [14, age(30)],
      ],
      {},
      { 'age-limit': 'due' },
    ],
  ])('%s', (_, story, changes, expected) => {
    expect(since(story, changes)).toEqual(expected);
  });
});

describe('a waiver', () => {
  test('that ended begins the grace', () => {
    const waived = { ...nonRoot, waivers: [waiver(5)] };
    expect(since([[60, waived]])['non-root']).toBeCloseTo(5 + fromMidnight);
    // A person who takes the ended waiver out of the policy changes nothing.
    expect(
      since([
        [60, waived],
        [2, nonRoot],
      ])['non-root'],
    ).toBeCloseTo(5 + fromMidnight);
  });

  test('that a policy takes back begins the grace then', () => {
    const waived = { ...nonRoot, waivers: [waiver(-20)] };
    expect(
      since([
        [60, waived],
        [4, nonRoot],
      ]),
    ).toEqual({ 'non-root': 4 });
    expect(
      since([
        [60, { ...renamed, waivers: [waiver(-20, 'no-root')] }],
        [4, nonRoot],
      ]),
    ).toEqual({ 'non-root': 4 });
  });

  test('of one of two rules that object covers nothing', () => {
    const both = { severities: [...critical(0).severities, ...critical(0, 'worst').severities] };
    const story: Story = [
      [60, { ...both, waivers: [waiver(-20, 'critical')] }],
      [4, critical(0)],
    ];
    expect(since(story, { findings: [FOUND] })).toEqual({ critical: 'due' });
  });

  test('of an ancestor that a policy takes back begins the grace of what is inherited', () => {
    const base = { digest: digestOf('base'), locations: [{ ...LOCATION, repository: 'base' }], findings: [FOUND] };
    const waived = { ...critical(0), waivers: [{ ...waiver(-20, 'critical'), scope: { repositories: ['base'] } }] };
    const inputs = { findings: [FOUND], ancestors: [base] };
    expect(
      since(
        [
          [60, waived],
          [4, critical(0)],
        ],
        inputs,
      ),
    ).toEqual({ critical: 4 });
  });
});

describe('a waiver whose scope the image leaves', () => {
  const scoped = (changes: Partial<PolicyDocument>, rule: string, expiresDaysAgo = -20): Partial<PolicyDocument> => ({
    ...changes,
    waivers: [{ ...waiver(expiresDaysAgo, rule), scope: { repositories: [LOCATION.repository] } }],
  });
  const copied = [LOCATION, { ...LOCATION, repository: 'copies/web' }];
  const [given] = judge([[60, nonRoot]]).reasons;
  if (!given) throw new TypeError('the user is root');
  const waived: Reason = { ...given, effect: 'waived', waiverId: 'w' };
  const verdictOf = (reasons: readonly Reason[], policyVersion = 'v0'): Verdict => ({
    ...{ status: 'compliant', reasons, policyVersion },
  });
  const judgedAfter = (reasons: readonly Reason[], changes: Partial<ImageRecord> = {}): Partial<DatedInputs> => ({
    image: {
      ...BAD,
      locations: copied,
      verdict: verdictOf(reasons),
      ...changes,
    },
  });
  const story: Story = [[60, scoped(nonRoot, 'non-root')]];

  test('because it is copied begins the grace then', () => {
    expect(judge(story, judgedAfter([waived])).reasons).toMatchObject([
      { effect: 'violates', sinceEpochMs: NOW, waivedUntilEpochMs: NOW },
    ]);
  });

  test('because it has another owner begins the grace then', () => {
    const ofOwner = { ...nonRoot, waivers: [{ ...waiver(-20), scope: { owner: 'shop' } }] };
    expect(since([[60, ofOwner]], judgedAfter([waived], { owner: 'pay' }))).toEqual({ 'non-root': 0 });
  });

  test('begins the grace of a fact too', () => {
    const facts = scoped(critical(0), 'critical');
    const before = judge([[60, facts]], { findings: [FOUND] }).reasons;
    expect(before).toMatchObject([{ effect: 'waived' }]);
    expect(since([[60, facts]], { findings: [FOUND], ...judgedAfter(before) })).toEqual({ critical: 0 });
  });

  test('begins no grace before the fact is due', () => {
    const facts = scoped(critical(50), 'critical');
    const before: Reason[] = judge([[60, facts]], { findings: [FOUND] }).reasons.map((one) => ({
      ...one,
      effect: 'waived',
      waiverId: 'w',
    }));
    expect(judge([[60, facts]], { findings: [FOUND], ...judgedAfter(before) }).reasons[0]).not.toHaveProperty(
      'sinceEpochMs',
    );
  });

  test('is kept by the verdicts after, to the end of the grace', () => {
    const kept = (daysAgo: number) => [{ ...given, waivedUntilEpochMs: NOW - daysAgo * DAY }];
    expect(since(story, judgedAfter(kept(3)))).toEqual({ 'non-root': 3 });
    expect(judge(story, judgedAfter(kept(3))).reasons).toMatchObject([{ waivedUntilEpochMs: NOW - 3 * DAY }]);
    expect(judge(story, judgedAfter(kept(14))).reasons[0]).not.toHaveProperty('waivedUntilEpochMs');
    expect(since(story, judgedAfter(kept(14)))).toEqual({ 'non-root': 60 });
  });

  test('counts to its end where that came first', () => {
    const ended: Story = [[60, scoped(nonRoot, 'non-root', 3)]];
    expect(since(ended, judgedAfter([waived]))['non-root']).toBeCloseTo(3 + fromMidnight);
  });

  test.each<[string, Story, Partial<DatedInputs>]>([
    ['that did not waive it in the verdict before', story, judgedAfter([{ ...given, sinceEpochMs: NOW - 60 * DAY }])],
    ['of a verdict that names another waiver', story, judgedAfter([{ ...waived, waiverId: 'another' }])],
    ['of one of two rules that objected', story, judgedAfter([waived, given])],
    ['without a verdict before', story, { image: { ...BAD, locations: copied } }],
    ['of a policy that is not known', story, judgedAfter([waived], { verdict: verdictOf([waived], 'lost') })],
  ])('%s gives no grace', (_, of, inputs) => {
    expect(since(of, inputs)).toEqual({ 'non-root': 60 });
  });
});

describe('a tag that comes after the rule', () => {
  const tags = { tags: {} };
  const judgedBefore = (changes: Partial<Verdict>): Partial<DatedInputs> => ({
    image: { ...BAD, verdict: { status: 'compliant', reasons: [], policyVersion: 'v0', ...changes } },
  });
  const [reason] = judge([[60, tags]]).reasons;
  if (!reason) throw new TypeError('the tag is wrong');

  test('counts from the first verdict that has it', () => {
    expect(since([[60, tags]], judgedBefore({}))).toEqual({ tags: 0 });
    const seen = { ...reason, sinceEpochMs: NOW - 3 * DAY };
    expect(since([[60, tags]], judgedBefore({ status: 'violating', reasons: [seen] }))).toEqual({ tags: 3 });
  });

  test.each<[string, Story, Partial<Verdict>]>([
    [
      'the policy of that verdict did not judge tags',
      [
        [60, tags],
        [20, {}],
        [8, tags],
      ],
      { policyVersion: 'v1' },
    ],
    ['that policy is not known', [[60, tags]], { policyVersion: 'gone' }],
    [
      'that verdict did not know the tags',
      [[60, tags]],
      { reasons: [{ ruleId: 'tags', effect: 'unknown', kind: 'tag' }] },
    ],
  ])('counts from the policy if %s', (_, story, changes) => {
    expect(since(story, judgedBefore(changes))).toEqual({ tags: 60 });
  });
});

describe('until when nothing forbade an image that is judged now', () => {
  /** The days since the last good result ended, by judgements each with the policy of a version, or the one in force then. */
  function goodUntil(
    story: Story,
    judgements: readonly (readonly [daysAgo: number, changes: Partial<DatedInputs>, version?: string])[],
  ): number | undefined {
    let record: ImageRecord = {
      ...{ ...BAD, inUse: true, isHead: false, lineage: alone(BAD) },
      scan: { state: 'off', reason: 'never-scanned', coverage: [] },
    };
    for (const [daysAgo, changes, version] of judgements) {
      const at = NOW - daysAgo * DAY;
      const past = applied(story.filter(([began]) => began >= daysAgo));
      const own = version === undefined ? past[0] : past.find((one) => one.version === version);
      if (!own) throw new TypeError('a story needs a policy');
      const scan = { ...completeScan(), completedAtEpochMs: at };
      const inputs: DatedInputs = {
        ...{ findings: [], scan, firstSeen: new Map([[findingKey(FOUND), FIRST_SEEN]]), ...changes },
        image: { ...record, ...changes.image },
      };
      const judged = withEndedTags(evaluate(inputs, own.policy, own.version, at), record.verdict, at);
      const verdict = datedVerdict(judged, inputs, appliedWith(past, own, at), at);
      const after = withJudgement(record, { digest: BAD.digest, scan, verdict, judgedAtEpochMs: at });
      if (!after) throw new TypeError('the judgement is outdated');
      record = after;
    }
    const untilEpochMs = record.lastGood?.untilEpochMs;
    return untilEpochMs === undefined ? undefined : Math.round(((NOW - untilEpochMs) / DAY) * 1000) / 1000;
  }
  const found = { findings: [FOUND] };
  const back = (changes: Partial<PolicyDocument>): Story => [
    [30, {}],
    [20, changes],
    [6, {}],
    [4, changes],
  ];

  test.each<[string, Parameters<typeof goodUntil>, number | undefined]>([
    [
      'when a rule came, though a review that had begun before judged it well after that',
      [
        [
          [30, {}],
          [4, nonRoot],
        ],
        [
          [5, {}],
          [3.9, {}, 'v0'],
          [3, {}],
        ],
      ],
      4,
    ],
    [
      'when a rule on tags came, though such a review judged it well after that',
      [
        [
          [30, {}],
          [4, { tags: {} }],
        ],
        [
          [3.9, {}, 'v0'],
          [3, {}],
        ],
      ],
      4,
    ],
    [
      'when a limit was tightened, though such a review judged it well after that',
      [
        [
          [30, {}],
          [4, age(30)],
        ],
        [
          [3.9, {}, 'v0'],
          [3, {}],
        ],
      ],
      4,
    ],
    [
      'when findings began to count, though such a review judged it well after that',
      [
        [
          [30, {}],
          [4, critical(0)],
        ],
        [
          [3.9, found, 'v0'],
          [3, found],
        ],
      ],
      4,
    ],
    [
      'when a rule came back',
      [
        back(nonRoot),
        [
          [10, {}],
          [5, {}],
          [3, {}],
        ],
      ],
      4,
    ],
    [
      'when a rule came back under another id',
      [
        [...back(nonRoot).slice(0, 3), [4, renamed]],
        [
          [5, {}],
          [3, {}],
        ],
      ],
      4,
    ],
    [
      'when a rule on tags came back',
      [
        back({ tags: {} }),
        [
          [10, {}],
          [5, {}],
          [3, {}],
        ],
      ],
      4,
    ],
    [
      'when a limit came back',
      [
        back(age(30)),
        [
          [10, {}],
          [5, {}],
          [3, {}],
        ],
      ],
      4,
    ],
    [
      'when findings counted again',
      [
        back(critical(0)),
        [
          [10, found],
          [5, found],
          [3, found],
        ],
      ],
      4,
    ],
    [
      'when a rule came back, however often it is judged since',
      [
        back(nonRoot),
        [
          [5, {}],
          [3, {}],
          [2, {}],
          [1, {}],
        ],
      ],
      4,
    ],
    [
      'when it was first judged with a finding, if it was judged by the rule before',
      [
        back(critical(0)),
        [
          [5, {}],
          [3, {}],
          [2, found],
          [1, found],
        ],
      ],
      2,
    ],
    [
      'when it was first judged with a finding, if findings count since some days',
      [
        [
          [30, {}],
          [4, critical(0)],
        ],
        [
          [3, {}],
          [2, found],
          [1, found],
        ],
      ],
      2,
    ],
  ])('%s', (_, given, days) => {
    expect(goodUntil(...given)).toBe(days);
  });

  test('a pause does not begin the grace again', () => {
    expect(since(back(nonRoot))).toEqual({ 'non-root': 20 });
    const [{ sinceEpochMs, unbrokenSinceEpochMs } = {}] = judge(back(nonRoot)).reasons;
    expect([sinceEpochMs, unbrokenSinceEpochMs]).toEqual([NOW - 20 * DAY, NOW - 4 * DAY]);
    expect(judge([[20, nonRoot]]).reasons[0]).not.toHaveProperty('unbrokenSinceEpochMs');
  });
});

describe('a tag that goes and comes back', () => {
  const tagged = (...tags: readonly string[]) => ({
    ...BAD,
    tagFacts: [{ location: LOCATION, tags, unmovedTags: {} }],
  });
  const policies = applied([[60, { tags: {} }]]);
  const [current] = policies as [AppliedPolicy];
  /** Judgements by the tags that the image has, `undefined` for unknown ones; the last verdict. */
  function judgedEach(story: readonly (readonly [daysAgo: number, tags: readonly string[] | undefined])[]): Verdict {
    let before: Verdict = { status: 'compliant', reasons: [], policyVersion: current.version };
    for (const [daysAgo, tags] of story) {
      const at = NOW - daysAgo * DAY;
      const { tagFacts: _, ...unknown } = BAD;
      const given = tags ? tagged(...tags) : unknown;
      const inputs: DatedInputs = {
        ...{ image: { lineage: alone(given), ...given, verdict: before }, scan: completeScan(), findings: [] },
        firstSeen: new Map(),
      };
      const verdict = withEndedTags(evaluate(inputs, current.policy, current.version, at), before, at);
      before = datedVerdict(verdict, inputs, policies, at);
    }
    return before;
  }
  const sinceOf = ({ reasons }: Verdict, tag = 'latest') => {
    const since = reasons.find((one) => one.kind === 'tag' && one.tag === tag)?.sinceEpochMs;
    return since === undefined ? undefined : (NOW - since) / DAY;
  };
  const [GOOD, LATEST] = [['0a1b2c3d4e5f-17'], ['latest']];

  test.each<[string, Parameters<typeof judgedEach>[0], number]>([
    [
      'the next day',
      [
        [20, LATEST],
        [19, GOOD],
        [18, LATEST],
        [17, GOOD],
        [16, LATEST],
      ],
      20,
    ],
    [
      'just within the grace',
      [
        [20, LATEST],
        [14, GOOD],
        [1, LATEST],
      ],
      20,
    ],
    [
      'after the grace',
      [
        [20, LATEST],
        [14, GOOD],
        [0, LATEST],
      ],
      0,
    ],
    [
      'after its tags were not known for some days',
      [
        [20, LATEST],
        [14, undefined],
        [12, undefined],
        [10, LATEST],
      ],
      20,
    ],
    [
      'while another wrong tag came and went',
      [
        [20, LATEST],
        [14, ['stable']],
        [12, GOOD],
        [10, LATEST],
      ],
      20,
    ],
    [
      'and stays',
      [
        [20, LATEST],
        [14, GOOD],
        [10, LATEST],
        [2, LATEST],
      ],
      20,
    ],
  ])('a wrong tag comes back %s', (_, story, days) => {
    expect(sinceOf(judgedEach(story))).toBe(days);
  });

  test('another tag that is new has its own grace', () => {
    expect(
      sinceOf(
        judgedEach([
          [20, LATEST],
          [14, GOOD],
          [10, ['stable']],
        ]),
        'stable',
      ),
    ).toBe(10);
  });

  test('too many tags count as one, from the first of them', () => {
    const names = Array.from({ length: MOST_ENDED_TAGS + 3 }, (_, n) => `wrong-${n}`);
    const story = names.map((name, n) => [13 - n / 10, [name]] as const);
    const verdict = judgedEach([[13.1, LATEST], ...story, [5, GOOD], [4, ['never-seen']]]);
    expect(verdict.endedTags).toHaveLength(MOST_ENDED_TAGS + 1);
    expect(sinceOf(verdict, 'never-seen')).toBe(13.1);
    expect(
      sinceOf(judgedEach([...story, [5, GOOD], [4, [`wrong-${MOST_ENDED_TAGS}`]]]), `wrong-${MOST_ENDED_TAGS}`),
    ).toBe(11);
  });

  test('nothing is kept of an image whose tags are right, nor longer than the longest grace', () => {
    expect(
      judgedEach([
        [20, GOOD],
        [10, GOOD],
      ]),
    ).not.toHaveProperty('endedTags');
    const seen: Verdict = {
      ...judgedEach([
        [20, LATEST],
        [19, GOOD],
      ]),
      policyVersion: 'v0',
    };
    expect(seen.endedTags).toHaveLength(1);
    const good: Verdict = { status: 'compliant', reasons: [], policyVersion: 'v0' };
    expect(withEndedTags(good, seen, NOW + 70 * DAY).endedTags).toHaveLength(1);
    expect(withEndedTags(good, seen, NOW + 71 * DAY)).toEqual(good);
  });
});

describe('while earlier policies cannot be read', () => {
  const known = (sinceDays: number): Partial<DatedInputs> => {
    const { reasons } = judge([[60, nonRoot]]);
    const dated = reasons.map((reason) => ({ ...reason, sinceEpochMs: NOW - sinceDays * DAY }));
    return { image: { ...BAD, verdict: { status: 'violating', reasons: dated, policyVersion: 'lost' } } };
  };

  test('a rule is as old as the verdict before says, however often its policy changes', () => {
    expect(since([[1, nonRoot]], { ...known(10), isHistoryPartial: true })).toEqual({ 'non-root': 10 });
    expect(since([[9, nonRoot]], { ...known(2), isHistoryPartial: true })).toEqual({ 'non-root': 9 });
  });

  test('a rule that no verdict had counts from the oldest policy that is known to have it', () => {
    expect(since([[3, nonRoot]], { isHistoryPartial: true })).toEqual({ 'non-root': 3 });
  });

  test('with all of them only the policies say it', () => {
    expect(since([[1, nonRoot]], known(10))).toEqual({ 'non-root': 1 });
  });
});

test('only rules and what violates are dated, and everything else of a verdict stays', () => {
  const good = judge([[30, {}]]);
  expect([good.reasons, isDatable(good)]).toEqual([[], false]);
  const { configFacts: _, ...unread } = BAD;
  const [unknown] = judge([[30, nonRoot]], { image: unread }).reasons;
  expect([unknown?.effect, unknown?.sinceEpochMs]).toEqual(['unknown', NOW - 30 * DAY]);
  const [later] = judge(
    [
      [30, {}],
      [3, nonRoot],
    ],
    { image: unread },
  ).reasons;
  expect(later?.sinceEpochMs).toBe(NOW - 3 * DAY);
  const undated = judge([[30, { approvedRegistries: { allow: ['elsewhere.example/*'] } }]]);
  expect(undated.reasons.map(({ kind, sinceEpochMs }) => [kind, sinceEpochMs])).toEqual([['registry', undefined]]);
});

describe('the end of a system, a year ago', () => {
  const systemSupported = { systemSupported: {} };
  const rule: Story = [[30, systemSupported]];
  test.each<[string, Story, number, Readonly<Record<string, number | 'due'>>]>([
    ['counts from the first reading of the system', rule, 3, { 'system-supported': 3 }],
    [
      'counts from its deadline once the grace since the first reading is over',
      rule,
      20,
      { 'system-supported': 'due' },
    ],
    [
      'counts from the rule, if that came later',
      [
        [30, {}],
        [2, systemSupported],
      ],
      3,
      { 'system-supported': 2 },
    ],
    ['is no violation without the rule', [[30, {}]], 3, {}],
  ])('%s', (_, story, readDaysAgo, expected) => {
    const found = { kind: 'named', id: 'alpine', version: '3.18.4' } as const;
    const system = { system: found, digest: BAD.digest, readAtEpochMs: NOW - readDaysAgo * DAY };
    expect(since(story, { system })).toEqual(expected);
  });
});
