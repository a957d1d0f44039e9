import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';
import type { Fix } from '../scan/finding.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { Reason, Verdict } from '../verdict/verdict.ts';
import type { NodeAnswer } from './node-answer.ts';

/** One fact that asks for a rebuild. Its identity is everything but `sinceEpochMs` and `fix`, which one learns. */
export type CauseFact = FindingFact | AgeFact | ParentMovedFact | PersonFact;

export interface FindingFact {
  readonly kind: 'finding';
  readonly ruleId: string;
  readonly vulnerability: string;
  readonly package: string;
  readonly version: string;
  readonly fix: Fix;
  readonly sinceEpochMs: number;
}

export interface AgeFact {
  readonly kind: 'age';
  readonly ruleId: string;
  readonly sinceEpochMs: number;
}

/** What the head of the stream is built on is not the head of that stream any more. */
export interface ParentMovedFact {
  readonly kind: 'parent-moved';
  readonly ruleId: typeof PARENT_MOVED;
  /** The stream that it is built on. */
  readonly parent: string;
  /** Its head as a whole (`headDigestOf`); absent where that is built in the same cascade. */
  readonly head?: Digest;
  readonly sinceEpochMs: number;
}

export const PARENT_MOVED = 'parent-moved';

/** Somebody asked for a rebuild, whatever the verdict is. */
export interface PersonFact {
  readonly kind: 'person';
  readonly ruleId: typeof ASKED_BY_PERSON;
  readonly by: string;
  readonly reason: string;
  readonly sinceEpochMs: number;
}

export const ASKED_BY_PERSON = 'asked-by-person';

/** Once something is built and verified nothing is left of it, whatever runs. */
export const isDoneOnceBuilt = ({ kind }: CauseFact): boolean => kind === 'person' || kind === 'parent-moved';

/** The recorded reason why a stream needs a rebuild or a deployment: one item a stream, which stays once it is there. */
export interface Cause {
  readonly stream: string;
  /** In a fixed order, each once; empty exactly where it is closed. */
  readonly facts: readonly CauseFact[];
  /** Of the oldest fact; of the last one once it is closed. */
  readonly sinceEpochMs: number;
  /** How many new facts were ever added; it never goes back. */
  readonly version: number;
  /** `open`: somebody must act. `taken`: a cascade works on it. `closed`: nothing is left of it. */
  readonly state: 'open' | 'taken' | 'closed';
  /** Present exactly where it is taken. */
  readonly takenBy?: { readonly cascadeId: string };
  /** Why it was not taken when it was looked at last. */
  readonly answer?: NodeAnswer;
}

/**
 * What of a verdict a rebuild could fix: findings that violate now, and its own age, that from the warning on. A wrong
 * registry it could not.
 */
export const causeFacts = (verdict: Verdict): CauseFact[] => verdict.reasons.flatMap(factOf);

/** What of a verdict violates now, without what is only near its limit. */
export const violatedFacts = (verdict: Verdict): CauseFact[] => verdict.reasons.filter(isViolated).flatMap(factOf);

function factOf(reason: Reason): CauseFact[] {
  const { ruleId } = reason;
  if (!isViolated(reason) && !isOwnWarning(reason)) return [];
  if (reason.kind === 'age')
    // An age that another image decides is that one's: a rebuild on the same would make nothing younger, day after day.
    return reason.decidedBy !== undefined
      ? []
      : [{ kind: 'age', ruleId, sinceEpochMs: reason.deadlineEpochMs ?? reason.bornAtEpochMs }];
  if (reason.kind !== 'finding') return [];
  const { vulnerability, package: name, version, fix, firstSeenAtEpochMs: sinceEpochMs } = reason;
  return [{ kind: 'finding', ruleId, vulnerability, package: name, version, fix, sinceEpochMs }];
}

const isViolated = ({ effect }: Reason): boolean => effect === 'violates';

/** Its own birth decides, and the limit is near: whoever is rebuilt by then never crosses it. */
export const isOwnWarning = (reason: Reason): boolean =>
  reason.kind === 'age' && reason.effect === 'due' && reason.decidedBy === undefined;

/**
 * Facts for the cause of the image's stream, if any. What neither runs nor is a head asks for nothing; what is near its limit
 * asks for a rebuild where it is a head, and for no deployment of a newer one yet.
 */
export function factsFor({
  image: { stream, inUse, isHead },
  verdict,
}: {
  readonly image: Pick<ImageRecord, 'stream' | 'inUse' | 'isHead'>;
  readonly verdict: Verdict;
}): readonly { readonly stream: string; readonly facts: readonly CauseFact[] }[] {
  if (stream === undefined || !(inUse || isHead)) return [];
  const facts = isHead ? causeFacts(verdict) : violatedFacts(verdict);
  return facts.length > 0 ? [{ stream, facts }] : [];
}

/**
 * A stream's cause with more facts. The order in which facts arrive, and how often, makes no difference: each is kept
 * once, since the earliest instant told, with the most that is known of a fix. A new fact opens a cause that was taken
 * or closed. Returns `existing` itself where nothing is new, `undefined` where nothing is.
 */
export function mergeCause(
  stream: string,
  existing: Cause | undefined,
  facts: readonly CauseFact[],
): Cause | undefined {
  const known = new Map((existing?.facts ?? []).map((fact) => [factKey(fact), fact]));
  const before = known.size;
  let isChanged = false;
  for (const fact of facts) {
    const key = factKey(fact);
    const same = known.get(key);
    const merged = same ? mergeFact(same, fact) : fact;
    if (merged === same) continue;
    known.set(key, merged);
    isChanged = true;
  }
  if (!isChanged) return existing;
  const added = known.size - before;
  const merged = inOrder([...known.values()]);
  if (existing && added === 0) return { ...existing, ...merged };
  return { stream, ...merged, version: (existing?.version ?? 0) + added, state: 'open' };
}

/**
 * As `mergeCause`, with parents that moved. Of each the last head alone counts, however often it moves; the stream waits
 * since the first.
 */
export function mergeMoved(
  stream: string,
  existing: Cause | undefined,
  moved: readonly ParentMovedFact[],
): Cause | undefined {
  const keys = new Set(moved.map(factKey));
  const overtaken = (existing?.facts ?? []).filter(
    (fact) =>
      fact.kind === 'parent-moved' && !keys.has(factKey(fact)) && moved.some(({ parent }) => parent === fact.parent),
  ) as readonly ParentMovedFact[];
  if (!existing || overtaken.length === 0) return mergeCause(stream, existing, moved);
  const left = existing.facts.filter((fact) => !overtaken.includes(fact as ParentMovedFact));
  const waiting = moved.map((fact) => {
    const sinces = overtaken.filter(({ parent }) => parent === fact.parent).map(({ sinceEpochMs }) => sinceEpochMs);
    return { ...fact, sinceEpochMs: Math.min(fact.sinceEpochMs, ...sinces) };
  });
  return mergeCause(stream, { ...existing, facts: left }, waiting);
}

/** Facts in a fixed order, each once, as a cause would keep them. */
export const mergeFacts = (facts: readonly CauseFact[]): readonly CauseFact[] =>
  mergeCause('', undefined, facts)?.facts ?? [];

/** Once a fix is known to exist it is known; that there is none is more than not to know. */
export const FIX_KNOWLEDGE: readonly Fix[] = ['unknown', 'no', 'yes'];

function mergeFact(known: CauseFact, told: CauseFact): CauseFact {
  const sinceEpochMs = Math.min(known.sinceEpochMs, told.sinceEpochMs);
  const isEarlier = sinceEpochMs < known.sinceEpochMs;
  if (known.kind !== 'finding' || told.kind !== 'finding') return isEarlier ? { ...known, sinceEpochMs } : known;
  const isBetterKnown = FIX_KNOWLEDGE.indexOf(told.fix) > FIX_KNOWLEDGE.indexOf(known.fix);
  return isEarlier || isBetterKnown ? { ...known, fix: isBetterKnown ? told.fix : known.fix, sinceEpochMs } : known;
}

/**
 * A cause without the facts that hold no longer: nothing has them any more, or a closure proved it. Closed where none
 * is left. Returns `cause` itself where it has none of them.
 */
export function settleFacts(cause: Cause, settled: readonly CauseFact[]): Cause {
  const gone = new Set(settled.map(factKey));
  const left = cause.facts.filter((fact) => !gone.has(factKey(fact)));
  if (left.length === cause.facts.length) return cause;
  if (left.length > 0) return { ...cause, ...inOrder(left) };
  const { takenBy, answer, ...rest } = cause;
  return { ...rest, facts: [], state: 'closed' };
}

/**
 * A cause as a cascade takes it; `cause` itself where it moved since the plan read it, or is not open. What moved stays
 * open, so that the new fact is planned next.
 */
export function takeCause(cause: Cause, cascadeId: string, versionRead: number): Cause {
  if (cause.version !== versionRead || cause.state !== 'open') return cause;
  const { answer, ...rest } = cause;
  return { ...rest, state: 'taken', takenBy: { cascadeId } };
}

/** A cause that its cascade gives back; `cause` itself where that cascade does not hold it (any more). */
export function reopenCause(cause: Cause, cascadeId: string): Cause {
  if (cause.takenBy?.cascadeId !== cascadeId) return cause;
  const { takenBy, ...rest } = cause;
  return { ...rest, state: 'open' };
}

/** A cause with the answer of the guards; `cause` itself where it is not open or has that answer already. */
export function answerCause(cause: Cause, answer: NodeAnswer): Cause {
  if (cause.state !== 'open' || sameAnswer(cause.answer, answer)) return cause;
  return { ...cause, answer };
}

const sameAnswer = (one: NodeAnswer | undefined, other: NodeAnswer): boolean =>
  one?.answer === other.answer &&
  one.reason === other.reason &&
  one.detail === other.detail &&
  one.recheckAtEpochMs === other.recheckAtEpochMs;

const inOrder = (facts: readonly CauseFact[]): Pick<Cause, 'facts' | 'sinceEpochMs'> => ({
  facts: [...facts].sort((one, other) => compareTexts(factKey(one), factKey(other))),
  sinceEpochMs: facts.reduce((since, fact) => Math.min(since, fact.sinceEpochMs), Number.POSITIVE_INFINITY),
});

/** The identity of a fact within its stream. */
export function factKey(fact: CauseFact): string {
  switch (fact.kind) {
    case 'finding':
      return [fact.kind, fact.ruleId, fact.vulnerability, fact.package, fact.version].join('\n');
    case 'person':
      return [fact.kind, fact.ruleId, fact.by, fact.reason].join('\n');
    case 'parent-moved':
      return [fact.kind, fact.ruleId, fact.parent, fact.head ?? ''].join('\n');
    case 'age':
      return [fact.kind, fact.ruleId].join('\n');
  }
}
