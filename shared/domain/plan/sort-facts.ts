import { type RootCause, rootCausesOf, type StreamPath } from '../attribution/root-cause.ts';
import type { AttributionInputs } from '../attribution/stream-path.ts';
import { type CauseFact, mergeFacts } from '../cause/cause.ts';
import { classifyFact } from '../cause/fact-status.ts';
import { uncoveredText } from '../cause/uncovered-text.ts';
import { unplacedText } from '../cause/unplaced.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { counted } from '../common/counted.ts';
import { type NegativeDecision, wait } from '../guard/guard-answer.ts';
import { factText } from '../guard/guard-facts.ts';
import type { Candidate } from './plan-model.ts';

/** A fact that other streams must fix first. */
export interface BelowFact {
  readonly fact: CauseFact;
  readonly paths: readonly StreamPath[];
}

/** A fact whose root cause is not known yet. */
interface PendingFact {
  readonly fact: CauseFact;
  readonly rootCause: Extract<RootCause, { kind: 'pending' }>;
  /** The stream of each image that must be scanned, if known. */
  readonly awaited: readonly string[];
  /** Why a complete scan is not enough (`uncoveredText`). */
  readonly uncovered?: string;
}

/** The facts of one cause, sorted by what they need. */
export interface ClassifiedFacts {
  readonly candidate: Candidate & Required<Pick<Candidate, 'cause'>>;
  /** To be fixed by a rebuild of the stream itself; its parents do not matter. */
  readonly own: readonly CauseFact[];
  readonly below: readonly BelowFact[];
  readonly pending: readonly PendingFact[];
  readonly deploy: readonly CauseFact[];
  readonly unknown: readonly CauseFact[];
  readonly gone: readonly CauseFact[];
}

/**
 * A parent whose head was deleted offers nothing to pick up, so its move is settled; its next head is a new fact.
 * @param followParents whether moved parents matter; otherwise such a fact is settled
 */
export function classifyFacts(
  candidate: ClassifiedFacts['candidate'],
  known: AttributionInputs,
  followParents: boolean,
): ClassifiedFacts {
  const classes = Map.groupBy(candidate.cause.facts, (fact) => {
    if (fact.kind !== 'parent-moved') return classifyFact(fact, candidate);
    const found = followParents ? classifyFact(fact, candidate) : 'gone';
    return found === 'rebuild' && hasNoHead(fact.parent, known) ? 'gone' : found;
  });
  const { rebuild = [], ...others } = Object.fromEntries(classes);
  const rootCauseOf = rootCausesOf(candidate, known);
  const found = rebuild.map((fact) => ({ fact, rootCause: rootCauseOf(fact) }));
  // For a moved parent it is known whether its image is the head.
  const awaitedFor = (fact: CauseFact, { images, streams }: PendingFact['rootCause']): readonly string[] =>
    fact.kind === 'parent-moved'
      ? [fact.parent]
      : [...streams, ...images.flatMap((digest) => known.images.get(digest)?.stream ?? [])];
  return {
    candidate,
    own: found.flatMap(({ fact, rootCause }) => (rootCause.kind === 'own' ? fact : [])),
    below: found.flatMap(({ fact, rootCause }) => (rootCause.kind === 'below' ? { fact, paths: rootCause.paths } : [])),
    pending: found.flatMap(({ fact, rootCause }) =>
      rootCause.kind === 'pending' ? pendingFact(fact, rootCause, awaitedFor(fact, rootCause), known) : [],
    ),
    deploy: others.deploy ?? [],
    unknown: others.unknown ?? [],
    gone: others.gone ?? [],
  };
}

function pendingFact(
  fact: CauseFact,
  rootCause: PendingFact['rootCause'],
  awaited: readonly string[],
  { images }: AttributionInputs,
): PendingFact {
  const seen = rootCause.images.flatMap((digest) => images.get(digest) ?? []);
  const uncovered = uncoveredText([fact], seen);
  return { fact, rootCause, awaited, ...(uncovered !== undefined && { uncovered }) };
}

/** For a stream with an unread head this is unknown. */
function hasNoHead(stream: string, { streams }: AttributionInputs): boolean {
  const record = streams.get(stream);
  return record !== undefined && Object.keys(record.head?.images ?? {}).length === 0;
}

/**
 * By root cause: the facts to fix there. Facts of its own cause are used as they are; facts traced to it keep the best
 * knowledge of all streams.
 */
export function factsOfRoots(sorted: readonly ClassifiedFacts[]): ReadonlyMap<string, readonly CauseFact[]> {
  const traced = new Map<string, CauseFact[]>();
  for (const { fact, paths } of sorted.flatMap(({ below }) => below))
    for (const [root] of paths) if (root !== undefined && !traced.get(root)?.push(fact)) traced.set(root, [fact]);
  const facts = new Map<string, readonly CauseFact[]>();
  for (const { candidate, own } of sorted) if (own.length > 0) facts.set(candidate.stream, own);
  for (const [root, more] of traced) facts.set(root, mergeFacts([...(facts.get(root) ?? []), ...more]));
  return facts;
}

export const pathsOf = (sorted: readonly ClassifiedFacts[]): readonly StreamPath[] =>
  sorted.flatMap(({ below }) => below.flatMap(({ paths }) => paths));

/** Streams that must be read before the root cause is known; empty if only the stream itself is missing. */
export const awaitedOf = ({ candidate, pending, unknown }: ClassifiedFacts): readonly string[] => {
  if (pending.length === 0) return [];
  const own = unknown.length > 0 ? [candidate.stream] : [];
  return [...new Set([...own, ...pending.flatMap(({ awaited }) => awaited)])].sort(compareTexts);
};

/** Why some facts are undetermined; absent if there are none. */
export function unknownText({ candidate, unknown, pending }: ClassifiedFacts): string | undefined {
  const [first] = unknown;
  if (first) {
    const uncovered = uncoveredText(unknown, [...(candidate.heads ?? []), ...candidate.inUse]);
    const why = uncovered ?? 'its images are not scanned and judged yet';
    return `Patchwave does not know yet whether this stream has ${factText(first)}${more(unknown.length + pending.length)}: ${why}. Patchwave plans the stream after that.`;
  }
  const [waiting] = pending;
  if (!waiting) return undefined;
  const what = `Patchwave does not know yet which stream must fix ${factText(waiting.fact)}${more(pending.length)}`;
  const [unplaced] = waiting.rootCause.unplaced ?? [];
  if (unplaced) return `${what}. ${unplacedText(unplaced)}`;
  if (waiting.uncovered !== undefined) return `${what}: ${waiting.uncovered}. Patchwave plans the stream after that.`;
  return `${what}. Patchwave waits for ${awaitedText(waiting)}, then plans the stream.`;
}

const more = (facts: number): string => (facts > 1 ? ` and ${counted(facts - 1, 'other fact')}` : '');

function awaitedText({ rootCause: { images, streams } }: PendingFact): string {
  const [first, ...others] = [
    ...streams.map((stream) => `the head of ${stream}`),
    ...images.map((digest) => `the scan of ${digest}`),
  ];
  return `${first}${others.length > 0 ? ` and ${others.length} more` : ''}`;
}

const CLOSING = wait(
  'closing',
  'The head is fixed, but older images still run. The cause closes when they are gone: deploy the head, or stop them.',
);

/** What an unplanned cause waits for if nothing else is known. */
export function leftWith(sorted: ClassifiedFacts): NegativeDecision {
  const unknown = unknownText(sorted);
  return unknown === undefined ? CLOSING : wait('unknown-facts', unknown);
}
