import { type CauseFact, mergeFacts } from '../cause/cause.ts';
import {
  generationOf,
  type Rebuild,
  type RebuildHistory,
  type RebuildOutcome,
  type SurvivedFact,
} from '../cause/rebuild.ts';
import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { triesAfter } from './tries.ts';
import { unscannedAfter } from './unscanned-candidate.ts';

/** The end of a rebuild. */
export interface RebuildEnd {
  readonly rebuild: Pick<
    Rebuild,
    | 'rebuildId'
    | 'cascadeId'
    | 'facts'
    | 'headBefore'
    | 'reconfirms'
    | 'parentHead'
    | 'parents'
    | 'builtOn'
    | 'promotes'
    | 'takenOverFrom'
    | 'resumesUnscanned'
  >;
  readonly outcome: RebuildOutcome;
  /** The parent head that it was built on, if known; absent if there is no single parent. */
  readonly parentHead?: Digest;
  /** Parent heads that it should have picked up and did not; absent if there are none. */
  readonly pinnedTo?: RebuildHistory['pinnedTo'];
  /** It fixed its facts but cannot be used, because the tag for children did not move. */
  readonly isUnused?: boolean;
  readonly atEpochMs: number;
}

/**
 * The rebuild history of a stream after a rebuild ended. An unverified outcome counts neither for nor against the
 * stream; a successful build ends a row of failures. Returns `history` itself if this end is already in it.
 */
export function afterOutcome(history: RebuildHistory, end: RebuildEnd): RebuildHistory {
  const { rebuild, outcome, pinnedTo: pinned, atEpochMs } = end;
  if (history.lastSettledRebuildId === rebuild.rebuildId) return history;
  const {
    startUnknown,
    pinnedTo: pinnedBefore,
    brokenOff,
    unverifiedInARow = 0,
    tried: triedBefore,
    unscanned: _,
    ...kept
  } = afterCascade(history, rebuild.cascadeId);
  const pinnedTo = pinned ?? (isJudged(outcome) ? undefined : pinnedBefore);
  const tried = triesAfter(triedBefore, end);
  const unscanned = unscannedAfter(end);
  return {
    ...kept,
    failuresInARow: failuresAfter(history, end),
    survived: survivedAfter(history, end),
    lastSettledRebuildId: rebuild.rebuildId,
    lastEndedAtEpochMs: atEpochMs,
    ...(outcome.result === 'unverified' && { unverifiedInARow: unverifiedInARow + 1 }),
    ...(startUnknown && startUnknown.rebuildId !== rebuild.rebuildId && { startUnknown }),
    ...(pinnedTo && { pinnedTo }),
    ...(tried.length > 0 && { tried }),
    ...(unscanned && { unscanned }),
  };
}

const isJudged = ({ result }: RebuildOutcome): boolean => result === 'fixed' || result === 'ineffective';

/**
 * Rebuilds that would repeat forever if they did not count: builds that cannot be used, and builds that fix nothing
 * again. One whose output is worse counts on its parents only (`triesAfter`), because the worse content may come from
 * there; a manual request has no such count.
 */
function failuresAfter({ failuresInARow, survived }: RebuildHistory, end: RebuildEnd): number {
  const { outcome, isUnused = false } = end;
  if (isJudged(outcome) && !isUnused && !leavesTheSame(survived, end)) return 0;
  const countsOnParents = outcome.result === 'worse' && end.rebuild.facts.every((fact) => fact.kind !== 'person');
  return outcome.result === 'unverified' || countsOnParents ? failuresInARow : failuresInARow + 1;
}

/**
 * The parent heads for which a rebuild speaks: the one that its output shows, and the one of its reservation. The head of
 * the stream may still seem to be built on the latter, and the next guard asks for that one.
 */
const parentHeadsOf = ({ parentHead, rebuild }: RebuildEnd): readonly (Digest | undefined)[] =>
  rebuild.builtOn && rebuild.parentHead !== undefined && rebuild.parentHead !== parentHead
    ? [parentHead, rebuild.parentHead]
    : [parentHead];

/** True if an earlier rebuild on the same parent left the same findings; trial rebuilds do not count. */
function leavesTheSame(survived: readonly SurvivedFact[], end: RebuildEnd): boolean {
  const heads = parentHeadsOf(end);
  const isSame = (fact: CauseFact) => (one: SurvivedFact) =>
    one.kind === 'rebuild' && heads.includes(one.parentHead) && placeOfSurvived(one) === placeOfFact(fact);
  return end.outcome.result === 'ineffective' && end.outcome.left.every((fact) => survived.some(isSame(fact)));
}

/** Removes what this rebuild fixed, and stores what it left in its current form. */
function survivedAfter({ survived }: RebuildHistory, end: RebuildEnd): readonly SurvivedFact[] {
  const { rebuild, outcome, atEpochMs } = end;
  if (!isJudged(outcome)) return survived;
  const left = outcome.result === 'ineffective' ? outcome.left : [];
  const judged = new Set(rebuild.facts.map(placeOfFact));
  const places = parentHeadsOf(end).map((parentHead) => ({
    atEpochMs,
    ...(parentHead !== undefined && { parentHead }),
  }));
  return [
    ...survived.filter((one) => !judged.has(placeOfSurvived(one))),
    ...mergeFacts(left).flatMap((fact) => places.flatMap((at) => survival(fact, at))),
    ...(rebuild.reconfirms ? places.map((at) => ({ fact: 'age', kind: 'trial', ...at }) as const) : []),
  ];

  function survival(fact: CauseFact, at: Pick<SurvivedFact, 'atEpochMs' | 'parentHead'>): SurvivedFact[] {
    if (fact.kind === 'age') return [{ fact: 'age', kind: 'rebuild', ...at }];
    if (fact.kind !== 'finding') return [];
    const { vulnerability, package: name, version, fix } = fact;
    const kind = fix === 'unknown' ? 'trial' : 'rebuild';
    return [{ fact: 'finding', vulnerability, package: name, version, kind, ...at }];
  }
}

const placeOfFact = (fact: CauseFact): string =>
  fact.kind === 'finding' ? `${fact.vulnerability}\n${fact.package}` : fact.kind;

const placeOfSurvived = (survived: SurvivedFact): string =>
  survived.fact === 'finding' ? `${survived.vulnerability}\n${survived.package}` : survived.fact;

/** The history after a cascade of the stream ended, or must never start again because its name is used up. */
export const afterCascade = (history: RebuildHistory, cascadeId: string): RebuildHistory => ({
  ...history,
  generation: Math.max(history.generation, generationOf(cascadeId) + 1),
});

/** Twice the longest pause: a cascade that ends later does not continue the row. */
const ROW_MS = 2 * DAY_MS;

/**
 * The history after a cascade ended without progress for the stream and without a fault of its pipeline: nothing was
 * built, or nothing was deployed. Counts once, also if reported twice.
 * @param notBuilt why the dispatcher built nothing, although the planner let the cascade start
 */
export function afterBreakOff(
  history: RebuildHistory,
  cascadeId: string,
  atEpochMs: number,
  notBuilt?: string,
): RebuildHistory {
  const before = history.brokenOff;
  if (before?.cascadeId === cascadeId) return history;
  const inARow = before && atEpochMs - before.atEpochMs < ROW_MS ? before.inARow + 1 : 1;
  const brokenOff = { inARow, cascadeId, atEpochMs, ...(notBuilt !== undefined && { notBuilt }) };
  return { ...afterCascade(history, cascadeId), brokenOff };
}

/**
 * A rollout of the stream is complete, so its cascades do make progress. Returns `history` itself if nothing spoke
 * against the stream.
 */
export function afterRollout(history: RebuildHistory): RebuildHistory {
  if (!history.brokenOff) return history;
  const { brokenOff, ...kept } = history;
  return kept;
}

/** A person reset the stream: earlier failures no longer count, and it need not cool down. */
export function afterReset(history: RebuildHistory, reset: Required<RebuildHistory>['reset']): RebuildHistory {
  const { stream, generation, lastSettledRebuildId } = history;
  return {
    stream,
    generation: generation + 1,
    failuresInARow: 0,
    survived: [],
    ...(lastSettledRebuildId !== undefined && { lastSettledRebuildId }),
    reset,
  };
}
