import type { CauseFact } from '../cause/cause.ts';
import type { Rebuild, RebuildHistory, RebuildOutcome, Tried } from '../cause/rebuild.ts';

/*
 * How often a stream is rebuilt for the same facts on the same heads of its parents. The count bounds the rebuilds
 * whatever they come to and however much time passes: only other facts, another parent head or a person free the stream.
 */

/** Tries on earlier heads of the parents are kept for so many of them: a tag may be moved back. */
const MOST_PARENTS_KEPT = 4;

/**
 * What counts as the same fact: a vulnerability and a package, whatever the version; one age that came to its limit; a
 * parent that moved. A person's wish is none: a person may ask as often as it is wanted.
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

/** The end of a rebuild, as far as it counts. */
export interface TryEnd {
  readonly rebuild: Pick<Rebuild, 'facts' | 'parents' | 'builtOn' | 'promotes' | 'takenOverFrom'>;
  readonly outcome: RebuildOutcome;
  /** It fixed its facts, and nobody can use it. */
  readonly isUnused?: boolean;
}

/**
 * What a scan shows to be fixed in the head is forgotten; all else that the rebuild was made for was tried once more, unless
 * nothing was built, or nobody could judge the output because a registry was not read. A candidate that is not promoted
 * fixes nothing: the head still has all of it. That a parent was picked up counts on while its head is the same: a stream
 * that is behind the same head again and again is not built for ever. It counts on the parents of its reservation and on those
 * that its output shows: what was believed when it was reserved may be wrong, and the next rebuild is asked for on what is known by then.
 */
export function triesAfter(tried: readonly Tried[] | undefined, end: TryEnd): readonly Tried[] {
  const { rebuild, outcome, isUnused = false } = end;
  const { facts, parents, builtOn, promotes, takenOverFrom } = rebuild;
  const isHead = outcome.result === 'fixed' ? !isUnused : outcome.result === 'ineffective' && !promotes;
  const left = outcome.result === 'ineffective' ? namesOf(outcome.left) : new Set<string>();
  const asked = namesOf(facts);
  const scanned = namesOf(facts.filter(({ kind }) => kind !== 'parent-moved'));
  const fixed = isHead ? scanned.difference(left) : new Set<string>();
  const kept = withoutTries(tried, fixed);
  const isUnread = outcome.result === 'unverified' && outcome.isLineageUnread === true;
  const counted = takenOverFrom === undefined && !isUnread ? asked.difference(fixed) : new Set<string>();
  if (counted.size === 0) return kept;
  const shown = builtOn && builtOn.parents !== parents ? [builtOn.parents] : [];
  const now = [...shown, parents].map((on) => oneMore(kept, on, counted));
  return [...now, ...kept.filter((one) => !now.some((counting) => counting.parents === one.parents))].slice(
    0,
    MOST_PARENTS_KEPT,
  );
}

/** The tries on some heads of the parents, once these facts were tried there once more. */
function oneMore(tried: readonly Tried[], parents: string | undefined, counted: ReadonlySet<string>): Tried {
  const on = tried.find((one) => one.parents === parents);
  const builds = new Map(on?.facts.map((one) => [one.fact, one.builds]));
  for (const fact of counted) builds.set(fact, (builds.get(fact) ?? 0) + 1);
  return {
    ...(parents !== undefined && { parents }),
    facts: Array.from(builds, ([fact, times]) => ({ fact, builds: times })),
  };
}

/** A memory without the tries of facts that nothing holds any more; itself where it has none of them. */
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
