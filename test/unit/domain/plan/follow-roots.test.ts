import { type CauseFact, factKey } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory } from '../../../../shared/domain/cause/rebuild.ts';
import type { PlanContext } from '../../../../shared/domain/plan/plan-model.ts';
import { NOW } from '../arbitraries.ts';
import { ageFact, findingFact, looked, personFact, SETTINGS } from '../rollout/acting.ts';
import { fact, other, planLines, planOf, type StreamSketch, type TierFleet } from './tier-plans.ts';

const has = [fact];
const cause = [fact];
const HAS: StreamSketch = { has, cause };
const base: StreamSketch = HAS;
const platform: StreamSketch = { on: ['base'], ...HAS };
const app: StreamSketch = { on: ['platform'], ...HAS };
const THREE: TierFleet = { base, platform, app };
const DIAMOND: TierFleet = {
  base,
  'platform-a': platform,
  'platform-b': platform,
  app: { ...app, on: ['platform-a', 'platform-b'] },
};

const without = { pipeline: undefined } as unknown as NonNullable<StreamSketch['but']>;
const exhausted = { history: { ...emptyHistory('x'), failuresInARow: 3 } };
const cooling = { history: { ...emptyHistory('x'), lastEndedAtEpochMs: NOW - 1 } };
const survived = (parentHead = {}) => ({
  history: {
    ...emptyHistory('x'),
    survived: [
      {
        fact: 'finding',
        kind: 'rebuild',
        vulnerability: 'CVE-1',
        package: 'openssl',
        version: '3.0',
        atEpochMs: NOW,
        ...parentHead,
      } as const,
    ],
  },
});

test.each<[string, TierFleet, readonly string[], Partial<PlanContext>?]>([
  [
    'base, platform and application, one after the other',
    THREE,
    ['base: 0 / CVE-1', 'platform: 1 base / CVE-1', 'app: 2 platform / CVE-1'],
  ],
  ['an application on a base', { base, app: { ...app, on: ['base'] } }, ['base: 0 / CVE-1', 'app: 1 base / CVE-1']],
  [
    'a diamond once',
    DIAMOND,
    [
      'base: 0 / CVE-1',
      'platform-a: 1 base / CVE-1',
      'platform-b: 1 base / CVE-1',
      'app: 2 platform-a platform-b / CVE-1',
    ],
  ],
  ['the platform, where the base is fixed', { ...THREE, base: {} }, ['platform: 0 / CVE-1', 'app: 1 platform / CVE-1']],
  ['the application, where all below is fixed', { ...THREE, base: {}, platform: { on: ['base'] } }, ['app: 0 / CVE-1']],
  [
    'apart, where what is between is fixed',
    { ...THREE, platform: { on: ['base'] } },
    ['app: 0 / CVE-1', 'base: 0 / CVE-1'],
  ],
  [
    'a base that has no cause of its own',
    { ...THREE, base: { has } },
    ['base: 0 / CVE-1', 'platform: 1 base / CVE-1', 'app: 2 platform / CVE-1'],
  ],
  [
    'what has no cause of its own and stands between',
    { ...THREE, platform: { on: ['base'], has } },
    ['base: 0 / CVE-1', 'platform: 1 base / CVE-1', 'app: 2 platform / CVE-1'],
  ],
  [
    'an application that runs and has no cause, for the same rule is none of its tier',
    { base, app: { on: ['base'], has } },
    ['base: 0 / CVE-1', 'app: 1 base / CVE-1'],
  ],
  ['no application that nothing runs', { base, app: { on: ['base'], has, idle: true } }, ['base: 0 / CVE-1']],
  [
    'one that nothing runs, where the policy says so',
    { base, app: { on: ['base'], has, idle: true } },
    ['base: 0 / CVE-1', 'app: 1 base / CVE-1'],
    { onlyApplicationsInUse: false },
  ],
  ['nothing that is free of it', { base, platform: { on: ['base'] }, app: { on: ['platform'] } }, ['base: 0 / CVE-1']],
  [
    'each with the facts that it holds',
    {
      base: { has: [fact, other], cause: [fact, other] },
      'platform-a': { on: ['base'], has: [fact] },
      'platform-b': { on: ['base'], has: [other], cause: [other] },
    },
    ['base: 0 / CVE-1 CVE-2', 'platform-a: 1 base / CVE-1', 'platform-b: 1 base / CVE-2'],
  ],
  [
    'the age of a base, which is that of all above',
    { base: { has: [ageFact], cause: [ageFact] }, app: { on: ['base'], has: [ageFact], cause: [ageFact] } },
    ['base: 0 / age', 'app: 1 base / age'],
  ],
  [
    'one stream for a manual request',
    { base: { cause: [personFact()] }, app: { on: ['base'], has: [] } },
    ['base: 0 / person'],
  ],
  [
    'a base without a head first',
    { base: { has: 'no-head' }, app: { ...app, on: ['base'] } },
    ['base: 0 / CVE-1', 'app: 1 base / CVE-1'],
  ],
  [
    'a platform without a head between',
    { ...THREE, platform: { on: ['base'], has: 'no-head' } },
    ['base: 0 / CVE-1', 'platform: 1 base / CVE-1', 'app: 2 platform / CVE-1'],
  ],
  [
    'own facts and those of the base together, after the base',
    { base, app: { on: ['base'], has: [fact, other], cause: [fact, other] } },
    ['base: 0 / CVE-1', 'app: 1 base / CVE-2 CVE-1'],
  ],
  [
    'an application whose trial fixed nothing, with a new parent',
    { base, app: { ...app, on: ['base'], but: survived() } },
    ['base: 0 / CVE-1', 'app: 1 base / CVE-1'],
  ],
  [
    'one that cools down: its turn comes later',
    { base, app: { ...app, on: ['base'], but: cooling } },
    ['base: 0 / CVE-1', 'app: 1 base / CVE-1'],
  ],
])('is rebuilt: %s', (...[, fleet, expected, context]) => {
  expect(planLines(planOf(fleet, context))).toEqual(expected);
});

test.each<[string, TierFleet, readonly string[], Partial<PlanContext>?]>([
  [
    'all that is built on a root that is refused',
    { ...THREE, base: { ...base, but: without } },
    ['app: wait parent-on-hold', 'base: refuse no-pipeline', 'platform: wait parent-on-hold'],
  ],
  [
    'all that is built on a root without a cause that is refused',
    { ...THREE, base: { has, but: { mode: 'report-only' } } },
    ['app: wait parent-on-hold', 'platform: wait parent-on-hold'],
  ],
  [
    'all that is built on a root that must wait',
    { ...THREE, base: { ...base, but: cooling } },
    ['app: wait parent-on-hold', 'base: wait cool-down', 'platform: wait parent-on-hold'],
  ],
  [
    'what is refused between, and what is only built on it',
    { ...THREE, platform: { ...platform, but: exhausted } },
    ['base: 0 / CVE-1', 'app: wait parent-on-hold', 'platform: refuse attempts-exhausted'],
  ],
  [
    'what is open elsewhere',
    { ...THREE, platform: { ...platform, but: { openCascadeId: 'other-g1' } } },
    ['base: 0 / CVE-1', 'app: wait parent-on-hold', 'platform: wait already-open'],
  ],
  [
    'an application with one of its platforms held back: it would hold it still',
    { ...DIAMOND, 'platform-b': { ...platform, but: { mode: 'paused' } } },
    ['base: 0 / CVE-1', 'platform-a: 1 base / CVE-1', 'app: wait parent-on-hold', 'platform-b: wait paused'],
  ],
  [
    'one fact of two: the other is its own',
    { base: { ...base, but: without }, app: { on: ['base'], has: [fact, other], cause: [fact, other] } },
    ['app: 0 / CVE-2', 'base: refuse no-pipeline'],
  ],
  [
    'a fact without a fix, where a rebuild of the base would not help',
    {
      base: { has: [findingFact('CVE-1', { fix: 'no' })], cause: [findingFact('CVE-1', { fix: 'no' })] },
      app: { ...app, on: ['base'], cause: [findingFact('CVE-1', { fix: 'no' })] },
    },
    ['app: wait parent-on-hold', 'base: refuse would-not-help'],
  ],
  [
    'what fixed nothing on the same parent',
    {
      base: {},
      app: {
        ...app,
        on: ['base'],
        but: { ...survived({ parentHead: looked('base').digest }), parentHead: looked('base').digest },
      },
    },
    ['app: refuse ineffective'],
  ],
  [
    'a stream on a base that is not scanned',
    { base: { has: 'unknown' }, app: { ...app, on: ['base'] } },
    ['app: wait unknown-facts', 'app: awaits base'],
  ],
  [
    'a stream on a platform that is not scanned',
    { base, platform: { on: ['base'], has: 'unknown' }, app },
    ['base: 0 / CVE-1', 'app: wait unknown-facts', 'app: awaits platform'],
  ],
  [
    'a stream whose parent could not be read',
    { base, app: { ...HAS, isUnplaced: true } },
    ['base: 0 / CVE-1', 'app: wait unknown-facts', 'app: awaits app'],
  ],
  [
    'what is built on a stream at fault whose parent could not be read',
    { platform: { has, isUnplaced: true }, app },
    ['app: wait unknown-facts', 'app: awaits platform'],
  ],
  [
    'a manual request for a stream whose parent could not be read',
    { app: { cause: [personFact()], isUnplaced: true } },
    ['app: wait unknown-facts'],
  ],
  [
    'a stream without a cause whose parent could not be read, and not the base that it is said to be built on',
    { base, app: { on: ['base'], has, isUnplaced: true } },
    ['base: 0 / CVE-1'],
  ],
  [
    'nothing because of a base below a platform that is free',
    { base: { has: 'unknown' }, platform: { on: ['base'] }, app },
    ['app: 0 / CVE-1'],
  ],
  [
    'what is too deep',
    THREE,
    ['base: 0 / CVE-1', 'platform: 1 base / CVE-1', 'app: refuse depth'],
    { guards: { ...SETTINGS, depth: 2 } },
  ],
  [
    'roots beyond the ramp, and what is built on them',
    { base, 'base-b': HAS, app: { ...app, on: ['base'] }, 'app-b': { ...app, on: ['base-b'] } },
    ['base: 0 / CVE-1', 'app: 1 base / CVE-1', 'app-b: wait parent-on-hold', 'base-b: wait cap-reached'],
    { ramp: 1 },
  ],
  [
    'what is not urgent, while a review runs',
    THREE,
    ['app: wait parent-on-hold', 'base: wait review-running', 'platform: wait parent-on-hold'],
    { urgentRules: new Set() },
  ],
])('is on hold: %s', (...[, fleet, expected, context]) => {
  expect(planLines(planOf(fleet, context))).toEqual(expected);
});

test.each<[string, readonly CauseFact[] | undefined, readonly CauseFact[] | undefined]>([
  ['names the fact that only streams above call for', [other], [fact]],
  ['names none that its own cause calls for too', [fact, other], undefined],
  ['names none without a cause of its own', undefined, undefined],
])('a base that is rebuilt for others %s', (_, own, expected) => {
  const { nodes } = planOf({ base: { has: [fact, other], ...(own && { cause: own }) }, platform });
  const node = nodes.find(({ stream }) => stream === 'base');
  expect(node?.facts).toContainEqual(fact);
  expect(node?.factsOfOthers).toEqual(expected?.map(factKey));
});
