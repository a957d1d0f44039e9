import {
  answerCause,
  type Cause,
  type CauseFact,
  causeFacts,
  type FindingFact,
  factKey,
  factsFor,
  mergeCause,
  mergeMoved,
  type ParentMovedFact,
  reopenCause,
  settleFacts,
  takeCause,
} from '../../../../shared/domain/cause/cause.ts';
import type { Reason, Verdict } from '../../../../shared/domain/verdict/verdict.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, runs } from '../arbitraries.ts';

const STREAM = '111122223333/us-east-1/apps/web:^v.*$';
const age = (sinceEpochMs: number): CauseFact => ({ kind: 'age', ruleId: 'age-limit', sinceEpochMs });
const finding = (
  vulnerability: string,
  sinceEpochMs: number,
  changes: Partial<Omit<FindingFact, 'kind'>> = {},
): FindingFact => ({
  kind: 'finding',
  ruleId: 'critical',
  vulnerability,
  package: 'openssl',
  version: '3.0',
  fix: 'unknown',
  sinceEpochMs,
  ...changes,
});
const person = (sinceEpochMs: number, reason = 'a fix of our own'): CauseFact => ({
  kind: 'person',
  ruleId: 'asked-by-person',
  by: 'jo',
  reason,
  sinceEpochMs,
});

const verdict = (reasons: readonly Reason[]): Verdict => ({ status: 'violating', reasons, policyVersion: 'v' });
const aged = { ruleId: 'age-limit', kind: 'age', bornAtEpochMs: 10, limitDays: 1, deadlineEpochMs: 20 } as const;
const found = {
  ruleId: 'critical',
  kind: 'finding',
  vulnerability: 'CVE-1',
  package: 'openssl',
  version: '3.0',
  severity: 'critical',
  fix: 'unknown',
  firstSeenAtEpochMs: 30,
  deadlineEpochMs: 40,
} as const;

const inSystem = finding('CVE-1', 30, { packageKind: 'os' });
const inLanguage = finding('CVE-1', 30, { packageKind: 'language' });

test.each<[string, Reason, CauseFact[]]>([
  ['age that violates', { ...aged, effect: 'violates' }, [age(20)]],
  ['an age that another image decides', { ...aged, effect: 'violates', decidedBy: digestOf('base') }, []],
  ['an age of its own that is near its limit', { ...aged, effect: 'due' }, [age(20)]],
  ['one that another image decides', { ...aged, effect: 'due', decidedBy: digestOf('base') }, []],
  ['age that is waived', { ...aged, effect: 'waived', waiverId: 'w' }, []],
  ['a finding that violates', { ...found, effect: 'violates' }, [inSystem]],
  ['one in a package of a language', { ...found, effect: 'violates', isLanguagePackage: true }, [inLanguage]],
  ['a finding in grace', { ...found, effect: 'due' }, []],
  ['an unknown scan', { ruleId: 'scan-required', effect: 'unknown', kind: 'scan', state: 'off' }, []],
  ['an unknown age', { ruleId: 'age-known', effect: 'unknown', kind: 'age-unknown' }, []],
  [
    'a kind that only a later version knows',
    { ...aged, effect: 'violates', kind: 'of-tomorrow' } as unknown as Reason,
    [],
  ],
  ['a user: its own build must change', { ruleId: 'r', effect: 'violates', kind: 'user', user: '' }, []],
  ['a registry: no rebuild changes it', { ruleId: 'r', effect: 'violates', kind: 'registry', registry: 'x' }, []],
])('%s', (_, reason, expected) => {
  expect(causeFacts(verdict([reason]))).toEqual(expected);
});

describe('facts of an image for its stream', () => {
  const factsOf = (image: Partial<Parameters<typeof factsFor>[0]['image']>, ...reasons: Reason[]) =>
    factsFor({
      image: { stream: STREAM, tier: 'base', inUse: false, isHead: false, ...image },
      verdict: verdict(reasons),
    });
  const near: Reason = { ...aged, effect: 'due' };
  const onNear: Reason = { ...near, decidedBy: digestOf('base') };
  const old: Reason = { ...aged, effect: 'violates' };
  const bad: Reason = { ...found, effect: 'violates' };
  const [head, runs] = [{ isHead: true }, { inUse: true }];

  test.each<[string, Parameters<typeof factsOf>[0], readonly Reason[], readonly CauseFact[]]>([
    ['a head that is near its limit', head, [near], [age(20)]],
    ['one that runs, too', { ...head, ...runs }, [near], [age(20)]],
    ['nothing, for an older image that runs and is near its limit', runs, [near], []],
    ['an older image that runs and is too old', runs, [old], [age(20)]],
    ['an older image that runs, by what violates alone', runs, [near, bad], [inSystem]],
    ['a head by both', head, [near, bad], [age(20), inSystem]],
    ['nothing, for a head whose base is near its limit', head, [onNear], []],
    ['nothing, for a head whose base is too old', head, [{ ...old, decidedBy: digestOf('base') }], []],
    ['nothing, for a head that is near its limit and waived', head, [{ ...near, effect: 'waived' }], []],
    ['nothing, for a finding in grace', head, [{ ...found, effect: 'due' }], []],
    ['nothing, for what neither runs nor is a head', {}, [old, near, bad], []],
    ['nothing, for a mirrored head, which its vendor fixes', { ...head, tier: 'mirrored' }, [old, bad], []],
    ['nothing, for what no stream made', { ...head, stream: undefined } as never, [old], []],
  ])('%s', (_, image, reasons, facts) => {
    expect(factsOf(image, ...reasons)).toEqual(facts.length > 0 ? [{ stream: STREAM, facts }] : []);
  });

  test('near the limit and over the limit are one fact: the breach changes nothing', () => {
    const cause = mergeCause(STREAM, undefined, causeFacts(verdict([near])));
    expect(mergeCause(STREAM, cause, causeFacts(verdict([old])))).toBe(cause);
  });
});

const anyFact: fc.Arbitrary<CauseFact> = fc.oneof(
  fc.nat({ max: 9 }).map(age),
  fc.tuple(fc.nat({ max: 9 }), fc.constantFrom('one', 'two')).map(([at, reason]) => person(at, reason)),
  fc
    .tuple(
      fc.constantFrom('CVE-1', 'CVE-2', 'CVE-3'),
      fc.nat({ max: 9 }),
      fc.record({
        ruleId: fc.constantFrom('a', 'b'),
        version: fc.constantFrom('1', '2'),
        fix: fc.constantFrom('yes', 'no', 'unknown'),
        packageKind: fc.constantFrom('os', 'language'),
      }),
    )
    .map(([id, at, changes]) => finding(id, at, changes)),
);

describe('merging', () => {
  test('the first facts open a cause', () => {
    expect(mergeCause(STREAM, undefined, [finding('CVE-2', 5), finding('CVE-1', 9), age(7)])).toEqual({
      stream: STREAM,
      facts: [age(7), finding('CVE-1', 9), finding('CVE-2', 5)],
      sinceEpochMs: 5,
      version: 3,
      state: 'open',
    });
  });

  test('no facts open no cause', () => {
    expect(mergeCause(STREAM, undefined, [])).toBeUndefined();
  });

  const existing = mergeCause(STREAM, undefined, [finding('CVE-1', 9)]) as Cause;

  test('known facts change nothing and return the same object', () => {
    expect(mergeCause(STREAM, existing, [])).toBe(existing);
    expect(mergeCause(STREAM, existing, [finding('CVE-1', 9)])).toBe(existing);
    expect(mergeCause(STREAM, existing, [finding('CVE-1', 12)])).toBe(existing);
  });

  test('an earlier time of a known fact is kept, without a new version', () => {
    expect(mergeCause(STREAM, existing, [finding('CVE-1', 3)])).toEqual({
      ...existing,
      facts: [finding('CVE-1', 3)],
      sinceEpochMs: 3,
    });
  });

  test('another rule on the same finding is a fact of its own', () => {
    expect(mergeCause(STREAM, existing, [finding('CVE-1', 9, { ruleId: 'other' })])).toMatchObject({ version: 2 });
  });

  test.each<[string, CauseFact]>([
    ['another version of the package', finding('CVE-1', 9, { version: '3.1' })],
    ['another package', finding('CVE-1', 9, { package: 'libssl3' })],
    ['another vulnerability', finding('CVE-2', 9)],
    ['a person', person(9)],
  ])('%s is a new fact', (_, fact) => {
    expect(mergeCause(STREAM, existing, [fact])).toMatchObject({ version: 2 });
  });

  test.each<[FindingFact['fix'], FindingFact['fix'], FindingFact['fix']]>([
    ['unknown', 'unknown', 'unknown'],
    ['unknown', 'no', 'no'],
    ['unknown', 'yes', 'yes'],
    ['no', 'unknown', 'no'],
    ['no', 'yes', 'yes'],
    ['yes', 'unknown', 'yes'],
    ['yes', 'no', 'yes'],
  ])('a fix that was %s and is reported as %s is %s, and no new version', (known, reported, fix) => {
    const before = mergeCause(STREAM, undefined, [finding('CVE-1', 9, { fix: known })]);
    expect(mergeCause(STREAM, before, [finding('CVE-1', 12, { fix: reported })])).toEqual({
      ...before,
      facts: [finding('CVE-1', 9, { fix })],
    });
  });

  test.each<[FindingFact['packageKind'], FindingFact['packageKind'], FindingFact['packageKind']]>([
    [undefined, 'os', 'os'],
    [undefined, 'language', 'language'],
    ['os', undefined, 'os'],
    ['os', 'language', 'language'],
    ['language', 'os', 'language'],
    ['language', undefined, 'language'],
  ])('a package of kind %s that is reported as %s is %s, and no new version', (known, reported, packageKind) => {
    const of = (kind: FindingFact['packageKind']) => finding('CVE-1', 9, kind && { packageKind: kind });
    const before = mergeCause(STREAM, undefined, [of(known)]);
    expect(mergeCause(STREAM, before, [of(reported)])).toEqual({ ...before, facts: [of(packageKind)] });
  });

  const facts = fc.array(anyFact, { maxLength: 8 });
  const mergedFrom = (...pieces: CauseFact[][]) =>
    pieces.reduce<Cause | undefined>((cause, piece) => mergeCause(STREAM, cause, piece), undefined);

  test('facts in any order and grouping, repeated, give the same cause', () => {
    fc.assert(
      fc.property(facts, facts, facts, (one, two, three) => {
        const whole = mergedFrom([...one, ...two, ...three]);
        expect(mergedFrom(one, two, three)).toEqual(whole);
        expect(mergedFrom(three, one, two)).toEqual(whole);
        expect(mergedFrom(one, two, three, two, one)).toEqual(whole);
        expect(mergedFrom([...one, ...two, ...three].reverse())).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  test('the version counts the facts, and never goes back', () => {
    fc.assert(
      fc.property(facts, facts, (one, two) => {
        const [before, now] = [mergedFrom(one), mergedFrom(one, two)];
        expect(now?.version).toBe(now?.facts.length);
        expect(now?.version ?? 0).toBeGreaterThanOrEqual(before?.version ?? 0);
      }),
      runs,
    );
  });
});

describe('the life of a cause', () => {
  const made = (...facts: CauseFact[]): Cause => {
    const cause = mergeCause(STREAM, undefined, facts);
    if (!cause) throw new Error('no facts');
    return cause;
  };
  const two = made(age(7), finding('CVE-1', 5));
  const taken = takeCause(two, 'c-g1', 2);
  const closed = settleFacts(taken, two.facts);

  test('a cascade takes only open, unchanged causes', () => {
    expect(taken).toEqual({ ...two, state: 'taken', takenBy: { cascadeId: 'c-g1' } });
    expect(takeCause(two, 'c-g1', 1)).toBe(two);
    expect(takeCause(two, 'c-g1', 3)).toBe(two);
    expect(takeCause(taken, 'other-g1', 2)).toBe(taken);
    expect(takeCause(closed, 'c-g1', 2)).toBe(closed);
  });

  test('only its own cascade releases a cause', () => {
    expect(reopenCause(taken, 'c-g1')).toEqual(two);
    expect(reopenCause(taken, 'other-g1')).toBe(taken);
    expect(reopenCause(two, 'c-g1')).toBe(two);
    expect(reopenCause(closed, 'c-g1')).toBe(closed);
  });

  test('a new fact opens it again, a known one does not', () => {
    expect(mergeCause(STREAM, taken, [age(7)])).toBe(taken);
    expect(mergeCause(STREAM, taken, [age(3)])).toMatchObject({ state: 'taken', takenBy: { cascadeId: 'c-g1' } });
    expect(mergeCause(STREAM, taken, [person(9)])).toEqual(made(age(7), finding('CVE-1', 5), person(9)));
  });

  test('settled facts go, and the last one closes it; its version does not go back', () => {
    expect(settleFacts(taken, [finding('CVE-1', 99, { fix: 'yes' })])).toEqual({
      ...taken,
      facts: [age(7)],
      sinceEpochMs: 7,
    });
    expect(settleFacts(taken, [finding('CVE-2', 5)])).toBe(taken);
    expect(closed).toEqual({ stream: STREAM, facts: [], sinceEpochMs: 5, version: 2, state: 'closed' });
    expect(settleFacts(closed, [age(7)])).toBe(closed);
    expect(mergeCause(STREAM, closed, [age(8)])).toEqual({ ...made(age(8)), version: 3 });
  });

  test('an answer stays until another one, a new fact or a cascade', () => {
    const answer = { answer: 'wait', reason: 'cool-down', detail: 'until noon', recheckAtEpochMs: 12 } as const;
    const answered = answerCause(two, answer);
    expect(answered).toEqual({ ...two, answer });
    expect(answerCause(answered, { ...answer })).toBe(answered);
    for (const change of [{ answer: 'refuse' }, { reason: 'x' }, { detail: 'x' }, { recheckAtEpochMs: 13 }] as const)
      expect(answerCause(answered, { ...answer, ...change }).answer).toEqual({ ...answer, ...change });
    expect(answerCause(taken, answer)).toBe(taken);
    expect(answerCause(closed, answer)).toBe(closed);
    expect(takeCause(answered, 'c-g1', 2)).toEqual(taken);
    expect(mergeCause(STREAM, answered, [person(9)])?.answer).toBeUndefined();
    expect(settleFacts(answered, [age(7)]).answer).toEqual(answer);
    expect(settleFacts(answered, two.facts).answer).toBeUndefined();
  });

  const step = fc.oneof(
    fc.array(anyFact, { maxLength: 4 }).map((facts) => (cause?: Cause) => mergeCause(STREAM, cause, facts)),
    fc.array(anyFact, { maxLength: 4 }).map((facts) => (cause?: Cause) => cause && settleFacts(cause, facts)),
    fc.tuple(fc.constantFrom('c-g1', 'd-g1'), fc.nat({ max: 6 })).map(
      ([id, version]) =>
        (cause?: Cause) =>
          cause && takeCause(cause, id, version),
    ),
    fc.constantFrom('c-g1', 'd-g1').map((id) => (cause?: Cause) => cause && reopenCause(cause, id)),
  );

  test('after any operations no fact is kept twice, an empty cause is closed, a taken one has an owner, and none gets older', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let cause: Cause | undefined;
        for (const next of steps) {
          const after = next(cause);
          if (!after) continue;
          expect(after.version).toBeGreaterThanOrEqual(cause?.version ?? 1);
          expect(new Set(after.facts.map(factKey)).size).toBe(after.facts.length);
          expect(after.state === 'closed').toBe(after.facts.length === 0);
          expect(after.state === 'taken').toBe(after.takenBy !== undefined);
          if (after.facts.length > 0)
            expect(after.sinceEpochMs).toBe(Math.min(...after.facts.map((fact) => fact.sinceEpochMs)));
          cause = after;
        }
      }),
      runs,
    );
  });
});

describe('parents that move', () => {
  const moved = (head: string, sinceEpochMs: number, parent = 'base'): ParentMovedFact => ({
    ...{ kind: 'parent-moved', ruleId: 'parent-moved', parent, head: digestOf(head), sinceEpochMs },
  });

  test('the last head of each counts, and the stream waits since the first move', () => {
    const first = mergeMoved(STREAM, undefined, [moved('a', 5)]);
    expect(first).toMatchObject({ state: 'open', version: 1, facts: [moved('a', 5)] });
    const second = mergeMoved(STREAM, first, [moved('b', 9)]);
    expect(second).toMatchObject({ state: 'open', version: 2, facts: [moved('b', 5)], sinceEpochMs: 5 });
    expect(mergeMoved(STREAM, second, [moved('b', 12)])).toBe(second);
  });

  test('a thousand moves are one fact', () => {
    let cause: Cause | undefined;
    for (let n = 0; n < 1000; n += 1) cause = mergeMoved(STREAM, cause, [moved(`head ${n}`, n)]);
    expect(cause).toMatchObject({ version: 1000, facts: [moved('head 999', 0)] });
  });

  test('other facts and other parents stay', () => {
    const before = mergeCause(STREAM, undefined, [finding('CVE-1', 1), moved('a', 2), moved('a', 3, 'other')]);
    expect(mergeMoved(STREAM, before, [moved('b', 9)])?.facts).toEqual(
      expect.arrayContaining([finding('CVE-1', 1), moved('b', 2), moved('a', 3, 'other')]),
    );
  });

  test('a taken cause is open again, because its cascade may have begun with the old head', () => {
    const open = mergeMoved(STREAM, undefined, [moved('a', 1)]) as Cause;
    const taken = takeCause(open, 'c-g1', 1);
    expect(mergeMoved(STREAM, taken, [moved('a', 4)])).toBe(taken);
    expect(mergeMoved(STREAM, taken, [moved('b', 4)])).toMatchObject({ state: 'open', version: 2 });
  });
});
