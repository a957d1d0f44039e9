import type { Cause } from '../cause/cause.ts';
import { byKey, compareTexts } from '../common/compare-texts.ts';
import { DAY_MS } from '../common/time.ts';
import { type Digest, locationKey, TIERS, type Tier } from '../image/image.ts';
import { BUILT_IN_RULES } from '../policy/built-in-rules.ts';
import type { Policy } from '../policy/policy.ts';
import { isUnseen } from '../retention/image-expiry.ts';
import { SCAN_STATES, type ScanStateName } from '../scan/scan.ts';
import { effectiveScanState, isKnowledge, unscannable } from '../scan/scan-state.ts';
import { streamPolicy, streamRuleOf } from '../stream/stream-policy.ts';
import { PolicyCoverage } from '../stream/unmatched-rules.ts';
import type { ImageRecord } from '../verdict/image-record.ts';
import { type CoverageCounts, coverageOf, sumOfCoverage, type Verdict } from '../verdict/verdict.ts';
import { isInForce, voidFromEpochMs } from '../verdict/waiver.ts';
import type {
  NextBreach,
  PendingRebuild,
  Report,
  ReportContext,
  ReportGroup,
  ReportImage,
  ReportLine,
  WaiverInReport,
} from './report.ts';
import { startFound } from './report-found.ts';
import type { VendorDependency } from './vendor-dependency.ts';

/** An image with thousands of findings is reported with the most serious ones; the ledger and the evidence have all. */
const MOST_REASONS = 20;

/** A report under construction: images are added one by one in any order, and only reported data is kept. */
export interface ReportBuilder {
  add(image: ReportImage): void;
  /** @param waitingForVendors what open causes wait for from vendors */
  finish(waitingForVendors: readonly VendorDependency[]): Report;
}

export function startReport(context: ReportContext): ReportBuilder {
  const groups = new Map<string, MutableGroup>();
  const below = new Map<string, MutableGroup>();
  const startable = new Map<string, MutableGroup>();
  const nextBreaches: NextBreach[] = [];
  const byState = Object.fromEntries(SCAN_STATES.map((state) => [state, 0])) as Record<ScanStateName, number>;
  const waived = new Map<string, number>();
  const found = context.review.mode === 'preview' ? startFound(context.causes) : undefined;
  const layerDisagreements: Report['layerDisagreements'][number][] = [];
  const coverage = new PolicyCoverage(context.policy);
  for (const stream of context.streams) coverage.addKnown(stream);
  for (const { stream } of context.causes) coverage.addLiving(stream);
  let known = 0;
  return {
    add({ record, isAncestor = false, isPossible = false, workloads = [], layerDisagreements: layers = [] }) {
      found?.add(record);
      for (const location of record.locations) coverage.addRepository(location);
      for (const one of layers) layerDisagreements.push({ digest: record.digest, ...one });
      addToGroup(isAncestor ? below : isPossible ? startable : groups, record, workloads);
      if (!isAncestor && !isPossible) {
        const scan =
          unscannable(record) ?? effectiveScanState(record.scan, context.nowEpochMs, context.policy.staleScanHours);
        byState[scan.state] += 1;
        if (isKnowledge(scan)) known += 1;
      }
      nextBreaches.push(...breachOf(record, context));
      for (const id of waiversUsed(record)) waived.set(id, (waived.get(id) ?? 0) + 1);
    },
    finish(waitingForVendors) {
      const [ordered, possible, ancestors] = [inFixedOrder(groups), inFixedOrder(startable), inFixedOrder(below)];
      return {
        schemaVersion: 1,
        review: context.review,
        generatedAtEpochMs: context.nowEpochMs,
        breachWithinDays: context.breachWithinDays,
        images: sums(ordered),
        groups: ordered,
        possible: { images: sums(possible), groups: possible },
        ancestors: { images: sums(ancestors), groups: ancestors },
        nextBreaches: nextBreaches.sort(byInstant),
        coverage: { found: sumOf(Object.values(byState)), known, byState },
        unresolved: context.unresolved,
        failures: context.failures,
        skippedScopes: context.skippedScopes,
        leftScopes: context.leftScopes,
        unreadStarts: context.unreadStarts,
        witnessed: context.witnessed,
        servicesAtZero: context.servicesAtZero,
        waivers: waiversInReport(context, waived),
        policyGaps: coverage.gaps(),
        unreadable: context.unreadable(),
        pendingRebuilds: (found?.causes() ?? context.causes)
          .map((cause) => pendingRebuild(context.policy, cause))
          .sort(byStream),
        ...(found && { found: found.work((stream) => modeOf(context.policy, stream).mode) }),
        waitingForVendors,
        layerDisagreements: layerDisagreements.sort(byDigest),
        ...(context.denials && { denials: context.denials }),
        expiries: context.expiries,
        expiryChecks: {
          repositories: context.checks.length,
          unseen: context.checks.filter((check) => isUnseen(check, context.nowEpochMs)),
        },
      };
    },
  };
}

interface MutableGroup {
  readonly tier: Tier;
  readonly owner?: string;
  compliant: number;
  compliantCovers?: CoverageCounts;
  readonly violating: ReportLine[];
  readonly unknown: ReportLine[];
  readonly unjudged: Digest[];
}

function addToGroup(groups: Map<string, MutableGroup>, record: ImageRecord, workloads: readonly string[]): void {
  const { tier, owner, verdict, digest } = record;
  const key = `${TIERS.indexOf(tier)} ${owner ?? ''}`;
  const group = groups.get(key) ?? {
    tier,
    ...(owner !== undefined && { owner }),
    compliant: 0,
    violating: [],
    unknown: [],
    unjudged: [],
  };
  groups.set(key, group);
  if (!verdict) group.unjudged.push(digest);
  else if (verdict.status !== 'compliant')
    group[verdict.status].push(lineOf(record, { ...verdict, status: verdict.status }, workloads));
  else {
    group.compliant += 1;
    Object.assign(group, sumOfCoverage([group.compliantCovers, coverageOf(verdict)]));
  }
}

function lineOf(
  { digest, tier, owner, stream, ...origin }: ImageRecord,
  { reasons, status, covers }: Pick<Verdict, 'reasons' | 'covers'> & { readonly status: 'violating' | 'unknown' },
  workloads: readonly string[],
): ReportLine {
  const decisive = reasons.filter(({ effect }) => effect === 'violates' || effect === 'unknown');
  const violated = decisive.flatMap(({ effect, deadlineEpochMs: at }) =>
    effect === 'violates' && at !== undefined ? [at] : [],
  );
  const sinceEpochMs = violated.reduce((since, at) => Math.min(since, at), Number.POSITIVE_INFINITY);
  return {
    digest,
    tier,
    ...(owner !== undefined && { owner }),
    ...(stream !== undefined && { stream }),
    places: placesOf(origin),
    workloads,
    reasons: decisive.slice(0, MOST_REASONS),
    reasonCount: decisive.length,
    ...(covers && { covers }),
    ...(status === 'violating' && Number.isFinite(sinceEpochMs) && { sinceEpochMs }),
  };
}

const placesOf = ({ locations, references = [] }: Pick<ImageRecord, 'locations' | 'references'>): string[] => [
  ...locations.map(locationKey),
  ...references,
];

function breachOf(record: ImageRecord, { nowEpochMs, breachWithinDays }: ReportContext): NextBreach[] {
  const { digest, tier, owner, verdict } = record;
  const at = verdict?.nextBreachAtEpochMs;
  if (!verdict || at === undefined || verdict.status === 'violating') return [];
  if (at > nowEpochMs + breachWithinDays * DAY_MS) return [];
  const due = verdict.reasons.filter(({ deadlineEpochMs, effect }) => deadlineEpochMs === at && effect !== 'unknown');
  // Only an age breach may lie ahead without a reason yet.
  const ruleIds = due.length > 0 ? due.map(({ ruleId }) => ruleId) : [BUILT_IN_RULES.ageLimit];
  return [
    {
      digest,
      tier,
      ...(owner !== undefined && { owner }),
      places: placesOf(record),
      breachAtEpochMs: at,
      ruleIds: [...new Set(ruleIds)].sort(),
    },
  ];
}

const waiversUsed = ({ verdict }: ImageRecord): Set<string> =>
  new Set(
    verdict?.reasons.flatMap(({ effect, waiverId }) =>
      effect === 'waived' && waiverId !== undefined ? [waiverId] : [],
    ),
  );

function waiversInReport({ policy, nowEpochMs }: ReportContext, used: ReadonlyMap<string, number>): WaiverInReport[] {
  return policy.waivers
    .map((waiver): WaiverInReport => {
      const state = isInForce(waiver, nowEpochMs)
        ? 'in-force'
        : voidFromEpochMs(waiver) <= nowEpochMs
          ? 'void'
          : 'not-yet';
      const scope = Object.entries(waiver.scope).map(([name, value]) => `${name} ${[value].flat().join(', ')}`);
      return {
        id: waiver.id,
        waives: waiver.finding ?? waiver.rule ?? '',
        scope: scope.join('; ') || 'everything',
        author: waiver.author,
        reason: waiver.reason,
        voidFromEpochMs: voidFromEpochMs(waiver),
        state,
        images: used.get(waiver.id) ?? 0,
      };
    })
    .sort((one, other) => one.voidFromEpochMs - other.voidFromEpochMs || (one.id < other.id ? -1 : 1));
}

function pendingRebuild(policy: Policy, { stream, facts, sinceEpochMs, version }: Cause): PendingRebuild {
  return {
    stream,
    ...modeOf(policy, stream),
    findings: facts.filter(({ kind }) => kind === 'finding').length,
    tooOld: facts.some(({ kind }) => kind === 'age'),
    parentMoved: facts.some(({ kind }) => kind === 'parent-moved'),
    sinceEpochMs,
    version,
  };
}

/** Patchwave does not rebuild a stream that the policy no longer names. */
function modeOf(policy: Policy, stream: string): Pick<PendingRebuild, 'owner' | 'mode'> {
  const rule = streamRuleOf(policy, stream);
  return rule ? { owner: rule.owner, mode: streamPolicy(policy, stream).mode } : { mode: 'paused' };
}

function inFixedOrder(groups: ReadonlyMap<string, MutableGroup>): ReportGroup[] {
  return [...groups].sort(byKey).map(([, group]) => ({
    ...group,
    violating: group.violating.sort(byLongest),
    unknown: group.unknown.sort(byDigest),
    unjudged: group.unjudged.sort(),
  }));
}

function sums(groups: readonly ReportGroup[]): Report['images'] {
  return {
    compliant: sumOf(groups.map(({ compliant }) => compliant)),
    violating: sumOf(groups.map(({ violating }) => violating.length)),
    unknown: sumOf(groups.map(({ unknown }) => unknown.length)),
    unjudged: sumOf(groups.map(({ unjudged }) => unjudged.length)),
  };
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);
const byDigest = (one: { readonly digest: string }, other: { readonly digest: string }) =>
  compareTexts(one.digest, other.digest);
const byLongest = (one: ReportLine, other: ReportLine) =>
  (one.sinceEpochMs ?? 0) - (other.sinceEpochMs ?? 0) || byDigest(one, other);
const byInstant = (one: NextBreach, other: NextBreach) =>
  one.breachAtEpochMs - other.breachAtEpochMs || byDigest(one, other);
const byStream = (one: PendingRebuild, other: PendingRebuild) => compareTexts(one.stream, other.stream);
