import { compareTexts } from '../common/compare-texts.ts';
import { DAY_MS } from '../common/time.ts';
import { type Digest, locationKey, type Tier } from '../image/image.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Policy } from '../policy/policy.ts';
import { ageReasonAt, isEarly } from './evaluate.ts';
import type { ImageRecord } from './image-record.ts';
import type { WaivedAncestor } from './waiver.ts';

/** The age of an image in use or a head, and when it exceeds the limit. */
export interface AgeEntry {
  readonly digest: Digest;
  readonly tier: Tier;
  readonly stream?: string;
  readonly owner?: string;
  /** Its places, or its references outside ECR. */
  readonly places: readonly string[];
  readonly inUse: boolean;
  readonly isHead: boolean;
  readonly bornAtEpochMs: number;
  readonly ageDays: number;
  /** The image whose birth counts: itself or an ancestor. */
  readonly decidedBy: Digest;
  readonly limitDays: number;
  /** When the breach begins or began; for a waived image, when the waiver ends. */
  readonly deadlineEpochMs: number;
  /** `warning`: the warning share of the limit is used up. */
  readonly state: 'young' | 'warning' | 'over' | 'waived';
  readonly waiverId?: string;
}

/** The query: breaches within this many days, and optionally earlier ones. */
export interface AgeQuestion {
  readonly days: number;
  readonly overdue: boolean;
}

/**
 * The range of births that can breach in time, in any tier. `sinceEpochMs` is absent if any earlier birth can: an image
 * over its limit breaches again when its waiver ends.
 */
export function birthsAsked(
  { ages, waivers }: Policy,
  { days, overdue }: AgeQuestion,
  nowEpochMs: number,
): { readonly sinceEpochMs?: number; readonly beforeEpochMs: number } {
  const limits = [ages.default, ...Object.values(ages.tiers ?? {})].map(({ limitDays }) => limitDays);
  const beforeEpochMs = nowEpochMs + (days - Math.min(...limits)) * DAY_MS + 1;
  const isWaived = waivers.some(({ rule }) => rule === BUILT_IN_RULES.ageLimit);
  return overdue || isWaived
    ? { beforeEpochMs }
    : { sinceEpochMs: nowEpochMs - Math.max(...limits) * DAY_MS, beforeEpochMs };
}

/** Selects the matching images, next breach first. Images of unknown age never match. */
export function ageList(
  images: Iterable<AgedRecord>,
  policy: Policy,
  question: AgeQuestion,
  nowEpochMs: number,
): readonly AgeEntry[] {
  return [...images]
    .flatMap((aged) => entryOf(aged, policy, nowEpochMs) ?? [])
    .filter(
      ({ deadlineEpochMs: at, state }) =>
        at <= nowEpochMs + question.days * DAY_MS && (question.overdue || state !== 'over'),
    )
    .sort((one, other) => one.deadlineEpochMs - other.deadlineEpochMs || compareTexts(one.digest, other.digest));
}

/** An image with the ancestors whose waivers may apply to it. */
export interface AgedRecord {
  readonly image: ImageRecord;
  readonly ancestors: readonly WaivedAncestor[];
}

function entryOf({ image, ancestors }: AgedRecord, policy: Policy, nowEpochMs: number): AgeEntry | undefined {
  const reason = ageReasonAt({ image, ancestors }, policy, nowEpochMs);
  if (!reason) return undefined;
  const { digest, tier, stream, owner, locations, references = [], inUse, isHead } = image;
  const { bornAtEpochMs, limitDays, decidedBy = digest, deadlineEpochMs = 0, waiverId } = reason;
  return {
    ...{ digest, tier, inUse, isHead, bornAtEpochMs, limitDays, decidedBy, deadlineEpochMs },
    ...(stream !== undefined && { stream }),
    ...(owner !== undefined && { owner }),
    ...(waiverId !== undefined && { waiverId }),
    places: [...locations.map(locationKey), ...references],
    ageDays: Math.floor((nowEpochMs - bornAtEpochMs) / DAY_MS),
    state: stateOf(),
  };

  function stateOf(): AgeEntry['state'] {
    if (reason?.effect === 'violates') return 'over';
    if (reason?.effect === 'waived') return 'waived';
    return reason && isEarly(reason, { image }, policy, nowEpochMs) ? 'young' : 'warning';
  }
}
