import { arrivals, type Edges } from '../../../../shared/domain/attribution/stream-edges.ts';
import type { AttributionInputs } from '../../../../shared/domain/attribution/stream-path.ts';
import type { CauseFact } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory } from '../../../../shared/domain/cause/rebuild.ts';
import { planCascade } from '../../../../shared/domain/plan/plan.ts';
import type { PlanContext, Tiers } from '../../../../shared/domain/plan/plan-model.ts';
import { NOW } from '../arbitraries.ts';
import {
  ageFact,
  CONTEXT,
  causeOf,
  findingFact,
  looked,
  PAUSED,
  personFact,
  reasonOf,
  SETTINGS,
} from '../rollout/acting.ts';
import {
  fact,
  inputOf,
  knownOf,
  movedFact,
  other,
  planLines,
  planOf,
  type StreamSketch,
  type TierFleet,
} from './tier-plans.ts';

/* What is rebuilt because of what it is built on, and not because of what it holds. */

const FOLLOW = { followParents: true };
const HAS: StreamSketch = { has: [fact], cause: [fact] };
const base = HAS;
const platform: StreamSketch = { on: ['base'] };
const app: StreamSketch = { on: ['platform'] };
const THREE: TierFleet = { base, platform, app };

const without = { pipeline: undefined } as unknown as NonNullable<StreamSketch['but']>;
const reported = { mode: 'report-only' } as const;
const exhausted = { history: { ...emptyHistory('x'), failuresInARow: 3 } };
const cooling = { history: { ...emptyHistory('x'), lastEndedAtEpochMs: NOW - 1 } };

test.each<[string, TierFleet, readonly string[], Partial<PlanContext>?]>([
  [
    'wave by wave, also streams without the fact',
    THREE,
    ['base: 0 / CVE-1', 'platform: 1 base / base-moves', 'app: 2 platform / platform-moves'],
  ],
  [
    'a diamond once',
    { base, 'platform-a': platform, 'platform-b': platform, app: { on: ['platform-a', 'platform-b'] } },
    [
      'base: 0 / CVE-1',
      'platform-a: 1 base / base-moves',
      'platform-b: 1 base / base-moves',
      'app: 2 platform-a platform-b / platform-a-moves platform-b-moves',
    ],
  ],
  [
    'after the last of what it is built on, by a short way and a long one',
    { ...THREE, app: { on: ['base', 'platform'] } },
    ['base: 0 / CVE-1', 'platform: 1 base / base-moves', 'app: 2 base platform / base-moves platform-moves'],
  ],
  [
    'who holds it by both facts, and who is built on that by one',
    { ...THREE, platform: { on: ['base'], ...HAS } },
    ['base: 0 / CVE-1', 'platform: 1 base / CVE-1 base-moves', 'app: 2 platform / platform-moves'],
  ],
  [
    'two fixed bases below one application',
    { base, 'base-b': { has: [other], cause: [other] }, app: { on: ['base', 'base-b'] } },
    ['base: 0 / CVE-1', 'base-b: 0 / CVE-2', 'app: 1 base base-b / base-moves base-b-moves'],
  ],
  [
    'no stream below, nor beside',
    { ...THREE, base: {}, platform: { ...platform, ...HAS }, 'app-b': { on: ['base'] } },
    ['platform: 0 / CVE-1', 'app: 1 platform / platform-moves'],
  ],
  [
    'no application that nothing runs',
    { ...THREE, app: { ...app, idle: true } },
    ['base: 0 / CVE-1', 'platform: 1 base / base-moves'],
  ],
  [
    'one that nothing runs where the policy says so',
    { base, app: { on: ['base'], idle: true } },
    ['base: 0 / CVE-1', 'app: 1 base / base-moves'],
    { onlyApplicationsInUse: false },
  ],
  [
    'one that nothing runs where one that runs is built on it',
    { base, app: { on: ['base'], idle: true }, 'app-b': { on: ['app'] } },
    ['base: 0 / CVE-1', 'app: 1 base / base-moves', 'app-b: 2 app / app-moves'],
  ],
  [
    'what cools down: its turn comes later',
    { base, app: { on: ['base'], but: cooling } },
    ['base: 0 / CVE-1', 'app: 1 base / base-moves'],
  ],
  [
    'more than the ramp lets begin: it begins nothing',
    THREE,
    ['base: 0 / CVE-1', 'platform: 1 base / base-moves', 'app: 2 platform / platform-moves'],
    { ramp: 1 },
  ],
  [
    'after a manual request at the base',
    { ...THREE, base: { cause: [personFact()] } },
    ['base: 0 / person', 'platform: 1 base / base-moves', 'app: 2 platform / platform-moves'],
  ],
  [
    'after an age at the base that theirs is decided by',
    { ...THREE, base: { has: [ageFact], cause: [ageFact] } },
    ['base: 0 / age', 'platform: 1 base / base-moves', 'app: 2 platform / platform-moves'],
  ],
  ['no stream, where the policy says so', THREE, ['base: 0 / CVE-1'], { followParents: false }],
  [
    'no stream after a request, where the policy says so',
    { ...THREE, base: { cause: [personFact()] } },
    ['base: 0 / person'],
    { followParents: false },
  ],
  [
    'with a cause of its own that is settled, too',
    { base, app: { on: ['base'], cause: [other] } },
    ['base: 0 / CVE-1', 'app: 1 base / base-moves', 'app: settled CVE-2'],
  ],
  [
    'with a cause of its own that no rebuild would fix',
    {
      base,
      app: { on: ['base'], has: [findingFact('CVE-3', { fix: 'no' })], cause: [findingFact('CVE-3', { fix: 'no' })] },
    },
    ['base: 0 / CVE-1', 'app: 1 base / base-moves'],
  ],
  [
    'who did not pick up the head before: there will be another',
    {
      base,
      app: {
        ...{ on: ['base'], staleParent: ['base'], cause: [movedFact('base')] },
        but: {
          parentHead: looked('base').digest,
          history: { ...emptyHistory('x'), pinnedTo: [{ stream: 'base', head: looked('base').digest }] },
        },
      },
    },
    ['base: 0 / CVE-1', 'app: 1 base / base-moves'],
  ],
])('follows: %s', (...[, fleet, expected, context]) => {
  expect(planLines(planOf(fleet, { ...FOLLOW, ...context }))).toEqual(expected);
});

test.each<[string, TierFleet, readonly string[], Partial<PlanContext>?]>([
  [
    'who is only reported, and stops itself alone',
    { ...THREE, app: { ...app, but: reported }, 'app-b': app },
    ['base: 0 / CVE-1', 'platform: 1 base / base-moves', 'app-b: 2 platform / platform-moves'],
  ],
  [
    'who has no pipeline, and stops itself alone',
    { ...THREE, app: { ...app, but: without }, 'app-b': app },
    ['base: 0 / CVE-1', 'platform: 1 base / base-moves', 'app-b: 2 platform / platform-moves'],
  ],
  [
    'who failed too often, and what is built on it alone',
    { ...THREE, platform: { ...platform, but: exhausted }, 'app-b': { on: ['base'] } },
    ['base: 0 / CVE-1', 'app-b: 1 base / base-moves'],
  ],
  [
    'who is in another cascade, and what is built on it',
    { ...THREE, platform: { ...platform, but: { openCascadeId: 'other-g1' } } },
    ['base: 0 / CVE-1'],
  ],
  [
    'a paused one of two platforms, and nothing on the other',
    {
      base,
      'platform-a': platform,
      'platform-b': { ...platform, but: { mode: 'paused' } },
      app: { on: ['platform-a', 'platform-b'] },
    },
    ['base: 0 / CVE-1', 'platform-a: 1 base / base-moves', 'app: 2 platform-a / platform-a-moves'],
  ],
  [
    'who is too deep',
    THREE,
    ['base: 0 / CVE-1', 'platform: 1 base / base-moves'],
    { guards: { ...SETTINGS, depth: 2 } },
  ],
  ['all, where the base is on hold', { ...THREE, base: { ...base, but: without } }, ['base: refuse no-pipeline']],
  ['all, while Patchwave is paused', THREE, ['base: wait paused'], { killSwitch: PAUSED }],
  [
    'who holds nothing urgent, while a review runs',
    { ...THREE, 'app-b': { on: ['base'], ...HAS } },
    ['base: 0 / CVE-1', 'app-b: 1 base / CVE-1 base-moves'],
    { urgentRules: new Set(['critical']) },
  ],
])('leaves out: %s', (...[, fleet, expected, context]) => {
  expect(planLines(planOf(fleet, { ...FOLLOW, ...context }))).toEqual(expected);
});

/* What stayed behind. */
const late = (parent: string, changes: StreamSketch = {}): StreamSketch => ({
  ...{ on: [parent], staleParent: [parent], cause: [movedFact(parent)] },
  ...changes,
});
const both: StreamSketch = { has: [fact], cause: [fact] };
const noFix = findingFact('CVE-1', { fix: 'no' });

test.each<[string, TierFleet, readonly string[], Partial<PlanContext>?]>([
  [
    'who stayed behind, from itself up',
    { base: {}, platform: late('base'), app },
    ['platform: 0 / base-moved', 'app: 1 platform / platform-moves'],
  ],
  [
    'no stale stream, where the policy says so',
    { base: {}, platform: late('base'), app },
    ['platform: settled base-moved'],
    { followParents: false },
  ],
  [
    'what moved twice over: once',
    { base: {}, platform: late('base'), app: late('platform') },
    ['platform: 0 / base-moved', 'app: 1 platform / platform-moved platform-moves'],
  ],
  [
    'after its parent, where that is rebuilt in the same plan',
    { base, app: late('base') },
    ['base: 0 / CVE-1', 'app: 1 base / base-moved base-moves'],
  ],
  [
    'no stream with its parent, where the policy says so',
    { base, app: late('base') },
    ['base: 0 / CVE-1', 'app: settled base-moved'],
    { followParents: false },
  ],
  [
    'onto what it has itself, too',
    { base: { ...both, but: without }, app: late('base', { has: [fact] }) },
    ['app: 0 / base-moved', 'base: refuse no-pipeline'],
  ],
  [
    'onto the same in another version',
    {
      base: { ...both, but: exhausted },
      app: late('base', { has: [findingFact('CVE-1', { version: '2.9' })] }),
    },
    ['app: 0 / base-moved', 'base: refuse attempts-exhausted'],
  ],
  [
    'onto a head that is only to be rolled out',
    { base: { cause: [fact], but: { inUse: [looked('older', reasonOf(fact))] } }, app: late('base') },
    ['app: 0 / base-moved', 'base: 0 deploy / CVE-1'],
  ],
  [
    'no stream whose head picked it up meanwhile',
    { base: {}, app: late('base', { staleParent: [] }) },
    ['app: settled base-moved'],
  ],
  [
    'nothing where the parent has no head any more: there is nothing to pick up',
    { base: { has: 'no-head' }, app: late('base') },
    ['app: settled base-moved'],
  ],
])('stayed behind, is rebuilt: %s', (...[, fleet, expected, context]) => {
  expect(planLines(planOf(fleet, { ...FOLLOW, ...context }))).toEqual(expected);
});

const held = 'app: wait parent-on-hold';

test.each<[string, TierFleet, readonly string[], Partial<PlanContext>?]>([
  [
    'that no pipeline fixes',
    { base: { ...both, but: without }, app: late('base') },
    [held, 'base: refuse no-pipeline'],
  ],
  [
    'whose finding has no known fix',
    { base: { has: [noFix], cause: [noFix] }, app: late('base') },
    [held, 'base: refuse would-not-help'],
  ],
  [
    'that fixed nothing',
    { base: { ...both, but: exhausted }, app: late('base') },
    [held, 'base: refuse attempts-exhausted'],
  ],
  ['that is paused', { base: { ...both, but: { mode: 'paused' } }, app: late('base') }, [held, 'base: wait paused']],
  [
    'that is only reported',
    { base: { ...both, but: reported }, app: late('base') },
    [held, 'base: refuse report-only'],
  ],
  [
    'that another cascade works on',
    { base: { ...both, but: { openCascadeId: 'other-g1' } }, app: late('base') },
    [held, 'base: wait already-open'],
  ],
  ['that cools down', { base: { ...both, but: cooling }, app: late('base') }, [held, 'base: wait cool-down']],
  [
    'that the ramp keeps',
    { base: both, app: late('base') },
    [held, 'base: wait cap-reached'],
    { ramp: 1, begunToday: new Set(['app']) },
  ],
  [
    'by its age',
    { base: { has: [ageFact], cause: [ageFact], but: without }, app: late('base') },
    [held, 'base: refuse no-pipeline'],
  ],
  [
    'where only one of two is worse',
    {
      base: { has: [fact, other], cause: [fact, other], but: without },
      app: late('base', { has: [fact] }),
    },
    [held, 'base: refuse no-pipeline'],
  ],
  [
    'and whether its own head has the finding is unknown',
    { base: { ...both, but: without }, app: late('base', { has: 'unknown' }) },
    [held, 'base: refuse no-pipeline'],
  ],
  [
    'but not what is built on the one that waits: its own parent is no worse',
    { base: { ...both, but: without }, platform: late('base'), app: late('platform') },
    ['app: 0 / platform-moved', 'base: refuse no-pipeline', 'platform: wait parent-on-hold'],
  ],
])('stayed behind, is on hold by a parent that is worse: %s', (...[, fleet, expected, context]) => {
  expect(planLines(planOf(fleet, { ...FOLLOW, ...context }))).toEqual(expected);
});

test.each<[string, TierFleet, readonly string[]]>([
  [
    'it is not judged',
    { base: { has: 'unknown' }, app: late('base') },
    ['app: wait unknown-facts', 'app: awaits base'],
  ],
  [
    'one of its platforms is not judged',
    {
      base: {},
      'base-b': {},
      platform: { on: ['base', 'base-b'], has: 'unknown' },
      app: late('platform'),
    },
    ['app: wait unknown-facts', 'app: awaits platform'],
  ],
  [
    'the parent of the stream was not searched',
    { base: {}, app: late('base', { staleParent: 'unknown' }) },
    ['app: wait unknown-facts'],
  ],
])('the new head of a parent is not built upon: %s', (_, fleet, expected) => {
  expect(planLines(planOf(fleet, FOLLOW))).toEqual(expected);
});

test('during a review no stream with a stale parent is rebuilt', () => {
  const urgentRules = new Set(['critical']);
  const fleet = { base: {}, app: late('base') };
  expect(planLines(planOf(fleet, { ...FOLLOW, urgentRules }))).toEqual(['app: wait review-running']);
  const urgent = { base: {}, app: late('base', { has: [fact], cause: [fact, movedFact('base')] }) };
  expect(planLines(planOf(urgent, { ...FOLLOW, urgentRules }))).toEqual(['app: 0 / CVE-1 base-moved']);
});

describe('a parent whose head is worse', () => {
  const detailOf = (fleet: TierFleet, stream = 'app') => planOf(fleet, FOLLOW).answers.get(stream);

  test('is reported with the reason and the time of the next change', () => {
    const recheckAtEpochMs = NOW - 1 + SETTINGS.coolDownMinutes * 60_000;
    expect(detailOf({ base: { ...both, but: cooling }, app: late('base') })).toMatchObject({
      detail: expect.stringMatching(/stream base.*\(cool-down\): The last rebuild was at/),
      recheckAtEpochMs,
    });
  });

  test('because of a lower stream, which is named', () => {
    const fleet = {
      base: { ...both, but: without },
      platform: { on: ['base'], ...both },
      app: late('platform'),
    };
    expect(planLines(planOf(fleet, FOLLOW))).toEqual([
      held,
      'base: refuse no-pipeline',
      'platform: wait parent-on-hold',
    ]);
    expect(detailOf(fleet)?.detail).toMatch(/stream platform.*\(parent-on-hold\).*stream base.*\(no-pipeline\)/);
  });

  test('also while the root cause is unknown', () => {
    const fleet = { base: { has: 'unknown' as const }, platform: { on: ['base'], ...both }, app: late('platform') };
    expect(planLines(planOf(fleet, FOLLOW))).toEqual([held, 'platform: wait unknown-facts', 'platform: awaits base']);
    expect(detailOf(fleet)?.detail).toMatch(/stream platform.*\(unknown-facts\)/);
  });
});

describe('a stream is not built for any fact on the new head of a parent', () => {
  const staleParent = (...cause: CauseFact[]): StreamSketch => ({
    ...{ on: ['base'], staleParent: ['base'], has: [fact], cause: cause.length > 0 ? cause : [fact] },
  });
  const worse: StreamSketch = { has: [other], cause: [other], but: without };
  const planWith = (fleet: TierFleet, change: (tiers: Tiers) => Tiers = (tiers) => tiers) => {
    const { streams, tiers } = inputOf(fleet);
    return planCascade(streams, { ...CONTEXT, ...FOLLOW }, NOW, change(tiers));
  };

  test.each<[string, TierFleet, readonly string[]]>([
    ['that is worse', { base: worse, app: staleParent() }, [held, 'base: refuse no-pipeline']],
    [
      'that is worse, after a manual request',
      { base: worse, app: staleParent(personFact()) },
      [held, 'base: refuse no-pipeline'],
    ],
    ['that is worse, and has no cause', { base: { has: [other], but: without }, app: staleParent() }, [held]],
    ['that is not judged', { base: { has: 'unknown' }, app: staleParent(personFact()) }, [held, 'app: awaits base']],
    [
      'of another platform',
      { base: { ...worse }, 'base-b': {}, app: { ...staleParent(), on: ['base', 'base-b'] } },
      [held, 'base: refuse no-pipeline'],
    ],
  ])('%s', (_, fleet, expected) => {
    expect(planLines(planWith(fleet))).toEqual(expected);
  });

  test('that has a finding, which the answer names with the stream to fix first', () => {
    expect(planWith({ base: worse, app: staleParent() }).answers.get('app')?.detail).toMatch(
      /^Parent stream base must be rebuilt first because of CVE-2 in openssl 3.0, but is on hold \(no-pipeline\)/,
    );
  });

  test('that the policy never lets be rebuilt', () => {
    const plan = planWith({ base: { has: [other] }, app: staleParent() }, ({ known, edges, ...tiers }) => {
      const neverBuilt = new Map(
        [...known.images].flatMap(([one, { stream }]) => (stream === 'base' ? [[one, stream]] : [])),
      );
      const images = new Map(
        Array.from(known.images, ([one, { stream, ...image }]) => [
          one,
          { ...image, ...(stream !== undefined && stream !== 'base' && { stream }) },
        ]),
      );
      return { ...tiers, edges: new Map(), known: { ...known, images, neverBuilt } };
    });
    expect(planLines(plan)).toEqual([held]);
  });

  test('that is awaited, though the stream is built on it as it is known', () => {
    const fleet = { base: {}, app: { on: ['base'], has: [fact], cause: [fact] } };
    expect(planLines(planWith(fleet))).toEqual(['app: 0 / CVE-1']);
    expect(planLines(planWith(fleet, (tiers) => ({ ...tiers, awaited: new Set(['base']) })))).toEqual([held]);
  });

  test('that is not judged, though the stream is built on it already', () => {
    expect(
      planLines(planWith({ base: { has: 'unknown' }, app: { ...staleParent(other), staleParent: [], has: [other] } })),
    ).toEqual(['app: wait unknown-facts', 'app: awaits base']);
    expect(
      planLines(planWith({ base: { has: 'unknown' }, app: { ...staleParent(personFact()), staleParent: [] } })),
    ).toEqual([held, 'app: awaits base']);
  });

  test('but is built on a root cause that it is built on already', () => {
    const app = { ...staleParent(personFact()), staleParent: [], has: [other] };
    expect(planLines(planWith({ base: { has: [other], but: without }, app }))).toEqual(['app: 0 / person']);
  });

  test('but is built on a parent that is rebuilt first', () => {
    expect(planLines(planWith({ base: { has: [other], cause: [other] }, app: staleParent() }))).toEqual([
      'base: 0 / CVE-2',
      'app: 1 base / CVE-1 base-moves',
    ]);
  });
});

test('an unlisted new head is read by its stream', () => {
  const { streams, tiers } = inputOf({ base: {}, app: late('base') });
  const images = new Map([...tiers.known.images].filter(([digest]) => digest !== looked('base').digest));
  const plan = planCascade(streams, { ...CONTEXT, ...FOLLOW }, NOW, { ...tiers, known: { ...tiers.known, images } });
  expect(planLines(plan)).toEqual(['app: wait unknown-facts', 'app: awaits base']);
});

describe('a parent whose cause is skipped because its answer does not depend on images', () => {
  const answer = { answer: 'wait', reason: 'paused', detail: 'The policy pauses this stream.' } as const;
  const planWith = (fleet: TierFleet, known = (of: AttributionInputs): AttributionInputs => of) => {
    const { streams, tiers } = inputOf(fleet);
    const answered = new Map([['base', { cause: causeOf('base', fact), answer }]]);
    const others = tiers.others.filter(({ stream }) => stream !== 'base');
    const read = { known: known(tiers.known), edges: tiers.edges, others, answered };
    return planCascade(streams, { ...CONTEXT, ...FOLLOW }, NOW, read);
  };

  test('puts the stream on hold and is named', () => {
    const plan = planWith({ base: { has: [fact] }, app: late('base') });
    expect(planLines(plan)).toEqual([held]);
    expect(plan.answers.get('app')?.detail).toMatch(/stream base.*\(paused\): The policy pauses/);
  });

  test('puts the stream on hold if its heads are unread', () => {
    const unread = (known: AttributionInputs): AttributionInputs => ({
      ...known,
      streams: new Map([...known.streams].filter(([stream]) => stream !== 'base')),
    });
    expect(planLines(planWith({ base: { has: [fact] }, app: late('base') }, unread))).toEqual([
      held,
      'app: awaits base',
    ]);
  });

  test('does not affect a stream whose head has the fact too, or once its own head lacks it', () => {
    expect(planLines(planWith({ base: { has: [fact] }, app: late('base', { has: [fact] }) }))).toEqual([
      'app: 0 / base-moved',
    ]);
    expect(planLines(planWith({ base: {}, app: late('base') }))).toEqual(['app: 0 / base-moved']);
  });
});

describe('propagated facts', () => {
  const known = knownOf({ a: { has: [fact] }, b: {}, c: {} });
  const edges: Edges = new Map([
    ['a', new Set(['c'])],
    ['b', new Set(['a'])],
    ['c', new Set(['b'])],
  ]);
  const arrived = (follows: boolean) =>
    [...arrivals(new Map([['a', [fact]]]), edges, known, follows)].map(([stream, facts]) => [
      stream,
      ...facts.map((one) => (one.kind === 'parent-moved' ? one.parent : one.kind)),
    ]);

  test('end in a cycle', () => {
    expect(arrived(true)).toEqual([
      ['b', 'a'],
      ['c', 'b'],
      ['a', 'c'],
    ]);
    expect(arrived(false)).toEqual([]);
  });

  test('are not planned in a cycle', () => {
    const streams = inputOf({ a: { has: [fact], cause: [fact] } }).streams;
    const others = inputOf({ b: {}, c: {} }).tiers.others;
    const plan = planCascade(streams, { ...CONTEXT, ...FOLLOW }, NOW, { known, edges, others });
    expect(planLines(plan)).toEqual(['a: refuse cycle']);
  });
});
