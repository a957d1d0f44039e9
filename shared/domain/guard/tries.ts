import type { CauseFact } from '../cause/cause.ts';
import type { Rebuild, RebuildHistory, RebuildOutcome, Tried } from '../cause/rebuild.ts';

/* How often a stream is rebuilt for the same facts on the same parent heads. The count bounds the rebuilds:
 * their results and the time that passes do not matter. Only other facts, another parent head or a reset allow more. */

/** The number of earlier parent heads whose tries are kept, because a tag may move back. */
const MOST_PARENTS_KEPT = 8;

/**
 * What counts as the same fact: a vulnerability and a package in any version; one age that reached its limit; a parent
 * that moved. A manual request never does, because a person may repeat it at will.
 */
export function triedAs(fact: CauseFact): string | undefined {
  switch (fact.kind) {
    case 'finding':
      return `${fact.vulnerability}\n${fact.package}`;
    case 'age':
      return `age\n${fact.sinceEpochMs}`;
    case 'parent-moved':
      return `parent-moved\n${fact.parent}`;
    case 'person':
      return undefined;
  }
}

/** @returns how many rebuilds on these heads of the parents were made for a fact and did not fix it */
export function triesOf(
  { tried = [] }: Pick<RebuildHistory, 'tried'>,
  parents: string | undefined,
  fact: CauseFact,
): number {
  const name = triedAs(fact);
  const on = tried.find((one) => one.parents === parents);
  return on?.facts.find((one) => one.fact === name)?.builds ?? 0;
}

/** Beside the facts: an output that was worse than the head. No fact is named so. */
const WORSE = 'worse';

/**
 * @returns how many outputs of rebuilds on these heads of the parents were worse than the head, since one fixed all of
 * its facts. Their facts do not matter: a build that alternates between two images has other facts each time.
 */
export const worseOn = ({ tried = [] }: Pick<RebuildHistory, 'tried'>, parents: string | undefined): number =>
  tried.find((one) => one.parents === parents)?.facts.find(({ fact }) => fact === WORSE)?.builds ?? 0;

/** What counts of the end of a rebuild. */
export interface TryEnd {
  readonly rebuild: Pick<Rebuild, 'facts' | 'parents' | 'builtOn' | 'promotes' | 'takenOverFrom' | 'resumesUnscanned'>;
  readonly outcome: RebuildOutcome;
  /** It fixed its facts but cannot be used. */
  readonly isUnused?: boolean;
}

/**
 * Removes the facts that a scan shows to be fixed in the head. Every other fact of the rebuild counts one more try,
 * unless nothing was built. While a registry cannot be read no output can be judged, and the count bounds these builds
 * too. A candidate that is not promoted fixes nothing, because the head still has the facts. A picked-up parent keeps
 * counting while its head is the same, so a stream that stays behind the same head is not built forever. The try counts
 * on the parents of the reservation and on those that the output shows, because the reservation may have been wrong and
 * the next rebuild uses what is known by then. Worse outputs count there, too, until a rebuild on the same heads fixes
 * all of its facts.
 */
export function triesAfter(tried: readonly Tried[] | undefined, end: TryEnd): readonly Tried[] {
  const { rebuild, outcome, isUnused = false } = end;
  const { facts, parents, builtOn, promotes, takenOverFrom, resumesUnscanned } = rebuild;
  const isHead = outcome.result === 'fixed' ? !isUnused : outcome.result === 'ineffective' && !promotes;
  const left = outcome.result === 'ineffective' ? namesOf(outcome.left) : new Set<string>();
  const asked = namesOf(facts);
  const scanned = namesOf(facts.filter(({ kind }) => kind !== 'parent-moved'));
  const fixed = isHead ? scanned.difference(left) : new Set<string>();
  const shown = builtOn && builtOn.parents !== parents ? [builtOn.parents] : [];
  const places = [...shown, parents];
  const isFixed = outcome.result === 'fixed' && !isUnused;
  const kept = withoutTries(isFixed ? withoutWorse(tried, places) : tried, fixed);
  const counted = takenOverFrom === undefined ? asked.difference(fixed) : new Set<string>();
  // The build has counted its facts when it ended without a scan.
  const isWorse = outcome.result === 'worse' && (takenOverFrom === undefined || resumesUnscanned === true);
  const counting = isWorse ? new Set([...counted, WORSE]) : counted;
  if (counting.size === 0) return kept;
  const now = places.map((on) => oneMore(kept, on, counting));
  return [...now, ...kept.filter((one) => !now.some((counts) => counts.parents === one.parents))].slice(
    0,
    MOST_PARENTS_KEPT,
  );
}

/** The tries on some parent heads, after one more try for these facts. */
function oneMore(tried: readonly Tried[], parents: string | undefined, counted: ReadonlySet<string>): Tried {
  const on = tried.find((one) => one.parents === parents);
  const builds = new Map(on?.facts.map((one) => [one.fact, one.builds]));
  for (const fact of counted) builds.set(fact, (builds.get(fact) ?? 0) + 1);
  return {
    ...(parents !== undefined && { parents }),
    facts: Array.from(builds, ([fact, times]) => ({ fact, builds: times })),
  };
}

/** A history without the tries of facts that no head has any longer; returns the same object if nothing changes. */
export function afterSettled(history: RebuildHistory, settled: readonly CauseFact[]): RebuildHistory {
  const { tried, ...kept } = history;
  const gone = namesOf(settled);
  if (!tried?.some(({ facts }) => facts.some(({ fact }) => gone.has(fact)))) return history;
  const left = withoutTries(tried, gone);
  return { ...kept, ...(left.length > 0 && { tried: left }) };
}

const namesOf = (facts: readonly CauseFact[]): ReadonlySet<string> =>
  new Set(facts.flatMap((fact) => triedAs(fact) ?? []));

const withoutTries = (tried: readonly Tried[] = [], names: ReadonlySet<string>): readonly Tried[] =>
  tried
    .map((one) => ({ ...one, facts: one.facts.filter(({ fact }) => !names.has(fact)) }))
    .filter(({ facts }) => facts.length > 0);

const withoutWorse = (tried: readonly Tried[] = [], places: readonly (string | undefined)[]): readonly Tried[] =>
  tried.flatMap((one) => (places.includes(one.parents) ? withoutTries([one], new Set([WORSE])) : one));
