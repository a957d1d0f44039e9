import { type CauseFact, mergeFacts } from '../../../../shared/domain/cause/cause.ts';
import {
  cascadeIdOf,
  emptyHistory,
  generationOf,
  isStale,
  type RebuildHistory,
  type RebuildOutcome,
  type SurvivedFact,
} from '../../../../shared/domain/cause/rebuild.ts';
import { type GuardInputs, mayRebuild } from '../../../../shared/domain/guard/guard.ts';
import {
  afterBreakOff,
  afterCascade,
  afterOutcome,
  afterReset,
  afterRollout,
  type RebuildEnd,
} from '../../../../shared/domain/guard/rebuild-history.ts';
import { afterSettled } from '../../../../shared/domain/guard/tries.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, HOUR, NOW, runs } from '../arbitraries.ts';
import { movedFact } from '../plan/tier-plans.ts';
import { ageFact, anyFact, findingFact, guardInputs, lock, personFact, SETTINGS, STREAM } from '../rollout/acting.ts';

const fact = findingFact();
const trial = findingFact('CVE-2', { fix: 'unknown' });
const facts: readonly CauseFact[] = [fact, trial, ageFact, personFact()];
const end = (outcome: RebuildOutcome, changes: Partial<RebuildEnd> = {}): RebuildEnd => ({
  rebuild: { rebuildId: 'rebuild-9', cascadeId: 'c-g3', facts },
  outcome,
  atEpochMs: NOW,
  ...changes,
});
const before: RebuildHistory = {
  ...{ stream: STREAM, generation: 3, failuresInARow: 2, lastStartedAtEpochMs: NOW - HOUR },
  survived: [
    { fact: 'finding', kind: 'trial', vulnerability: 'CVE-2', package: 'openssl', version: '2.9', atEpochMs: 1 },
    { fact: 'finding', kind: 'rebuild', vulnerability: 'CVE-9', package: 'zlib', version: '1', atEpochMs: 1 },
    { fact: 'age', kind: 'rebuild', atEpochMs: 1 },
  ],
};
const [, elsewhere] = before.survived;
const leftOnce: SurvivedFact = {
  ...{ fact: 'finding', kind: 'rebuild', vulnerability: 'CVE-1', package: 'openssl', version: '3.0', atEpochMs: 1 },
};
const reason = 'because';

test.each<[string, RebuildOutcome, number]>([
  ['fixed', { result: 'fixed' }, 0],
  ['ineffective', { result: 'ineffective', left: [trial] }, 0],
  ['worse', { result: 'worse', added: [fact] }, 3],
  ['unverified', { result: 'unverified', reason }, 2],
  ['no output', { result: 'no-output', reason }, 3],
  ['failed', { result: 'failed', reason }, 3],
])('%s: %p leaves so many failures in a row', (_, outcome, failuresInARow) => {
  const after = afterOutcome(before, end(outcome));
  expect(after).toMatchObject({ failuresInARow, generation: 4, lastEndedAtEpochMs: NOW });
  expect(after.lastStartedAtEpochMs).toBe(NOW - HOUR);
});

test.each<[string, RebuildOutcome, boolean]>([
  ['it is', { result: 'fixed' }, true],
  ['beside findings that are left', { result: 'ineffective', left: [fact] }, true],
  ['it was not verified', { result: 'unverified', reason }, false],
])('a rebuild that made the same layers again is a trial of their age: %s', (_, outcome, isRemembered) => {
  const rebuild = { rebuildId: 'rebuild-9', cascadeId: 'c-g3', facts, reconfirms: true } as const;
  const { survived } = afterOutcome(before, end(outcome, { rebuild }));
  const ages = survived.filter((one) => one.fact === 'age');
  expect(ages).toEqual(isRemembered ? [{ fact: 'age', kind: 'trial', atEpochMs: NOW }] : [before.survived[2]]);
});

test('an age that stays the same for months never exhausts the attempts', () => {
  let history = emptyHistory(STREAM);
  for (let month = 1; month <= 12; month += 1) {
    const atEpochMs = NOW + month * 30 * DAY;
    const asked = (dayAfter: number) =>
      mayRebuild(
        guardInputs({ history, facts: [ageFact], parentHead: digestOf('base') }),
        SETTINGS,
        atEpochMs + dayAfter * DAY,
      );
    expect(asked(0)).toMatchObject({ answer: 'allow' });
    const rebuild = { rebuildId: `r-${month}`, cascadeId: `c-g${month}`, facts: [ageFact], reconfirms: true } as const;
    history = afterOutcome(history, { rebuild, outcome: { result: 'fixed' }, parentHead: digestOf('base'), atEpochMs });
    expect(asked(1)).toMatchObject({
      answer: 'refuse',
      reason: 'would-not-help',
      recheckAtEpochMs: atEpochMs + 7 * DAY,
    });
    expect(history.failuresInARow).toBe(0);
  }
});

test('a fixed fact is removed, other facts stay', () => {
  expect(afterOutcome(before, end({ result: 'fixed' })).survived).toEqual([elsewhere]);
});

test.each<[string, Partial<RebuildHistory>, Partial<RebuildEnd>, number]>([
  ['on no parent that is known', {}, {}, 3],
  [
    'on the same parent',
    { survived: [{ ...leftOnce, parentHead: digestOf('parent') }] },
    { parentHead: digestOf('parent') },
    3,
  ],
  [
    'on another parent',
    { survived: [{ ...leftOnce, parentHead: digestOf('parent') }] },
    { parentHead: digestOf('newer') },
    0,
  ],
  ['by a trial only', { survived: [{ ...leftOnce, kind: 'trial' }] }, {}, 0],
])('a fact that was left before, %s, and is left again: %p', (_, changes, ended, failuresInARow) => {
  const known = { ...before, survived: [leftOnce], ...changes };
  expect(afterOutcome(known, end({ result: 'ineffective', left: [fact] }, ended)).failuresInARow).toBe(failuresInARow);
});

test('a rebuild that leaves one more fact is no repetition', () => {
  const known = { ...before, survived: [leftOnce] };
  const left = [fact, findingFact('CVE-3')];
  expect(afterOutcome(known, end({ result: 'ineffective', left })).failuresInARow).toBe(0);
});

test('a remaining fact is stored in its current form, with its parent', () => {
  const parentHead = digestOf('parent');
  const at = { atEpochMs: NOW, parentHead };
  const left = [ageFact, fact, trial];
  expect(afterOutcome(before, end({ result: 'ineffective', left }, { parentHead })).survived).toEqual([
    elsewhere,
    { fact: 'age', kind: 'rebuild', ...at },
    { fact: 'finding', kind: 'rebuild', vulnerability: 'CVE-1', package: 'openssl', version: '3.0', ...at },
    { fact: 'finding', kind: 'trial', vulnerability: 'CVE-2', package: 'openssl', version: '3.0', ...at },
  ]);
});

test.each<RebuildOutcome>([
  { result: 'worse', added: [fact] },
  { result: 'unverified', reason },
  { result: 'no-output', reason },
  { result: 'failed', reason },
])('an unjudged rebuild says nothing of the facts: %p', (outcome) => {
  expect(afterOutcome(before, end(outcome)).survived).toEqual(before.survived);
});

test('an end reported twice counts once', () => {
  const after = afterOutcome(before, end({ result: 'failed', reason }));
  expect(afterOutcome(after, end({ result: 'failed', reason }))).toBe(after);
  expect(afterOutcome(after, end({ result: 'fixed' }))).toBe(after);
});

test('an end settles whether the rebuild was started', () => {
  const startUnknown = { rebuildId: 'rebuild-9', untilEpochMs: NOW + HOUR };
  const failed = end({ result: 'failed', reason });
  expect(afterOutcome({ ...before, startUnknown }, failed).startUnknown).toBeUndefined();
  const another = { ...startUnknown, rebuildId: 'rebuild-8' };
  expect(afterOutcome({ ...before, startUnknown: another }, failed).startUnknown).toEqual(another);
});

test('a pinned parent stays until a judged rebuild picked up its parent', () => {
  const pinnedTo = [{ stream: 'parent', head: digestOf('parent') }];
  const older = [{ stream: 'parent', head: digestOf('older') }];
  const pinned = { ...before, pinnedTo: older };
  expect(afterOutcome(before, end({ result: 'fixed' }, { pinnedTo })).pinnedTo).toEqual(pinnedTo);
  expect(afterOutcome(pinned, end({ result: 'fixed' })).pinnedTo).toBeUndefined();
  expect(afterOutcome(pinned, end({ result: 'failed', reason })).pinnedTo).toEqual(older);
});

test('the name of an ended cascade is never reused, after any number of reports of its end', () => {
  expect(afterCascade(before, 'c-g3').generation).toBe(4);
  expect(afterCascade(afterCascade(before, 'c-g3'), 'c-g3').generation).toBe(4);
  expect(afterCascade(before, 'c-g2').generation).toBe(3);
  expect(afterCascade(before, 'c-g7').generation).toBe(8);
  expect(generationOf(cascadeIdOf([{ stream: STREAM, version: 1 }], 12))).toBe(12);
  expect(generationOf('no name of ours')).toBe(0);
});

describe('cascades without progress for the stream', () => {
  const once = afterBreakOff(before, 'c-g3', NOW);
  const twice = afterBreakOff(once, 'c-g4', NOW + 1);

  test('are counted once each, and no name is reused', () => {
    expect(once).toEqual({
      ...{ ...before, generation: 4 },
      brokenOff: { inARow: 1, cascadeId: 'c-g3', atEpochMs: NOW },
    });
    expect(afterBreakOff(once, 'c-g3', NOW + HOUR)).toBe(once);
    expect(twice).toMatchObject({ generation: 5, brokenOff: { inARow: 2, cascadeId: 'c-g4', atEpochMs: NOW + 1 } });
  });

  test('keep why the dispatcher built nothing, and are a new row after two days', () => {
    const { brokenOff } = afterBreakOff(twice, 'c-g5', NOW + 1 + 2 * DAY - 1, 'The head moved.');
    expect(brokenOff).toMatchObject({ inARow: 3, notBuilt: 'The head moved.' });
    expect(afterBreakOff(twice, 'c-g5', NOW + 1 + 2 * DAY).brokenOff).toMatchObject({ inARow: 1 });
  });

  test.each<RebuildOutcome>([
    { result: 'fixed' },
    { result: 'ineffective', left: [trial] },
    { result: 'worse', added: [fact] },
    { result: 'unverified', reason },
    { result: 'no-output', reason },
    { result: 'failed', reason },
  ])('count no more once a rebuild ended: %p', (outcome) => {
    expect(afterOutcome(twice, end(outcome)).brokenOff).toBeUndefined();
  });

  test('no longer count after a complete rollout or a reset', () => {
    const { brokenOff, ...kept } = twice;
    expect(afterRollout(twice)).toEqual(kept);
    expect(afterRollout(before)).toBe(before);
    expect(afterReset(twice, { by: 'jo', atEpochMs: NOW, reason }).brokenOff).toBeUndefined();
  });

  test('keep counting when a rebuild ends that never began', () => {
    expect(afterCascade(twice, 'c-g9').brokenOff).toEqual(twice.brokenOff);
  });
});

test('a reset allows a rebuild at once, records who did it, and starts a new generation', () => {
  const reset = { by: 'jo', atEpochMs: NOW, reason: 'the pipeline is fixed' };
  const held: RebuildHistory = {
    ...{
      ...before,
      failuresInARow: 3,
      lastEndedAtEpochMs: NOW - 1,
      pinnedTo: [{ stream: 'parent', head: digestOf('parent') }],
    },
    ...{ startUnknown: { rebuildId: 'r', untilEpochMs: NOW + 1 }, lastSettledRebuildId: 'rebuild-9' },
  };
  const after = afterReset(held, reset);
  expect(after).toEqual({
    ...{ stream: STREAM, generation: 4, failuresInARow: 0, survived: [], lastSettledRebuildId: 'rebuild-9', reset },
  });
  expect(mayRebuild(guardInputs({ history: after }), SETTINGS, NOW).answer).toBe('allow');
});

const anyOutcome: fc.Arbitrary<RebuildOutcome> = fc.oneof(
  fc.constant({ result: 'fixed' as const }),
  fc
    .array(anyFact, { minLength: 1, maxLength: 3 })
    .map((left) => ({ result: 'ineffective' as const, left: mergeFacts(left) })),
  fc.constantFrom('unverified', 'no-output', 'failed').map((result) => ({ result, reason }) as RebuildOutcome),
);

const nameOf = (one: CauseFact): string => (one.kind === 'finding' ? one.vulnerability : one.kind);
const isNoTrial = (one: CauseFact): boolean => one.kind === 'age' || (one.kind === 'finding' && one.fix !== 'unknown');
const isFailure = (outcome: RebuildOutcome, leftBefore: ReadonlySet<string>): boolean =>
  outcome.result === 'ineffective'
    ? outcome.left.every((one) => leftBefore.has(nameOf(one)))
    : outcome.result !== 'fixed';

test('a surviving fact is not rebuilt at once, and three failures in a row are the last', () => {
  fc.assert(
    fc.property(fc.array(anyOutcome, { maxLength: 6 }), (outcomes) => {
      let history = emptyHistory(STREAM);
      let nowEpochMs = NOW;
      let inARow = 0;
      let tries = 0;
      const leftBefore = new Set<string>();
      for (const [number, outcome] of outcomes.entries()) {
        const left = outcome.result === 'ineffective' ? outcome.left : [findingFact('CVE-99')];
        const rebuild = { rebuildId: `rebuild-${number}`, cascadeId: `c-g${number + 1}`, facts: left };
        history = afterOutcome(history, { rebuild, outcome, atEpochMs: nowEpochMs });
        nowEpochMs += DAY;
        if (outcome.result !== 'unverified') inARow = isFailure(outcome, leftBefore) ? inARow + 1 : 0;
        if (outcome.result === 'ineffective') for (const one of left) leftBefore.delete(nameOf(one));
        if (outcome.result === 'ineffective') for (const one of left.filter(isNoTrial)) leftBefore.add(nameOf(one));
        const { answer } = mayRebuild(guardInputs({ history, facts: left }), SETTINGS, nowEpochMs);
        if (outcome.result !== 'ineffective') tries = outcome.result === 'fixed' ? 0 : tries + 1;
        const isMendable = outcome.result !== 'ineffective' || left.some(({ kind }) => kind === 'person');
        expect(answer === 'allow').toBe(inARow < 3 && isMendable && (outcome.result === 'ineffective' || tries < 3));
        expect(history.generation).toBe(number + 2);
      }
    }),
    runs,
  );
});

test.each<[string, boolean, Parameters<typeof isStale>[1]['build'], number, boolean]>([
  ['its cascade runs', true, 'failed', NOW, false],
  ['its cascade runs, past the deadline', true, 'running', NOW + DAY, false],
  ['its build runs', false, 'running', NOW, false],
  ['its build waits for a person', false, 'waiting-approval', NOW, false],
  ['its build cannot be asked', false, undefined, NOW, false],
  ['its build cannot be asked, at the deadline', false, undefined, NOW + HOUR, false],
  ['its build cannot be asked, past the deadline', false, undefined, NOW + HOUR + 1, true],
  ['its build runs, past the deadline', false, 'running', NOW + HOUR + 1, true],
  ['its build is over', false, 'succeeded', NOW, true],
  ['its build was superseded', false, 'superseded', NOW, true],
  ['its build is not known', false, 'unknown', NOW, true],
])('a lock: %s', (_, isExecutionRunning, build, nowEpochMs, expected) => {
  expect(isStale(lock('c-g1'), { isExecutionRunning, build }, nowEpochMs)).toBe(expected);
});

test('worse outputs stop further rebuilds on the same parents, and not on a new head of a parent', () => {
  const moved = movedFact('base');
  const worse = (parents: string, history: RebuildHistory, n: number): RebuildHistory =>
    afterOutcome(history, {
      ...end({ result: 'worse', added: [fact] }),
      rebuild: { rebuildId: `rebuild-${n}`, cascadeId: `c-g${n}`, facts: [moved], parents },
    });
  const history = [1, 2, 3].reduce((known, n) => worse('base=1', known, n), emptyHistory(STREAM));
  const answerOn = (parents: string) =>
    mayRebuild(guardInputs({ facts: [moved], history, parents }), SETTINGS, NOW + DAY);
  expect(answerOn('base=1')).toMatchObject({ answer: 'refuse', reason: 'attempts-exhausted' });
  expect(answerOn('base=2')).toMatchObject({ answer: 'allow' });
});

describe('a build that alternates between two images, each with a finding that the other lacks', () => {
  const [one, other] = [findingFact('CVE-1'), findingFact('CVE-3')];
  /** The planner then settles the fact that the new head no longer has. */
  const worse = (known: RebuildHistory, n: number, parents?: string): RebuildHistory => {
    const [asked, added] = n % 2 === 1 ? [one, other] : [other, one];
    const rebuild = { rebuildId: `rebuild-${n}`, cascadeId: `c-g${n}`, facts: [asked], ...(parents && { parents }) };
    return afterSettled(afterOutcome(known, { ...end({ result: 'worse', added: [added] }), rebuild }), [asked]);
  };
  const answer = (history: RebuildHistory, changes: Partial<GuardInputs> = {}) =>
    mayRebuild(guardInputs({ facts: [other], history, ...changes }), SETTINGS, NOW + 30 * DAY);
  const numbers = Array.from({ length: SETTINGS.attempts }, (_, n) => n + 1);

  test.each([undefined, 'base=1'])('is built as often as the policy allows on the same parents: %s', (parents) => {
    const on = parents === undefined ? {} : { parents };
    const histories = numbers.map((last) =>
      numbers.slice(0, last).reduce((known, n) => worse(known, n, parents), emptyHistory(STREAM)),
    );
    expect(histories.map((history) => answer(history, on).answer)).toEqual(['allow', 'allow', 'refuse']);
    const history = histories.at(-1) ?? emptyHistory(STREAM);
    expect(answer(history, on)).toMatchObject({
      reason: 'attempts-exhausted',
      detail: expect.stringContaining(
        '3 rebuilds on the same parents made no better image: each was worse than the head',
      ),
    });
    expect(answer(history, { ...on, facts: [personFact()] })).toMatchObject({ answer: 'allow' });
    expect(answer(history, { parents: 'base=2' })).toMatchObject({ answer: 'allow' });
    expect(answer(afterReset(history, { by: 'ann', atEpochMs: NOW, reason })).answer).toBe('allow');
  });

  test.each<[string, RebuildOutcome, Partial<RebuildEnd>, string]>([
    ['is built anew after one that fixes all', { result: 'fixed' }, {}, 'allow'],
    ['is not built anew after one that cannot be used', { result: 'fixed' }, { isUnused: true }, 'refuse'],
    ['is not built anew after one that fixes nothing', { result: 'ineffective', left: [one] }, {}, 'refuse'],
  ])('%s', (_, outcome, changes, expected) => {
    const history = numbers.reduce((known, n) => worse(known, n), emptyHistory(STREAM));
    const rebuild = { rebuildId: 'rebuild-10', cascadeId: 'c-g10', facts: [one] };
    expect(answer(afterOutcome(history, { ...end(outcome, changes), rebuild })).answer).toBe(expected);
  });
});

test('a worse output of a manual request counts as a failure in a row', () => {
  const { failuresInARow } = afterOutcome(emptyHistory(STREAM), end({ result: 'worse', added: [fact] }));
  expect(failuresInARow).toBe(1);
});

test('facts that a rebuild did not fix block the next rebuild on the parent that the output shows, and on the assumed parent', () => {
  const [seeming, shown] = [digestOf('seeming parent'), digestOf('shown parent')];
  const rebuild = { ...end({ result: 'ineffective', left: [fact] }).rebuild, facts: [fact], promotes: true as const };
  const builtOn = { parents: `base ${shown}`, parentHead: shown };
  const history = afterOutcome(emptyHistory(STREAM), {
    ...end({ result: 'ineffective', left: [fact] }, { parentHead: shown }),
    rebuild: { ...rebuild, parents: `base ${seeming}`, parentHead: seeming, builtOn },
  });
  const answerOn = (parentHead: Digest) =>
    mayRebuild(guardInputs({ facts: [fact], history, parentHead }), SETTINGS, NOW + 30 * DAY).answer;
  expect([seeming, shown, digestOf('another parent')].map(answerOn)).toEqual(['refuse', 'refuse', 'allow']);
});
