import { type CauseFact, factKey } from '../../../../shared/domain/cause/cause.ts';
import type { RebuildHistory, SurvivedFact } from '../../../../shared/domain/cause/rebuild.ts';
import { emptyHistory } from '../../../../shared/domain/cause/rebuild.ts';
import { type GuardInputs, mayDeploy, mayRebuild, pauseAfterBreakOff } from '../../../../shared/domain/guard/guard.ts';
import { afterBreakOff } from '../../../../shared/domain/guard/rebuild-history.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { type KillSwitch, unreadableSwitch } from '../../../../shared/domain/policy/kill-switch.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, HOUR, NOW, runs } from '../arbitraries.ts';
import {
  ageFact,
  anyGuardInputs,
  findingFact,
  guardInputs,
  lock,
  MINUTE,
  OTHER,
  PAUSED,
  personFact,
  SETTINGS,
  STREAM,
} from '../rollout/acting.ts';

const answerOf = (changes: Partial<GuardInputs>) => mayRebuild(guardInputs(changes), SETTINGS, NOW);
const answerText = (changes: Partial<GuardInputs>): string => {
  const answer = answerOf(changes);
  return answer.answer === 'allow' ? 'allow' : `${answer.answer} ${answer.reason}`;
};
const history = (changes: Partial<RebuildHistory>): Partial<GuardInputs> => ({
  history: { ...emptyHistory(STREAM), ...changes },
});
const [head, older] = [digestOf('parent head'), digestOf('older parent head')];
const survivor = (changes: Partial<SurvivedFact> = {}): SurvivedFact =>
  ({
    ...{ fact: 'finding', kind: 'rebuild', vulnerability: 'CVE-1', package: 'openssl', version: '3.0' },
    ...{ atEpochMs: NOW - DAY, ...changes },
  }) as SurvivedFact;
const survived = (...all: SurvivedFact[]) => history({ survived: all });
const unknownFix = { facts: [findingFact('CVE-1', { fix: 'unknown' })] };

const moved = (parent: string, head?: Digest): CauseFact => ({
  ...{ kind: 'parent-moved', ruleId: 'parent-moved', parent, sinceEpochMs: NOW - DAY },
  ...(head && { head }),
});

/** Each boundary on both sides. */
test.each<[string, string, Partial<GuardInputs>]>([
  ['allow', 'nothing is in the way', {}],
  ['wait paused', 'the kill switch is paused', { killSwitch: PAUSED }],
  ['wait paused', 'the policy pauses the stream', { mode: 'paused' }],
  ['refuse report-only', 'the policy says report-only', { mode: 'report-only' }],
  ['refuse no-pipeline', 'the policy names no pipeline', withoutPipeline()],
  ['allow', 'another stream below', { ancestors: [OTHER] }],
  ['refuse cycle', 'itself below', { ancestors: [OTHER, STREAM] }],
  ['allow', 'five streams on top of one another', { ancestors: ['a', 'b', 'c', 'd'] }],
  ['refuse depth', 'six streams on top of one another', { ancestors: ['a', 'b', 'c', 'd', 'e'] }],
  [
    'refuse start-unknown',
    'a start that may have been',
    history({ startUnknown: { rebuildId: 'r', untilEpochMs: NOW + 1 } }),
  ],
  ['allow', 'a start that cannot have been any more', history({ startUnknown: { rebuildId: 'r', untilEpochMs: NOW } })],
  ['wait already-open', "another cascade's lock", { lock: lock('other-g1') }],
  ['wait already-open', "another cascade's lock, for one that asks", { lock: lock('other-g1'), cascadeId: 'c-g1' }],
  ['wait already-open', 'a lock, where the planner asks', { lock: lock('c-g1') }],
  ['allow', 'its own lock', { lock: lock('c-g1'), cascadeId: 'c-g1' }],
  ['wait already-open', 'a node of another open cascade', { openCascadeId: 'other-g1' }],
  ['allow', 'a node of its own open cascade', { openCascadeId: 'c-g1', cascadeId: 'c-g1' }],
  [
    'wait waiting-approval',
    "another's build waits for a person",
    { lock: lock('other-g1'), lockBuild: 'waiting-approval' },
  ],
  ['wait already-open', "another's build runs", { lock: lock('other-g1'), lockBuild: 'running' }],
  ['allow', 'two failures in a row', history({ failuresInARow: 2 })],
  ['refuse attempts-exhausted', 'three failures in a row', history({ failuresInARow: 3 })],
  ['wait unknown-facts', 'nothing known to fix, something unknown', { facts: [], unknown: 'not scanned' }],
  ['allow', 'something known to fix, something unknown', { unknown: 'not scanned' }],
  [
    'wait unknown-facts',
    'nothing left to fix, something unknown',
    { facts: [findingFact('CVE-1', { fix: 'no' })], unknown: 'x' },
  ],
  ['refuse would-not-help', 'nothing to fix', { facts: [] }],
  ['refuse would-not-help', 'no fix', { facts: [findingFact('CVE-1', { fix: 'no' })] }],
  ['allow', 'no fix, and too old', { facts: [findingFact('CVE-1', { fix: 'no' }), ageFact] }],
  ['allow', 'no fix, and a person asks', { facts: [findingFact('CVE-1', { fix: 'no' }), personFact()] }],
  ['allow', 'no fix is known: a trial', unknownFix],
  ['wait unknown-facts', 'its candidate cannot be verified, also while it cools down', unscanned(NOW)],
  ['allow', 'a candidate cannot be verified, and there is more to fix', { ...unscanned(), facts: [ageFact] }],
  ['wait cool-down', 'it ended a moment less than an hour ago', history({ lastEndedAtEpochMs: NOW - HOUR + 1 })],
  ['allow', 'it ended an hour ago', history({ lastEndedAtEpochMs: NOW - HOUR })],
  ['wait cool-down', 'it began and its end is unknown', history({ lastStartedAtEpochMs: NOW - HOUR + 1 })],
  [
    'allow',
    'it cools down from itself',
    { ...history({ lastStartedAtEpochMs: NOW - 1 }), lock: lock('c-g1'), cascadeId: 'c-g1' },
  ],
  ['allow', 'a cascade ended early a moment ago', brokenOff(1, 0)],
  ['wait cool-down', 'a second one a moment less than 5 minutes ago', brokenOff(2, 5 * MINUTE - 1)],
  ['allow', 'a second one 5 minutes ago', brokenOff(2, 5 * MINUTE)],
  ['wait cool-down', 'a third one a moment less than 10 minutes ago', brokenOff(3, 10 * MINUTE - 1)],
  ['allow', 'a third one 10 minutes ago', brokenOff(3, 10 * MINUTE)],
  ['wait cool-down', 'a fifth one a moment less than 40 minutes ago', brokenOff(5, 40 * MINUTE - 1)],
  ['allow', 'a fifth one 40 minutes ago', brokenOff(5, 40 * MINUTE)],
  ['wait cool-down', 'a sixth one a moment less than an hour ago', brokenOff(6, HOUR - 1)],
  ['allow', 'a sixth one an hour ago', brokenOff(6, HOUR)],
  ['wait cool-down', 'a thousandth one a moment less than an hour ago', brokenOff(1000, HOUR - 1)],
  ['allow', 'a thousandth one an hour ago', brokenOff(1000, HOUR)],
  ['allow', 'a dispatcher did not build it a moment ago', notBuilt(1, 0)],
  ['wait cool-down', 'a second one a moment less than 5 minutes ago did not', notBuilt(2, 5 * MINUTE - 1)],
  ['allow', 'a second one 5 minutes ago did not', notBuilt(2, 5 * MINUTE)],
  ['wait cool-down', 'a sixth one a moment less than 80 minutes ago did not', notBuilt(6, 80 * MINUTE - 1)],
  ['wait cool-down', 'a thousandth one a moment less than a day ago did not', notBuilt(1000, DAY - 1)],
  ['allow', 'a thousandth one a day ago did not', notBuilt(1000, DAY)],
  [
    'allow',
    'it was often not built, and it began already',
    { ...notBuilt(9, 0), lock: lock('c-g1'), cascadeId: 'c-g1' },
  ],
  ['allow', 'others ended early, and it began already', { ...brokenOff(9, 0), lock: lock('c-g1'), cascadeId: 'c-g1' }],
  ['wait runner-limit', 'its pipeline is full', { runnerBusyUntilEpochMs: NOW + 1 }],
  ['allow', 'its pipeline was full', { runnerBusyUntilEpochMs: NOW }],
  ['wait cap-reached', 'no slot is free', { fullCaps: ['fleet'] }],
  ['allow', 'all caps have slots', { fullCaps: [] }],
])('%s: %s', (expected, _, changes) => {
  expect(answerText(changes)).toBe(expected);
});

function brokenOff(inARow: number, agoMs: number): Partial<GuardInputs> {
  return history({ brokenOff: { inARow, cascadeId: 'c-g0', atEpochMs: NOW - agoMs } });
}

function notBuilt(inARow: number, agoMs: number): Partial<GuardInputs> {
  return history({ brokenOff: { inARow, cascadeId: 'c-g0', atEpochMs: NOW - agoMs, notBuilt: 'The head moved.' } });
}

test('the pause names the last cascade and why it did not build the stream; a deployment does not wait for it', () => {
  const answer = mayRebuild(guardInputs(notBuilt(3, MINUTE)), SETTINGS, NOW);
  const detail = expect.stringMatching(
    /^3 cascades in a row .* The last was c-g0 .*: The head moved\. .*patchwave reset/,
  );
  expect(answer).toMatchObject({ answer: 'wait', detail, recheckAtEpochMs: NOW + 9 * MINUTE });
  expect(pauseAfterBreakOff(guardInputs(notBuilt(3, MINUTE)).history, SETTINGS, NOW)).toBeUndefined();
});

function unscanned(lastEndedAtEpochMs = NOW - DAY): Partial<GuardInputs> {
  const { facts, headDigest, parents } = guardInputs({});
  const candidate = { rebuildId: 'r1', headBefore: headDigest, parents, facts: facts.map(factKey) };
  return {
    ...history({ lastEndedAtEpochMs, unscanned: JSON.parse(JSON.stringify(candidate)) }),
    uncoveredCandidate: 'the scan of it covers too little',
  };
}

function withoutPipeline(): Partial<GuardInputs> {
  return { pipeline: undefined } as unknown as Partial<GuardInputs>;
}

test('a stream without a rule is refused as not-in-policy in every mode', () => {
  const inputs = guardInputs({ isNamed: false, mode: 'report-only' });
  expect(mayRebuild(inputs, SETTINGS, NOW)).toMatchObject({ answer: 'refuse', reason: 'not-in-policy' });
  expect(mayDeploy(inputs)).toMatchObject({ answer: 'refuse', reason: 'not-in-policy' });
  expect(mayDeploy({ ...inputs, killSwitch: PAUSED })).toMatchObject({ answer: 'wait', reason: 'paused' });
});

describe('a paused kill switch', () => {
  const detailOf = (killSwitch: KillSwitch) => mayDeploy({ ...guardInputs({}), killSwitch });

  test('names the person and the reason, with one full stop', () => {
    expect(detailOf({ ...PAUSED, by: 'jo', reason: 'A bad base.' })).toMatchObject({
      detail: 'jo paused Patchwave: A bad base. To resume: `patchwave resume`.',
    });
  });

  test('names no person if its item cannot be read', () => {
    expect(detailOf(unreadableSwitch('ledger item SWITCH / CURRENT: no `reason`'))).toMatchObject({
      ...{ answer: 'wait', reason: 'paused' },
      detail:
        'Patchwave is paused, because its kill switch cannot be read: ledger item SWITCH / CURRENT: no `reason`. To resume: `patchwave resume`. To keep the pause under your name: `patchwave pause`. Both write the switch anew.',
    });
  });
});

describe('a fact that a rebuild did not fix', () => {
  test.each<[string, string, Partial<GuardInputs>]>([
    ['refuse ineffective', 'on the same parent', { ...survived(survivor({ parentHead: head })), parentHead: head }],
    [
      'refuse ineffective',
      'on the same parent, long ago',
      { ...survived(survivor({ parentHead: head, atEpochMs: 1 })), parentHead: head },
    ],
    ['allow', 'on an older parent', { ...survived(survivor({ parentHead: older })), parentHead: head }],
    [
      'refuse ineffective',
      'whichever version it was',
      { ...survived(survivor({ version: '2.9', parentHead: head })), parentHead: head },
    ],
    ['allow', 'another vulnerability', survived(survivor({ vulnerability: 'CVE-2' }))],
    ['allow', 'another package', survived(survivor({ package: 'zlib' }))],
    [
      'refuse ineffective',
      'on an unknown parent, a moment less than 7 days ago',
      survived(survivor({ atEpochMs: NOW - 7 * DAY + 1 })),
    ],
    ['allow', 'on an unknown parent, 7 days ago', survived(survivor({ atEpochMs: NOW - 7 * DAY }))],
    ['refuse ineffective', 'on a parent that is known only now', { ...survived(survivor()), parentHead: head }],
    ['refuse ineffective', 'although no fix was known then', { ...survived(survivor()), ...unknownFix }],
    ['refuse no-fix-seen', 'a trial', { ...survived(survivor({ kind: 'trial' })), ...unknownFix }],
    [
      'refuse no-fix-seen',
      'a trial, a moment less than 7 days ago',
      { ...survived(survivor({ kind: 'trial', atEpochMs: NOW - 7 * DAY + 1 })), ...unknownFix },
    ],
    [
      'allow',
      'a trial 7 days ago',
      { ...survived(survivor({ kind: 'trial', atEpochMs: NOW - 7 * DAY })), ...unknownFix },
    ],
    [
      'allow',
      'a trial 7 days ago, on the same parent',
      {
        ...survived(survivor({ kind: 'trial', parentHead: head, atEpochMs: NOW - 7 * DAY })),
        parentHead: head,
        ...unknownFix,
      },
    ],
    [
      'allow',
      'a trial on an older parent',
      { ...survived(survivor({ kind: 'trial', parentHead: older })), parentHead: head, ...unknownFix },
    ],
    [
      'refuse no-fix-seen',
      'a trial of another version, as each build may stamp one',
      { ...survived(survivor({ kind: 'trial', version: '2.9' })), ...unknownFix },
    ],
    ['allow', 'a trial, and now a fix is known', survived(survivor({ kind: 'trial' }))],
    [
      'refuse ineffective',
      'age',
      { facts: [ageFact], ...survived({ fact: 'age', kind: 'rebuild', atEpochMs: NOW - DAY }) },
    ],
    [
      'allow',
      'age, 7 days ago',
      { facts: [ageFact], ...survived({ fact: 'age', kind: 'rebuild', atEpochMs: NOW - 7 * DAY }) },
    ],
    ['allow', 'age, but not this finding', survived({ fact: 'age', kind: 'rebuild', atEpochMs: NOW - DAY })],
    [
      'refuse parent-pinned',
      'a parent that was not picked up',
      { ...history({ pinnedTo: [{ stream: 'base', head }] }), parentHead: head },
    ],
    [
      'allow',
      'a parent that was not picked up, and moved on',
      { ...history({ pinnedTo: [{ stream: 'base', head: older }] }), parentHead: head },
    ],
    [
      'refuse parent-pinned',
      'one of several parents that was not picked up',
      { ...history({ pinnedTo: [{ stream: 'base', head }] }), facts: [moved('base', head)] },
    ],
    [
      'allow',
      'one of several parents that was not picked up, and another one moved',
      { ...history({ pinnedTo: [{ stream: 'base', head }] }), facts: [moved('other', head)] },
    ],
    [
      'allow',
      'a parent that was not picked up, and is built in the same cascade',
      { ...history({ pinnedTo: [{ stream: 'base', head }] }), facts: [moved('base')] },
    ],
    [
      'allow',
      'a pinned parent, and a person asks',
      { ...history({ pinnedTo: [{ stream: 'base', head }] }), parentHead: head, facts: [personFact()] },
    ],
  ])('%s: %s', (expected, _, changes) => {
    expect(answerText(changes)).toBe(expected);
  });

  test('facts drop out one by one, and the others may be rebuilt', () => {
    const [one, two] = [findingFact('CVE-1'), findingFact('CVE-2')];
    expect(answerOf({ facts: [one, two], ...survived(survivor()) })).toMatchObject({
      answer: 'allow',
      facts: [two],
      dropped: [{ fact: one, reason: 'ineffective' }],
    });
  });

  test('if all facts drop out, the most serious reason answers for all, until the first may be retried', () => {
    const facts = [findingFact('CVE-2', { fix: 'no' }), findingFact('CVE-3', { fix: 'unknown' }), findingFact('CVE-1')];
    const trial = survivor({ kind: 'trial', vulnerability: 'CVE-3', atEpochMs: NOW - 6 * DAY });
    expect(answerOf({ facts, ...survived(survivor(), trial) })).toEqual({
      answer: 'refuse',
      reason: 'ineffective',
      detail: expect.stringMatching(
        /did not fix CVE-1 in openssl 3\.0\. .* Patchwave does not rebuild for 2 other facts either\.$/,
      ),
      recheckAtEpochMs: NOW + DAY,
    });
  });
});

test.each<[string, Partial<GuardInputs>, number]>([
  ['cool-down', history({ lastEndedAtEpochMs: NOW - MINUTE }), NOW + 59 * MINUTE],
  ['cool-down', brokenOff(3, MINUTE), NOW + 9 * MINUTE],
  ['runner-limit', { runnerBusyUntilEpochMs: NOW + 5 }, NOW + 5],
  ['already-open', { lock: lock('other-g1', { deadlineEpochMs: NOW + 7 }) }, NOW + 7],
  ['start-unknown', history({ startUnknown: { rebuildId: 'r', untilEpochMs: NOW + 9 } }), NOW + 9],
])('%s says when the answer changes by itself', (reason, changes, recheckAtEpochMs) => {
  expect(answerOf(changes)).toMatchObject({ reason, recheckAtEpochMs });
});

test.each<[string, Partial<GuardInputs>, Partial<GuardInputs>]>([
  ['a pause over report-only', { killSwitch: PAUSED }, { mode: 'report-only' }],
  ['report-only over an open cascade', { mode: 'report-only' }, { lock: lock('other-g1') }],
  ['an open cascade over a missing pipeline', { lock: lock('other-g1') }, withoutPipeline()],
  ['a missing pipeline over failures', withoutPipeline(), history({ failuresInARow: 3 })],
  [
    'failures over what would not help',
    history({ failuresInARow: 3 }),
    { facts: [findingFact('CVE-1', { fix: 'no' })] },
  ],
  ['what would not help over full caps', { facts: [findingFact('CVE-1', { fix: 'no' })] }, { fullCaps: ['fleet'] }],
])('of two obstacles one answers: %s', (_, graver, other) => {
  expect(answerText({ ...other, ...graver })).toBe(answerText(graver));
});

test('no rebuild is allowed while paused or outside enforce; every answer gives the next step or time', () => {
  fc.assert(
    fc.property(anyGuardInputs, (inputs) => {
      const answer = mayRebuild(inputs, SETTINGS, NOW);
      if (answer.answer === 'allow') {
        expect(inputs.killSwitch.rebuilding).toBe('active');
        expect(inputs.mode).toBe('enforce');
        expect(answer.facts.length).toBeGreaterThan(0);
        expect(answer.facts.length + answer.dropped.length).toBe(inputs.facts.length);
      } else {
        expect(answer.detail.length).toBeGreaterThan(10);
        expect(answer.recheckAtEpochMs ?? NOW + 1).toBeGreaterThan(NOW);
      }
      if (mayDeploy(inputs) === undefined)
        expect([inputs.killSwitch.rebuilding, inputs.mode]).toEqual(['active', 'enforce']);
    }),
    { numRuns: 1000 },
  );
});

test('more facts never turn an allowed rebuild into a refused one', () => {
  fc.assert(
    fc.property(anyGuardInputs, anyGuardInputs, (one, other) => {
      const [less, more] = [one, { ...one, facts: [...one.facts, ...other.facts] }];
      if (mayRebuild(less, SETTINGS, NOW).answer === 'allow')
        expect(mayRebuild(more, SETTINGS, NOW).answer).toBe('allow');
    }),
    runs,
  );
});

test('a stream whose cascades all die at once is planned about thirty times a day, with any number of planner runs', () => {
  const anyCoolDown = fc.constantFrom(5, 7, 60, 600, 10_080);
  fc.assert(
    fc.property(anyCoolDown, fc.array(fc.nat({ max: 3 * MINUTE }), { minLength: 1 }), (coolDownMinutes, gaps) => {
      let held = emptyHistory(STREAM);
      let count = 0;
      for (let [nowEpochMs, turn] = [NOW, 0]; nowEpochMs < NOW + DAY; turn += 1) {
        if (
          mayRebuild(guardInputs({ history: held }), { ...SETTINGS, coolDownMinutes }, nowEpochMs).answer === 'allow'
        ) {
          count += 1;
          held = afterBreakOff(held, `c-g${held.generation}`, nowEpochMs);
        }
        nowEpochMs += (gaps[turn % gaps.length] ?? 0) + 1000;
      }
      // Two at once, then at most nine pauses that double within a day, then one for each full pause.
      expect(count).toBeLessThanOrEqual(2 + 9 + (24 * 60) / coolDownMinutes);
      expect(count).toBeGreaterThan(2);
    }),
    { numRuns: 50 },
  );
});

test.each<[string, Partial<GuardInputs>, string | undefined]>([
  ['nothing is in the way', {}, undefined],
  ['no pipeline is needed', withoutPipeline(), undefined],
  ['nor an attempt', history({ failuresInARow: 3 }), undefined],
  ['the kill switch', { killSwitch: PAUSED }, 'paused'],
  ['the mode', { mode: 'report-only' }, 'report-only'],
  ['another cascade', { openCascadeId: 'other-g1' }, 'already-open'],
])('what is built already may be rolled out: %s', (_, changes, reason) => {
  expect(mayDeploy(guardInputs(changes))?.reason).toBe(reason);
});
