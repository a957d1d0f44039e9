import type { CauseFact } from '../../../../shared/domain/cause/cause.ts';
import {
  anyContentFactStatusByNow,
  classifyFact,
  contentFactStatus,
  type FactStatus,
  factStatus,
  isScanOpen,
  type JudgedImage,
  needsNewScan,
  provenFactStatus,
} from '../../../../shared/domain/cause/fact-status.ts';
import type { RebuildOutcome } from '../../../../shared/domain/cause/rebuild.ts';
import { uncoveredText } from '../../../../shared/domain/cause/uncovered-text.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { digestOf, HOUR, NOW } from '../arbitraries.ts';
import { ageFact, findingFact, looked, NO_AGE, NOT_SCANNED, personFact, reasonOf, rebuild } from '../rollout/acting.ts';

const fact = findingFact();
const movedFact = { kind: 'parent-moved', ruleId: 'parent-moved', parent: 'parent', sinceEpochMs: NOW } as const;
const GUESSED: Reason = { ruleId: 'digest-known', effect: 'unknown', kind: 'digest-guessed', workload: 'w', scopes: 1 };
const LATER = { ...GUESSED, kind: 'of-tomorrow' } as unknown as Reason;
const unjudged: JudgedImage = { digest: digestOf('unjudged') };
const outdated = ({ judgedAtEpochMs, ...image }: JudgedImage): JudgedImage => image;

test.each<[FactStatus, string, CauseFact, JudgedImage]>([
  ['present', 'it violates', fact, looked('a', reasonOf(fact))],
  ['present', 'its grace runs', fact, looked('a', reasonOf(fact, 'due'))],
  ['present', 'another version has it', fact, looked('a', reasonOf(findingFact('CVE-1', { version: '2.9' })))],
  ['present', 'another rule finds it', fact, looked('a', reasonOf(findingFact('CVE-1', { ruleId: 'high' })))],
  ['present', 'an old scan found it', fact, looked('a', reasonOf(fact), NOT_SCANNED)],
  ['present', 'it was found before its facts changed', fact, outdated(looked('a', reasonOf(fact)))],
  ['absent', 'it is waived', fact, looked('a', reasonOf(fact, 'waived'))],
  ['absent', 'another vulnerability', fact, looked('a', reasonOf(findingFact('CVE-2')))],
  ['absent', 'another package', fact, looked('a', reasonOf(findingFact('CVE-1', { package: 'zlib' })))],
  ['absent', 'nothing was found', fact, looked('a')],
  ['absent', 'nothing was found, and it is too old', fact, looked('a', reasonOf(ageFact), NO_AGE)],
  [
    'present',
    'no rule asks for it, and the evidence has it',
    fact,
    { ...looked('a'), found: new Set(['CVE-1#openssl']) },
  ],
  ['absent', 'the evidence lacks it', fact, { ...looked('a'), found: new Set() }],
  ['absent', 'it is waived', fact, { ...looked('a', reasonOf(fact, 'waived')), found: new Set(['CVE-1#openssl']) }],
  ['unknown', 'the evidence is lost', fact, { ...looked('a'), found: 'missing' }],
  ['absent', 'it is young, and the evidence is lost', ageFact, { ...looked('a'), found: 'missing' }],
  ['unknown', 'it is not judged', fact, unjudged],
  ['unknown', 'its scan is awaited', fact, looked('a', NOT_SCANNED)],
  ['unknown', 'it was judged by other facts', fact, outdated(looked('a'))],
  ['present', 'it is too old', ageFact, looked('a', reasonOf(ageFact))],
  ['present', 'it gets old by itself', ageFact, looked('a', reasonOf(ageFact, 'due'))],
  [
    'absent',
    'what it is built on gets old',
    ageFact,
    looked('a', { ...reasonOf(ageFact, 'due'), decidedBy: digestOf('base') } as Reason),
  ],
  [
    'present',
    'another head is there',
    movedFact,
    { ...looked('a'), lineage: { staleParent: { stream: 'parent', head: digestOf('other') } } },
  ],
  [
    'absent',
    'another stream moved',
    movedFact,
    { ...looked('a'), lineage: { staleParent: { stream: 'other', head: digestOf('b') } } },
  ],
  ['absent', 'it is built on the head', movedFact, { ...unjudged, lineage: {} }],
  ['unknown', 'its parent was not searched', movedFact, looked('a')],
  ['absent', 'its age is waived', ageFact, looked('a', reasonOf(ageFact, 'waived'))],
  ['absent', 'it is young, its scan is awaited', ageFact, looked('a', NOT_SCANNED)],
  ['unknown', 'its age is unknown', ageFact, looked('a', NO_AGE)],
  ['absent', 'a guess of its digest hides nothing', fact, looked('a', GUESSED)],
  ['unknown', 'a reason that only a later version knows may hide a finding', fact, looked('a', LATER)],
  ['unknown', 'a reason that only a later version knows may hide an age', ageFact, looked('a', LATER)],
  ['absent', 'a manual request', personFact(), looked('a', reasonOf(fact))],
])('%s: %s', (expected, _, asked, image) => {
  expect(factStatus(asked, image)).toBe(expected);
});

describe('a finding that a scan does not list', () => {
  const whole = { coverage: ['os', 'language'] } as const;
  const system = { coverage: ['os'] } as const;
  const { packageKind: _, ...old } = fact;
  const inLanguage = { ...fact, packageKind: 'language' } as const;
  const since = fact.sinceEpochMs;

  test.each<[FactStatus, string, CauseFact, Partial<NonNullable<JudgedImage['scan']>>]>([
    ['unknown', 'in a language package, and only the system was scanned', inLanguage, system],
    ['absent', 'in a language package, and Inspector scanned it', inLanguage, whole],
    ['absent', 'in a package of the system, and only the system was scanned', fact, system],
    ['unknown', 'since Inspector scanned it', inLanguage, { ...whole, languageAtEpochMs: since - 1 }],
    [
      'unknown',
      'since then, and it had no language package with a finding',
      inLanguage,
      { languageAtEpochMs: since - 1 },
    ],
    ['absent', 'although it was known when Inspector scanned it last', inLanguage, { languageAtEpochMs: since }],
    ['unknown', 'by an item of an earlier version of Inspector, and only the system was scanned', old, system],
    ['absent', 'by an item of an earlier version of Inspector, which scanned it', old, whole],
    ['absent', 'by an item of an earlier version of basic scanning', { ...old, fix: 'unknown' }, system],
  ])('is %s: %s', (expected, _, asked, scan) => {
    const image = { ...looked('a'), scan: { state: 'complete', completedAtEpochMs: NOW, ...scan } } as const;
    expect([factStatus(asked, image), provenFactStatus(asked, image)]).toEqual([expected, expected]);
    expect(classifyFact(asked, { heads: [image], inUse: [] })).toBe(expected === 'absent' ? 'gone' : 'unknown');
    expect(uncoveredText([asked], [image])).toEqual(
      expected === 'absent' ? undefined : expect.stringMatching(/CVE-1 in openssl 3.0 .*Amazon Inspector/),
    );
  });

  test('is unknown if only the verdict is at hand', () => {
    expect(factStatus(inLanguage, looked('a'))).toBe('unknown');
  });
});

describe('what a fact calls for', () => {
  const [holder, clean, unclear] = [looked('holder', reasonOf(fact)), looked('clean'), looked('unclear', NOT_SCANNED)];
  test.each<[string, string, readonly JudgedImage[] | undefined, readonly JudgedImage[]]>([
    ['rebuild', 'the head holds it', [holder], []],
    ['rebuild', 'one of two platforms holds it', [clean, holder], []],
    ['rebuild', 'one platform has it, the other is unknown', [unclear, holder], []],
    ['rebuild', 'there is no head, and something that runs holds it', [], [holder]],
    ['deploy', 'the head is clean, something older that runs is not', [clean], [clean, holder]],
    ['gone', 'nothing holds it', [clean], [clean]],
    ['gone', 'there is no head and nothing runs', [], []],
    ['unknown', 'the heads are unknown', undefined, [holder]],
    ['unknown', 'one platform of the head is unknown', [clean, unclear], [holder]],
    ['unknown', 'the head is clean, what runs is unknown', [clean], [unclear]],
  ])('%s: %s', (expected, _, heads, inUse) => {
    expect(classifyFact(fact, { ...(heads && { heads }), inUse })).toBe(expected);
  });

  test("an age decided by an ancestor is the ancestor's to fix, and its descendants have it", () => {
    const onOld = looked('on old', { ...reasonOf(ageFact), decidedBy: digestOf('base') } as Reason);
    expect([factStatus(ageFact, onOld), contentFactStatus(ageFact, onOld)]).toEqual(['present', 'present']);
    expect(classifyFact(ageFact, { heads: [onOld], inUse: [onOld] })).toBe('gone');
    expect(classifyFact(ageFact, { heads: [looked('old', reasonOf(ageFact))], inUse: [] })).toBe('rebuild');
  });

  const near = looked('near', reasonOf(ageFact, 'due'));
  const onNear = looked('on near', { ...reasonOf(ageFact, 'due'), decidedBy: digestOf('base') } as Reason);
  const waivedNear = looked('waived', reasonOf(ageFact, 'waived'));
  test.each<[string, string, readonly JudgedImage[], readonly JudgedImage[]]>([
    ['rebuild', 'the head is near its limit by itself', [near], []],
    ['rebuild', 'one of two platforms is', [clean, near], []],
    ['gone', 'what the head is built on is near its limit', [onNear], [onNear]],
    ['gone', 'it is waived before its limit', [waivedNear], []],
    ['gone', 'another finding is what the head has', [holder], []],
    ['deploy', 'the head is young, what runs is near its limit', [clean], [near]],
    ['gone', 'the head is young, what runs is built on what is near its limit', [clean], [onNear]],
    ['unknown', 'the age of the head is unknown', [looked('unknown', NO_AGE)], [near]],
  ])('an age is %s: %s', (expected, _, heads, inUse) => {
    expect(classifyFact(ageFact, { heads, inUse })).toBe(expected);
  });

  test.each<[string, string, readonly JudgedImage[] | undefined]>([
    [
      'rebuild',
      'the head is built on an older one',
      [{ ...clean, lineage: { staleParent: { stream: 'parent', head: digestOf('n') } } }],
    ],
    [
      'rebuild',
      'one of two platforms does',
      [
        { ...clean, lineage: {} },
        { ...clean, lineage: { staleParent: { stream: 'parent', head: digestOf('n') } } },
      ],
    ],
    ['gone', 'the head picked it up, whatever runs', [{ ...clean, lineage: {} }]],
    ['gone', 'there is no head', []],
    ['unknown', 'the parent of one of two was not searched', [{ ...clean, lineage: {} }, clean]],
    ['unknown', 'the heads are unknown', undefined],
  ])('a parent that moved is %s: %s', (expected, _, heads) => {
    const older = { ...holder, lineage: { staleParent: { stream: 'parent', head: digestOf('n') } } };
    expect(classifyFact(movedFact, { ...(heads && { heads }), inUse: [older] })).toBe(expected);
  });

  const reason = 'because';
  test.each<[string, string, RebuildOutcome | undefined, number]>([
    ['rebuild', 'none was done yet', undefined, NOW - 2 * HOUR],
    ['gone', 'one was done', { result: 'fixed' }, NOW - HOUR],
    ['rebuild', 'one was done before it', { result: 'fixed' }, NOW - HOUR + 1],
    ['gone', 'one was done that fixed nothing', { result: 'ineffective', left: [fact] }, NOW - HOUR],
    ['gone', 'one was done that made it worse', { result: 'worse', added: [fact] }, NOW - HOUR],
    ['gone', 'one was done that could not be scanned', { result: 'unverified', reason }, NOW - HOUR],
    ['rebuild', 'one failed', { result: 'failed', reason }, NOW - HOUR],
    ['rebuild', 'one made nothing', { result: 'no-output', reason }, NOW - HOUR],
  ])('a manual request is %s: %s', (expected, _, outcome, sinceEpochMs) => {
    const latestRebuild = rebuild({ reservedAtEpochMs: NOW - HOUR, ...(outcome && { outcome }) });
    expect(classifyFact(personFact(sinceEpochMs), { heads: [clean], inUse: [], latestRebuild })).toBe(expected);
    expect(classifyFact(personFact(sinceEpochMs), { inUse: [] })).toBe('rebuild');
  });

  test.each([
    ['rebuild', 'has not moved', {}],
    ['gone', 'has moved', { promotedAtEpochMs: NOW }],
  ])('a manual request is %s if the tag for children %s', (expected, _, moved) => {
    const outcome = { result: 'fixed' } as const;
    const latestRebuild = rebuild({ reservedAtEpochMs: NOW, outcome, promotes: true, ...moved });
    expect(classifyFact(personFact(NOW), { heads: [clean], inUse: [], latestRebuild })).toBe(expected);
  });
});

test.each<[FactStatus, number, JudgedImage['scan']]>([
  ['absent', NOW, { state: 'continuous', completedAtEpochMs: NOW - 20 * 24 * HOUR, watchedAtEpochMs: NOW }],
  ['unknown', NOW, { state: 'continuous', completedAtEpochMs: NOW - 20 * 24 * HOUR, watchedAtEpochMs: NOW - 1 }],
  ['unknown', NOW, { state: 'complete', completedAtEpochMs: NOW - 1 }],
  ['absent', NOW, { state: 'complete', completedAtEpochMs: NOW }],
])('an image is %s of a finding that was first seen since, by the instant as of which its result counts', (...row) => {
  const [expected, sinceEpochMs, scan] = row;
  const image: JudgedImage = { ...looked('a'), ...(scan && { scan }) };
  expect(provenFactStatus(findingFact('CVE-1', { sinceEpochMs }), image)).toBe(expected);
});

const DAY_AGO = NOW - 24 * HOUR;
test.each<[boolean, string, JudgedImage['scan']]>([
  [true, 'ended a day before it', { state: 'complete', completedAtEpochMs: DAY_AGO }],
  [
    false,
    'ended less than a day before it: none may be asked for yet',
    { state: 'complete', completedAtEpochMs: DAY_AGO + 1 },
  ],
  [false, 'ended after it', { state: 'complete', completedAtEpochMs: NOW }],
  [true, 'is awaited', { state: 'requested', requestedAtEpochMs: NOW - 1, completedAtEpochMs: DAY_AGO + 1 }],
  [
    true,
    'has a result that was not read',
    { state: 'stale', requestedAtEpochMs: NOW - 1, completedAtEpochMs: DAY_AGO + 1 },
  ],
  [
    false,
    'was answered with a result of less than a day before it',
    {
      state: 'complete',
      ...{ requestedAtEpochMs: NOW - 1, answeredRequestAtEpochMs: NOW - 1, completedAtEpochMs: DAY_AGO + 1 },
    },
  ],
  [
    false,
    'was answered today with an older result: the registry has no newer one',
    {
      state: 'complete',
      requestedAtEpochMs: NOW - 1,
      answeredRequestAtEpochMs: NOW - 1,
      completedAtEpochMs: DAY_AGO - HOUR,
    },
  ],
  [
    false,
    'ended at the instant at which the finding was first seen, whatever is requested since',
    { state: 'requested', requestedAtEpochMs: NOW + 1, completedAtEpochMs: NOW },
  ],
  [
    true,
    'was asked for again after such an answer',
    { state: 'complete', requestedAtEpochMs: NOW, answeredRequestAtEpochMs: NOW - 1, completedAtEpochMs: DAY_AGO + 1 },
  ],
  [
    true,
    'was answered, and has begun by itself since',
    {
      state: 'requested',
      ...{ requestedAtEpochMs: NOW - 1, answeredRequestAtEpochMs: NOW - 1, completedAtEpochMs: DAY_AGO + 1 },
    },
  ],
  [
    true,
    'was answered with a result that was not read',
    {
      state: 'stale',
      ...{ requestedAtEpochMs: NOW - 1, answeredRequestAtEpochMs: NOW - 1, completedAtEpochMs: DAY_AGO + 1 },
    },
  ],
  [
    true,
    'is kept up to date by Inspector, and was read before it',
    { state: 'continuous', completedAtEpochMs: NOW - 240 * HOUR, watchedAtEpochMs: NOW - 48 * HOUR },
  ],
  [
    true,
    'is kept up to date by Inspector, was scanned today, and was read before it',
    { state: 'continuous', completedAtEpochMs: NOW - 2 * HOUR, watchedAtEpochMs: NOW - HOUR },
  ],
  [
    false,
    'is kept up to date by Inspector, and was read after it',
    { state: 'continuous', completedAtEpochMs: NOW - 240 * HOUR, watchedAtEpochMs: NOW },
  ],
])('whether a head needs a new scan before it is deployed for a finding is %s where the last one %s', (...row) => {
  const [expected, , scan] = row;
  const head: JudgedImage = { ...looked('a'), ...(scan && { scan }) };
  expect(needsNewScan(findingFact('CVE-1', { sinceEpochMs: NOW }), [head], NOW)).toBe(expected);
});

test.each<[FactStatus, string, number]>([
  ['unknown', 'before a finding was first seen', NOW - 1],
  ['absent', 'at the instant at which a finding was first seen', NOW],
  ['absent', 'after a finding was first seen', NOW + 1],
])(
  'while a new scan is awaited, the finding is %s in an image whose last scan ended %s',
  (expected, _, completedAtEpochMs) => {
    const image: JudgedImage = {
      ...looked('a'),
      scan: { state: 'requested', requestedAtEpochMs: NOW + 2, completedAtEpochMs },
    };
    expect(anyContentFactStatusByNow(findingFact('CVE-1', { sinceEpochMs: NOW }), [image])).toBe(expected);
  },
);

test.each([
  [true, 'before', NOW - 1],
  [false, 'at the instant of', NOW],
  [false, 'after', NOW + 1],
])('a scan is open (%s) if it ended %s its request', (expected, _, completedAtEpochMs) => {
  for (const state of ['requested', 'complete', 'stale'] as const)
    expect(isScanOpen({ scan: { state, requestedAtEpochMs: NOW, completedAtEpochMs } })).toBe(expected);
});

test.each([
  ['one of two heads', [DAY_AGO, NOW], true],
  ['neither of two heads', [NOW, NOW], false],
] as const)('heads need a new scan before they are deployed for a finding where %s does', (_, ends, expected) => {
  const heads = ends.map((completedAtEpochMs, n): JudgedImage => {
    const scan: JudgedImage['scan'] = { state: 'complete', completedAtEpochMs };
    return { ...looked(String(n)), scan };
  });
  expect(needsNewScan(findingFact('CVE-1', { sinceEpochMs: NOW }), heads, NOW)).toBe(expected);
});

const ofAncestor = (daysAgo: number): Reason => ({
  ...{ kind: 'age', ruleId: 'age-limit', effect: 'waived', limitDays: 30, decidedBy: digestOf('base') },
  bornAtEpochMs: NOW - daysAgo * 24 * HOUR,
});
test.each<[FactStatus, string, CauseFact, Reason[]]>([
  ['present', 'its finding is waived', fact, [reasonOf(fact, 'waived')]],
  [
    'present',
    'its finding is waived, and another one is not',
    fact,
    [reasonOf(findingFact('CVE-2')), reasonOf(fact, 'waived')],
  ],
  ['absent', 'another finding is waived', fact, [reasonOf(findingFact('CVE-2'), 'waived')]],
  ['present', 'the age of an ancestor is waived, beyond its limit', ageFact, [ofAncestor(31)]],
  ['present', 'the age of an ancestor is waived, at the instant of its limit', ageFact, [ofAncestor(30)]],
  ['absent', 'the age of an ancestor is waived, before its limit', ageFact, [ofAncestor(29)]],
])('by content a fact is %s in an image where %s', (expected, _, about, reasons) => {
  expect(contentFactStatus(about, looked('a', ...reasons))).toBe(expected);
});
