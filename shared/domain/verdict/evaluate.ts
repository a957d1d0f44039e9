import { type AgedPart, ageOf, type OldestBelow } from '../age/image-lineage.ts';
import { compareTexts } from '../common/compare-texts.ts';
import { matchesAnyGlob } from '../common/glob.ts';
import { DAY_MS } from '../common/time.ts';
import type { ImageFacts } from '../image/image-facts.ts';
import { repositoryName } from '../image/reference.ts';
import { isBuiltIn } from '../policy/built-in-policy.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Policy } from '../policy/policy.ts';
import { SEVERITIES } from '../policy/policy-parts.ts';
import { type Finding, findingKey } from '../scan/finding.ts';
import type { ScanState } from '../scan/scan.ts';
import { effectiveScanState, isKnowledge, resultAtEpochMs, unscannable } from '../scan/scan-state.ts';
import type { ImageRecord } from './image-record.ts';
import { severityRulesOf } from './severity.ts';
import { REASON_EFFECTS, type Reason, type Verdict, type VerdictStatus } from './verdict.ts';
import { voidFromEpochMs, type WaivedAncestor, waiverOf } from './waiver.ts';

/** All that a verdict on an image rests on. */
export interface JudgedFacts {
  readonly image: ImageFacts & Pick<ImageRecord, 'lineage' | 'guessedIn'>;
  readonly scan: ScanState;
  /** Of the last complete scan; absent where nobody has them at hand, which is not the same as none. */
  readonly findings?: readonly Finding[];
  /** Images that it is built on whose waivers may reach it; left out where no waiver can (`waiversOfOthers`). */
  readonly ancestors?: readonly WaivedAncestor[];
  /** When the image's stream first had each finding, by `findingKey`: grace runs from there, across rebuilds. */
  readonly firstSeen: ReadonlyMap<string, number>;
}

/**
 * The verdict on an image: a pure function of facts, policy and instant, the same for all tiers. What is not known is a
 * reason of its own, so no missing fact can make an image compliant; a known violation outweighs what is unknown.
 * Rules: docs/policy.md.
 */
export function evaluate(facts: JudgedFacts, policy: Policy, policyVersion: string, nowEpochMs: number): Verdict {
  if (isBuiltIn(policy)) return { status: 'unknown', reasons: [NO_POLICY], policyVersion };
  const settled = [
    ...ageReasons(facts, policy, nowEpochMs),
    ...[...findingReasons(facts, policy), ...registryReasons(facts, policy)]
      .map((reason) => inTime(reason, nowEpochMs))
      .map((reason) => waive(reason, facts, policy, nowEpochMs)),
  ];
  const told = settled.filter((reason) => !isEarly(reason, facts, policy, nowEpochMs));
  const unknown = [...scanReasons(facts, policy, nowEpochMs), ...guessReasons(facts)];
  const reasons = [...unknown, ...told].sort(inFixedOrder);
  const breaches = settled.flatMap(({ effect, deadlineEpochMs }) =>
    (effect === 'due' || effect === 'waived') && deadlineEpochMs !== undefined ? [deadlineEpochMs] : [],
  );
  return {
    status: statusOf(reasons),
    reasons,
    policyVersion,
    ...(breaches.length > 0 && { nextBreachAtEpochMs: earliest(breaches) }),
  };
}

/** What the built-in policy does not ask of an image the one in force may: an image that breaks no rule of it passes nothing. */
const NO_POLICY: Reason = { ruleId: BUILT_IN_RULES.policyReadable, effect: 'unknown', kind: 'policy' };

const earliest = (instants: readonly number[]): number =>
  instants.reduce((soonest, instant) => Math.min(soonest, instant), Number.POSITIVE_INFINITY);

function statusOf(reasons: readonly Reason[]): VerdictStatus {
  if (reasons.some(({ effect }) => effect === 'violates')) return 'violating';
  return reasons.some(({ effect }) => effect === 'unknown') ? 'unknown' : 'compliant';
}

/** Findings of a scan that counts no more are still findings: what they violate stays violated. */
function scanReasons({ image, scan, findings }: JudgedFacts, policy: Policy, nowEpochMs: number): Reason[] {
  const told = unscannable(image) ?? effectiveScanState(scan, nowEpochMs, policy.staleScanHours);
  const isMissing = isKnowledge(told) && findings === undefined;
  if (isKnowledge(told) && !isMissing) return [];
  const reason = isMissing ? 'findings-missing' : told.reason;
  return [
    {
      ruleId: BUILT_IN_RULES.scanRequired,
      effect: 'unknown',
      kind: 'scan',
      state: told.state,
      ...(reason !== undefined && { scanReason: reason }),
    },
  ];
}

/** What a tag means now says nothing of a task that pulled before: the image may be well, and that task run another one. */
function guessReasons({ image: { guessedIn = {} } }: JudgedFacts): Reason[] {
  const [workload] = Object.values(guessedIn).sort(compareTexts);
  if (workload === undefined) return [];
  const scopes = Object.keys(guessedIn).length;
  return [{ ruleId: BUILT_IN_RULES.digestKnown, effect: 'unknown', kind: 'digest-guessed', workload, scopes }];
}

const ageLimitOf = ({ ages }: Policy, { tier }: ImageFacts) => ages.tiers?.[tier] ?? ages.default;

/**
 * The age of all that the image is built on, by the limit of its own tier. Where the age of some of it is unknown, the
 * image is at least as old as the rest: that can violate, and its being known never makes up for what is not. An image
 * whose lineage was not read yet has an unknown age. Where a waiver of the oldest image below covers its age, the next
 * oldest decides: no waiver of a base hides that what was built on it is too old itself.
 */
function ageReasons(facts: AgeFacts, policy: Policy, nowEpochMs: number): Reason[] {
  const { image } = facts;
  const age = ageOf(image);
  if (age.known) return partReasons(age, facts, policy, nowEpochMs);
  const { unknown, oldestKnown, isUnread } = age;
  return [
    {
      ruleId: BUILT_IN_RULES.ageKnown,
      effect: 'unknown',
      kind: 'age-unknown',
      ...by(image, unknown[0]),
      ...(isUnread && { isLineageUnread: true }),
    },
    ...(oldestKnown ? partReasons(oldestKnown, facts, policy, nowEpochMs) : []),
  ];
}

type AgeFacts = Pick<JudgedFacts, 'image' | 'ancestors'>;

function partReasons({ younger = [], ...oldest }: OldestBelow, facts: AgeFacts, policy: Policy, nowEpochMs: number) {
  const reasons: Reason[] = [];
  for (const part of [oldest, ...younger]) {
    const reason = waive(inTime(ageReason(facts.image, part, policy), nowEpochMs), facts, policy, nowEpochMs);
    reasons.push(reason);
    if (reason.waivedThrough === undefined) break;
  }
  return reasons;
}

function ageReason(image: ImageFacts, { bornAtEpochMs, decidedBy }: AgedPart, policy: Policy): Reason {
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

/** Whose age it is, where it is another image's. */
const by = ({ digest }: ImageFacts, decidedBy = digest) => (decidedBy === digest ? {} : { decidedBy });

/**
 * The age of an image as it counts at an instant, whether it is told yet or not; `undefined` where nobody knows any. Where
 * waivers of images below cover their ages, the one of its lineage that breaches first.
 */
export const ageReasonAt = (
  facts: AgeFacts,
  policy: Policy,
  nowEpochMs: number,
): (Reason & { readonly kind: 'age' }) | undefined =>
  ageReasons(facts, policy, nowEpochMs)
    .filter((reason) => reason.kind === 'age')
    .toSorted((one, other) => (one.deadlineEpochMs ?? 0) - (other.deadlineEpochMs ?? 0))[0];

/** Age is told once the warning share of the limit is used up; the instant of the breach is known before. */
export function isEarly(
  reason: Reason,
  { image }: Pick<JudgedFacts, 'image'>,
  policy: Policy,
  nowEpochMs: number,
): boolean {
  if (reason.kind !== 'age' || reason.effect === 'violates') return false;
  const { limitDays, warnAtPercent } = ageLimitOf(policy, image);
  return nowEpochMs < reason.bornAtEpochMs + limitDays * (warnAtPercent / 100) * DAY_MS;
}

/** Every rule that a finding falls under is cited. A finding that no stream remembers was first seen by its scan. */
function findingReasons({ image, scan, findings = [], firstSeen }: JudgedFacts, policy: Policy): Reason[] {
  return findings.flatMap((finding) =>
    severityRulesOf(policy, image.tier, finding).map(({ id, graceDays }): Reason => {
      const { vulnerability, package: name, version, severity, fix, layer } = finding;
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
      };
    }),
  );
}

/** Every place an image is kept in or asked from is approved; AWS's own are named by the policy already. */
function registryReasons({ image }: JudgedFacts, { approvedRegistries }: Policy): Reason[] {
  if (!approvedRegistries || image.tier === 'aws-managed') return [];
  const places = [...image.locations.map(repositoryName), ...(image.references ?? [])];
  return places
    .filter((place) => !matchesAnyGlob(approvedRegistries.allow, place))
    .map((registry) => ({ ruleId: approvedRegistries.id, effect: 'violates', kind: 'registry', registry }));
}

const inTime = (reason: Reason, nowEpochMs: number): Reason =>
  reason.effect === 'due' && (reason.deadlineEpochMs ?? 0) <= nowEpochMs ? { ...reason, effect: 'violates' } : reason;

/** A waiver that ends before the deadline changes nothing; otherwise the image violates once the waiver is void. */
function waive(reason: Reason, { image, ancestors }: AgeFacts, policy: Policy, nowEpochMs: number): Reason {
  if (reason.effect === 'unknown') return reason;
  const accepted = waiverOf(policy.waivers, image, reason, nowEpochMs, ancestors);
  if (!accepted) return reason;
  const endsAtEpochMs = voidFromEpochMs(accepted.waiver);
  if (reason.effect === 'due' && (reason.deadlineEpochMs ?? 0) >= endsAtEpochMs) return reason;
  return {
    ...reason,
    ...{ effect: 'waived', deadlineEpochMs: endsAtEpochMs, waiverId: accepted.waiver.id },
    ...(accepted.through !== undefined && { waivedThrough: accepted.through }),
  };
}

const KINDS = [
  'policy',
  'age',
  'age-unknown',
  'scan',
  'digest-guessed',
  'registry',
  'finding',
] as const satisfies readonly Reason['kind'][];

/** What decides first, then the gravest finding, then the nearest deadline; names settle the rest. */
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
    default:
      return reason.ruleId;
  }
}
