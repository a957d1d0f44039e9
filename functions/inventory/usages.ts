import { collect } from '../../shared/concurrency.ts';
import { byKey, compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { isProof, referencesOf, type Usage, workloadText } from '../../shared/domain/image/usage.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { compareUsages } from '../../shared/domain/review/resolve-references.ts';
import { type InventoryCounts, keyOfScope, type Scope } from '../../shared/domain/review/run.ts';
import type { Unidentified } from '../../shared/domain/rollout/closure.ts';
import type { PropertiesPorts } from '../../shared/inventory/write-properties.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { PlaceLedger, RunLedger, ScopeLedger, ScopeRecord, UsageLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { clustersIn, observationsCompleteDocument, runFileKeys } from '../../shared/review/documents.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';
import type * as v from '../../shared/schema.ts';
import { announceMarks, takeLeftMarksBack } from './announce-marks.ts';
import type { InventoryActionInput } from './input.ts';
import { readSeen, type ScopeContents } from './inventoried-image.ts';
import { markAsUnused, markAsUsed, markGuesses } from './presence.ts';
import { endAll, putAside } from './put-aside.ts';
import { ensureProperties } from './used-properties.ts';

const EMPTY_FOR_MS = 7 * 86_400_000;

export interface UsagesPorts extends PropertiesPorts {
  readonly policies: Policies;
  readonly places: PlaceLedger;
  readonly usages: UsageLedger;
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly scopes: ScopeLedger;
  readonly files: RunFiles;
  readonly clock: Clock;
}

export type UsagesReply =
  | { readonly status: 'complete'; readonly inventory: InventoryCounts }
  | { readonly status: 'left-alone' }
  | { readonly status: 'left' };

/** Records the usages of one scope, and of each of its EKS clusters. A cluster that is gone runs nothing any more. */
export async function recordUsages(ports: UsagesPorts, step: InventoryActionInput<'usages'>): Promise<UsagesReply> {
  const { runId, scope } = step;
  const reading = await readingOf(ports, runId, scope);
  const reply = await recordScope(ports, step, reading);
  if (!reading) return reply;
  const clusters = clustersIn(scope, reading);
  for (const cluster of clusters)
    await recordScope(ports, { ...step, scope: cluster }, await readingOf(ports, runId, cluster));
  if (Array.isArray(reading.eksClusters)) await endGoneClusters(ports, scope, new Set(clusters.map(keyOfScope)));
  return reply;
}

const readingOf = ({ files }: UsagesPorts, runId: string, scope: Scope) =>
  readDocumentIfAny(files, runFileKeys(runId).observationsComplete(scope), observationsCompleteDocument);

/** The record of the list goes too: the clusters were listed. */
async function endGoneClusters(ports: UsagesPorts, scope: Scope, listed: ReadonlySet<string>): Promise<void> {
  for (const { scope: cluster, isUnreadable } of await collect(ports.scopes.clusters(scope))) {
    if (isUnreadable || listed.has(keyOfScope(cluster))) continue;
    await endAll(ports, cluster);
    await ports.scopes.forget(cluster, ports.clock());
  }
}

/**
 * Records the usages of one scope, and ends those that a complete reading no longer shows. After an incomplete reading
 * all usages stay live. The run part is written last, so it exists only if everything else does.
 */
async function recordScope(
  ports: UsagesPorts,
  step: InventoryActionInput<'usages'>,
  reading: Reading | undefined,
): Promise<UsagesReply> {
  const { files, usages, runs, clock } = ports;
  const { runId, scope } = step;
  const keys = runFileKeys(runId);
  if (!reading) {
    const left = (await ports.scopes.get(scope))?.left;
    if (!left || left.isBack) return { status: 'left-alone' };
    await putAside(ports, runId, scope, left);
    return { status: 'left' };
  }
  const { policy } = await policyOfRun(ports, step);
  const seen = await readSeen(ports, runId, scope, reading.pieces);
  const images = await ensureProperties(ports, policy, seen.images);
  const changes = compareUsages(await collect(usages.live(scope)), seen.usages.values());
  const used = [...seen.images.keys()];
  const left = await takeLeftMarksBack(ports, scope, new Set([...used, ...digestsOf(changes.end)]));
  // Marks are written before usages: an attempt that dies in between finds the same changes again. If no attempt
  // follows, the next run finds the marks without a usage by the announcement.
  const toMark = { digests: used, usages: seen.usages.values(), known: images };
  await announceMarks(ports, runId, scope, toMark, left);
  await markAsUsed(ports.images, used, images);
  await markGuesses(ports.images, scope, {
    ...{ digests: used, usages: seen.usages.values(), ending: changes.end, known: images },
  });
  await markAsUnused(
    ports,
    digestsOf(changes.end).filter((digest) => !seen.images.has(digest)),
    changes.end,
  );
  await usages.record(changes.record, clock());
  await usages.end(changes.end, clock());
  // Another scope may have removed a mark because its own use ended, before it could see these usages.
  await markAsUsed(ports.images, digestsOf(changes.record), await ports.images.get(digestsOf(changes.record)));

  const inventory = { ...reading.inventory, usages: seen.usages.size, unresolved: seen.unresolvedContainers };
  await files.put(keys.unresolved(scope), seen.unresolved);
  await files.put(keys.digests(scope), used.sort());
  await ports.scopes.record({
    ...completeScope(scope, reading, isEmpty(policy, scope, reading)),
    ...unidentifiedIn(seen),
  });
  await runs.recordPart(runId, {
    kind: 'scope',
    key: keyOfScope(scope),
    result: { scope, status: 'complete', inventory, ...eksClustersOf(reading) },
  });
  return { status: 'complete', inventory };
}

type Reading = v.InferOutput<typeof observationsCompleteDocument>;

const eksClustersOf = ({ eksClusters = [] }: Reading): { readonly eksClusters?: readonly string[] } =>
  Array.isArray(eksClusters) && eksClusters.length > 0 ? { eksClusters } : {};

const digestsOf = (usages: readonly Usage[]) => [...new Set(usages.map(({ digest }) => digest))];

/** A reading proves what ran when it started, so it counts from then: it does not include a later rollout. */
const completeScope = (
  scope: Scope,
  { beganAtEpochMs, includesStopping, eksClusters }: Reading,
  empty: boolean,
): ScopeRecord => ({
  scope,
  completeAtEpochMs: beganAtEpochMs,
  ...(includesStopping && { includesStopping }),
  ...(Array.isArray(eksClusters) && { includesEks: true }),
  ...(empty && { emptyUntilEpochMs: beganAtEpochMs + EMPTY_FOR_MS }),
});

/** Beyond this number of tags, any image of the repository counts: one ledger item holds them all. */
const MOST_TAGS = 20;

/**
 * Containers without a proven image: the image is unknown, or known only by tag. One workload for each tag of a
 * repository, the first in sort order, is enough to keep closures open.
 */
function unidentifiedIn({ unresolved, usages }: ScopeContents): Pick<ScopeRecord, 'unidentified'> {
  const repositories = new Map<string, Map<string | undefined, string>>();
  const add = (location: ImageLocation | undefined, tag: string | undefined, workload: string): void => {
    if (!location) return;
    const repository = locationKey(location);
    const workloads = repositories.get(repository) ?? new Map<string | undefined, string>();
    const before = workloads.get(tag);
    if (before === undefined || workload < before) workloads.set(tag, workload);
    repositories.set(repository, workloads);
  };
  for (const { observation } of unresolved)
    add(observation.location, tagAsked(observation.reference), workloadText(observation));
  for (const usage of usages.values())
    if (!isProof(usage))
      for (const reference of referencesOf(usage))
        add(readImageReference(reference)?.location, tagAsked(reference), workloadText(usage));
  const unidentified = [...repositories]
    .sort(byKey)
    .flatMap(([repository, workloads]) => byTag(workloads).map((observed) => ({ repository, ...observed })));
  return unidentified.length > 0 ? { unidentified } : {};
}

/** If the reference has a digest, its tag has no effect. */
function tagAsked(reference: string | undefined): string | undefined {
  const { tag, digest } = readImageReference(reference) ?? {};
  return digest === undefined ? tag : undefined;
}

/** If one container may run any image of the repository, its tags exclude nothing. */
function byTag(workloads: ReadonlyMap<string | undefined, string>): readonly Omit<Unidentified, 'repository'>[] {
  const [workload = ''] = [...workloads.values()].sort(compareTexts);
  if (workloads.has(undefined) || workloads.size > MOST_TAGS) return [{ workload }];
  return [...workloads]
    .flatMap(([tag, by]) => (tag === undefined ? [] : [{ tag, workload: by }]))
    .sort((one, other) => compareTexts(one.tag, other.tag));
}

/** Neither a cluster nor a policy repository: most Regions of most accounts. */
function isEmpty(policy: Policy, { account, region, eksCluster }: Scope, reading: Reading): boolean {
  const { inventory, eksClusters = [] } = reading;
  if (eksCluster !== undefined || eksClusters.length > 0) return false;
  const hasStream = policy.streams.some((rule) => rule.account === account && rule.regions.includes(region));
  return inventory.clusters === 0 && !hasStream && !isBuiltIn(policy);
}
