import { collect, eachConcurrently, mapConcurrently } from '../../shared/concurrency.ts';
import { type Closure, serviceKey } from '../../shared/domain/cause/cascade.ts';
import { type Digest, locationKey, registryKey } from '../../shared/domain/image/image.ts';
import { isConfirmedUnused, serviceText, type UnusedConfirmation } from '../../shared/domain/image/service-at-zero.ts';
import { type EndedUsage, workloadText } from '../../shared/domain/image/usage.ts';
import type { RolloutTargets } from '../../shared/domain/image/workload-kind.ts';
import {
  coversPlace,
  readingsAfter,
  type UnreadRepository,
  unreadIn,
} from '../../shared/domain/lineage/base-readings.ts';
import { BUILT_IN_VERSION } from '../../shared/domain/policy/built-in-policy.ts';
import { accountOf, ourAccountsIn } from '../../shared/domain/policy/our-accounts.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  keyOfScope,
  parseScopeKey,
  type RunPart,
  registryPartsOf,
  type Scope,
  WHOLE_FLEET,
} from '../../shared/domain/review/run.ts';
import {
  afterClosure,
  type ClosureInputs,
  checkClosure,
  isOverdue,
  isReplacedBy,
  type LeftReading,
  lacksKinds,
  MOST_NAMED,
  replaceClosure,
  type ScopeReading,
  withDeadlineOf,
  withKinds,
} from '../../shared/domain/rollout/closure.ts';
import { hasFailed } from '../../shared/domain/rollout/deployment.ts';
import { isOutputAffected, isOwners, servicesToPlanAnew } from '../../shared/domain/rollout/postponed.ts';
import { serviceOf } from '../../shared/domain/rollout/rollout.ts';
import { type ImageInUse, stillWitnessed, WITNESS_LAG_MS, withoutKnownUses } from '../../shared/domain/scan/witness.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { modeIn, streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import { LedgerItemUnreadableError } from '../../shared/ports/errors.ts';
import type { ScopeRecord } from '../../shared/ports/ledger.ts';
import { digestsInUse } from '../../shared/review/digests-in-use.ts';
import {
  inUseDocument,
  placedDocument,
  registriesDocument,
  runFileKeys,
  scopesDocument,
} from '../../shared/review/documents.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import { privateClustersIn } from '../../shared/review/private-clusters.ts';
import { readDocument, readDocumentIfAny } from '../../shared/review/read-document.ts';
import { ScansOfRun } from '../../shared/review/scans-of-run.ts';
import type { RolloutStepInput } from './input.ts';
import { digestsUnder, type RolloutPorts } from './ports.ts';
import { readRunning, recordsWithEvidence, whoRan } from './read-running.ts';
import { locationOf, type RunningLineage, readRunningLineage } from './running-lineage.ts';

const CLOSURES_AT_ONCE = 4;
const SERVICES_AT_ONCE = 8;

export interface CheckedClosures {
  readonly open: number;
  readonly closed: number;
  /** Abandoned closures whose facts a newer one of their stream waits for. */
  readonly replaced: number;
  /** Closures that ended for a person, because only AWS says that an old image is in use. */
  readonly witnessDisagrees: number;
  /** Open closures past their deadline. */
  readonly overdue: number;
}

/**
 * Closes closures whose old images no longer run, by the data of a fleet review. A review of some scopes proves nothing
 * about the others, and one without the policy acts on nothing, so these only count. A failed closure stops no other;
 * the first error is thrown at the end.
 */
export async function checkClosures(
  ports: RolloutPorts,
  { runId, policyVersion }: RolloutStepInput<'check-closures'>,
): Promise<CheckedClosures> {
  const review = await ports.runs.get(runId);
  if (!review) throw new InvalidInputError([`runId: the ledger has no review ${runId}`]);
  const isProof =
    review.scopeKey === WHOLE_FLEET && review.mode === 'review' && review.policyVersion !== BUILT_IN_VERSION;
  const seen = isProof ? await readFleet(ports, runId, policyVersion) : undefined;
  const counts: Record<Closure['state'], number> = { open: 0, closed: 0, replaced: 0, 'witness-disagrees': 0 };
  const overdue = new Set<string>();
  const errors: unknown[] = [];
  await eachConcurrently(ports.rollouts.openClosures(), CLOSURES_AT_ONCE, async (closure) => {
    const stands = seen
      ? await recheckClosure(ports, closure, seen).catch((error: unknown) => {
          errors.push(error);
          return closure;
        })
      : closure;
    counts[stands.state] += 1;
    // A replaced closure hands its deadline on, perhaps after the newer one was counted.
    const counted = stands.replacement ? { ...closure, cascadeId: stands.replacement.cascadeId } : stands;
    if (isOverdue(counted, ports.clock())) overdue.add(`${counted.cascadeId}/${counted.stream}`);
  });
  if (errors.length > 0) throw errors[0];
  const { 'witness-disagrees': witnessDisagrees, ...others } = counts;
  return { ...others, witnessDisagrees, overdue: overdue.size };
}

type Unused = NonNullable<ClosureInputs['unused']>;

interface FleetSeen {
  readonly runId: string;
  readonly scopes: readonly ScopeReading[];
  /** Scopes that left with usages. */
  readonly left: readonly LeftReading[];
  /** Images that ran in them. */
  readonly outOfSight: ReadonlySet<Digest>;
  /** Base and platform repositories that the run has not read. */
  readonly unread: readonly UnreadRepository[];
  readonly policy: Policy;
  readonly lineage: RunningLineage;
  /** What AWS says is in use and the ledger knows no usage of, by image. */
  readonly witnessed: ReadonlyMap<Digest, readonly ImageInUse[]>;
  readonly unused: Unused;
  readonly targets: RolloutTargets;
  /** The open closures by stream, newest first. */
  readonly open: ReadonlyMap<string, readonly Pick<Closure, 'cascadeId' | 'sinceEpochMs'>[]>;
}

/** Data for all closures: read once. */
async function readFleet(ports: RolloutPorts, runId: string, policyVersion: string): Promise<FleetSeen | undefined> {
  const found: Pick<Closure, 'cascadeId' | 'stream' | 'sinceEpochMs'>[] = [];
  const witnessedBefore: ImageInUse[] = [];
  // One by one, because each has thousands of facts.
  for await (const { stream, cascadeId, sinceEpochMs, witnessed = [] } of ports.rollouts.openClosures()) {
    found.push({ stream, cascadeId, sinceEpochMs });
    witnessedBefore.push(...witnessed);
  }
  if (found.length === 0) return undefined;
  const newestFirst = found.sort((one, other) => other.sinceEpochMs - one.sinceEpochMs);
  const open = Map.groupBy(newestFirst, ({ stream }) => stream);
  const streams = new Set(open.keys());
  const [{ policy }, parts, known, listed, unused, inUse] = await Promise.all([
    ports.policies.load(policyVersion),
    collect(ports.runs.parts(runId)),
    collect(ports.scopes.all()),
    readDocument(ports.files, runFileKeys(runId).scopes, scopesDocument),
    readUnused(ports),
    // Read from the review's files by scope: a mark on an image, or an index, may be older.
    digestsInUse(ports, runId),
  ]);
  const { scopes, left } = readingsOf(parts, known, listed);
  const unidentifiedTags = [...scopes, ...left].flatMap((scope) => scope.unidentified ?? []);
  const unidentified = new Set(unidentifiedTags.map(({ repository }) => repository));
  const outOfSight = await digestsLeft(ports, left);
  // Images in an account that left may be built on anything too.
  const ours = ourAccountsIn(policy, [
    ...scopes.map(({ key }) => key),
    ...known.map(({ scope }) => registryKey(scope)),
  ]);
  const placed = await readPlacedNow(ports, runId);
  const firstEpochMs = Math.min(...found.map(({ sinceEpochMs }) => sinceEpochMs));
  const saidInUse = stillWitnessed(await readWitness(ports, runId, witnessedBefore), firstEpochMs, ports.clock());
  const unknownToUs = await unknownUses(
    ports,
    saidInUse.filter(({ digest }) => !inUse.has(digest)),
  );
  const witnessed = Map.groupBy(unknownToUs, ({ digest }) => digest);
  const witnessedIn = new Map(
    [...witnessed].map(([digest, images]) => [digest, images.map(({ repository }) => repository)]),
  );
  const asked = { policy, inUse, outOfSight, witnessed: witnessedIn, streams, unidentified, ours, placed };
  const lineage = await readRunningLineage(ports, asked);
  const unread = unreadIn(policy, readingsAfter(policy, undefined, registryPartsOf(parts)));
  const targets = { ...ports.targets, privateClusters: privateClustersIn(known) };
  return { runId, scopes, left, outOfSight, unread, policy, lineage, witnessed, unused, open, targets };
}

/** What persons confirmed as unused, by the text of the service: an end that has passed counts no more. */
async function readUnused({ servicesAtZero, clock }: RolloutPorts): Promise<Unused> {
  const unused = new Map<string, UnusedConfirmation>();
  for await (const one of servicesAtZero.all())
    if (one.confirmed && isConfirmedUnused(one, clock())) unused.set(serviceText(one), one.confirmed);
  return unused;
}

/**
 * What Amazon Inspector says is in use. What closures already wait for stays until Inspector lists the image without such a use:
 * an unread registry, one that has basic scanning by now, and an image that Inspector lists no more are silent, and silence ends no
 * doubt.
 */
async function readWitness(
  { files }: RolloutPorts,
  runId: string,
  before: readonly ImageInUse[],
): Promise<readonly ImageInUse[]> {
  const keys = runFileKeys(runId);
  const scans = new ScansOfRun(files);
  scans.enter(runId);
  const registries = (await readDocumentIfAny(files, keys.registries, registriesDocument)) ?? [];
  const read = await mapConcurrently(registries, SERVICES_AT_ONCE, async ({ registry }) => {
    if ((await scans.configuration(registry))?.type !== 'enhanced') return [];
    return (await readDocumentIfAny(files, keys.inUse(registry), inUseDocument)) ?? [];
  });
  const answered = await mapConcurrently(before, SERVICES_AT_ONCE, async ({ repository, digest }) => {
    const reviewed = await scans.coverage(locationOf(repository), digest);
    return reviewed?.coverage !== undefined;
  });
  return [...read.flat(), ...before.filter((_, n) => !answered[n])];
}

/** Those of which the ledger knew no usage at the time either. Ended usages are read only if there is something to explain. */
async function unknownUses(
  { usages, clock }: RolloutPorts,
  saidInUse: readonly ImageInUse[],
): Promise<readonly ImageInUse[]> {
  if (saidInUse.length === 0) return [];
  const firstEpochMs = Math.min(...saidInUse.map(({ lastAtEpochMs }) => lastAtEpochMs));
  const digests = new Set(saidInUse.map(({ digest }) => digest));
  const ended: EndedUsage[] = [];
  for await (const usage of usages.endedSince(firstEpochMs - WITNESS_LAG_MS, clock()))
    if (digests.has(usage.digest)) ended.push(usage);
  return withoutKnownUses(saidInUse, ended);
}

/** A review started by an older version has no such file. */
async function readPlacedNow({ files }: RolloutPorts, runId: string): Promise<ReadonlyMap<Digest, Digest | undefined>> {
  const found = (await readDocumentIfAny(files, runFileKeys(runId).placed, placedDocument)) ?? [];
  return new Map(found.map(({ digest, parent }) => [digest, parent]));
}

/** Usages in scopes that left; they left a while ago, so the index has them. */
async function digestsLeft({ usages }: RolloutPorts, left: readonly LeftReading[]): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  for (const { key } of left) {
    for await (const digest of usages.digests(parseScopeKey(key), 'left')) digests.add(digest);
  }
  return digests;
}

/**
 * Every scope of the run at its last complete read: a failed or skipped scope keeps the earlier one, and so does one whose
 * step died without a result. Adds all scopes that ever left with usages. A scope with an unreadable item counts as never read: it may have left too.
 */
function readingsOf(
  parts: readonly RunPart[],
  known: readonly ScopeRecord[],
  listed: readonly { readonly scope: Scope }[],
): { readonly scopes: readonly ScopeReading[]; readonly left: readonly LeftReading[] } {
  const ofRun = parts.flatMap((part) =>
    part.kind === 'scope' && part.result.status !== 'left' ? [keyOfScope(part.result.scope)] : [],
  );
  const needed = known.filter(isNeeded).map(({ scope }) => keyOfScope(scope));
  const records = new Map(known.map((record) => [keyOfScope(record.scope), record]));
  // Those that left are listed too, to be set aside.
  const toRead = listed.map(({ scope }) => keyOfScope(scope)).filter((key) => !hasLeft(records.get(key)));
  const keys = [...new Set([...ofRun, ...toRead, ...needed])];
  const read = keys.sort().map((key) => {
    const { completeAtEpochMs, includesStopping, unidentified, unreadSources } = records.get(key) ?? {};
    return {
      key,
      ...(completeAtEpochMs !== undefined && { completeAtEpochMs }),
      ...(includesStopping && { includesStopping }),
      ...(unidentified && { unidentified }),
      ...(unreadSources && { unreadSources }),
    };
  });
  const left = known.flatMap(({ scope, left: one, unidentified }) =>
    one && (one.usages > 0 || unidentified)
      ? [{ key: keyOfScope(scope), left: one, ...(unidentified && { unidentified }) }]
      : [],
  );
  return { scopes: read, left };
}

/** An EKS cluster that is gone has no record, so one with a record may run something, even if this run did not find it. */
const isNeeded = (record: ScopeRecord): boolean =>
  record.isUnreadable === true || (record.scope.eksCluster !== undefined && !hasLeft(record));

const hasLeft = (record: ScopeRecord | undefined): boolean => record?.left !== undefined && !record.left.isBack;

/** The cause is settled first: after a crash the closure is still open, and settles it again. */
async function recheckClosure(ports: RolloutPorts, known: Closure, fleet: FleetSeen): Promise<Closure> {
  const { cascadeId, stream, output, services = [] } = known;
  const causes = lacksKinds(known) ? await unlessUnreadable(ports.causes.get([stream]), undefined) : undefined;
  const cause = causes?.get(stream);
  const complete = (one: Closure): Closure => (cause ? withKinds(one, cause) : one);
  const closure = complete(known);
  // Read before the usages; the next review handles what ends meanwhile.
  const begun = await mapConcurrently(services, SERVICES_AT_ONCE, (service) =>
    ports.rollouts.deployment(cascadeId, service),
  );
  const outputs = await digestsUnder(ports, output);
  const users = await readUsers(ports, closure, outputs, fleet, 'verdicts');
  const isUseless =
    begun.some((deployment) => deployment && hasFailed(deployment)) ||
    isOutputAffected(closure, { running: users.running, output: outputs });
  const { location } = parseStreamId(stream);
  const isUnlisted = fleet.unread.some((repository) => coversPlace(repository, location));
  const byVerdicts: ClosureInputs = {
    ...{ runId: fleet.runId, scopes: fleet.scopes, left: fleet.left, output: outputs },
    deployments: begun.filter((deployment) => deployment !== undefined),
    ...(isUseless && (await isReplaced(ports, outputs)) && { isHeadReplaced: true }),
    ...users,
    undecided: await undecidedServices(ports, closure),
    unused: fleet.unused,
    ...(await nameUnplaced(ports, fleet, stream)),
    ...(isUnlisted && { unlisted: locationKey(location) }),
    mayRun: (repository: string, tag?: string) => fleet.lineage.mayRun(stream, repository, tag),
  };
  const nowEpochMs = ports.clock();
  // Verdicts seem to prove it. An edit of the rules does so too, and removes nothing that runs: the evidence must agree.
  const seems = checkClosure(closure, byVerdicts, nowEpochMs);
  const runsSomething = seems.state === 'open' && seems.nothingRunsSinceEpochMs === undefined;
  const seen =
    runsSomething || !closure.facts.some(({ kind }) => kind === 'finding')
      ? byVerdicts
      : { ...byVerdicts, ...(await readUsers(ports, closure, outputs, fleet, 'evidence')) };
  // Nothing is left to build or deploy, also where AWS disagrees.
  if (checkClosure(closure, seen, nowEpochMs).state !== 'open')
    await ports.causes.change(stream, (cause) => cause && afterClosure(cause, closure));
  const isAnew = await isPlannedAnew(ports, closure, servicesToPlanAnew(closure, seen, fleet.targets));
  const checked = await ports.rollouts.changeClosure(cascadeId, stream, (before) => {
    const after = checkClosure(complete(before), seen, nowEpochMs);
    if (isAnew && after.state === 'open' && !after.abandoned) return { ...after, abandoned: true };
    return after === before ? undefined : after;
  });
  if (checked.state === 'witness-disagrees')
    logger.warn('a closure ended without a proof: Amazon Inspector says that an image is in use', {
      ...{ cascadeId, stream, witnessed: checked.disagreement?.witnessed },
    });
  return unlessUnreadable(replaceIfAbandoned(ports, checked, seen.deployments, fleet), checked);
}

/**
 * Ends an abandoned closure if a newer one of its stream waits for the same: a service that is refused at each review
 * has a new closure each time. The newer one takes the deadline first, so that a crash in between loses nothing.
 */
async function replaceIfAbandoned(
  { rollouts, clock }: RolloutPorts,
  closure: Closure,
  deployments: ClosureInputs['deployments'],
  { runId, open }: FleetSeen,
): Promise<Closure> {
  const { cascadeId, stream, state, abandoned } = closure;
  if (state !== 'open' || !abandoned) return closure;
  const newerOnes = (open.get(stream) ?? []).filter((one) => one.sinceEpochMs > closure.sinceEpochMs);
  // The newest one may wait for later facts only. Newest first: what could replace the chosen one could replace this one.
  for (const { cascadeId: newerId } of newerOnes) {
    const newer = await rollouts.changeClosure(newerId, stream, (before) => {
      const after = isReplacedBy(closure, before, deployments) ? withDeadlineOf(before, closure) : before;
      return after === before ? undefined : after;
    });
    if (!isReplacedBy(closure, newer, deployments)) continue;
    const replacement = { cascadeId: newerId, runId, atEpochMs: clock() };
    return rollouts.changeClosure(cascadeId, stream, (before) =>
      isReplacedBy(before, newer, deployments) ? replaceClosure(before, replacement) : undefined,
    );
  }
  return closure;
}

/**
 * Enough images with a workload each, so that a person knows whom to ask. Images that only confirmed services may start are left
 * out. An unreadable item names no workload and confirms nothing.
 */
async function nameUnplaced(
  { usages }: RolloutPorts,
  { lineage, unused }: FleetSeen,
  stream: string,
): Promise<Pick<ClosureInputs, 'unread' | 'unreadUnused'>> {
  const usagesOf = async (digest: Digest) => (await unlessUnreadable(usages.ofImage(digest), undefined)) ?? [];
  const unusedOnly = async (digest: Digest): Promise<readonly string[]> => {
    const all = unused.size > 0 ? await usagesOf(digest) : [];
    const isOnly = all.every((usage) => usage.isPossible === true && unused.has(workloadText(usage)));
    return isOnly ? all.map(workloadText) : [];
  };
  const images = await mapConcurrently(lineage.unreadOver(stream), SERVICES_AT_ONCE, async (digest) => ({
    digest,
    unusedBy: await unusedOnly(digest),
  }));
  const running = images.filter(({ unusedBy }) => unusedBy.length === 0);
  const named = await mapConcurrently(running.slice(0, MOST_NAMED), SERVICES_AT_ONCE, async ({ digest }) => {
    const [usage] = await usagesOf(digest);
    return { ...lineage.unreadBelow(digest), ...(usage && { workload: workloadText(usage) }) };
  });
  return {
    unread: [...named, ...running.slice(MOST_NAMED).map(({ digest }) => lineage.unreadBelow(digest))],
    unreadUnused: images.flatMap(({ unusedBy }) => unusedBy),
  };
}

/** Reads the images and their usages. If one is unreadable, this closure waits until a person corrects or deletes it. */
async function readUsers(
  ports: RolloutPorts,
  closure: Closure,
  output: ReadonlySet<Digest>,
  fleet: FleetSeen,
  by: 'verdicts' | 'evidence',
): Promise<Pick<ClosureInputs, 'running' | 'unreadLeft' | 'unreadWitnessed' | 'unreadableItem'>> {
  try {
    const unreadLeft = await whoRan(ports, fleet.lineage.unreadLeftOver(closure.stream));
    const unreadWitnessed = fleet.lineage
      .unreadWitnessedOver(closure.stream)
      .flatMap((digest) => fleet.witnessed.get(digest) ?? []);
    const recordsOf = by === 'evidence' ? recordsWithEvidence(ports, closure) : undefined;
    return { running: await readRunning(ports, closure, output, fleet, recordsOf), unreadLeft, unreadWitnessed };
  } catch (error) {
    if (!(error instanceof LedgerItemUnreadableError)) throw error;
    return { running: [], unreadableItem: error.message };
  }
}

/** The services that another stream decided, once they run none of its images that its owner was to replace. */
async function undecidedServices({ usages }: RolloutPorts, { decidedByOthers = [] }: Closure): Promise<string[]> {
  const found = await mapConcurrently(decidedByOthers, SERVICES_AT_ONCE, async ({ service, digests }) => {
    // What cannot be read may still run.
    const run = await mapConcurrently(digests, 1, (digest) => unlessUnreadable(usages.ofImage(digest), undefined));
    const isRun = run.some((all) => all === undefined || all.some((one) => serviceKey(serviceOf(one)) === service));
    return isRun ? [] : [service];
  });
  return found.flat();
}

/** Whether the verified output is known and no longer head of its stream. */
async function isReplaced({ images }: RolloutPorts, output: ReadonlySet<Digest>): Promise<boolean> {
  const known = [...(await images.get([...output])).values()];
  return known.length > 0 && known.every(({ isHead }) => !isHead);
}

/** Whether mode and rollout now allow the deployment of a service; if not, it would be skipped again. */
async function isPlannedAnew(
  { policies }: RolloutPorts,
  { stream }: Closure,
  services: readonly string[],
): Promise<boolean> {
  if (services.length === 0) return false;
  const { policy } = await policyInForce(policies);
  if (isOwners(streamPolicy(policy, stream).rollout)) return false;
  return services.some((service) => modeIn(policy, stream, accountOf(service)) === 'enforce');
}
