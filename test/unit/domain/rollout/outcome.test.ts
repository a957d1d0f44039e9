import { type Novelty, newPairs, noveltyOf, type PairEvidence } from '../../../../shared/domain/cause/added-pairs.ts';
import {
  type FindingFact,
  factKey,
  PARENT_MOVED,
  type ParentMovedFact,
} from '../../../../shared/domain/cause/cause.ts';
import type { JudgedImage } from '../../../../shared/domain/cause/fact-status.ts';
import { judgeOutcome, type Rebuilt } from '../../../../shared/domain/rollout/outcome.ts';
import { findingKey } from '../../../../shared/domain/scan/finding.ts';
import type { Reason } from '../../../../shared/domain/verdict/verdict.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, HOUR, NOW } from '../arbitraries.ts';
import {
  ageFact,
  anyFact,
  anyJudgedImage,
  findingFact,
  looked,
  NO_AGE,
  NOT_SCANNED,
  personFact,
  reasonOf,
} from './acting.ts';

const fact = findingFact();
const two = findingFact('CVE-2');
const moved = (parent = 'base', head = 'new base'): ParentMovedFact => ({
  ...{ kind: 'parent-moved', ruleId: PARENT_MOVED, parent, head: digestOf(head), sinceEpochMs: NOW },
});
/** Somebody has looked what it is built on: on the head of that stream, or on an older image. */
const lineage = (image: JudgedImage, staleParent?: string): JudgedImage => ({
  ...image,
  lineage: staleParent === undefined ? {} : { staleParent: { stream: staleParent, head: digestOf('newer base') } },
});
const rebuilt = (changes: Partial<Rebuilt> = {}): Rebuilt => ({
  facts: [fact],
  output: [looked('new')],
  findingsBefore: [],
  begunAtEpochMs: BEGUN,
  verifyDeadlineEpochMs: NOW + HOUR,
  ...changes,
});
const BEGUN = NOW - HOUR;
const KNOWN: PairEvidence = { seenAtEpochMs: [BEGUN], isShared: false };
const PUBLISHED: PairEvidence = { seenAtEpochMs: [BEGUN + 1], isShared: false, firstSeenInParentEpochMs: BEGUN + 1 };
const UNDECIDED: PairEvidence = { seenAtEpochMs: [BEGUN + 1], isShared: false };
/** What is known of one pair. */
const evidenceOf = (of: FindingFact, evidence: PairEvidence): Pick<Rebuilt, 'evidence'> => ({
  evidence: new Map([[findingKey(of), evidence]]),
});
const judged = (changes: Partial<Rebuilt>, nowEpochMs = NOW) => judgeOutcome(rebuilt(changes), nowEpochMs);

describe('a finding in a language package', () => {
  const inLanguage = findingFact('CVE-9', { packageKind: 'language' });
  const scanned = (...coverage: ('os' | 'language')[]) => ({
    ...looked('new'),
    scan: { state: 'complete', completedAtEpochMs: NOW, coverage } as const,
  });
  const reason = expect.stringMatching(
    new RegExp(`^the scan of ${digestOf('new')} covers only .* whether CVE-9 in openssl 3.0 is gone. Turn on enhanced`),
  );

  test('is not fixed by a scan of the system alone: it waits until the deadline, and says what to do', () => {
    const asked = { facts: [fact, inLanguage], output: [scanned('os')] };
    expect(judged(asked, NOW + HOUR - 1)).toEqual({ result: 'pending', waitingFor: reason });
    const uncovered = [digestOf('new')];
    expect(judged(asked, NOW + HOUR)).toEqual({ result: 'unverified', reason, isUnscanned: true, uncovered });
    expect(judged({ ...asked, output: [scanned('os', 'language')] })).toEqual({ result: 'fixed' });
  });

  test('does not make an output worse if the image before was not scanned for it', () => {
    const asked = { output: [looked('new', reasonOf(inLanguage))], ...evidenceOf(inLanguage, KNOWN) };
    expect(judged(asked)).toEqual({ result: 'worse', added: [inLanguage] });
    expect(judged({ ...asked, isLanguageKnownBefore: false })).toEqual({
      result: 'unverified',
      reason: expect.stringMatching(/CVE-9 in openssl 3.0, and the scan of the image before it covers only packages/),
    });
  });
});

const INEFFECTIVE = { result: 'ineffective', left: [fact] } as const;

const unread = { ...looked('new', { ...NO_AGE, isLineageUnread: true } as Reason) };

test('an output that was judged before its lineage was read is judged again, for every kind of cause', () => {
  expect(judged({ output: [lineage(unread)] })).toMatchObject({ result: 'pending' });
  expect(judged({ output: [unread] })).toEqual({ result: 'fixed' });
});

test.each<[string, string, Partial<Rebuilt>]>([
  ['fixed', 'the pair is gone', {}],
  ['fixed', 'it is waived', { output: [looked('new', reasonOf(fact, 'waived'))] }],
  [
    'fixed',
    'a vulnerability that was published meanwhile',
    { output: [looked('new', reasonOf(two))], ...evidenceOf(two, PUBLISHED) },
  ],
  ['fixed', 'a person asked, and nothing else', { facts: [personFact()], output: [looked('new')] }],
  ['fixed', 'an age that is no fact of the cause', { output: [looked('new', reasonOf(ageFact), NO_AGE)] }],
  ['ineffective', 'the pair is left', { output: [looked('new', reasonOf(fact))] }],
  ['ineffective', 'in another version', { output: [looked('new', reasonOf(findingFact('CVE-1', { version: '4' })))] }],
  ['ineffective', 'its grace begins anew', { output: [looked('new', reasonOf(fact, 'due'))] }],
  ['ineffective', 'on one of two platforms', { output: [looked('arm'), looked('amd', reasonOf(fact))] }],
  ['ineffective', 'it is still too old', { facts: [ageFact], output: [looked('new', reasonOf(ageFact))] }],
  ['fixed', 'it is young, with all that it is built on', { facts: [ageFact], output: [lineage(looked('new'))] }],
  ['pending', 'it is young, and its parent is not found yet', { facts: [ageFact], output: [looked('new')] }],
  ['pending', 'its scan is awaited', { output: [looked('new', NOT_SCANNED)] }],
  ['pending', 'the scan of one platform is awaited', { output: [looked('arm'), looked('amd', NOT_SCANNED)] }],
  ['pending', 'the scan is awaited, the pair is left', { output: [looked('new', reasonOf(fact), NOT_SCANNED)] }],
  ['pending', 'it is not judged', { output: [{ digest: digestOf('new') }] }],
  ['pending', 'its age is unknown', { facts: [ageFact], output: [looked('new', NO_AGE)] }],
  ['no-output', 'no proof shows what it made', { output: [] }],
])('%s: %s', (result, _, changes) => {
  expect(judged(changes).result).toBe(result);
});

test('an unverified output is one whose deadline passed; it says which image, and by when', () => {
  const output = [looked('arm'), looked('amd', NOT_SCANNED)];
  expect(judged({ output }, NOW + HOUR - 1).result).toBe('pending');
  expect(judged({ output }, NOW + HOUR)).toEqual({
    result: 'unverified',
    reason: `no complete scan and verdict for ${digestOf('amd')} by ${new Date(NOW + HOUR).toISOString()}`,
    isUnscanned: true,
  });
});

describe('an output with a possible ancestor in an unread registry', () => {
  const unreadRegistries = ['555566667777/eu-west-1', '666677778888/us-east-1'];
  const output = [unread];

  test('is unverified at once if its age matters, and names the registries', () => {
    expect(judged({ facts: [ageFact, fact], output, unreadRegistries })).toEqual({
      result: 'unverified',
      reason: expect.stringMatching(
        /^the lineage of the new image is not complete: .*555566667777\/eu-west-1, 666677778888\/us-east-1/,
      ),
      isLineageUnread: true,
    });
  });

  test.each<[string, string, Partial<Rebuilt>]>([
    ['pending', 'a scan is awaited, too', { facts: [ageFact], output: [looked('new', NOT_SCANNED)] }],
    ['fixed', 'only a finding is asked for', { facts: [fact] }],
    ['fixed', 'it was read meanwhile', { facts: [ageFact], output: [lineage(looked('new'))] }],
    ['pending', 'all was read, and its lineage is found next', { facts: [ageFact], unreadRegistries: [] }],
  ])('is %s where %s', (result, _, changes) => {
    expect(judged({ output, unreadRegistries, ...changes }).result).toBe(result);
  });
});

describe('a finding that a waiver covers in the output', () => {
  const output = [lineage(looked('new', reasonOf(fact, 'waived'), reasonOf(ageFact, 'waived')))];
  test.each<[string, Partial<Rebuilt>, ReturnType<typeof judged>]>([
    ['left, if streams built on it need it fixed', { factsOfOthers: [factKey(fact)] }, INEFFECTIVE],
    ['fixed, if only another fact is needed there', { factsOfOthers: [factKey(two)] }, { result: 'fixed' }],
  ])('is %s', (_, changes, expected) => {
    expect(judged({ facts: [fact, two], output, ...changes })).toEqual(expected);
  });
});

test('names only the remaining facts', () => {
  expect(judged({ facts: [fact, two, ageFact], output: [lineage(looked('new', reasonOf(two)))] })).toEqual({
    result: 'ineffective',
    left: [two],
  });
});

describe('worse', () => {
  const before = { vulnerability: 'CVE-7', package: 'openssl', version: '2.9' };
  const added = findingFact('CVE-8', { version: '3.1' });
  const output = [looked('new', reasonOf(added))];
  const known = evidenceOf(added, KNOWN);
  test.each<[string, string, Partial<Rebuilt>]>([
    [
      'worse',
      'a violating pair that was known, in a package whose version changed',
      { findingsBefore: [before], ...known },
    ],
    ['worse', 'in a package that had no finding before', known],
    ['worse', 'although another pair is left', { output: [looked('new', reasonOf(added), reasonOf(fact))], ...known }],
    ['worse', 'on one of two platforms', { output: [looked('arm'), ...output], ...known }],
    ['fixed', 'the package had that version before', { findingsBefore: [{ ...before, version: '3.1' }], ...known }],
    ['fixed', 'the pair was there before', { findingsBefore: [{ ...before, vulnerability: 'CVE-8' }], ...known }],
    ['fixed', 'it was published meanwhile', evidenceOf(added, PUBLISHED)],
    ['fixed', 'there was no image before', { isFirst: true, findingsBefore: undefined as never, ...known }],
    ['fixed', 'it does not violate yet', { output: [looked('new', reasonOf(added, 'due'))], ...known }],
    ['fixed', 'it is waived', { output: [looked('new', reasonOf(added, 'waived'))], ...known }],
    ['unverified', 'no fact tells whether it was known', evidenceOf(added, UNDECIDED)],
    ['unverified', 'nothing at all is known of it', {}],
    ['unverified', 'the findings before are unknown', { findingsBefore: undefined as never, ...known }],
    [
      'ineffective',
      'no fact tells, and a pair of the cause is left',
      { output: [looked('new', reasonOf(added), reasonOf(fact))], ...evidenceOf(added, UNDECIDED) },
    ],
    [
      'ineffective',
      'the pair of the cause itself is left, which the image before seems not to have',
      { output: [looked('new', reasonOf(fact))], ...evidenceOf(fact, KNOWN) },
    ],
  ])('%s: %s', (result, _, changes) => {
    expect(judged({ output, ...changes }).result).toBe(result);
  });

  test('names each added fact once, also if several platforms have it', () => {
    const twice = [looked('arm', reasonOf(added)), looked('amd', reasonOf(added))];
    expect(judged({ output: twice, findingsBefore: [before], ...known })).toEqual({ result: 'worse', added: [added] });
  });

  test.each<[string, Partial<Rebuilt>]>([
    ['was published meanwhile', evidenceOf(added, PUBLISHED)],
    ['the image before has as well', { findingsBefore: [{ ...before, version: '3.1' }] }],
    ['nothing was there to compare with', { isFirst: true, findingsBefore: undefined as never }],
  ])('a rebuild that is fixed names the pair that %s', (_, changes) => {
    expect(judged({ output, ...changes })).toEqual({ result: 'fixed', alsoFound: [added] });
  });

  test('an unverified one names the undecided pair, and why', () => {
    expect(judged({ output, ...evidenceOf(added, UNDECIDED) })).toEqual({
      result: 'unverified',
      reason: expect.stringMatching(
        /^the new image has CVE-8 in openssl 3\.1, .* already knew these findings when the build began at \d{4}-/,
      ),
    });
    expect(judged({ output, findingsBefore: undefined as never })).toEqual({
      result: 'unverified',
      reason: 'the new image has CVE-8 in openssl 3.1, and the image before it has no complete scan to compare with',
    });
    const many = Array.from({ length: 7 }, (_, n) => reasonOf(findingFact(`CVE-${n + 10}`)));
    expect(judged({ output: [looked('new', ...many)] })).toMatchObject({
      reason: expect.stringContaining(', and 2 more'),
    });
  });
});

describe('evidence that a pair was known when a build began', () => {
  test.each<[Novelty, string, Partial<PairEvidence> | undefined]>([
    ['undecided', 'nothing is known', undefined],
    ['undecided', 'no scan saw it by then', {}],
    ['undecided', 'scans saw it since', { seenAtEpochMs: [BEGUN + 1, NOW] }],
    ['known', 'a scan saw it just then', { seenAtEpochMs: [NOW, BEGUN] }],
    ['known', 'the scanner learnt nothing since', { sourceUpdatedAtEpochMs: BEGUN }],
    ['undecided', 'the scanner learnt something since', { sourceUpdatedAtEpochMs: BEGUN + 1 }],
    ['published', 'the parent, which was judged by then, has it since', { firstSeenInParentEpochMs: BEGUN + 1 }],
    ['known', 'the parent had it by then', { firstSeenInParentEpochMs: BEGUN, seenAtEpochMs: [BEGUN] }],
    ['published', 'both images are built on what has it', { isShared: true, seenAtEpochMs: [BEGUN] }],
  ])('%s: %s', (novelty, _, evidence) => {
    expect(noveltyOf(evidence && { seenAtEpochMs: [], isShared: false, ...evidence }, BEGUN)).toBe(novelty);
  });
});

describe('a parent that moved', () => {
  const output = [lineage(looked('new'))];
  const late = [lineage(looked('new'), 'base')];
  test.each<[string, string, Partial<Rebuilt>]>([
    ['fixed', 'it was picked up', { facts: [moved()], output }],
    ['fixed', 'it was built in the same cascade', { facts: [{ ...moved(), head: undefined } as never], output }],
    ['fixed', 'it moved again meanwhile: that is another cause', { facts: [moved()], output: late }],
    ['fixed', 'another parent was not picked up', { facts: [moved()], output: late, pinnedTo: ['platform'] }],
    ['fixed', 'no parent was picked up, and no fact asks for one', { output, pinnedTo: ['base'] }],
    ['fixed', 'its parent was not searched, and no fact asks for it', {}],
    ['ineffective', 'it was not picked up', { facts: [moved()], output: late, pinnedTo: ['base'] }],
    ['ineffective', 'it was not, and its head went back meanwhile', { facts: [moved()], output, pinnedTo: ['base'] }],
    [
      'ineffective',
      'on one of two platforms',
      {
        facts: [moved()],
        output: [lineage(looked('arm')), lineage(looked('amd'), 'base')],
        pinnedTo: ['base'],
      },
    ],
    [
      'ineffective',
      'it was, and a pair is left',
      { facts: [fact, moved()], output: [lineage(looked('new', reasonOf(fact)))] },
    ],
    ['pending', 'the parent of the output is unknown', { facts: [moved()] }],
    ['pending', 'that of one platform is unknown', { facts: [moved()], output: [looked('arm'), ...output] }],
    ['pending', 'it is unknown, and the output is pinned', { facts: [moved()], pinnedTo: ['base'] }],
    [
      'pending',
      'what it is built on is known, its scan is awaited',
      { facts: [moved()], output: [lineage(looked('new', NOT_SCANNED))] },
    ],
    [
      'worse',
      'it was not picked up, and something was added',
      {
        facts: [moved()],
        output: [lineage(looked('new', reasonOf(findingFact('CVE-8', { version: '3.1' }))), 'base')],
        pinnedTo: ['base'],
        ...evidenceOf(findingFact('CVE-8', { version: '3.1' }), KNOWN),
      },
    ],
  ])('%s: %s', (result, _, changes) => {
    expect(judged(changes).result).toBe(result);
  });

  test('several parents: only those that the build did not use are left, with other remaining facts', () => {
    const facts = [fact, two, ageFact, personFact(), moved(), moved('platform')];
    const seen = [lineage(looked('new', reasonOf(two)))];
    expect(judged({ facts, output: seen, pinnedTo: ['platform'] })).toEqual({
      result: 'ineffective',
      left: [two, moved('platform')],
    });
  });

  test('an output without a parent at the deadline is unverified, never fixed', () => {
    expect(judged({ facts: [moved()] }, NOW + HOUR).result).toBe('unverified');
  });
});

test('every rebuild has exactly one outcome, in any order, and is never fixed without evidence', () => {
  const findings = fc.record({
    vulnerability: fc.constantFrom('CVE-1', 'CVE-2', 'CVE-3'),
    package: fc.constantFrom('openssl', 'zlib'),
    version: fc.constantFrom('2.9', '3.0'),
  });
  const anyMoved = fc.constantFrom('base', 'platform').map((parent) => moved(parent));
  const anyPlaced = fc
    .tuple(anyJudgedImage, fc.constantFrom(undefined, 'on the head', 'base', 'platform'))
    .map(([image, on]) => (on === undefined ? image : lineage(image, on === 'on the head' ? undefined : on)));
  const seen = new Set<string>();
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ weight: 4, arbitrary: anyFact }, anyMoved), { maxLength: 3 }),
      fc.array(anyPlaced, { maxLength: 3 }),
      fc.option(fc.array(findings, { maxLength: 3 }), { nil: undefined }),
      fc.subarray(['base', 'platform']),
      fc.boolean(),
      fc.uniqueArray(fc.tuple(findings, fc.constantFrom(KNOWN, PUBLISHED, UNDECIDED)), {
        selector: ([of]) => findingKey(of),
      }),
      (facts, output, findingsBefore, pinnedTo, isLate, pairs) => {
        const { findingsBefore: _, ...common } = rebuilt({ facts, output, pinnedTo });
        const evidence = new Map(pairs.map(([of, one]) => [findingKey(of), one]));
        const asked = { ...common, evidence, ...(findingsBefore && { findingsBefore }) };
        const now = isLate ? NOW + HOUR : NOW;
        const outcome = judgeOutcome(asked, now);
        seen.add(outcome.result);
        const reversed = {
          ...asked,
          output: [...output].reverse(),
          ...(findingsBefore && { findingsBefore: [...findingsBefore].reverse() }),
        };
        expect(judgeOutcome(reversed, now)).toEqual(outcome);
        const isUnseen = output.some(({ verdict }) => !verdict || verdict.reasons.some(({ kind }) => kind === 'scan'));
        const parents = facts.flatMap((one) => (one.kind === 'parent-moved' ? one.parent : []));
        const isUnplaced = parents.length > 0 && output.some((image) => !image.lineage);
        if (outcome.result === 'fixed') {
          const { shared, others } = newPairs(asked);
          const named = (outcome.alsoFound ?? []).flatMap((one) => (one.kind === 'finding' ? findingKey(one) : []));
          expect(new Set(named)).toEqual(new Set([...shared, ...others].map(findingKey)));
          for (const one of others) expect(noveltyOf(evidence.get(findingKey(one)), BEGUN)).toBe('published');
        }
        if (outcome.result === 'fixed') expect(parents.filter((parent) => pinnedTo.includes(parent))).toEqual([]);
        if (isUnseen || isUnplaced || output.length === 0)
          expect(['pending', 'unverified', 'no-output']).toContain(outcome.result);
        if (isLate) expect(outcome.result).not.toBe('pending');
      },
    ),
    { numRuns: 1500 },
  );
  expect([...seen].sort()).toEqual(['fixed', 'ineffective', 'no-output', 'pending', 'unverified', 'worse']);
});
