import { DAY_MS } from '../common/time.ts';
import { type AppliedPolicy, objectedSince } from '../policy/applied-policy.ts';
import type { Policy } from '../policy/policy.ts';
import { linesOf, streamId, streamRulesOf } from '../stream/stream.ts';
import { classify } from '../stream/tier.ts';
import { sourceReasons, userReasons } from './config-rules.ts';
import { ageLimitOf, findingReasons, type VerdictInputs } from './evaluate.ts';
import type { ImageRecord } from './image-record.ts';
import { isDoubt } from './last-result.ts';
import { systemReasons } from './system-reasons.ts';
import { tagReasons } from './tag-reasons.ts';
import type { EndedTag, Reason, Verdict } from './verdict.ts';
import { coversReason, endOfWaiversOf, graceOfDoorsMs, voidFromEpochMs } from './waiver.ts';

/** The inputs of a verdict, with the verdict before it. */
export type DatedInputs = VerdictInputs & {
  readonly image: Pick<ImageRecord, 'verdict'>;
  /** Some of the earlier policies cannot be read, so that a rule may look newer than it is. */
  readonly isHistoryPartial?: boolean;
};

/** Objections whose grace counts from a policy at the earliest. */
const DATED: Readonly<Partial<Record<Reason['kind'], 'fact' | 'rule'>>> = {
  ...{ age: 'fact', finding: 'fact', system: 'fact' },
  ...{ source: 'rule', user: 'rule', tag: 'rule' },
};

const isDated = ({ effect, kind }: Reason): boolean =>
  (effect === 'violates' && DATED[kind] !== undefined) || (effect === 'unknown' && DATED[kind] === 'rule');

/** Whether `datedVerdict` may change a verdict. */
export const isDatable = ({ reasons }: Verdict): boolean => reasons.some(isDated);

/**
 * A verdict with the instant since when the policies in force have given each of its objections: the grace of doors counts from
 * then. An objection goes on if its rule gets another id. Where nothing gave it for a while since then, the verdict has the end of
 * that pause too.
 * @param applied the policy of the verdict, then those that were in force before it
 */
export function datedVerdict(
  verdict: Verdict,
  inputs: DatedInputs,
  applied: readonly AppliedPolicy[],
  nowEpochMs: number,
): Verdict {
  const [current] = applied;
  if (!current || !isDatable(verdict)) return verdict;
  const graceMs = graceOfDoorsMs(current.policy.doors);
  const given = objectionsUnder(inputs, current.policy);
  const givenBefore = Map.groupBy(inputs.image.verdict?.reasons ?? [], meaningOf);
  const reasons = verdict.reasons.map((reason): Reason => {
    if (!isDated(reason)) return reason;
    const same = (policy: Policy): readonly Reason[] => given(policy, reason);
    const sameBefore = givenBefore.get(meaningOf(reason)) ?? [];
    const before = sameBefore.find(isDated);
    const ruledSince = (pauseMs: number): number =>
      objectedSince(applied, (policy) => earliestOf(same(policy)), pauseMs) ?? current.fromEpochMs;
    const foundSinceEpochMs = ruledSince(graceMs);
    // What policies that cannot be read objected to is lost. The verdict before keeps it, so that no loss renews a grace again.
    const ruleSinceEpochMs = inputs.isHistoryPartial
      ? Math.min(foundSinceEpochMs, before?.sinceEpochMs ?? foundSinceEpochMs)
      : foundSinceEpochMs;
    // No waiver covers what is unknown.
    if (reason.effect === 'unknown') return { ...reason, sinceEpochMs: ruleSinceEpochMs };
    const waivedUntilEpochMs = coveredUntil(reason, sameBefore, inputs, applied, nowEpochMs);
    const sinceEpochMs = Math.max(
      ruleSinceEpochMs,
      waivedUntilEpochMs ?? 0,
      endOfWaiversOf(applied, inputs, (one) => (one === current ? [reason] : same(one.policy)), nowEpochMs) ?? 0,
      (reason.kind === 'tag' ? tagSeenAt(reason, inputs, applied, same, nowEpochMs) : undefined) ?? 0,
      // Before it read the system, Patchwave could not know its end: an upgrade stops nothing that ran well.
      (reason.kind === 'system' ? inputs.system?.readAtEpochMs : undefined) ?? 0,
    );
    const { deadlineEpochMs = 0 } = reason;
    // A rule has no deadline. One without an instant is of a version before 0.3.0.
    const isKept = (epochMs: number): boolean =>
      DATED[reason.kind] === 'rule' || (epochMs > deadlineEpochMs && epochMs + graceMs > nowEpochMs);
    const unpausedEpochMs = Math.max(sinceEpochMs, ruledSince(0));
    const isNew = sameBefore.length === 0 && isNewTo(inputs.image.verdict, applied, same, nowEpochMs);
    const unbrokenSinceEpochMs = Math.max(unpausedEpochMs, isNew ? nowEpochMs : (before?.unbrokenSinceEpochMs ?? 0));
    return {
      ...reason,
      ...(waivedUntilEpochMs !== undefined && { waivedUntilEpochMs }),
      ...(isKept(sinceEpochMs) && { sinceEpochMs }),
      ...(unbrokenSinceEpochMs > sinceEpochMs && isKept(unpausedEpochMs) && { unbrokenSinceEpochMs }),
    };
  });
  return { ...verdict, reasons };
}

/**
 * Until when a waiver covered an objection that it covers no longer because the image left its scope: it was copied to another
 * repository, or has another owner. The verdict before shows it, and the ones after keep it within the grace of doors.
 * `undefined` if no waiver did, if the deadline is later, or if the grace is over.
 */
function coveredUntil(
  reason: Reason,
  before: readonly Reason[],
  { image, ancestors = [] }: DatedInputs,
  applied: readonly AppliedPolicy[],
  nowEpochMs: number,
): number | undefined {
  const judgedBy = applied.find(({ version }) => version === image.verdict?.policyVersion);
  const endOf = ({ effect, waiverId, waivedUntilEpochMs = 0, ...one }: Reason): number => {
    if (effect !== 'waived') return waivedUntilEpochMs;
    const waiver = judgedBy?.policy.waivers.find(({ id }) => id === waiverId);
    const isLeft = waiver && !coversReason(waiver, image, { effect, ...one }, ancestors);
    return isLeft ? Math.min(nowEpochMs, voidFromEpochMs(waiver)) : 0;
  };
  // Several rules may give one objection: it was covered while each of them was waived.
  const endEpochMs = Math.max(before.length === 0 ? 0 : Math.min(...before.map(endOf)), reason.waivedUntilEpochMs ?? 0);
  const isOver = endEpochMs + graceOfDoorsMs(applied[0]?.policy.doors) <= nowEpochMs;
  return isOver || endEpochMs <= (reason.deadlineEpochMs ?? 0) ? undefined : endEpochMs;
}

/**
 * Whether only the image can explain that a verdict before does not have an objection: its policy has it too, or is not known. A review
 * that began before a policy came gives such a verdict by the policy before.
 */
function isNewTo(
  before: Verdict | undefined,
  applied: readonly AppliedPolicy[],
  same: (policy: Policy) => readonly Reason[],
  nowEpochMs: number,
): boolean {
  if (!before || before.reasons.some(isDoubt)) return false;
  const judgedBy = applied.find(({ version }) => version === before.policyVersion);
  return !judgedBy || (earliestOf(same(judgedBy.policy)) ?? Number.POSITIVE_INFINITY) <= nowEpochMs;
}

/** What a verdict objects to that the one before did not. */
export const newObjections = ({ reasons }: Verdict, before: Verdict): readonly Reason[] => {
  const known = new Set(before.reasons.filter(isDated).map(meaningOf));
  return reasons.filter((reason) => reason.effect === 'violates' && isDated(reason) && !known.has(meaningOf(reason)));
};

/** When the first of these objections is due; `undefined` if there is none. */
const earliestOf = (reasons: readonly Reason[]): number | undefined =>
  reasons.length === 0 ? undefined : Math.min(...reasons.map(({ deadlineEpochMs = 0 }) => deadlineEpochMs));

/** What a policy would object to the image as it is now, of the same meaning as a reason, without its waivers. */
function objectionsUnder(inputs: DatedInputs, current: Policy): (policy: Policy, reason: Reason) => readonly Reason[] {
  const known = new Map<Policy, ReadonlyMap<string, readonly Reason[]>>();
  const under = (policy: Policy): ReadonlyMap<string, readonly Reason[]> => {
    const image = { ...inputs.image, tier: tierUnder(policy, inputs, current) };
    const all = [
      ...findingReasons({ ...inputs, image }, policy),
      ...sourceReasons(image, policy, inputs.below),
      ...userReasons(image, policy),
      ...tagReasons(image, policy),
      ...systemReasons(image, policy, inputs.system, Number.MAX_SAFE_INTEGER),
    ];
    return Map.groupBy(all, meaningOf);
  };
  return (policy, reason) => {
    if (reason.kind === 'age') {
      const { limitDays } = ageLimitOf(policy, { tier: tierUnder(policy, inputs, current) });
      return [{ ...reason, deadlineEpochMs: reason.bornAtEpochMs + limitDays * DAY_MS }];
    }
    const reasons = known.get(policy) ?? under(policy);
    known.set(policy, reasons);
    return reasons.get(meaningOf(reason)) ?? [];
  };
}

/** Equal for reasons that say the same, whichever rule gives them. */
function meaningOf(reason: Reason): string {
  if (reason.effect === 'unknown') return `unknown ${reason.kind}`;
  switch (reason.kind) {
    case 'finding': {
      const { vulnerability, package: name, version, layer, isLanguagePackage } = reason;
      return JSON.stringify([vulnerability, name, version, layer ?? null, isLanguagePackage ?? false]);
    }
    case 'source':
      return JSON.stringify(['source', reason.label ?? null]);
    case 'tag':
      return JSON.stringify(['tag', reason.tag ?? null, reason.problem?.kind ?? null]);
    default:
      return reason.kind;
  }
}

/** The tier of the image by another policy. Its tags are not at hand, so only what its place and its stream say is compared. */
function tierUnder(policy: Policy, { image }: DatedInputs, current: Policy): typeof image.tier {
  const tierBy = (one: Policy): typeof image.tier => {
    const [location] = image.locations;
    const [reference] = image.references ?? [];
    if (!location) return classify(one, reference === undefined ? {} : { reference }).tier;
    const line = linesOf(streamRulesOf(one, location)).find(({ name }) => streamId(location, name) === image.stream);
    return line?.rule.tier ?? classify(one, { location }).tier;
  };
  const [then, now] = [tierBy(policy), tierBy(current)];
  return then === now ? image.tier : then;
}

/**
 * When an image was first seen with a tag that a rule forbids: a tag may come long after the rule. Before, a verdict of a policy
 * that forbids it too did not have it. `undefined` if nothing tells it.
 */
function tagSeenAt(
  reason: Reason & { readonly kind: 'tag' },
  { image: { verdict: before } }: DatedInputs,
  applied: readonly AppliedPolicy[],
  same: (policy: Policy) => readonly Reason[],
  nowEpochMs: number,
): number | undefined {
  if (!before) return undefined;
  const known = before.reasons.find((one) => one.kind === 'tag' && meaningOf(one) === meaningOf(reason));
  if (known) return known.sinceEpochMs;
  const { endedTags = [] } = before;
  const ended = endedTags.find(({ tag }) => tag === reason.tag) ?? endedTags.find(({ tag }) => tag === undefined);
  const graceMs = graceOfDoorsMs(applied[0]?.policy.doors);
  if (ended && nowEpochMs - ended.untilEpochMs < graceMs) return ended.sinceEpochMs;
  if (before.reasons.some(({ kind, effect }) => kind === 'tag' && effect === 'unknown')) return undefined;
  const judgedBy = applied.find(({ version }) => version === before.policyVersion);
  return judgedBy && same(judgedBy.policy).length > 0 ? nowEpochMs : undefined;
}

/** The longest grace: a tag that comes back after it begins again. */
const ENDED_KEPT_MS = 90 * DAY_MS;
export const MOST_ENDED_TAGS = 20;

/**
 * A verdict with the wrong tags that the image had and has no longer. Without them, a tag that is put on and off each day would
 * have a new grace each time. Of too many, those that ended first count as one, for each tag that is not kept: from the first of
 * them to the last.
 */
export function withEndedTags(verdict: Verdict, before: Verdict | undefined, nowEpochMs: number): Verdict {
  if (!before) return verdict;
  const tags = new Set(verdict.reasons.flatMap((reason) => (reason.kind === 'tag' ? [reason.tag] : [])));
  const gone = before.reasons.flatMap((reason): EndedTag[] => {
    const { sinceEpochMs, effect } = reason;
    if (reason.kind !== 'tag' || effect !== 'violates' || sinceEpochMs === undefined) return [];
    return [{ ...(reason.tag !== undefined && { tag: reason.tag }), sinceEpochMs, untilEpochMs: nowEpochMs }];
  });
  const ended = [...gone, ...(before.endedTags ?? [])].filter(
    ({ tag, untilEpochMs }) => (tag === undefined || !tags.has(tag)) && untilEpochMs > nowEpochMs - ENDED_KEPT_MS,
  );
  if (ended.length === 0) return verdict;
  const named = ended.filter(({ tag }) => tag !== undefined);
  const others = [...named.slice(MOST_ENDED_TAGS), ...ended.filter(({ tag }) => tag === undefined)];
  const rest: EndedTag = {
    sinceEpochMs: Math.min(...others.map(({ sinceEpochMs }) => sinceEpochMs)),
    untilEpochMs: Math.max(...others.map(({ untilEpochMs }) => untilEpochMs)),
  };
  return { ...verdict, endedTags: [...named.slice(0, MOST_ENDED_TAGS), ...(others.length > 0 ? [rest] : [])] };
}
