import { ASKED_BY_PERSON, type CauseFact, PARENT_MOVED } from '../domain/cause/cause.ts';
import { SOURCE_LABELS, type SourceLabel } from '../domain/image/config-facts.ts';
import { digest } from '../domain/image/digest-schema.ts';
import { MOST_PUBLISHED } from '../domain/outbox/published-event.ts';
import { SEVERITIES } from '../domain/policy/policy-parts.ts';
import type { RunTotals } from '../domain/review/run.ts';
import { SCAN_STATES, type ScanReason } from '../domain/scan/scan.ts';
import { SCAN_REASONS } from '../domain/scan/scan-reasons.ts';
import { REASON_EFFECTS, type Reason } from '../domain/verdict/verdict.ts';
import * as v from '../schema.ts';

/* Parts shared by several published events. `satisfies` keeps each equal to the domain's type. */

export const text = v.text();
/** From the scanner; empty if missing. */
const scanned = v.string();
export const epochMs = v.pipe(v.integer(), v.gtValue(0));
export const count = v.pipe(v.integer(), v.minValue(0));
export const location = v.strictObject({ account: text, region: text, repository: text });

const scanReason = v.picklist(Object.keys(SCAN_REASONS) as ScanReason[]);

const judged = {
  ruleId: text,
  effect: v.picklist(REASON_EFFECTS),
  deadlineEpochMs: v.exactOptional(epochMs),
  waiverId: v.exactOptional(text),
  waivedThrough: v.exactOptional(digest),
  waivedUntilEpochMs: v.exactOptional(epochMs),
  sinceEpochMs: v.exactOptional(epochMs),
  unbrokenSinceEpochMs: v.exactOptional(epochMs),
};

export const reason = v.variant('kind', [
  v.strictObject({
    ...judged,
    kind: v.literal('age'),
    bornAtEpochMs: epochMs,
    limitDays: v.pipe(v.number(), v.gtValue(0)),
    decidedBy: v.exactOptional(digest),
  }),
  v.strictObject({
    ...judged,
    kind: v.literal('age-unknown'),
    decidedBy: v.exactOptional(digest),
    isLineageUnread: v.exactOptional(v.literal(true)),
  }),
  v.strictObject({
    ...judged,
    kind: v.literal('finding'),
    vulnerability: scanned,
    package: scanned,
    version: scanned,
    severity: v.picklist(SEVERITIES),
    fix: v.picklist(['yes', 'no', 'unknown']),
    firstSeenAtEpochMs: epochMs,
    layer: v.exactOptional(digest),
    isLanguagePackage: v.exactOptional(v.literal(true)),
    isExploited: v.exactOptional(v.literal(true)),
    epssPercent: v.exactOptional(v.pipe(v.integer(), v.minValue(1), v.maxValue(100))),
  }),
  v.strictObject({
    ...judged,
    kind: v.literal('scan'),
    state: v.picklist(SCAN_STATES),
    scanReason: v.exactOptional(scanReason),
  }),
  v.strictObject({ ...judged, kind: v.literal('registry'), registry: text }),
  v.strictObject({
    ...judged,
    kind: v.literal('source'),
    label: v.exactOptional(v.picklist(Object.keys(SOURCE_LABELS) as SourceLabel[])),
    isParentUnread: v.exactOptional(v.literal(true)),
    problem: v.exactOptional(v.picklist(['missing', 'malformed', 'inherited'])),
  }),
  v.strictObject({ ...judged, kind: v.literal('user'), user: v.exactOptional(v.string()) }),
  v.strictObject({
    ...judged,
    kind: v.literal('tag'),
    tag: v.exactOptional(text),
    problem: v.exactOptional(
      v.variant('kind', [
        v.strictObject({ kind: v.literal('left-behind'), newest: text }),
        v.strictObject({ kind: v.picklist(['no-build-number', 'digits-alone', 'no-commit']) }),
      ]),
    ),
  }),
  v.strictObject({
    ...judged,
    kind: v.literal('digest-guessed'),
    workload: text,
    scopes: v.pipe(v.integer(), v.gtValue(0)),
  }),
  v.strictObject({
    ...judged,
    kind: v.literal('system'),
    system: v.exactOptional(v.strictObject({ id: text, version: v.exactOptional(text) })),
    decidedBy: v.exactOptional(digest),
    isRule: v.exactOptional(v.literal(true)),
  }),
  v.strictObject({ ...judged, kind: v.literal('policy') }),
]) satisfies v.GenericSchema<unknown, Reason>;

export const causeFact = v.variant('kind', [
  v.strictObject({
    kind: v.literal('finding'),
    ruleId: text,
    sinceEpochMs: epochMs,
    vulnerability: scanned,
    package: scanned,
    version: scanned,
    fix: v.picklist(['yes', 'no', 'unknown']),
    packageKind: v.exactOptional(v.picklist(['os', 'language'])),
  }),
  v.strictObject({ kind: v.literal('age'), ruleId: text, sinceEpochMs: epochMs }),
  v.strictObject({
    kind: v.literal('parent-moved'),
    ruleId: v.literal(PARENT_MOVED),
    sinceEpochMs: epochMs,
    parent: text,
    head: v.exactOptional(digest),
  }),
  v.strictObject({
    kind: v.literal('person'),
    ruleId: v.literal(ASKED_BY_PERSON),
    sinceEpochMs: epochMs,
    by: text,
    reason: text,
  }),
]) satisfies v.GenericSchema<unknown, CauseFact>;

/** At most 100 facts; `factCount` counts all. */
export const publishedFacts = { facts: v.pipe(v.array(causeFact), v.maxLength(MOST_PUBLISHED)), factCount: count };

/** The content of `publishedFacts`. */
export const listedFacts = (facts: readonly CauseFact[]) => ({
  facts: facts.slice(0, MOST_PUBLISHED),
  factCount: facts.length,
});

const judgedImages = {
  found: count,
  outcomes: v.strictObject({ compliant: count, violating: count, unknown: count, failed: count }),
  compliantCovers: v.exactOptional(v.strictObject({ os: count, language: count })),
};

export const totals = v.strictObject({
  scopes: v.strictObject({ complete: count, skipped: count, failed: count, left: v.exactOptional(count) }),
  inventory: v.strictObject({
    ...{ clusters: count, tasks: count, containers: count, usages: count, unresolved: count },
    possible: v.exactOptional(count),
  }),
  ...judgedImages,
  possible: v.exactOptional(v.strictObject(judgedImages)),
  ancestors: v.exactOptional(v.strictObject(judgedImages)),
  scans: v.strictObject({
    requested: count,
    fresh: count,
    later: count,
    refused: v.record(scanReason, count),
  }),
}) satisfies v.GenericSchema<unknown, RunTotals>;
