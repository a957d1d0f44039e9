import { type Fault, faults, type Way } from '../attribution/root-cause.ts';
import type { KnownFleet } from '../attribution/stream-path.ts';
import { type CauseFact, mergeFacts } from '../cause/cause.ts';
import { classifyFact } from '../cause/fact-status.ts';
import { unplacedText } from '../cause/unplaced.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { counted } from '../common/counted.ts';
import { type HeldBack, wait } from '../guard/guard-answer.ts';
import { factText } from '../guard/guard-facts.ts';
import type { Candidate } from './plan-model.ts';

/** A fact that is to be mended at other streams first. */
export interface BelowFact {
  readonly fact: CauseFact;
  readonly ways: readonly Way[];
}

/** A fact of which nobody can tell yet whose it is. */
interface PendingFact {
  readonly fact: CauseFact;
  readonly fault: Extract<Fault, { kind: 'pending' }>;
  /** Of which stream each image is that is to be scanned, where anybody knows. */
  readonly awaited: readonly string[];
}

/** The facts of one cause by what they ask for. */
export interface SortedOut {
  readonly candidate: Candidate & Required<Pick<Candidate, 'cause'>>;
  /** To be mended by a rebuild of the stream itself, whatever it stands on. */
  readonly own: readonly CauseFact[];
  readonly below: readonly BelowFact[];
  readonly pending: readonly PendingFact[];
  readonly deploy: readonly CauseFact[];
  readonly unknown: readonly CauseFact[];
  readonly gone: readonly CauseFact[];
}

/**
 * A parent whose head was deleted has nothing to pick up: that it moved is settled, and its next head is a new fact.
 * @param followParents whether anything follows from a parent that moved: otherwise such a fact is settled
 */
export function sortOut(candidate: SortedOut['candidate'], known: KnownFleet, followParents: boolean): SortedOut {
  const classes = Map.groupBy(candidate.cause.facts, (fact) => {
    if (fact.kind !== 'parent-moved') return classifyFact(fact, candidate);
    const found = followParents ? classifyFact(fact, candidate) : 'gone';
    return found === 'rebuild' && hasNoHead(fact.parent, known) ? 'gone' : found;
  });
  const { rebuild = [], ...others } = Object.fromEntries(classes);
  const faultOf = faults(candidate, known);
  const found = rebuild.map((fact) => ({ fact, fault: faultOf(fact) }));
  // Of a parent that moved it is known whether its image is or not.
  const awaitedFor = (fact: CauseFact, { images, streams }: PendingFact['fault']): readonly string[] =>
    fact.kind === 'parent-moved'
      ? [fact.parent]
      : [...streams, ...images.flatMap((digest) => known.images.get(digest)?.stream ?? [])];
  return {
    candidate,
    own: found.flatMap(({ fact, fault }) => (fault.kind === 'own' ? fact : [])),
    below: found.flatMap(({ fact, fault }) => (fault.kind === 'below' ? { fact, ways: fault.ways } : [])),
    pending: found.flatMap(({ fact, fault }) =>
      fault.kind === 'pending' ? { fact, fault, awaited: awaitedFor(fact, fault) } : [],
    ),
    deploy: others.deploy ?? [],
    unknown: others.unknown ?? [],
    gone: others.gone ?? [],
  };
}

/** Of a stream whose head nobody could read, this is not known. */
function hasNoHead(stream: string, { streams }: KnownFleet): boolean {
  const record = streams.get(stream);
  return record !== undefined && Object.keys(record.head?.images ?? {}).length === 0;
}

/**
 * By stream at fault: what is to be mended there. Its own cause's facts come as they are; what others trace to it is
 * known as well as any of them knows it.
 */
export function factsOfRoots(sorted: readonly SortedOut[]): ReadonlyMap<string, readonly CauseFact[]> {
  const traced = new Map<string, CauseFact[]>();
  for (const { fact, ways } of sorted.flatMap(({ below }) => below))
    for (const [root] of ways) if (root !== undefined && !traced.get(root)?.push(fact)) traced.set(root, [fact]);
  const facts = new Map<string, readonly CauseFact[]>();
  for (const { candidate, own } of sorted) if (own.length > 0) facts.set(candidate.stream, own);
  for (const [root, told] of traced) facts.set(root, mergeFacts([...(facts.get(root) ?? []), ...told]));
  return facts;
}

export const waysOf = (sorted: readonly SortedOut[]): readonly Way[] =>
  sorted.flatMap(({ below }) => below.flatMap(({ ways }) => ways));

/** Streams that must be looked at before anybody can tell whose the facts are; none where it is only its own. */
export const awaitedOf = ({ candidate, pending, unknown }: SortedOut): readonly string[] => {
  if (pending.length === 0) return [];
  const own = unknown.length > 0 ? [candidate.stream] : [];
  return [...new Set([...own, ...pending.flatMap(({ awaited }) => awaited)])].sort(compareTexts);
};

/** Why nobody can tell yet what is to be done about some facts; absent where there are none. */
export function unknownText({ unknown, pending }: SortedOut): string | undefined {
  const [first] = unknown;
  if (first)
    return `Not known yet whether this stream is affected by ${factText(first)}${more(unknown.length + pending.length)}: its images are not scanned and judged yet. Planned after that.`;
  const [waiting] = pending;
  if (!waiting) return undefined;
  const [unplaced] = waiting.fault.unplaced ?? [];
  if (unplaced)
    return `Not attributed yet: ${factText(waiting.fact)}${more(pending.length)}. ${unplacedText(unplaced)}`;
  return `Not attributed yet: ${factText(waiting.fact)}${more(pending.length)}. Missing: ${awaitedText(waiting)}. Planned once that is known.`;
}

const more = (facts: number): string => (facts > 1 ? ` and ${counted(facts - 1, 'other cause')}` : '');

function awaitedText({ fault: { images, streams } }: PendingFact): string {
  const [first, ...others] = [
    ...streams.map((stream) => `the head of ${stream}`),
    ...images.map((digest) => `the scan of ${digest}`),
  ];
  return `${first}${others.length > 0 ? ` and ${others.length} more` : ''}`;
}

const CLOSING = wait('closing', 'The head is fixed, but older images still run. The cause closes when they are gone.');

/** What a cause waits for of which nothing is planned, and nothing else is known. */
export function leftWith(sorted: SortedOut): HeldBack {
  const unknown = unknownText(sorted);
  return unknown === undefined ? CLOSING : wait('unknown-facts', unknown);
}
