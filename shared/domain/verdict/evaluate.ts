import { type AgedPart, ageOf, type OldestBelow } from '../age/image-lineage.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { DAY_MS } from '../common/time.ts';
import type { Tier } from '../image/image.ts';
import type { ImageProperties } from '../image/image-properties.ts';
import { isBuiltIn } from '../policy/built-in-policy.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Policy } from '../policy/policy.ts';
import { SEVERITIES } from '../policy/policy-parts.ts';
import { type Finding, findingKey } from '../scan/finding.ts';
import type { ScanState } from '../scan/scan.ts';
import { effectiveScanState, isKnowledge, keepsResult, resultAtEpochMs, unscannable } from '../scan/scan-state.ts';
import { unapprovedNames } from './approved-registries.ts';
import { appliesTo, type ConfigBelow, sourceReasons, userReasons } from './config-rules.ts';
import type { ImageRecord } from './image-record.ts';
import { severityRulesOf } from './severity.ts';
import { isFarEnd, type SystemBelow, systemReasons } from './system-reasons.ts';
import { schemeOf, tagReasons } from './tag-reasons.ts';
import { effectWhenDue, REASON_EFFECTS, type Reason, type Verdict, type VerdictStatus } from './verdict.ts';
import { endOfInheritedWaivers, graceOfDoorsMs, voidFromEpochMs, type WaivedAncestor, waiverOf } from './waiver.ts';

/** The input of a verdict on an image. */
export interface VerdictInputs {
  readonly image: ImageProperties & Pick<ImageRecord, 'lineage' | 'guessedIn'>;
  readonly scan: ScanState;
  /** The findings of the last complete scan; absent if they are not at hand, which is not the same as none. */
  readonly findings?: readonly Finding[];
  /** Ancestors whose waivers may apply to it; left out if no waiver can (`waiversOfOthers`). */
  readonly ancestors?: readonly WaivedAncestor[];
  /** The config of the image that it is built on (`configBelowReader`); absent if there is none, or no rule needs it. */
  readonly below?: ConfigBelow;
  /** The system of the image (`systemReader`); absent if no image of its lineage names one. */
  readonly system?: SystemBelow;
  /** When the image's stream first had each finding, by `findingKey`: grace counts from then, across rebuilds. */
  readonly firstSeen: ReadonlyMap<string, number>;
}

/**
 * The verdict on an image: a pure function of its inputs, the policy and the time, the same for all tiers. An unknown
 * input is a reason of its own, so missing inputs never make an image compliant; a known violation outweighs unknown
 * inputs. Rules: docs/policy.md.
 */
export function evaluate(inputs: VerdictInputs, policy: Policy, policyVersion: string, nowEpochMs: number): Verdict {
  if (isBuiltIn(policy))
    return { status: 'unknown', reasons: [NO_POLICY], covers: inputs.scan.coverage, policyVersion };
  const settled = [
    ...ageReasons(inputs, policy, nowEpochMs),
    ...[
      ...findingReasons(inputs, policy),
      ...registryReasons(inputs, policy),
      ...sourceReasons(inputs.image, policy, inputs.below),
      ...userReasons(inputs.image, policy),
      ...tagReasons(inputs.image, policy),
      ...systemReasons(inputs.image, policy, inputs.system, nowEpochMs),
    ]
      .map((reason) => inTime(reason, nowEpochMs))
      .map((reason) => waive(reason, inputs, policy, nowEpochMs)),
  ];
  const reported = settled.filter((reason) => !isEarly(reason, inputs, policy, nowEpochMs));
  const unknown = [...scanReasons(inputs, policy, nowEpochMs), ...guessReasons(inputs)];
  const reasons = [...unknown, ...reported].sort(inFixedOrder);
  const breaches = settled.flatMap(({ effect, deadlineEpochMs }) =>
    (effect === 'due' || effect === 'waived') && deadlineEpochMs !== undefined ? [deadlineEpochMs] : [],
  );
  return {
    status: statusOf(reasons),
    reasons,
    covers: inputs.scan.coverage,
    policyVersion,
    ...(breaches.length > 0 && { nextBreachAtEpochMs: earliest(breaches) }),
  };
}

/**
 * The policy in force may be stricter than the built-in one, so an image without a violation of the built-in one is not
 * compliant.
 */
const NO_POLICY: Reason = { ruleId: BUILT_IN_RULES.policyReadable, effect: 'unknown', kind: 'policy' };

const earliest = (instants: readonly number[]): number =>
  instants.reduce((soonest, instant) => Math.min(soonest, instant), Number.POSITIVE_INFINITY);

function statusOf(reasons: readonly Reason[]): VerdictStatus {
  if (reasons.some(({ effect }) => effect === 'violates')) return 'violating';
  return reasons.some(({ effect }) => effect === 'unknown') ? 'unknown' : 'compliant';
}

/** Findings of an outdated scan still count: their violations remain. */
function scanReasons({ image, scan, findings }: VerdictInputs, policy: Policy, nowEpochMs: number): Reason[] {
  const state = unscannable(image) ?? effectiveScanState(scan, nowEpochMs, policy.staleScanHours);
  const isMissing = isKnowledge(state) && findings === undefined;
  if (isKnowledge(state) && !isMissing) return [];
  return [noResult(isMissing ? { state: state.state, reason: 'findings-missing' } : state)];
}

const noResult = ({ state, reason }: Pick<ScanState, 'state' | 'reason'>): Reason => ({
  ruleId: BUILT_IN_RULES.scanRequired,
  effect: 'unknown',
  kind: 'scan',
  state,
  ...(reason !== undefined && { scanReason: reason }),
});

/**
 * The verdict on an image whose scan was refused, until the next evaluation. The refusal tells nothing of the age or of known
 * findings, so these stay, and so does a violation. A result that the refusal does not invalidate stays too (`keepsResult`).
 * An image that was not judged as it is now has no known age, and its verdict shows nothing that it does not name.
 */
export function verdictAfterRefusal(
  { verdict, judgedAtEpochMs }: Pick<ImageRecord, 'verdict' | 'judgedAtEpochMs'>,
  scan: ScanState,
  policyVersion: string,
): Verdict {
  const isViolating = verdict?.status === 'violating';
  const isJudged = verdict !== undefined && judgedAtEpochMs !== undefined;
  const isKept = keepsResult(scan.reason) && scan.completedAtEpochMs !== undefined;
  if (isJudged && (isViolating || isKept)) return verdict;
  const known = (verdict?.reasons ?? []).filter(({ kind }) => kind !== 'scan');
  const stays = ({ kind }: Reason): boolean => kind !== 'age-unknown' && (isViolating || kind !== 'age');
  const settled = isJudged ? known : [AGE_NOT_JUDGED, ...known.filter(stays)];
  return {
    policyVersion,
    ...verdict,
    covers: scan.coverage,
    status: isViolating ? 'violating' : 'unknown',
    reasons: [noResult(scan), ...settled].sort(inFixedOrder),
  };
}

const AGE_NOT_JUDGED: Reason = { ruleId: BUILT_IN_RULES.ageKnown, effect: 'unknown', kind: 'age-unknown' };

/**
 * The current image of a tag may differ from the one that a task pulled earlier: the image may be fine while the task
 * runs another one.
 */
function guessReasons({ image: { guessedIn = {} } }: VerdictInputs): Reason[] {
  const [workload] = Object.values(guessedIn).sort(compareTexts);
  if (workload === undefined) return [];
  const scopes = Object.keys(guessedIn).length;
  return [{ ruleId: BUILT_IN_RULES.digestKnown, effect: 'unknown', kind: 'digest-guessed', workload, scopes }];
}

export const ageLimitOf = ({ ages }: Policy, { tier }: Pick<ImageProperties, 'tier'>) =>
  ages.tiers?.[tier] ?? ages.default;

/**
 * The age of an image with its ancestors, against the limit of its own tier. If the age of some ancestors is unknown,
 * the image is at least as old as the others: that can violate, but never compensates for the unknown ones. An unread
 * lineage means an unknown age. If a waiver of the oldest ancestor covers its age, the next oldest decides: a waiver of
 * a base does not hide that an image above it is too old itself.
 */
function ageReasons(inputs: AgeInputs, policy: Policy, nowEpochMs: number): Reason[] {
  const { image } = inputs;
  const age = ageOf(image);
  if (age.known) return partReasons(age, inputs, policy, nowEpochMs);
  const { unknown, oldestKnown, isUnread } = age;
  return [
    {
      ruleId: BUILT_IN_RULES.ageKnown,
      effect: 'unknown',
      kind: 'age-unknown',
      ...by(image, unknown[0]),
      ...(isUnread && { isLineageUnread: true }),
    },
    ...(oldestKnown ? partReasons(oldestKnown, inputs, policy, nowEpochMs) : []),
  ];
}

type AgeInputs = Pick<VerdictInputs, 'image' | 'ancestors'>;

function partReasons({ younger = [], ...oldest }: OldestBelow, inputs: AgeInputs, policy: Policy, nowEpochMs: number) {
  const reasons: Reason[] = [];
  for (const part of [oldest, ...younger]) {
    const reason = waive(inTime(ageReason(inputs.image, part, policy), nowEpochMs), inputs, policy, nowEpochMs);
    reasons.push(reason);
    if (reason.waivedThrough === undefined) break;
  }
  return reasons;
}

function ageReason(image: ImageProperties, { bornAtEpochMs, decidedBy }: AgedPart, policy: Policy): Reason {
  const { limitDays } = ageLimitOf(policy, image);
  return {
    ruleId: BUILT_IN_RULES.ageLimit,
    effect: 'due',
    deadlineEpochMs: bornAtEpochMs + limitDays * DAY_MS,
    kind: 'age',
    bornAtEpochMs,
    limitDays,
    ...by(image, decidedBy),
  };
}

/** The ancestor with that age, if it is not the image itself. */
const by = ({ digest }: ImageProperties, decidedBy = digest) => (decidedBy === digest ? {} : { decidedBy });

/**
 * The effective age of an image at an instant, reported yet or not; `undefined` if no age is known. If waivers of
 * ancestors cover their ages, the part of the lineage that breaches first counts.
 */
export const ageReasonAt = (
  inputs: AgeInputs,
  policy: Policy,
  nowEpochMs: number,
): (Reason & { readonly kind: 'age' }) | undefined =>
  ageReasons(inputs, policy, nowEpochMs)
    .filter((reason) => reason.kind === 'age')
    .toSorted((one, other) => (one.deadlineEpochMs ?? 0) - (other.deadlineEpochMs ?? 0))[0];

/** Age is reported once the warning share of the limit is used up, the end of a system 90 days ahead; the time is known earlier. */
export function isEarly(
  reason: Reason,
  { image }: Pick<VerdictInputs, 'image'>,
  policy: Policy,
  nowEpochMs: number,
): boolean {
  const { effect, kind, deadlineEpochMs = 0 } = reason;
  if (kind === 'system' && effect === 'due') return isFarEnd(deadlineEpochMs, nowEpochMs);
  if (reason.kind !== 'age' || effect === 'violates') return false;
  const { limitDays, warnAtPercent } = ageLimitOf(policy, image);
  return nowEpochMs < reason.bornAtEpochMs + limitDays * (warnAtPercent / 100) * DAY_MS;
}

/** Every matching rule is cited for a finding. A finding that is new to its stream was first seen by this scan. */
export function findingReasons({ image, scan, findings = [], firstSeen }: VerdictInputs, policy: Policy): Reason[] {
  return findings.flatMap((finding) =>
    severityRulesOf(policy, image.tier, finding).map(({ id, graceDays }): Reason => {
      const { vulnerability, package: name, version, severity, fix, layer, isLanguagePackage, isExploited } = finding;
      const epssPercent = Math.round((finding.epssScore ?? 0) * 100);
      const firstSeenAtEpochMs = firstSeen.get(findingKey(finding)) ?? resultAtEpochMs(scan) ?? 0;
      return {
        ruleId: id,
        effect: 'due',
        deadlineEpochMs: firstSeenAtEpochMs + graceDays * DAY_MS,
        kind: 'finding',
        vulnerability,
        package: name,
        version,
        severity,
        fix,
        firstSeenAtEpochMs,
        ...(layer !== undefined && { layer }),
        ...(isLanguagePackage && { isLanguagePackage }),
        ...(isExploited && { isExploited }),
        ...(epssPercent >= 1 && { epssPercent }),
      };
    }),
  );
}

/**
 * Since when a policy objects to what an earlier verdict gave as a reason: 0 if it objects at any time. `undefined` if it has no
 * rule, under this id or another one, that gives such a reason.
 */
export function objectsSince(policy: Policy, tier: Tier, reason: Reason): number | undefined {
  switch (reason.kind) {
    case 'age':
      return reason.bornAtEpochMs + ageLimitOf(policy, { tier }).limitDays * DAY_MS;
    case 'finding': {
      const graceDays = severityRulesOf(policy, tier, reason).map((rule) => rule.graceDays);
      return graceDays.length === 0 ? undefined : reason.firstSeenAtEpochMs + Math.min(...graceDays) * DAY_MS;
    }
    case 'source':
      return appliesTo(policy.sourceKnown, { tier }) ? 0 : undefined;
    case 'user':
      return appliesTo(policy.nonRoot, { tier }) ? 0 : undefined;
    case 'tag': {
      const scheme = schemeOf({ tier }, policy);
      const isOfScheme = !reason.problem || (reason.problem.kind === 'left-behind') === (scheme === 'versions');
      return scheme !== undefined && isOfScheme ? 0 : undefined;
    }
    default:
      return 0;
  }
}

/** Every place and reference of an image must be approved. */
function registryReasons({ image }: VerdictInputs, policy: Policy): Reason[] {
  const ruleId = policy.approvedRegistries?.id;
  if (ruleId === undefined) return [];
  return unapprovedNames(image, policy).map((registry) => ({ ruleId, effect: 'violates', kind: 'registry', registry }));
}

const inTime = (reason: Reason, nowEpochMs: number): Reason =>
  reason.effect === 'due' && (reason.deadlineEpochMs ?? 0) <= nowEpochMs
    ? { ...reason, effect: effectWhenDue(reason) }
    : reason;

/** A waiver that ends before the deadline changes nothing; otherwise the image violates when the waiver ends. */
function waive(reason: Reason, { image, ancestors }: AgeInputs, policy: Policy, nowEpochMs: number): Reason {
  if (reason.effect === 'unknown') return reason;
  const accepted = waiverOf(policy.waivers, image, reason, nowEpochMs, ancestors);
  if (!accepted) return withEndedWaiver(reason, ancestors, policy, nowEpochMs);
  const endsAtEpochMs = voidFromEpochMs(accepted.waiver);
  if (reason.effect === 'due' && (reason.deadlineEpochMs ?? 0) >= endsAtEpochMs) return reason;
  return {
    ...reason,
    ...{ effect: 'waived', deadlineEpochMs: endsAtEpochMs, waiverId: accepted.waiver.id },
    ...(accepted.through !== undefined && { waivedThrough: accepted.through }),
  };
}

/** A door reads no ancestors, so the verdict tells it when what the image inherits was covered last. */
function withEndedWaiver(
  reason: Reason,
  ancestors: readonly WaivedAncestor[] = [],
  { waivers, doors }: Policy,
  nowEpochMs: number,
): Reason {
  const { effect, kind, deadlineEpochMs } = reason;
  if (effect !== 'violates' || deadlineEpochMs === undefined || (kind !== 'age' && kind !== 'finding')) return reason;
  const endEpochMs = endOfInheritedWaivers(waivers, reason, nowEpochMs, ancestors) ?? 0;
  const isOver = endEpochMs + graceOfDoorsMs(doors) <= nowEpochMs;
  return isOver || endEpochMs <= deadlineEpochMs ? reason : { ...reason, waivedUntilEpochMs: endEpochMs };
}

const KINDS = [
  'policy',
  'age',
  'age-unknown',
  'scan',
  'digest-guessed',
  'registry',
  'source',
  'user',
  'tag',
  'system',
  'finding',
] as const satisfies readonly Reason['kind'][];

/** Deciding reasons first, then by severity, then by deadline, then by name. */
function inFixedOrder(one: Reason, other: Reason): number {
  return (
    REASON_EFFECTS.indexOf(one.effect) - REASON_EFFECTS.indexOf(other.effect) ||
    KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind) ||
    gravity(one) - gravity(other) ||
    (one.deadlineEpochMs ?? 0) - (other.deadlineEpochMs ?? 0) ||
    compareTexts(names(one), names(other))
  );
}

const gravity = (reason: Reason): number => (reason.kind === 'finding' ? SEVERITIES.indexOf(reason.severity) : 0);

function names(reason: Reason): string {
  switch (reason.kind) {
    case 'finding':
      return [reason.vulnerability, reason.package, reason.version, reason.fix, reason.ruleId].join('\n');
    case 'registry':
      return reason.registry;
    case 'source':
      return [reason.ruleId, reason.label].join('\n');
    case 'tag':
      return [reason.ruleId, reason.tag].join('\n');
    default:
      return reason.ruleId;
  }
}
