import type { CauseFact, PersonFact } from '../cause/cause.ts';
import type { RebuildHistory, SurvivedFact } from '../cause/rebuild.ts';
import { counted } from '../common/counted.ts';
import { DAY_MS, instant } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { type NegativeDecision, REFUSE_REASONS, type RefuseReason, refuse } from './guard-answer.ts';
import { triesOf, worseOn } from './tries.ts';

/** A fact that a rebuild would not fix now. */
export interface DroppedFact {
  readonly fact: CauseFact;
  readonly reason: RefuseReason;
  readonly detail: string;
  readonly recheckAtEpochMs?: number;
}

/** What is known of earlier rebuilds, and for how long it counts. */
export interface Remembered {
  readonly history: RebuildHistory;
  /** Absent if the parent is unknown. */
  readonly parentHead?: Digest;
  /** As `Rebuild.parents`. */
  readonly parents?: string;
  readonly retryUnknownFixDays: number;
  /** The number of rebuilds that the policy allows for the same facts on the same heads of all parents. */
  readonly attempts: number;
  /** The rebuild would resume a candidate and build nothing. */
  readonly isResumed?: boolean;
}

/** Separates facts that a rebuild may fix from the others. A person's request is never dropped. */
export function dropUnfixable(
  facts: readonly CauseFact[],
  remembered: Remembered,
  nowEpochMs: number,
): { readonly fixable: readonly CauseFact[]; readonly dropped: readonly DroppedFact[] } {
  const fixable: CauseFact[] = [];
  const dropped: DroppedFact[] = [];
  for (const fact of facts) {
    const reason = fact.kind === 'person' ? undefined : dropReason(fact, remembered, nowEpochMs);
    if (reason) dropped.push(reason);
    else fixable.push(fact);
  }
  return { fixable, dropped };
}

function dropReason(
  fact: Exclude<CauseFact, PersonFact>,
  remembered: Remembered,
  nowEpochMs: number,
): DroppedFact | undefined {
  const { history } = remembered;
  const pinned = pinnedFor(fact, remembered);
  if (pinned)
    return {
      fact,
      reason: 'parent-pinned',
      detail: `The last rebuild was not built on head ${pinned.head} of ${pinned.stream}: its build uses another image (a fixed digest or an older tag). Use the moving tag of the parent in the build, then run \`patchwave reset STREAM --reason TEXT\`.`,
    };
  const spent = remembered.isResumed ? undefined : (spentOn(fact, remembered) ?? onlyWorse(fact, remembered));
  if (spent) return spent;
  const survived = history.survived.map((one) => survival(fact, one, remembered, nowEpochMs));
  const known = survived.find((one) => one !== undefined);
  if (known) return known;
  if (fact.kind !== 'finding' || fact.fix !== 'no') return undefined;
  return {
    fact,
    reason: 'would-not-help',
    detail: `The scanner says that there is no fix for ${factText(fact)} yet. Patchwave rebuilds when one is published.`,
  };
}

/**
 * The head that the last rebuild did not pick up and that is still the head. For a moved parent only that parent
 * counts, because a stream may have several parents and then has no single parent head.
 */
function pinnedFor(fact: CauseFact, { history: { pinnedTo = [] }, parentHead }: Remembered) {
  return fact.kind === 'parent-moved'
    ? pinnedTo.find(({ stream, head }) => stream === fact.parent && head === fact.head)
    : pinnedTo.find(({ head }) => head === parentHead);
}

/**
 * Whether the policy's number of rebuilds was made for a fact on these parent heads. Once a trial showed that no fix
 * exists yet, one rebuild is kept for the day when a fix is published. Failed runs show nothing.
 */
function spentOn(
  fact: Exclude<CauseFact, PersonFact>,
  { history, parentHead, parents, attempts }: Remembered,
): DroppedFact | undefined {
  const tries = triesOf(history, parents, fact);
  const left = history.survived.find((one) => isSame(fact, one) && mayBeOn(parentHead, one));
  const isTrial = left !== undefined && fact.kind === 'finding' && fact.fix === 'unknown';
  if (tries < (isTrial ? Math.max(attempts - 1, 1) : attempts)) return undefined;
  const reason = left === undefined ? 'attempts-exhausted' : isTrial ? 'no-fix-seen' : 'ineffective';
  const frees = `Patchwave tries again when a parent gets a new head${isTrial ? ', when a fix is published' : ''}, or after \`patchwave reset\`.`;
  const notFixed = `${counted(tries, 'rebuild')} on the same parents did not fix ${factText(fact)}.`;
  return { fact, reason, detail: `${notFixed} ${frees}` };
}

/** Whether the policy's number of rebuilds on these parent heads, for any facts, made an image that is worse than the head. */
function onlyWorse(
  fact: Exclude<CauseFact, PersonFact>,
  { history, parents, attempts }: Remembered,
): DroppedFact | undefined {
  const builds = worseOn(history, parents);
  if (builds < attempts) return undefined;
  const detail = `${counted(builds, 'rebuild')} on the same parents made no better image: each was worse than the head. Patchwave tries again when a parent gets a new head, or after \`patchwave reset\`.`;
  return { fact, reason: 'attempts-exhausted', detail };
}

/** Whether it survived on this head of the parent, as far as known. */
const mayBeOn = (parentHead: Digest | undefined, survived: SurvivedFact): boolean =>
  parentHead === undefined || survived.parentHead === undefined || parentHead === survived.parentHead;

/** Whether an earlier rebuild that did not fix a fact still speaks against the next one. */
function survival(
  fact: Exclude<CauseFact, PersonFact>,
  survived: SurvivedFact,
  { parentHead, retryUnknownFixDays }: Remembered,
  nowEpochMs: number,
): DroppedFact | undefined {
  if (!isSame(fact, survived)) return undefined;
  const isTrial = survived.kind === 'trial';
  if (!mayBeOn(parentHead, survived)) return undefined;
  const isParentKnown = parentHead !== undefined && survived.parentHead !== undefined;
  const notFixed = `The rebuild of ${instant(survived.atEpochMs)} did not fix ${factText(fact)}`;
  if (!isTrial && isParentKnown)
    return {
      fact,
      reason: 'ineffective',
      detail: `${notFixed} on the same parent. Patchwave tries again when the parent gets a new head, or after \`patchwave reset\`.`,
    };
  // If the parent is unknown, it may change, so the answer holds only for a time.
  const recheckAtEpochMs = survived.atEpochMs + retryUnknownFixDays * DAY_MS;
  if (nowEpochMs >= recheckAtEpochMs) return undefined;
  if (isTrial && fact.kind === 'age') {
    const detail = `The rebuild of ${instant(survived.atEpochMs)} made the same layers again, so they are still current. The next review counts their age from that rebuild. You need to do nothing.`;
    return { fact, reason: 'would-not-help', detail, recheckAtEpochMs };
  }
  const detail = `${notFixed}${isTrial ? '; it was a trial, because no fix is known' : ''}. Patchwave tries again from ${instant(recheckAtEpochMs)} on, or after \`patchwave reset\`.`;
  return { fact, reason: isTrial ? 'no-fix-seen' : 'ineffective', detail, recheckAtEpochMs };
}

/** Ignores the version, because each build may stamp another one. A trial counts only while no fix is known. */
export function isSame(fact: Exclude<CauseFact, PersonFact>, survived: SurvivedFact): boolean {
  if (fact.kind === 'parent-moved') return false;
  if (fact.kind === 'age' || survived.fact === 'age') return fact.kind === survived.fact;
  if (fact.vulnerability !== survived.vulnerability || fact.package !== survived.package) return false;
  return survived.kind === 'rebuild' || fact.fix === 'unknown';
}

/** The answer if every fact was dropped. */
export function refusal(dropped: readonly DroppedFact[]): NegativeDecision {
  const rank = ({ reason }: DroppedFact): number => REFUSE_REASONS.indexOf(reason);
  const [gravest, ...others] = [...dropped].sort((one, other) => rank(one) - rank(other));
  if (!gravest) return refuse('would-not-help', 'A rebuild would fix none of the facts of this cause.');
  const rechecks = dropped.flatMap(({ recheckAtEpochMs }) => recheckAtEpochMs ?? []);
  return refuse(
    gravest.reason,
    others.length === 0
      ? gravest.detail
      : `${gravest.detail} Patchwave does not rebuild for ${counted(others.length, 'other fact')} either.`,
    rechecks.length > 0 ? rechecks.reduce((one, other) => Math.min(one, other)) : undefined,
  );
}

/** A fact in words. */
export function factText(fact: CauseFact): string {
  switch (fact.kind) {
    case 'finding':
      return `${fact.vulnerability} in ${fact.package} ${fact.version}`;
    case 'age':
      return 'an age near or over the limit';
    case 'parent-moved':
      return `an outdated parent (${fact.parent} has a new head)`;
    case 'person':
      return `the manual request by ${fact.by}`;
  }
}
