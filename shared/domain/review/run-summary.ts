import { counted } from '../common/counted.ts';
import type { ScanReason } from '../scan/scan.ts';
import { sumOfCoverage } from '../verdict/verdict.ts';
import {
  clusterScopes,
  type InventoryCounts,
  type JudgedImages,
  keyOfScope,
  type OutcomeCounts,
  type RunPart,
  type RunTotals,
  type ScanCounts,
  useOfBatch,
} from './run.ts';

/** A batch of a run, with the number of its digests. */
export interface ExpectedBatch {
  readonly key: string;
  readonly digests: number;
}

/** Everything that must report before a run may end: a silent part has failed. */
export interface ExpectedParts {
  /** Keys of the scopes to read; the EKS clusters that they find are expected too. */
  readonly scopes: readonly string[];
  /** `<account>/<region>`. */
  readonly registries: readonly string[];
  /** Keys of the lineage parts. */
  readonly lineages: readonly string[];
  /** Empty in a preview, which requests no scans. */
  readonly scanBatches: readonly ExpectedBatch[];
  readonly verdictBatches: readonly ExpectedBatch[];
}

export interface RunFailure {
  readonly kind: RunPart['kind'];
  /** The scope, registry, batch or digest. */
  readonly key: string;
  readonly error: string;
  readonly detail: string;
}

export interface RunSummary {
  readonly totals: RunTotals;
  /** Sorted. */
  readonly failures: readonly RunFailure[];
}

export const NOTHING_REPORTED = 'NothingReported';
/** Base or platform repositories of a registry were not read, and images may be built on their images. */
export const BASES_UNREAD = 'BaseRegistryUnreadError';
export const SUMS_DIFFER = 'SumsDiffer';

/** Sums up a run. Every digest has one outcome; those of a silent batch have failed. */
export function sumRun(listed: ExpectedParts, parts: Iterable<RunPart>): RunSummary {
  const reported = new Map<string, RunPart>();
  for (const part of parts) reported.set(partKey(part.kind, part.key), part);
  const known = [...reported.values()];
  const expected = { ...listed, scopes: [...new Set([...listed.scopes, ...clusterKeys(known)])] };
  const silent = silentParts(expected, reported);
  const failures = [
    ...known.flatMap((part) => failuresOf(part, reported)),
    ...silent,
    ...differingSums(expected, reported),
  ];
  return { totals: totalsOf(expected, known, reported), failures: failures.sort(inFixedOrder) };
}

const partKey = (kind: RunPart['kind'], key: string): string => `${kind} ${key}`;

/** Each EKS cluster that a scope found must report too. */
const clusterKeys = (parts: readonly RunPart[]): readonly string[] =>
  parts.flatMap((part) =>
    part.kind === 'scope' && part.result.status === 'complete' ? clusterScopes(part.result).map(keyOfScope) : [],
  );

function silentParts(expected: ExpectedParts, reported: ReadonlyMap<string, RunPart>): RunFailure[] {
  const all = [
    ...expected.scopes.map((key) => ['scope', key] as const),
    ...expected.registries.map((key) => ['registry', key] as const),
    ...expected.lineages.map((key) => ['lineage', key] as const),
    ...expected.scanBatches.map(({ key }) => ['scan', key] as const),
    ...expected.verdictBatches.map(({ key }) => ['verdict', key] as const),
  ];
  return all
    .filter(([kind, key]) => !reported.has(partKey(kind, key)))
    .map(([kind, key]) => ({
      kind,
      key,
      error: NOTHING_REPORTED,
      detail: `The ${kind} step for ${key} failed without a result; its logs say why. The next review repeats it.`,
    }));
}

function failuresOf(part: RunPart, reported: ReadonlyMap<string, RunPart>): RunFailure[] {
  const { kind, key } = part;
  switch (kind) {
    case 'scope':
      return part.result.status === 'failed'
        ? [{ kind, key, error: part.result.error, detail: part.result.detail }]
        : [];
    case 'registry':
      return part.status === 'failed'
        ? [{ kind, key, error: 'RegistryFailed', detail: part.detail ?? 'no detail' }]
        : [];
    case 'lineage':
      return [...part.failures.map((failure) => ({ kind, ...failure })), ...unreadRegistries(part, reported)];
    case 'policy':
      return [{ kind, key, error: part.error, detail: part.detail }];
    case 'verdict':
      return part.failures.map(({ digest, error, detail }) => ({ kind, key: digest, error, detail }));
    case 'scan':
      return [];
  }
}

const unreadRegistries = (
  { kind, unread = [] }: Extract<RunPart, { kind: 'lineage' }>,
  reported: ReadonlyMap<string, RunPart>,
): RunFailure[] =>
  unread.map(({ key, images }) => ({
    ...{ kind, key, error: BASES_UNREAD },
    detail:
      `The age of ${counted(images, 'image')} is unknown: ${images === 1 ? 'it' : 'they'} may be built on base or platform images of ` +
      `${key}, which the review could not read${whyUnread(reported.get(partKey('registry', key)))}`,
  }));

/** The reason and the next step. A registry without a reason has its own failure in the same run. */
function whyUnread(part: RunPart | undefined): string {
  const because = part?.kind === 'registry' ? (part.unreadBecause ?? []) : [];
  if (because.length === 0) return '. Fix the failure reported for this registry, then start a review.';
  return ` (${because.join('; ')}). Correct that, then start a review.`;
}

/** A batch that lost or doubled a digest makes every total wrong, so the run fails. */
function differingSums(expected: ExpectedParts, reported: ReadonlyMap<string, RunPart>): RunFailure[] {
  const batches = [
    ...expected.scanBatches.map((batch) => ['scan', batch] as const),
    ...expected.verdictBatches.map((batch) => ['verdict', batch] as const),
  ];
  return batches.flatMap(([kind, { key, digests }]) => {
    const part = reported.get(partKey(kind, key));
    const sum = part && digestsOf(part);
    if (sum === undefined || sum === digests) return [];
    const detail = `The ${kind} batch ${key} had ${counted(digests, 'digest')}, but reported ${sum}, so the totals are wrong. Start a new review.`;
    return [{ kind, key, error: SUMS_DIFFER, detail }];
  });
}

function digestsOf(part: RunPart): number | undefined {
  if (part.kind === 'verdict') return sumOf(Object.values(part.outcomes));
  if (part.kind !== 'scan') return undefined;
  const { requested, fresh, later, refused } = part.scans;
  return requested + fresh + later + sumOf(Object.values(refused));
}

const sumOf = (numbers: readonly number[]): number => numbers.reduce((sum, number) => sum + number, 0);

function totalsOf(
  expected: ExpectedParts,
  parts: readonly RunPart[],
  reported: ReadonlyMap<string, RunPart>,
): RunTotals {
  const scopes = parts.flatMap((part) => (part.kind === 'scope' ? [part.result] : []));
  const count = (status: (typeof scopes)[number]['status']) => scopes.filter((scope) => scope.status === status).length;
  return {
    scopes: {
      complete: count('complete'),
      skipped: count('skipped'),
      failed: count('failed') + expected.scopes.filter((key) => !reported.has(partKey('scope', key))).length,
      ...(count('left') > 0 && { left: count('left') }),
    },
    inventory: scopes
      .flatMap((scope) => (scope.status === 'complete' ? [scope.inventory] : []))
      .reduce(addInventory, NO_INVENTORY),
    ...judgedIn(expected, parts, reported, (key) => useOfBatch(key) === 'running'),
    possible: judgedIn(expected, parts, reported, (key) => useOfBatch(key) === 'possible'),
    ancestors: judgedIn(expected, parts, reported, (key) => useOfBatch(key) === 'ancestor'),
    scans: parts.flatMap((part) => (part.kind === 'scan' ? [part.scans] : [])).reduce(addScans, NO_SCANS),
  };
}

function judgedIn(
  { verdictBatches }: ExpectedParts,
  parts: readonly RunPart[],
  reported: ReadonlyMap<string, RunPart>,
  isOne: (batchKey: string) => boolean,
): JudgedImages {
  const batches = verdictBatches.filter(({ key }) => isOne(key));
  const lost = batches.filter(({ key }) => !reported.has(partKey('verdict', key)));
  const judged = parts.flatMap((part) => (part.kind === 'verdict' && isOne(part.key) ? [part] : []));
  return {
    found: sumOf(batches.map(({ digests }) => digests)),
    ...sumOfCoverage(judged.map(({ compliantCovers }) => compliantCovers)),
    outcomes: [
      ...judged.map(({ outcomes }) => outcomes),
      ...lost.map(({ digests }) => ({ ...NO_OUTCOMES, failed: digests })),
    ].reduce(addOutcomes, NO_OUTCOMES),
  };
}

const NO_INVENTORY: InventoryCounts = { clusters: 0, tasks: 0, containers: 0, usages: 0, unresolved: 0, possible: 0 };
const NO_SCANS: ScanCounts = { requested: 0, fresh: 0, later: 0, refused: {} };
const NO_OUTCOMES: OutcomeCounts = { compliant: 0, violating: 0, unknown: 0, failed: 0 };

const addInventory = (one: InventoryCounts, other: InventoryCounts): InventoryCounts => ({
  clusters: one.clusters + other.clusters,
  tasks: one.tasks + other.tasks,
  containers: one.containers + other.containers,
  usages: one.usages + other.usages,
  unresolved: one.unresolved + other.unresolved,
  possible: (one.possible ?? 0) + (other.possible ?? 0),
});

const addOutcomes = (one: OutcomeCounts, other: OutcomeCounts): OutcomeCounts => ({
  compliant: one.compliant + other.compliant,
  violating: one.violating + other.violating,
  unknown: one.unknown + other.unknown,
  failed: one.failed + other.failed,
});

function addScans(one: ScanCounts, other: ScanCounts): ScanCounts {
  const refused: Partial<Record<ScanReason, number>> = { ...one.refused };
  for (const [reason, number] of Object.entries(other.refused) as [ScanReason, number][])
    refused[reason] = (refused[reason] ?? 0) + number;
  return {
    requested: one.requested + other.requested,
    fresh: one.fresh + other.fresh,
    later: one.later + other.later,
    refused,
  };
}

const inFixedOrder = (one: RunFailure, other: RunFailure): number => (order(one) < order(other) ? -1 : 1);
/** An unreadable policy causes many other failures, so it comes first. */
const order = ({ kind, key, error }: RunFailure): string => `${kind === 'policy' ? 0 : 1} ${kind} ${key} ${error}`;
