import { type CauseFact, mergeFacts } from '../cause/cause.ts';
import {
  generationOf,
  type Rebuild,
  type RebuildHistory,
  type RebuildOutcome,
  type SurvivedFact,
} from '../cause/rebuild.ts';
import type { Digest } from '../image/image.ts';
import { triesAfter } from './tries.ts';

/** The end of a rebuild. */
export interface RebuildEnd {
  readonly rebuild: Pick<
    Rebuild,
    'rebuildId' | 'cascadeId' | 'facts' | 'reconfirms' | 'parents' | 'builtOn' | 'promotes' | 'takenOverFrom'
  >;
  readonly outcome: RebuildOutcome;
  /** The head of the parent that it was built on, as far as that is known; absent where there is no one parent. */
  readonly parentHead?: Digest;
  /** Heads of its parents that it should have picked up and did not; absent where there are none. */
  readonly pinnedTo?: RebuildHistory['pinnedTo'];
  /** It fixed its facts, and nobody can use it: the tag that others build on did not move. */
  readonly isUnused?: boolean;
  readonly atEpochMs: number;
}

/**
 * What is remembered of a stream once a rebuild ended. An outcome that nobody could verify counts neither for nor
 * against the stream; one that built something new ends a row of failures. `history` itself where this end is in it already.
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
    ...kept
  } = afterCascade(history, rebuild.cascadeId);
  const pinnedTo = pinned ?? (isJudged(outcome) ? undefined : pinnedBefore);
  const tried = triesAfter(triedBefore, end);
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
  };
}

const isJudged = ({ result }: RebuildOutcome): boolean => result === 'fixed' || result === 'ineffective';

/** What would be repeated for ever if it did not count: what is built and cannot be used, and what fixes nothing again. */
function failuresAfter({ failuresInARow, survived }: RebuildHistory, end: RebuildEnd): number {
  const { outcome, isUnused = false } = end;
  if (isJudged(outcome) && !isUnused && !leavesTheSame(survived, end)) return 0;
  return outcome.result === 'unverified' ? failuresInARow : failuresInARow + 1;
}

/** All that it left an earlier rebuild left too, on the same parent as far as that is known. A trial is none of them. */
const leavesTheSame = (survived: readonly SurvivedFact[], { outcome, parentHead }: RebuildEnd): boolean =>
  outcome.result === 'ineffective' &&
  outcome.left.every((fact) =>
    survived.some(
      (one) => one.kind === 'rebuild' && one.parentHead === parentHead && placeOfSurvived(one) === placeOfFact(fact),
    ),
  );

/** What this rebuild fixed is forgotten, what it left is remembered as it is now. */
function survivedAfter({ survived }: RebuildHistory, { rebuild, outcome, parentHead, atEpochMs }: RebuildEnd) {
  if (!isJudged(outcome)) return survived;
  const left = outcome.result === 'ineffective' ? outcome.left : [];
  const judged = new Set(rebuild.facts.map(placeOfFact));
  const at = { atEpochMs, ...(parentHead !== undefined && { parentHead }) };
  return [
    ...survived.filter((one) => !judged.has(placeOfSurvived(one))),
    ...mergeFacts(left).flatMap(survival),
    ...(rebuild.reconfirms ? [{ fact: 'age', kind: 'trial', ...at } as const] : []),
  ];

  function survival(fact: CauseFact): SurvivedFact[] {
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

/** What is remembered once a cascade of the stream ended, or must never be started again: its name is used up. */
export const afterCascade = (history: RebuildHistory, cascadeId: string): RebuildHistory => ({
  ...history,
  generation: Math.max(history.generation, generationOf(cascadeId) + 1),
});

/**
 * What is remembered once a cascade ended that brought the stream nowhere, through no fault of its pipeline: nothing was
 * built, or nobody deployed what was. Told again it counts once.
 */
export function afterBreakOff(history: RebuildHistory, cascadeId: string, atEpochMs: number): RebuildHistory {
  if (history.brokenOff?.cascadeId === cascadeId) return history;
  const inARow = (history.brokenOff?.inARow ?? 0) + 1;
  return { ...afterCascade(history, cascadeId), brokenOff: { inARow, cascadeId, atEpochMs } };
}

/** A rollout of the stream is through: its cascades do come to something. `history` itself where nothing spoke against it. */
export function afterRollout(history: RebuildHistory): RebuildHistory {
  if (!history.brokenOff) return history;
  const { brokenOff, ...kept } = history;
  return kept;
}

/** A person frees the stream: nothing that was held against it counts any more, and it need not cool down. */
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
