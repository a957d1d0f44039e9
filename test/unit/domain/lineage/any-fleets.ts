import { type CauseFact, factKey } from '../../../../shared/domain/cause/cause.ts';
import { emptyHistory } from '../../../../shared/domain/cause/rebuild.ts';
import type { PlanContext } from '../../../../shared/domain/plan/plan-model.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, NOW } from '../arbitraries.ts';
import { fact, movedFact, other, type StreamSketch, type TierFleet } from '../plan/tier-plans.ts';
import { ageFact, CONTEXT, findingFact, PAUSED, personFact, SETTINGS } from '../rollout/acting.ts';

/* Fleets by chance, for what holds of every plan. */

/** In this order: each is built on some of those before it. */
export const NAMES = [
  'base-a',
  'base-b',
  'platform-a',
  'platform-b',
  'platform-c',
  'app-a',
  'app-b',
  'app-c',
  'app-d',
] as const;

const anyFacts = fc.uniqueArray(fc.constantFrom<CauseFact>(fact, other, ageFact), { selector: factKey, maxLength: 3 });
const anyHas = fc.oneof(
  { weight: 8, arbitrary: anyFacts },
  { weight: 1, arbitrary: fc.constantFrom('unknown' as const, 'no-head' as const) },
);
const anyCause = fc.option(
  fc.uniqueArray(fc.constantFrom<CauseFact>(fact, other, ageFact, findingFact('CVE-3', { fix: 'no' }), personFact()), {
    selector: factKey,
    minLength: 1,
    maxLength: 3,
  }),
  { nil: undefined, freq: 3 },
);
const history = (changes: object) => ({ history: { ...emptyHistory('x'), ...changes } });
const anyObstacle = fc.oneof(
  { weight: 8, arbitrary: fc.constant({}) },
  {
    weight: 2,
    arbitrary: fc.constantFrom<NonNullable<StreamSketch['but']>>(
      { pipeline: undefined } as never,
      { mode: 'paused' },
      { mode: 'report-only' },
      { openCascadeId: 'other-g1' },
      history({ failuresInARow: 3 }),
      history({ lastEndedAtEpochMs: NOW - 1 }),
      history({
        survived: [
          {
            fact: 'finding',
            kind: 'rebuild',
            vulnerability: 'CVE-1',
            package: 'openssl',
            version: '3.0',
            atEpochMs: NOW - DAY,
          },
        ],
      }),
    ),
  },
);

/** By parent: whether the heads are behind it, and whether its cause tells so; a cause may tell too late, too. */
const anyMoves = fc.oneof(
  { weight: 3, arbitrary: fc.constant([]) },
  { weight: 5, arbitrary: fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 3, maxLength: 3 }) },
  { weight: 1, arbitrary: fc.constant('unknown' as const) },
);
type Moves = typeof anyMoves extends fc.Arbitrary<infer Drawn> ? Drawn : never;

function causesOfMoves(on: readonly string[], moves: Moves): Pick<StreamSketch, 'staleParent' | 'cause'> {
  if (moves === 'unknown') return { staleParent: moves, cause: on.slice(0, 1).map(movedFact) };
  return {
    staleParent: on.filter((_, n) => moves[n]?.[0]),
    cause: on.filter((_, n) => moves[n]?.[1]).map(movedFact),
  };
}

/** Each is built on some of those before it, of a lower tier or its own. */
const fleetOf = (
  hasOf: fc.Arbitrary<StreamSketch['has']>,
  obstacleOf: fc.Arbitrary<StreamSketch['but']>,
  movesOf: fc.Arbitrary<Moves>,
): fc.Arbitrary<TierFleet> =>
  fc
    .tuple(
      ...NAMES.map((_, n) =>
        fc.tuple(
          fc.subarray(NAMES.slice(0, n), { maxLength: Math.min(n, 3) }),
          hasOf,
          anyCause,
          obstacleOf,
          fc.boolean(),
          movesOf,
        ),
      ),
    )
    .map((sketches) =>
      Object.fromEntries(
        sketches.map(([on, has, found = [], but, idle, moves], n) => {
          const { staleParent, cause: moved = [] } = causesOfMoves(on, moves);
          const cause = [...found, ...moved];
          const sketch = { on, has, but, staleParent, ...(cause.length > 0 && { cause }), ...(idle && { idle }) };
          return [NAMES[n] as string, sketch as StreamSketch];
        }),
      ),
    );

export const anyFleet = fleetOf(anyHas, anyObstacle, anyMoves);
/** Nothing is in the way of anything, and every stream has a cause of exactly what its head holds. */
export const calmFleet = fleetOf(
  anyFacts,
  fc.constant({}),
  anyMoves.filter((moves) => moves !== 'unknown'),
).map(
  (fleet): TierFleet =>
    Object.fromEntries(
      Object.entries(fleet).map(([name, { cause, ...sketch }]) => {
        const moved = (cause ?? []).filter(
          (one) => one.kind === 'parent-moved' && sketch.staleParent?.includes(one.parent),
        );
        const held = [...(sketch.has as CauseFact[]), ...moved];
        return [name, { ...sketch, ...(held.length > 0 && { cause: held }) }];
      }),
    ),
);

export const anyContext = fc
  .tuple(
    fc.constantFrom(CONTEXT.killSwitch, CONTEXT.killSwitch, CONTEXT.killSwitch, PAUSED),
    fc.constantFrom({}, {}, { ramp: 1 }, { ramp: 2 }, { urgentRules: new Set(['other']) }),
    fc.constantFrom(2, 3, 20),
    fc.boolean(),
    fc.boolean(),
  )
  .map(
    ([killSwitch, limits, depth, onlyApplicationsInUse, followParents]): PlanContext => ({
      ...{ ...CONTEXT, killSwitch, ...limits, onlyApplicationsInUse, followParents, guards: { ...SETTINGS, depth } },
    }),
  );
export const CALM: PlanContext = { ...CONTEXT, guards: { ...SETTINGS, depth: 20 } };

export const sketchOf = (fleet: TierFleet, stream: string): StreamSketch => fleet[stream] ?? {};
/** Whether the heads of a stream have a fact; of one without a head what was built upon. */
export const holds = ({ has = [] }: StreamSketch, one: CauseFact): boolean =>
  has === 'no-head'
    ? factKey(one) === factKey(fact)
    : has !== 'unknown' && has.some((held) => factKey(held) === factKey(one));
