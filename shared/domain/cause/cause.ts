import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';
import type { Fix } from '../scan/finding.ts';
import type { PackageKind } from '../scan/scan.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import type { Reason, Verdict } from '../verdict/verdict.ts';
import type { NodeAnswer } from './node-answer.ts';

/** One fact that calls for a rebuild. Its identity: all fields but `sinceEpochMs`, `fix` and `packageKind`. */
export type CauseFact = FindingFact | AgeFact | ParentMovedFact | PersonFact;

export interface FindingFact {
  readonly kind: 'finding';
  readonly ruleId: string;
  readonly vulnerability: string;
  readonly package: string;
  readonly version: string;
  readonly fix: Fix;
  /** Which scan can show that it is gone: `coversKind`. Absent in items of earlier versions. */
  readonly packageKind?: PackageKind;
  readonly sinceEpochMs: number;
}

export interface AgeFact {
  readonly kind: 'age';
  readonly ruleId: string;
  readonly sinceEpochMs: number;
}

/** The parent image of the head is no longer the head of the parent stream. */
export interface ParentMovedFact {
  readonly kind: 'parent-moved';
  readonly ruleId: typeof PARENT_MOVED;
  /** The parent stream. */
  readonly parent: string;
  /** The digest of its whole head (`headDigestOf`); absent if that is built in the same cascade. */
  readonly head?: Digest;
  readonly sinceEpochMs: number;
}

export const PARENT_MOVED = 'parent-moved';

/** A person requested a rebuild; the verdict does not matter. */
export interface PersonFact {
  readonly kind: 'person';
  readonly ruleId: typeof ASKED_BY_PERSON;
  readonly by: string;
  readonly reason: string;
  readonly sinceEpochMs: number;
}

export const ASKED_BY_PERSON = 'asked-by-person';

/** A request is done once a rebuild is verified, even if older images still run. */
export const isDoneOnceBuilt = ({ kind }: CauseFact): boolean => kind === 'person' || kind === 'parent-moved';

/** Why a stream needs a rebuild or a deployment: one item per stream, which is never deleted. */
export interface Cause {
  readonly stream: string;
  /** Sorted and unique; empty if and only if the cause is closed. */
  readonly facts: readonly CauseFact[];
  /** The start of the oldest fact; of the last one once it is closed. */
  readonly sinceEpochMs: number;
  /** The number of facts ever added; it never decreases. */
  readonly version: number;
  /** `open`: needs work. `taken`: a cascade is working on it. `closed`: no fact is left. */
  readonly state: 'open' | 'taken' | 'closed';
  /** Present if and only if it is taken. */
  readonly takenBy?: { readonly cascadeId: string };
  /** Why the planner did not take it last time. */
  readonly answer?: NodeAnswer;
}

/**
 * The parts of a verdict that a rebuild could fix: violating findings, and the image's own age from the warning on. A
 * rebuild cannot fix a wrong registry.
 */
export const causeFacts = (verdict: Verdict): CauseFact[] => verdict.reasons.flatMap(factOf);

/** The violating parts of a verdict, without those near their limit. */
export const violatedFacts = (verdict: Verdict): CauseFact[] => verdict.reasons.filter(isViolated).flatMap(factOf);

function factOf(reason: Reason): CauseFact[] {
  const { ruleId } = reason;
  if (!isViolated(reason) && !isOwnWarning(reason)) return [];
  switch (reason.kind) {
    case 'age':
      // An age decided by an ancestor belongs to the ancestor: a rebuild on the same parent would make nothing younger.
      return reason.decidedBy !== undefined
        ? []
        : [{ kind: 'age', ruleId, sinceEpochMs: reason.deadlineEpochMs ?? reason.bornAtEpochMs }];
    case 'finding': {
      const { vulnerability, package: name, version, fix, firstSeenAtEpochMs: sinceEpochMs } = reason;
      const packageKind = reason.isLanguagePackage ? 'language' : 'os';
      return [{ kind: 'finding', ruleId, vulnerability, package: name, version, fix, packageKind, sinceEpochMs }];
    }
    // No rebuild fixes these.
    case 'age-unknown':
    case 'digest-guessed':
    case 'policy':
    case 'registry':
    case 'scan':
    case 'source':
    case 'system':
    case 'tag':
    case 'user':
      return [];
    default:
      // Only a later version knows the kind; the compiler names a kind of this version that has no case.
      reason satisfies never;
      return [];
  }
}

const isViolated = ({ effect }: Reason): boolean => effect === 'violates';

/** Its own birth decides and the limit is near: a rebuild by then avoids the breach. */
export const isOwnWarning = (reason: Reason): boolean =>
  reason.kind === 'age' && reason.effect === 'due' && reason.decidedBy === undefined;

/**
 * The facts for the cause of the image's stream. An image that neither runs nor is a head yields none. A fact near its
 * limit calls for a rebuild of a head, but not for a deployment of a newer one. The vendor of a mirrored image fixes it.
 */
export function factsFor({
  image: { stream, tier, inUse, isHead },
  verdict,
}: {
  readonly image: Pick<ImageRecord, 'stream' | 'tier' | 'inUse' | 'isHead'>;
  readonly verdict: Verdict;
}): readonly { readonly stream: string; readonly facts: readonly CauseFact[] }[] {
  if (stream === undefined || tier === 'mirrored' || !(inUse || isHead)) return [];
  const facts = isHead ? causeFacts(verdict) : violatedFacts(verdict);
  return facts.length > 0 ? [{ stream, facts }] : [];
}

/**
 * Adds facts to a stream's cause. Order and repetition make no difference: each fact is kept once, with its earliest
 * instant and the best knowledge of its fix and its kind of package. A new fact reopens a taken or closed cause. Returns `existing` itself if
 * nothing is new, `undefined` if there are no facts.
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
 * Like `mergeCause`, for moved parents. Only the last head of each parent counts; the stream waits since the first
 * move.
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

/** Facts sorted and unique, as in a cause. */
export const mergeFacts = (facts: readonly CauseFact[]): readonly CauseFact[] =>
  mergeCause('', undefined, facts)?.facts ?? [];

/** `yes` outranks `no`, and `no` outranks `unknown`. */
export const FIX_KNOWLEDGE: readonly Fix[] = ['unknown', 'no', 'yes'];

function mergeFact(known: CauseFact, added: CauseFact): CauseFact {
  const sinceEpochMs = Math.min(known.sinceEpochMs, added.sinceEpochMs);
  const isEarlier = sinceEpochMs < known.sinceEpochMs;
  if (known.kind !== 'finding' || added.kind !== 'finding') return isEarlier ? { ...known, sinceEpochMs } : known;
  const fix = FIX_KNOWLEDGE.indexOf(added.fix) > FIX_KNOWLEDGE.indexOf(known.fix) ? added.fix : known.fix;
  // Of a pair in packages of both kinds only a scan that covers languages shows that it is gone.
  const packageKind = added.packageKind === 'language' ? added.packageKind : (known.packageKind ?? added.packageKind);
  if (!isEarlier && fix === known.fix && packageKind === known.packageKind) return known;
  return { ...known, fix, ...(packageKind && { packageKind }), sinceEpochMs };
}

/**
 * Removes facts that no image has any longer, or that a closure proved gone. Closed if none is left. Returns `cause`
 * itself if it has none of them.
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
 * Takes a cause for a cascade. Returns `cause` itself if it changed since the plan read it, or is not open: a changed
 * cause stays open, so that its new fact is planned next.
 */
export function takeCause(cause: Cause, cascadeId: string, versionRead: number): Cause {
  if (cause.version !== versionRead || cause.state !== 'open') return cause;
  const { answer, ...rest } = cause;
  return { ...rest, state: 'taken', takenBy: { cascadeId } };
}

/** Gives a cause back. Returns `cause` itself if that cascade does not have it. */
export function reopenCause(cause: Cause, cascadeId: string): Cause {
  if (cause.takenBy?.cascadeId !== cascadeId) return cause;
  const { takenBy, ...rest } = cause;
  return { ...rest, state: 'open' };
}

/** A cause with the guards' answer. Returns `cause` itself if it is not open or already has that answer. */
export function answerCause(cause: Cause, answer: NodeAnswer): Cause {
  if (cause.state !== 'open' || sameAnswer(cause.answer, answer)) return cause;
  return { ...cause, answer };
}

const sameAnswer = (one: NodeAnswer | undefined, other: NodeAnswer | undefined): boolean =>
  one === other ||
  (one?.answer === other?.answer &&
    one?.reason === other?.reason &&
    one?.detail === other?.detail &&
    one?.recheckAtEpochMs === other?.recheckAtEpochMs &&
    one?.policyVersion === other?.policyVersion &&
    sameAnswer(one?.afterPause, other?.afterPause));

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
