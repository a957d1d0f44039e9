import { type CauseFact, mergeFacts } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory, type RebuildHistory, type RebuildOutcome } from '../../../../shared/domain/cause/rebuild.ts';
import { dropUnfixable } from '../../../../shared/domain/guard/guard-facts.ts';
import { afterOutcome } from '../../../../shared/domain/guard/rebuild-history.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { planCascade } from '../../../../shared/domain/plan/plan.ts';
import type { PlannedStream } from '../../../../shared/domain/plan/plan-model.ts';
import { DAY, digestOf, HOUR, NOW } from '../arbitraries.ts';
import {
  ageFact,
  CONTEXT,
  causeOf,
  findingFact,
  looked,
  MINUTE,
  planned,
  reasonOf,
  SETTINGS,
  STREAM,
} from '../rollout/acting.ts';

/* A stream whose head never gets any better, driven over weeks: its planner wakes every quarter of an hour. */

const WEEK = 7 * DAY;
const UNVERIFIED: RebuildOutcome = { result: 'unverified', reason: 'no complete scan' };
const FAILED: RebuildOutcome = { result: 'failed', reason: 'exit 1' };
const ineffective = (...left: CauseFact[]): RebuildOutcome => ({ result: 'ineffective', left: mergeFacts(left) });

interface Course {
  /** When each build began. */
  readonly builds: readonly number[];
  /** Why nothing was planned, at the end. */
  readonly answer: ReturnType<typeof answerOf>;
  readonly history: RebuildHistory;
}

interface Drive {
  readonly facts?: readonly CauseFact[];
  readonly forMs: number;
  readonly outcomes: (build: number) => RebuildOutcome;
  readonly coolDownMinutes?: number;
  readonly attempts?: number;
  /** From then on a fix of every finding is known. */
  readonly fixedFromMs?: number;
}

function drive({ facts: atFirst = [findingFact()], forMs, outcomes, fixedFromMs, ...settings }: Drive): Course {
  const context = { ...CONTEXT, guards: { ...SETTINGS, ...settings } };
  const facts = () =>
    atFirst.map((one) => (one.kind === 'finding' && isFixKnown() ? { ...one, fix: 'yes' as const } : one));
  const isFixKnown = () => fixedFromMs !== undefined && nowEpochMs >= NOW + fixedFromMs;
  const builds: number[] = [];
  let history = emptyHistory(STREAM);
  let nowEpochMs = NOW;
  let plan = planCascade([streamOf(facts(), history)], context, nowEpochMs);
  while (nowEpochMs < NOW + forMs) {
    const [node] = plan.nodes;
    if (node) {
      builds.push(nowEpochMs);
      history = { ...history, lastStartedAtEpochMs: nowEpochMs };
      nowEpochMs += 10 * MINUTE + (outcomes(builds.length).result === 'unverified' ? 2 * HOUR : 0);
      const rebuild = { rebuildId: `rebuild-${builds.length}`, cascadeId: node.cascadeId, facts: node.facts };
      history = afterOutcome(history, { rebuild, outcome: outcomes(builds.length), atEpochMs: nowEpochMs });
    }
    nowEpochMs += 15 * MINUTE;
    plan = planCascade([streamOf(facts(), history)], context, nowEpochMs);
  }
  return { builds, history, answer: answerOf(plan) };
}

const streamOf = (facts: readonly CauseFact[], history: RebuildHistory): PlannedStream =>
  planned({
    cause: causeOf(STREAM, ...facts),
    heads: [looked('head', ...facts.map((fact) => reasonOf(fact)))],
    history,
  });

const answerOf = ({ answers }: ReturnType<typeof planCascade>) => answers.get(STREAM);

describe('an output whose scans never complete, while its tag still has the cause', () => {
  test.each([60, 0])(
    'is built less and less often, finally once a day, with the reason: cool-down of %d minutes',
    (minutes) => {
      const { builds, answer, history } = drive({
        forMs: 2 * WEEK,
        outcomes: () => UNVERIFIED,
        coolDownMinutes: minutes,
        attempts: 100,
      });
      expect(builds.filter((at) => at < NOW + WEEK).length).toBeLessThanOrEqual(15);
      expect(builds.filter((at) => at >= NOW + WEEK).length).toBeLessThanOrEqual(7);
      expect(builds.length).toBeGreaterThan(7);
      expect(history.failuresInARow).toBe(0);
      expect(answer).toMatchObject({ answer: 'wait', reason: 'cool-down' });
      expect(answer?.detail).toContain(`${builds.length} rebuilds in a row could not be verified`);
    },
  );

  test('is built at the normal rate again after another outcome', () => {
    const outcomes = (build: number) => (build === 5 ? FAILED : UNVERIFIED);
    const course = drive({ forMs: 3 * DAY, outcomes, attempts: 100 });
    const gaps = course.builds.map((at, n) => at - (course.builds[n - 1] ?? at));
    expect(gaps[5]).toBeLessThan(2 * HOUR);
    expect(gaps[4]).toBeGreaterThan(8 * HOUR);
  });

  test('is built as often as the policy allows, over any time', () => {
    const { builds, answer, history } = drive({ forMs: 12 * WEEK, outcomes: () => UNVERIFIED });
    expect(builds).toHaveLength(SETTINGS.attempts);
    expect(history.failuresInARow).toBe(0);
    expect(answer).toMatchObject({ answer: 'refuse', reason: 'attempts-exhausted' });
    expect(answer?.detail).toContain('3 rebuilds on the same parents did not fix CVE-1 in openssl 3.0');
  });
});

describe('a fact that no rebuild fixes, with an unknown parent', () => {
  test.each<[string, CauseFact]>([
    ['a finding', findingFact()],
    ['the age', ageFact],
  ])('%s: is tried again after a week, as often as the policy allows', (_, fact) => {
    const { builds, answer } = drive({ facts: [fact], forMs: 12 * WEEK, outcomes: () => ineffective(fact) });
    expect(builds).toHaveLength(SETTINGS.attempts);
    expect(answer).toMatchObject({ answer: 'refuse', reason: 'ineffective' });
  });

  test('also where builds fail in between', () => {
    const outcomes = (build: number) => (build % 3 === 0 ? ineffective(findingFact()) : FAILED);
    const { builds, answer } = drive({ forMs: 12 * WEEK, outcomes });
    expect(builds).toHaveLength(SETTINGS.attempts);
    expect(answer).toMatchObject({ answer: 'refuse', reason: 'ineffective' });
  });

  describe('a trial', () => {
    const trial = findingFact('CVE-2', { fix: 'unknown' });
    /** Every build stamps a version of its own. */
    const stamped = (build: number) => ineffective({ ...trial, version: `3.0-build.${build}` });

    test('is repeated after a week, and one rebuild is kept for a published fix', () => {
      const { builds, history, answer } = drive({
        facts: [trial],
        forMs: 12 * WEEK,
        outcomes: () => ineffective(trial),
      });
      expect(builds).toHaveLength(SETTINGS.attempts - 1);
      expect(history.failuresInARow).toBe(0);
      expect(answer).toMatchObject({ answer: 'refuse', reason: 'no-fix-seen' });
      expect(answer).not.toHaveProperty('recheckAtEpochMs');
      const known = drive({
        facts: [trial],
        forMs: 12 * WEEK,
        fixedFromMs: 4 * WEEK,
        outcomes: () => ineffective(trial),
      });
      expect(known.builds).toHaveLength(SETTINGS.attempts);
      expect(known.builds.at(-1)).toBeGreaterThan(NOW + 4 * WEEK);
    });

    test('with only failing runs is repeated as often as the policy allows, then a person is needed', () => {
      const { builds, history, answer } = drive({ facts: [trial], forMs: 12 * WEEK, outcomes: () => FAILED });
      expect(builds).toHaveLength(SETTINGS.attempts);
      expect(history.failuresInARow).toBe(SETTINGS.attempts);
      expect(answer).toMatchObject({ answer: 'refuse', reason: 'attempts-exhausted' });
    });

    test('needs a person if failed runs left no rebuild for a published fix', () => {
      const outcomes = (build: number) => (build < SETTINGS.attempts ? FAILED : ineffective(trial));
      const unknown = drive({ facts: [trial], forMs: 12 * WEEK, outcomes });
      expect(unknown.answer).toMatchObject({ answer: 'refuse', reason: 'no-fix-seen' });
      const known = drive({ facts: [trial], forMs: 12 * WEEK, fixedFromMs: 4 * WEEK, outcomes });
      expect(known.builds).toHaveLength(SETTINGS.attempts);
      expect(known.answer).toMatchObject({ answer: 'refuse', reason: 'attempts-exhausted' });
    });

    test('that failed on a new parent head proves nothing about an earlier head', () => {
      const survival = {
        fact: 'finding',
        kind: 'trial',
        vulnerability: 'CVE-2',
        package: 'openssl',
        version: '3.0',
      } as const;
      const history = {
        ...emptyHistory(STREAM),
        survived: [{ ...survival, parentHead: digestOf('a'), atEpochMs: NOW - 2 * WEEK }],
        tried: [{ parents: 'base=2', facts: [{ fact: 'CVE-2\nopenssl', builds: SETTINGS.attempts - 1 }] }],
      };
      const on = (parentHead: Digest) =>
        dropUnfixable([trial], { ...SETTINGS, history, parentHead, parents: 'base=2' }, NOW);
      expect(on(digestOf('b'))).toEqual({ fixable: [trial], dropped: [] });
      expect(on(digestOf('a'))).toMatchObject({ fixable: [], dropped: [{ reason: 'no-fix-seen' }] });
    });

    test('counts for every later version', () => {
      const { builds, answer } = drive({ facts: [trial], forMs: 3 * DAY, outcomes: stamped });
      expect(builds).toHaveLength(1);
      expect(answer).toMatchObject({ answer: 'refuse', reason: 'no-fix-seen' });
    });
  });

  test('another fact has its own tries', () => {
    const facts = [findingFact(), findingFact('CVE-3')];
    const { builds } = drive({ facts, forMs: 12 * WEEK, outcomes: () => ineffective(...facts) });
    expect(builds).toHaveLength(SETTINGS.attempts);
  });
});
