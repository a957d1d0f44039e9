import * as v from '../../schema.ts';
import { canonicalJson } from '../common/canonical-json.ts';
import { DAY_MS } from '../common/time.ts';
import { type Policy, policySchema } from './policy.ts';

/** A version of the policy, and when it was in force. */
export interface AppliedPolicy<Part = Policy> {
  readonly version: string;
  readonly policy: Part;
  readonly fromEpochMs: number;
  /** Absent for the one in force. */
  readonly untilEpochMs?: number;
}

const { approvedRegistries, awsManaged, staleScanHours } = policySchema.entries;
const doorPart = v.object({ approvedRegistries, awsManaged, staleScanHours });

/** What a door judges by itself, so that it needs it of earlier policies too. Verdicts have the rest. */
export type DoorPart = Pick<Policy, 'approvedRegistries' | 'awsManaged' | 'staleScanHours'>;

/**
 * Since when the policies in force have objected to something, without a pause as long as the grace: a looser policy for a few
 * days, or another id of the rule, does not begin it again. `undefined` if the newest does not object.
 * @param applied the newest first
 * @param dueUnder when a policy objects, or began to; `undefined` if it never does
 */
export function objectedSince<Part>(
  applied: readonly AppliedPolicy<Part>[],
  dueUnder: (policy: Part) => number | undefined,
  graceMs: number,
): number | undefined {
  let sinceEpochMs: number | undefined;
  for (const { policy, fromEpochMs, untilEpochMs = Number.POSITIVE_INFINITY } of applied) {
    const dueEpochMs = dueUnder(policy);
    const beganEpochMs = dueEpochMs === undefined ? Number.POSITIVE_INFINITY : Math.max(fromEpochMs, dueEpochMs);
    if (beganEpochMs >= untilEpochMs) {
      if (sinceEpochMs === undefined && untilEpochMs === Number.POSITIVE_INFINITY) return undefined;
      continue;
    }
    const pauseMs = sinceEpochMs === undefined ? 0 : sinceEpochMs - untilEpochMs;
    if (pauseMs > 0 && pauseMs >= graceMs) break;
    sinceEpochMs = beganEpochMs;
  }
  return sinceEpochMs;
}

/**
 * The policies as they are, or would be, if a version is the one in force.
 * @param applied those that were in force, the newest first
 * @param nowEpochMs from when it counts if it never was in force
 */
export function appliedWith<Part>(
  applied: readonly AppliedPolicy<Part>[],
  { version, policy }: Pick<AppliedPolicy<Part>, 'version' | 'policy'>,
  nowEpochMs: number,
): readonly AppliedPolicy<Part>[] {
  const index = applied.findIndex((one) => one.version === version);
  const own = applied[index];
  if (!own) {
    const before = applied.map((one) => ({ ...one, untilEpochMs: one.untilEpochMs ?? nowEpochMs }));
    return [{ version, policy, fromEpochMs: nowEpochMs }, ...before];
  }
  const { untilEpochMs: _, ...open } = own;
  return [{ ...open, policy }, ...applied.slice(index + 1)];
}

/** A version that was in force before, as the pointer of the policy keeps it. */
export interface EarlierPolicy {
  readonly version: string;
  readonly fromEpochMs: number;
  readonly untilEpochMs: number;
  /** Absent if its document could not be read when it was replaced. */
  readonly doors?: DoorPart;
}

/** Twice the longest grace: a pause as long as the grace begins it again. */
const KEPT_MS = 2 * 90 * DAY_MS;
export const MOST_EARLIER = 40;
/** As text. It lies in an item of at most 400 KB, beside a document of at most 350 KB, and each review of a door reads it. */
export const MOST_EARLIER_BYTES = 40 * 1024;

/**
 * The earlier versions after a change, the newest first. Where they are too many, one goes, and the one before it takes over its
 * time: a short one of long ago. So each that is kept began when it says, and no number of changes makes a rule look new for long.
 * @param replaced the one that was in force; absent if its version or its beginning is not known
 */
export function earlierPolicies(
  before: readonly EarlierPolicy[],
  replaced: Omit<EarlierPolicy, 'untilEpochMs'> | undefined,
  atEpochMs: number,
): readonly EarlierPolicy[] {
  const ended = replaced && { ...replaced, untilEpochMs: Math.max(atEpochMs, replaced.fromEpochMs) };
  let kept = [...(ended ? [ended] : []), ...before].filter(({ untilEpochMs }) => untilEpochMs > atEpochMs - KEPT_MS);
  while (kept.length > MOST_EARLIER) kept = withOneLess(kept, atEpochMs);
  while (packedEarlier(kept).length > MOST_EARLIER_BYTES) kept = withSmallerParts(kept, atEpochMs);
  return kept;
}

/**
 * The version that matters least: the time that it and the one before were in force is the smallest share of what has passed since.
 * The oldest never goes by this; -1 if none may go.
 */
function leastOf(
  kept: readonly EarlierPolicy[],
  atEpochMs: number,
  mayGo: (index: number) => boolean = () => true,
): number {
  const shares = kept.slice(0, -1).map(({ untilEpochMs }, index) => {
    const { fromEpochMs } = kept[index + 1] as EarlierPolicy;
    return mayGo(index)
      ? (untilEpochMs - fromEpochMs) / Math.max(1, atEpochMs - fromEpochMs)
      : Number.POSITIVE_INFINITY;
  });
  return shares.some(Number.isFinite) ? shares.lastIndexOf(Math.min(...shares)) : -1;
}

function withOneLess(kept: readonly EarlierPolicy[], atEpochMs: number): EarlierPolicy[] {
  const index = leastOf(kept, atEpochMs);
  const { untilEpochMs } = kept[index] as EarlierPolicy;
  return kept.flatMap((one, n) => (n === index ? [] : n === index + 1 ? [{ ...one, untilEpochMs }] : [one]));
}

/** One part becomes that of the version before. A single one that is too large goes. */
function withSmallerParts(kept: readonly EarlierPolicy[], atEpochMs: number): EarlierPolicy[] {
  const texts = kept.map(({ doors }) => canonicalJson(doors ?? null));
  const index = leastOf(kept, atEpochMs, (n) => texts[n] !== texts[n + 1]);
  return kept.map(({ doors: own, ...one }, n) => {
    const doors = index < 0 ? undefined : n === index ? kept[n + 1]?.doors : own;
    return { ...one, ...(doors && { doors }) };
  });
}

const packed = v.object({
  /** Each once: most changes of a policy leave this part as it is. */
  parts: v.array(doorPart),
  versions: v.array(
    v.object({
      version: v.text(),
      fromEpochMs: v.number(),
      untilEpochMs: v.number(),
      part: v.exactOptional(v.integer()),
    }),
  ),
});

/** As text for the item of the pointer. */
export function packedEarlier(earlier: readonly EarlierPolicy[]): string {
  const parts = new Map<string, number>();
  const indexOf = (part: DoorPart): number => {
    const text = canonicalJson(part);
    const index = parts.get(text) ?? parts.size;
    parts.set(text, index);
    return index;
  };
  const versions = earlier.map(({ doors, ...one }) => ({ ...one, ...(doors && { part: indexOf(doors) }) }));
  return JSON.stringify({ parts: [...parts.keys()].map((text) => JSON.parse(text)), versions });
}

/** @throws SchemaError, SyntaxError if the item is damaged */
export function unpackedEarlier(text: string): readonly EarlierPolicy[] {
  const { parts, versions } = v.parse(packed, JSON.parse(text));
  return versions.map(({ part, ...one }) => {
    const doors = part === undefined ? undefined : parts[part];
    return { ...one, ...(doors && { doors }) };
  });
}

/** What doors need of a policy. */
export const doorPartOf = (policy: DoorPart): DoorPart => ({
  ...(policy.approvedRegistries && { approvedRegistries: policy.approvedRegistries }),
  ...{ awsManaged: policy.awsManaged, staleScanHours: policy.staleScanHours },
});
