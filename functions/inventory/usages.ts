import { collect } from '../../shared/concurrency.ts';
import { endOfOpening } from '../../shared/domain/admission/break-glass.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { listsShowing } from '../../shared/domain/image/possible-starts.ts';
import { nameInCluster } from '../../shared/domain/image/service-at-zero.ts';
import type { Observation, Usage } from '../../shared/domain/image/usage.ts';
import { AT_ZERO_KIND } from '../../shared/domain/image/workload-kind.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import { doorAt, doorPlaceText } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { compareUsages, type UsageChanges } from '../../shared/domain/review/resolve-references.ts';
import { type InventoryCounts, keyOfScope, type Scope } from '../../shared/domain/review/run.ts';
import type { PropertiesPorts } from '../../shared/inventory/write-properties.ts';
import { policyOfDoors } from '../../shared/judging/foresee-doors.ts';
import type { PastBreakGlass, PastBreakGlasses, RunningLedger } from '../../shared/ports/admission.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { PlaceLedger, RunLedger, ScopeLedger, ScopeRecord, UsageLedger } from '../../shared/ports/ledger.ts';
import type { CurrentPolicy, Policies, PolicyVersion } from '../../shared/ports/policies.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { Scratch } from '../../shared/ports/scratch.ts';
import type { ServiceAtZeroLedger } from '../../shared/ports/services-at-zero.ts';
import { observationsCompleteDocument, runFileKeys } from '../../shared/review/documents.ts';
import { listedClusters } from '../../shared/review/listed-clusters.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';
import type * as v from '../../shared/schema.ts';
import { type ImageGroup, ImageGroups } from './image-groups.ts';
import type { InventoryActionInput } from './input.ts';
import { Marks } from './marks.ts';
import { digestsOf, markAsUnused, markAsUsed, markGuesses } from './presence.ts';
import { endAll, putAside } from './put-aside.ts';
import { presencesEnded, presencesSeen, type ReadingOfScope } from './running-images.ts';
import { mergeSeen, readSeen, type SeenImages, type SeenUsage } from './seen-usages.ts';
import { recordAtZero } from './services-at-zero.ts';
import { UnidentifiedContainers } from './unidentified.ts';
import { ensureProperties, keepNames } from './used-properties.ts';

const EMPTY_FOR_MS = 7 * 86_400_000;

export interface UsagesPorts extends PropertiesPorts {
  readonly policies: Policies;
  readonly places: PlaceLedger;
  readonly usages: UsageLedger;
  readonly running: RunningLedger;
  readonly exceptions: Pick<PastBreakGlasses, 'since'>;
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly scopes: ScopeLedger;
  readonly servicesAtZero: ServiceAtZeroLedger;
  readonly files: RunFiles;
  readonly scratch: Scratch;
  readonly clock: Clock;
}

export type UsagesReply =
  | { readonly status: 'complete'; readonly inventory: InventoryCounts }
  | { readonly status: 'left-alone' }
  | { readonly status: 'left' };

/**
 * Records the usages of one scope, and of each of its EKS clusters. A cluster that is gone runs nothing any more. A scope
 * that fails stops no other; the first error is thrown at the end.
 */
export async function recordUsages(ports: UsagesPorts, step: InventoryActionInput<'usages'>): Promise<UsagesReply> {
  const { runId, scope } = step;
  const reading = await readingOf(ports, runId, scope);
  const replies: UsagesReply[] = [];
  const errors: unknown[] = [];
  const attempt = async (record: () => Promise<UsagesReply>): Promise<void> => {
    await record().then(
      (reply) => replies.push(reply),
      (error: unknown) => errors.push(error),
    );
  };
  await attempt(() => recordScope(ports, step, reading));
  const clusters = await listedClusters(ports.files, runId, scope, reading);
  for (const cluster of clusters ?? [])
    await attempt(async () => recordScope(ports, { ...step, scope: cluster }, await readingOf(ports, runId, cluster)));
  if (clusters) await endGoneClusters(ports, scope, new Set(clusters.map(keyOfScope)));
  const [reply] = replies;
  if (errors.length > 0 || !reply) throw errors[0];
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
  const { files, runs } = ports;
  const { runId, scope } = step;
  const keys = runFileKeys(runId);
  if (!reading) {
    const left = (await ports.scopes.get(scope))?.left;
    if (!left || left.isBack) return { status: 'left-alone' };
    await putAside(ports, runId, scope, left);
    return { status: 'left' };
  }
  const inForce = await policyOfRun(ports, step);
  const { policy } = inForce;
  const { usages, unresolved, digests, possible, unidentified, running } = await recordImages(
    ports,
    step,
    inForce,
    reading,
  );
  const inventory = { ...reading.inventory, usages, unresolved };
  await files.put(keys.digests(scope), digests);
  if (scope.eksCluster !== undefined || possible.length > 0) await files.put(keys.possible(scope), possible);
  const hasServicesAtZero = await recordServices(ports, scope, reading, running);
  await ports.scopes.record({
    ...completeScope(scope, reading, isEmpty(policy, scope, reading)),
    ...(unidentified.length > 0 && { unidentified }),
    ...newestJudgedPod(policy, scope, reading),
    ...(hasServicesAtZero && { hasServicesAtZero: true }),
  });
  await runs.recordPart(runId, {
    kind: 'scope',
    key: keyOfScope(scope),
    result: { scope, status: 'complete', inventory, ...eksClustersOf(reading), ...unreadIn(reading) },
  });
  return { status: 'complete', inventory };
}

/**
 * Before the scope counts as read: a service that started must have lost its confirmation by then. Most scopes never had a service
 * at zero, and cost no call.
 */
async function recordServices(
  { scopes, servicesAtZero }: UsagesPorts,
  scope: Scope,
  { atZero = [], unreadSources = [], beganAtEpochMs: atEpochMs }: Reading,
  running: ReadonlySet<string>,
): Promise<boolean> {
  if (scope.eksCluster !== undefined) return false;
  const had = (await scopes.get(scope))?.hasServicesAtZero === true;
  if (atZero.length === 0 && !had) return false;
  const isComplete = unreadSources.every(({ list }) => list !== 'ecs-services');
  await recordAtZero(servicesAtZero, scope, { atZero, running, isComplete, atEpochMs });
  return atZero.length > 0 || !isComplete;
}

/**
 * Compares what was seen with the live usages, one group of images after another, so that memory stays constant. An
 * attempt that dies in between leaves the other groups to the next one, which finds their changes.
 */
async function recordImages(
  ports: UsagesPorts,
  { runId, scope }: InventoryActionInput<'usages'>,
  inForce: PolicyVersion,
  reading: Reading,
) {
  const { policy } = inForce;
  const { files, usages, scratch } = ports;
  const unidentified = new UnidentifiedContainers();
  const total = { usages: 0, unresolved: 0 };
  const digests: Digest[] = [];
  const possible: Digest[] = [];
  const running = new Set<string>();
  const noteRunning = ({ cluster, workload: service, workloadKind, isPossible }: Usage | Observation): void => {
    if (workloadKind === AT_ZERO_KIND && !isPossible) running.add(nameInCluster({ cluster, service }));
  };
  const mayHaveEnded = endedBy(reading);
  await ImageGroups.with(scratch, async (groups) => {
    const seen = groups.set('seen', ({ usage }: SeenUsage) => usage.digest);
    const live = groups.set('live', ({ digest }: Usage) => digest);
    for await (const { piece, unresolved, ...part } of readSeen(ports, runId, scope, policy, reading)) {
      await seen.add(part.seen);
      if (unresolved.length > 0) await files.put(runFileKeys(runId).unresolved(scope, piece), unresolved);
      for (const { observation } of unresolved) {
        unidentified.addUnresolved(observation);
        noteRunning(observation);
        if (!observation.isPossible) total.unresolved += observation.count;
      }
    }
    await live.add(usages.live(scope));
    const marks = await Marks.of(ports, scope);
    const before = await ports.scopes.get(scope);
    const isFirstReading = before?.includesStanding !== true;
    const beforeEpochMs = before?.completeAtEpochMs;
    const openUntil = openingsSince(ports, beforeEpochMs);
    const inForceNow = readPolicyOfDoors(ports, inForce);
    for (const group of await groups.groups()) {
      const shown = mergeSeen(await seen.of(group));
      const compared = compareUsages(await live.of(group), shown.usages.values());
      const changes = { ...compared, end: compared.end.filter(mayHaveEnded) };
      const stay = compared.end.filter((usage) => !mayHaveEnded(usage));
      const runs = new Set(digestsOf([...shown.usages.values()].filter(({ isPossible }) => !isPossible)));
      for (const usage of [...shown.usages.values(), ...stay]) unidentified.addUsage(usage);
      for (const usage of shown.usages.values()) noteRunning(usage);
      total.usages += shown.usages.size + stay.length;
      digests.push(...runs);
      possible.push(...digestsOf([...shown.usages.values(), ...stay]).filter((digest) => !runs.has(digest)));
      if (shown.usages.size + changes.end.length > 0 || marks.isLeftIn(group))
        await recordGroup(
          { ports, runId, scope, policy, inForceNow, marks, isFirstReading, beforeEpochMs, openUntil, group },
          shown,
          { ...changes, stay },
        );
    }
  });
  return { ...total, digests: digests.sort(), possible: possible.sort(), unidentified: unidentified.list(), running };
}

interface GroupStep {
  readonly ports: UsagesPorts;
  readonly runId: string;
  readonly scope: Scope;
  /** Of the review. */
  readonly policy: Policy;
  readonly inForceNow: ReadingOfScope['inForce'];
  readonly marks: Marks;
  /** No earlier reading recorded how images began here (`RunningLedger`). */
  readonly isFirstReading: boolean;
  readonly beforeEpochMs: number | undefined;
  readonly openUntil: ReadingOfScope['openUntil'];
  readonly group: ImageGroup;
}

interface GroupChanges extends UsageChanges {
  /** Usages that no reading could show: their list is unread. */
  readonly stay: readonly Usage[];
}

/**
 * Marks are written before usages: an attempt that dies in between finds the same changes again. If no attempt follows,
 * the next run finds the marks without a usage by the announcement.
 */
async function recordGroup(
  { ports, runId, scope, policy, inForceNow, marks, isFirstReading, beforeEpochMs, openUntil, group }: GroupStep,
  seen: SeenImages,
  changes: GroupChanges,
): Promise<void> {
  const { usages, clock } = ports;
  const again = { seen: seen.usages.values(), ending: changes.end };
  const known = await ensureProperties(ports, policy, seen.images, again);
  const used = [...seen.images.keys()];
  await marks.takeBack(group, new Set([...used, ...digestsOf(changes.end)]));
  const guesses = { digests: used, usages: [...seen.usages.values()], known };
  await marks.announce(runId, guesses);
  await markAsUsed(ports.images, used, known);
  await markGuesses(ports.images, scope, { ...guesses, ending: changes.end });
  await markAsUnused(
    ports,
    digestsOf(changes.end).filter((digest) => !seen.images.has(digest)),
    changes.end,
  );
  const reading = {
    inForce: inForceNow,
    known,
    isFirstReading,
    openUntil,
    notBefore: seen.notBefore,
    nowEpochMs: clock(),
    ...(beforeEpochMs !== undefined && { beforeEpochMs }),
  };
  await ports.running.record(await presencesSeen(ports.running, seen.usages.values(), reading));
  await usages.record(changes.record, clock());
  await usages.end(changes.end, clock());
  // A presence that outlives its usage ends with the grace of its image; one that is missing would stop what runs.
  const goOn = [...seen.usages.values(), ...changes.stay];
  await ports.running.record(await presencesEnded(ports.running, changes.end, goOn, clock()));
  // Another scope may have removed a mark or a name because its own use ended, before it could see these usages.
  const recorded = await ports.images.get(digestsOf(changes.record));
  await markAsUsed(ports.images, digestsOf(changes.record), recorded);
  await keepNames(ports, policy, seen.images, recorded);
}

/** Read once, and only where an image begins, or its beginning is open. */
function readPolicyOfDoors({ policies, clock }: UsagesPorts, ofRun: PolicyVersion): ReadingOfScope['inForce'] {
  let read: Promise<CurrentPolicy> | undefined;
  return () => (read ??= policyOfDoors(policies, ofRun, clock()));
}

/** Read once, and only where a fact or a rule forbids something that the scope did not run before. */
function openingsSince(
  { exceptions, clock }: Pick<UsagesPorts, 'exceptions' | 'clock'>,
  beforeEpochMs: number | undefined,
): ReadingOfScope['openUntil'] {
  if (beforeEpochMs === undefined) return async () => undefined;
  let read: Promise<readonly PastBreakGlass[]> | undefined;
  return async (place) => {
    read ??= collect(exceptions.since(beforeEpochMs));
    const ends = (await read).filter((one) => doorPlaceText(one.place) === doorPlaceText(place)).map(endOfOpening);
    return ends.length === 0 ? undefined : Math.min(Math.max(...ends), clock());
  };
}

type Reading = v.InferOutput<typeof observationsCompleteDocument>;

/** A possible usage ends only if every list that could show it was read. */
function endedBy({ unreadSources = [] }: Reading): (usage: Usage) => boolean {
  const unread = new Set(unreadSources.map(({ list }) => list));
  return ({ isPossible, workloadKind }) => !isPossible || !listsShowing(workloadKind).some((list) => unread.has(list));
}

const unreadIn = ({ unreadSources }: Reading): Pick<ScopeRecord, 'unreadSources'> =>
  unreadSources ? { unreadSources } : {};

/** Where a door is off, no API server asks about a pod. A clock that is ahead makes no pod younger than the reading. */
function newestJudgedPod(
  policy: Policy,
  { account, region, eksCluster }: Scope,
  { newestPods = [], beganAtEpochMs }: Reading,
): Pick<ScopeRecord, 'podCreatedAtEpochMs'> {
  if (eksCluster === undefined) return {};
  const created = newestPods
    .filter(({ namespace }) => doorAt(policy, { account, region, cluster: eksCluster, namespace }).mode !== 'off')
    .map(({ createdAtEpochMs }) => Math.min(createdAtEpochMs, beganAtEpochMs));
  return created.length === 0 ? {} : { podCreatedAtEpochMs: created.reduce((one, other) => Math.max(one, other)) };
}

const eksClustersOf = ({ eksClusters = [] }: Reading): { readonly eksClusters?: readonly string[] } =>
  Array.isArray(eksClusters) && eksClusters.length > 0 ? { eksClusters } : {};

/** A reading proves what ran when it started, so it counts from then: it does not include a later rollout. */
const completeScope = (scope: Scope, reading: Reading, empty: boolean): ScopeRecord => {
  const { beganAtEpochMs, includesStopping, eksClusters, isPrivate } = reading;
  return {
    scope,
    completeAtEpochMs: beganAtEpochMs,
    ...(includesStopping && { includesStopping }),
    ...(Array.isArray(eksClusters) && { includesEks: true }),
    ...(isPrivate && { isPrivate }),
    ...unreadIn(reading),
    includesStanding: true,
    ...(empty && { emptyUntilEpochMs: beganAtEpochMs + EMPTY_FOR_MS }),
  };
};

/** Neither a cluster nor a policy repository: most Regions of most accounts. */
function isEmpty(policy: Policy, { account, region, eksCluster }: Scope, reading: Reading): boolean {
  const { inventory, eksClusters = [] } = reading;
  if (eksCluster !== undefined || eksClusters.length > 0) return false;
  const hasStream = policy.streams.some((rule) => rule.account === account && rule.regions.includes(region));
  return inventory.clusters === 0 && !hasStream && !isBuiltIn(policy);
}
