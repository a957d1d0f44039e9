import type { CascadeNode, Closure, ClosureProof, ClosureReplacement, Deployment } from '../cause/cascade.ts';
import { type Cause, type CauseFact, factKey, isDoneOnceBuilt, reopenCause, settleFacts } from '../cause/cause.ts';
import { type FactStatus, isUnjudged, type JudgedImage, provenFactStatus } from '../cause/fact-status.ts';
import { uncoveredText } from '../cause/uncovered-text.ts';
import { canonicalJson } from '../common/canonical-json.ts';
import { counted } from '../common/counted.ts';
import { HOUR_MS } from '../common/time.ts';
import type { Digest, Tier } from '../image/image.ts';
import { startsText, type UnreadSource } from '../image/possible-starts.ts';
import type { UnusedConfirmation } from '../image/service-at-zero.ts';
import { type Usage, workloadText } from '../image/usage.ts';
import type { Policy } from '../policy/policy.ts';
import { isUnconfirmed, keyOfScope, type LeftScope, scopeOf } from '../review/run.ts';
import { type ImageInUse, stillWitnessed, witnessedText } from '../scan/witness.ts';
import { isDeploymentOver } from './deployment.ts';

/** A running image of the closure's stream, or an ancestor of running images. */
export interface RunningImage {
  readonly image: JudgedImage;
  /** Live usages of it and its descendants; read only if it may have the cause. */
  readonly usages: readonly Usage[];
  /** The same in scopes that left; absent if there are none. */
  readonly left?: readonly Usage[];
  /** It was pushed after the verified image. */
  readonly isNewer?: boolean;
  /** Of it and its descendants, what AWS says is in use without a usage in the ledger; absent if there is none. */
  readonly witnessed?: readonly ImageInUse[];
  /** The number of descendants whose usages were not read, because enough are named. */
  readonly unasked?: number;
}

/** One scope of the current run, and when it was last read completely; absent if never. */
export interface ScopeReading {
  /** Its `scopeKey`. */
  readonly key: string;
  readonly completeAtEpochMs?: number;
  /** That read included stopping tasks. */
  readonly includesStopping?: boolean;
  readonly unidentified?: readonly Unidentified[];
  /** Lists of possible starts that this read could not read. */
  readonly unreadSources?: readonly UnreadSource[];
}

/** A scope that left the fleet, with its last known state. */
export interface LeftReading extends Pick<ScopeReading, 'key' | 'unidentified'> {
  readonly left: LeftScope;
}

/** A workload that ran an unidentified image of a repository when its scope was last read. */
export interface Unidentified {
  /** Its `locationKey`. */
  readonly repository: string;
  /** The requested tag; absent if the container may run any image of the repository. */
  readonly tag?: string;
  readonly workload: string;
  /** It does not run: its template may start. */
  readonly isPossible?: true;
}

/** A running image, or an ancestor of one, whose own lineage could not be read. */
export interface UnplacedImage {
  readonly digest: Digest;
  /** The `locationKey` of its repository; absent if unknown. */
  readonly repository?: string;
  /** One workload that runs it; read only until enough are named. */
  readonly workload?: string;
}

export interface ClosureInputs {
  /** All images of the stream that run or are ancestors of running images. */
  readonly running: readonly RunningImage[];
  /** Running images with unreadable lineage that may be built on an image of the stream. */
  readonly unread: readonly UnplacedImage[];
  /** Usages of such images in scopes that left; absent if there are none. */
  readonly unreadLeft?: readonly Usage[];
  /** What AWS says is in use of such images, without a usage in the ledger; absent if there is none. */
  readonly unreadWitnessed?: readonly ImageInUse[];
  /** The repository of the stream, if others are built on it and this run did not read all of its images. */
  readonly unlisted?: string;
  /** Why it is unknown what runs: a ledger item cannot be read. */
  readonly unreadableItem?: string;
  /** The verified digests: the index and its images. */
  readonly output: ReadonlySet<Digest>;
  /** Every scope of the policy. */
  readonly scopes: readonly ScopeReading[];
  /** Scopes that left while a workload ran there. */
  readonly left: readonly LeftReading[];
  /** Whether a container from a repository may run an image built on the stream; `tag` as in `Unidentified`. */
  readonly mayRun: (repository: string, tag?: string) => boolean;
  /** The started deployments of services that the rollout deploys for the stream. */
  readonly deployments: readonly Deployment[];
  /** Services of `decidedByOthers` that run none of these images any longer. */
  readonly undecided?: readonly string[];
  /** The stream's head is no longer the verified image. */
  readonly isHeadReplaced?: boolean;
  /** Services at zero that a person confirmed as unused, by `serviceText`: what they may start keeps nothing open. */
  readonly unused?: ReadonlyMap<string, UnusedConfirmation>;
  /** Those of them that alone may start an image with unreadable lineage, which `unread` leaves out. */
  readonly unreadUnused?: readonly string[];
  readonly runId: string;
}

/**
 * Checks a closure against all running images. It closes, with its proof, if every scope was read completely since the
 * rollout and no running image has the cause in its lineage. Otherwise it stays open and says what it waits for;
 * unread, unjudged or unidentified images keep it open, and so does what may start without a deployment. Where only AWS says that
 * an image is still in use, it waits until its deadline and then ends for a person. Returns `closure` itself if nothing changed.
 */
export function checkClosure(closure: Closure, seen: ClosureInputs, nowEpochMs: number): Closure {
  if (closure.state !== 'open') return closure;
  const rest = withoutWait(closure);
  const unruled = stillFound(closure, seen);
  const inSight =
    unfinished(seen) ??
    unread(closure, seen) ??
    seen.unreadableItem ??
    unruled ??
    stillRunning(closure, seen) ??
    unplaced(seen) ??
    unlisted(seen) ??
    unidentified(seen);
  if (inSight !== undefined)
    return changed(closure, { ...rest, waitingFor: inSight, ...(inSight === unruled && { unruled: true }) });
  const gone = outOfSight(closure, seen);
  const witnessed = contradicting(closure, seen, nowEpochMs);
  // Any doubt about what runs withdraws it: the next proof begins a new one.
  const nothingRuns =
    gone.waitingFor === undefined && witnessed.length === 0
      ? { nothingRunsSinceEpochMs: closure.nothingRunsSinceEpochMs ?? nowEpochMs }
      : undefined;
  const mayStart = stillPossible(closure, seen) ?? unidentified(seen, true) ?? unreadStarts(seen);
  if (mayStart !== undefined)
    return changed(closure, { ...rest, waitingFor: mayStart, mayStart: true, ...nothingRuns, ...kept(witnessed) });
  if (gone.waitingFor !== undefined)
    return changed(closure, { ...rest, waitingFor: gone.waitingFor, outOfSight: true });
  if (nothingRuns === undefined) return contradicted(closure, rest, witnessed, seen.runId, nowEpochMs);
  const usagesOfOutput = seen.running
    .filter(({ image }) => seen.output.has(image.digest))
    .reduce((sum, { usages }) => sum + usages.filter(runs).length, 0);
  const proof = { runId: seen.runId, ...nothingRuns, closedAtEpochMs: nowEpochMs, scopes: seen.scopes.length };
  const { confirmed } = gone;
  const unused = confirmedUnused(closure, seen);
  return {
    ...rest,
    state: 'closed',
    proof: {
      ...{ ...proof, usagesOfOutput },
      ...(confirmed.length > 0 && { confirmed }),
      ...(unused.length > 0 && { unused }),
    },
  };
}

const changed = (before: Closure, after: Closure): Closure =>
  canonicalJson(after) === canonicalJson(before) ? before : after;

/** The next review asks for them again. */
const kept = (witnessed: readonly ImageInUse[]): Pick<Closure, 'witnessed'> =>
  witnessed.length > 0 ? { witnessed: witnessed.slice(0, MOST_NAMED) } : {};

const lacksKind = (fact: CauseFact): boolean => fact.kind === 'finding' && fact.packageKind === undefined;

/** Whether an earlier version wrote the closure, which did not say of a finding in which kind of package it is. */
export const lacksKinds = ({ facts }: Pick<Closure, 'facts'>): boolean => facts.some(lacksKind);

/**
 * Adds the kinds of packages that the cause of the stream has learnt since: a scan that finds such a fact again says it. Without
 * its kind, a finding with a known fix needs a scan of all packages, also where it is in a package of the system. Returns
 * `closure` itself if the cause adds nothing.
 */
export function withKinds(closure: Closure, { facts: known }: Pick<Cause, 'facts'>): Closure {
  const kinds = new Map(known.map((fact) => [factKey(fact), fact.kind === 'finding' ? fact.packageKind : undefined]));
  const facts = closure.facts.map((fact) => {
    const packageKind = lacksKind(fact) ? kinds.get(factKey(fact)) : undefined;
    return packageKind ? { ...fact, packageKind } : fact;
  });
  return facts.some((fact, n) => fact !== closure.facts[n]) ? { ...closure, facts } : closure;
}

/** ECS may still roll back to the earlier revision, even after it stopped all of its tasks. */
function unfinished({ deployments }: ClosureInputs): string | undefined {
  const goingOn = deployments.filter((deployment) => !isDeploymentOver(deployment)).map(({ service }) => service);
  return goingOn.length > 0 ? `these deployments are in progress: ${listed(goingOn)}` : undefined;
}

/** When the last deployment ended, or else the closure began. */
const rolledOutAtEpochMs = (closure: Closure, { deployments }: Pick<ClosureInputs, 'deployments'>): number =>
  deployments.reduce((since, { endedAtEpochMs = 0 }) => Math.max(since, endedAtEpochMs), closure.sinceEpochMs);

/** An empty list of scopes proves nothing, and neither does a read from before the end of a deployment. */
function unread(closure: Closure, seen: ClosureInputs): string | undefined {
  const { scopes } = seen;
  if (scopes.length === 0) return 'the review read no scope';
  const sinceEpochMs = rolledOutAtEpochMs(closure, seen);
  const missing = scopes.filter(({ completeAtEpochMs = 0 }) => completeAtEpochMs < sinceEpochMs).map(({ key }) => key);
  if (missing.length > 0)
    return `these scopes have not been read completely since ${new Date(sinceEpochMs).toISOString()}: ${listed(missing)}. \`patchwave status\` names the reason of each`;
  // Containers of a stopping task keep running, for minutes behind a load balancer.
  const withoutStopping = scopes.filter(({ includesStopping }) => !includesStopping).map(({ key }) => key);
  if (withoutStopping.length === 0) return undefined;
  return `tasks that are stopping were not read yet in ${listed(withoutStopping)}. The next review reads them`;
}

/**
 * Whether an image of the stream has the cause: the facts of the closure or, without facts (a request, a moved parent),
 * any image older than the verified one.
 */
export function causeStatus(
  { facts }: Pick<Closure, 'facts'>,
  { image, isNewer }: Omit<RunningImage, 'usages'>,
): FactStatus {
  if (facts.length === 0) return isNewer ? 'absent' : 'present';
  return anyOf(facts.map((fact) => provenFactStatus(fact, image)));
}

const anyOf = (statuses: readonly FactStatus[]): FactStatus =>
  statuses.includes('present') ? 'present' : statuses.includes('unknown') ? 'unknown' : 'absent';

/**
 * The verified image counts by its findings too: a head that was only deployed may have been scanned before they were
 * known.
 */
const findingStatus = ({ facts }: Pick<Closure, 'facts'>, { image }: Pick<RunningImage, 'image'>): FactStatus =>
  anyOf(facts.flatMap((fact) => (fact.kind === 'finding' ? provenFactStatus(fact, image) : [])));

/**
 * Whether an image is known not to have the cause although its ancestor may: its evidence, or a rule that also applies to
 * its own tier, found nothing. An image cannot undo an age.
 */
export function isFreeByItself(
  { facts }: Pick<Closure, 'facts'>,
  below: JudgedImage,
  image: JudgedImage & { readonly tier: Tier },
  rules: Policy['severities'],
): boolean {
  if (facts.length === 0) return false;
  return facts.every((fact) => {
    if (provenFactStatus(fact, below) === 'absent') return true;
    if (fact.kind !== 'finding') return false;
    const rule = rules.find(({ id }) => id === fact.ruleId);
    const isAsked = image.found !== undefined || (rule && (rule.tiers?.includes(image.tier) ?? true));
    return isAsked === true && provenFactStatus(fact, image) === 'absent';
  });
}

const runs = ({ isPossible }: Pick<Usage, 'isPossible'>): boolean => !isPossible;

/** The images of which some usages count, with these usages, by whether they have the cause. */
function holdersIn(closure: Closure, { running, output }: ClosureInputs, counts: (usage: Usage) => boolean) {
  const statusOf = (one: RunningImage): FactStatus =>
    output.has(one.image.digest) ? findingStatus(closure, one) : causeStatus(closure, one);
  const run = running
    .map((one) => ({ ...one, usages: one.usages.filter(counts) }))
    .filter(({ usages }) => usages.length > 0);
  return Map.groupBy(run, statusOf);
}

/**
 * The policy changed: no rule asks for the findings any more, and running images have them by the evidence of their scans. That
 * violates nothing, so it raises no alarm; but it is no proof either.
 */
function stillFound(closure: Closure, seen: ClosureInputs): string | undefined {
  const { present: holders = [] } = Object.fromEntries(holdersIn(closure, seen, runs));
  return holders.length > 0 && holders.every(({ image }) => image.found !== undefined)
    ? `no severity rule asks for these findings any more, and these workloads still run an image that has them: ${workloadsOf(holders)}. Deploy images with the fix, or stop them`
    : undefined;
}

function workloadsOf(holders: readonly RunningImage[]): string {
  const unasked = holders.reduce((sum, one) => sum + (one.unasked ?? 0), 0);
  const more = unasked > 0 ? `, and perhaps workloads of ${counted(unasked, 'other image')}` : '';
  return `${listed(holders.flatMap(({ usages }) => usages.map(workloadText)))}${more}`;
}

function stillRunning(closure: Closure, seen: ClosureInputs): string | undefined {
  const { present: holders = [], unknown: unclear = [] } = Object.fromEntries(holdersIn(closure, seen, runs));
  if (holders.length > 0)
    return `these workloads still run an image that needs the fix: ${workloadsOf(holders)}. Deploy images with the fix, or stop them. To see what an image waits for: patchwave why IMAGE`;
  if (unclear.length === 0) return undefined;
  const images = unclear.map(({ image }) => image);
  const uncovered = images.some(isUnjudged) ? undefined : uncoveredText(closure.facts, images);
  return uncovered ?? `these running images are not judged yet: ${listed(images.map(({ digest }) => digest))}`;
}

/** What a template may start has the cause, or nobody knows whether it has. */
function stillPossible(closure: Closure, seen: ClosureInputs): string | undefined {
  const { present = [], unknown = [] } = Object.fromEntries(
    holdersIn(closure, seen, (usage) => !runs(usage) && !isUnused(seen, usage)),
  );
  const workloads = listed([...present, ...unknown].flatMap(({ usages }) => usages.map(workloadText)));
  if (present.length > 0)
    return `nothing runs an image that needs the fix, but these workloads may start one: ${workloads}. Change the image in their templates, or delete them`;
  if (unknown.length === 0) return undefined;
  return `these workloads may start images that are not judged yet: ${workloads}. The next review asks for their scans again`;
}

/** Only what may start is confirmed: a service that runs again counts, whatever a person said before. */
const isUnused = ({ unused }: Pick<ClosureInputs, 'unused'>, usage: Usage): boolean =>
  !runs(usage) && unused?.has(workloadText(usage)) === true;

/** The same of a workload whose image is unknown. */
const isConfirmed = ({ unused }: Pick<ClosureInputs, 'unused'>, { workload, isPossible }: Unidentified): boolean =>
  isPossible === true && unused?.has(workload) === true;

/** Who said of which service that it starts no image that needs the fix. */
function confirmedUnused(closure: Closure, seen: ClosureInputs): NonNullable<ClosureProof['unused']> {
  const { present = [], unknown = [] } = Object.fromEntries(holdersIn(closure, seen, (usage) => isUnused(seen, usage)));
  const { scopes, mayRun, unreadUnused = [] } = seen;
  const unidentifiedOnes = scopes
    .flatMap((scope) => scope.unidentified ?? [])
    .filter((one) => isConfirmed(seen, one) && mayRun(one.repository, one.tag));
  const named = new Set([
    ...[...present, ...unknown].flatMap(({ usages }) => usages.map(workloadText)),
    ...unidentifiedOnes.map(({ workload }) => workload),
    ...unreadUnused,
  ]);
  return [...named].sort().flatMap((service) => {
    const found = seen.unused?.get(service);
    return found ? [{ service, by: found.by, atEpochMs: found.atEpochMs, untilEpochMs: found.untilEpochMs }] : [];
  });
}

/** Without a list it is unknown what may start. */
function unreadStarts({ scopes }: ClosureInputs): string | undefined {
  const unread = scopes.flatMap(({ key, unreadSources = [] }) =>
    unreadSources.map(({ list }) => `${startsText(list)} in ${key}`),
  );
  return unread.length === 0
    ? undefined
    : `Patchwave cannot read what may start (possible-starts-unread): ${listed(unread)}. \`patchwave doctor\` names the missing right of each`;
}

/** The text ends with the next step, because a vendor's registry never becomes readable by itself. */
function unplaced({ unread: images }: ClosureInputs): string | undefined {
  if (images.length === 0) return undefined;
  const names = images.map(({ digest, repository, workload }) => {
    const place = repository === undefined ? '' : ` of ${repository}`;
    return `${digest}${place}${workload === undefined ? '' : ` (run by ${workload})`}`;
  });
  return `the parents of these running images are unknown: ${listed(names)}. ${PLACE_THEM}`;
}

const PLACE_THEM =
  'Give Patchwave access to the repositories of these images and of their possible parents, declare `parents` in their ' +
  'stream rules, or, if a registry is not yours, name it in `mirrors` or `awsManaged`';

/** An unknown image may lie between one of these and a running image. */
const unlisted = ({ unlisted: repository }: ClosureInputs): string | undefined =>
  repository === undefined
    ? undefined
    : `running images of the stream may be missing from the ledger, because ${repository} was not read. The next review reads it`;

function unidentified(seen: ClosureInputs, isPossible = false): string | undefined {
  const { scopes, mayRun } = seen;
  const found = scopes.flatMap((scope) =>
    (scope.unidentified ?? []).filter(
      (one) => (one.isPossible ?? false) === isPossible && !isConfirmed(seen, one) && mayRun(one.repository, one.tag),
    ),
  );
  return found.length === 0
    ? undefined
    : `Patchwave does not know which image these workloads ${isPossible ? 'would start' : 'run'}: ${listed([...new Set(found.map(({ workload }) => workload))])}. ${isPossible ? 'Name the image by digest in their templates' : IDENTIFY_THEM}`;
}

const IDENTIFY_THEM =
  'Name the image by digest, update the ECS agent, or declare `parents` in the stream rules of the repository';

interface OutOfSight {
  readonly waitingFor?: string;
  readonly confirmed: NonNullable<ClosureProof['confirmed']>;
}

/**
 * Workloads in scopes that left may still run, because their end was not seen. A person has to confirm that no closure
 * needs to wait for them.
 */
function outOfSight(closure: Closure, seen: ClosureInputs): OutOfSight {
  const { running, output, left, unreadLeft = [], mayRun } = seen;
  const named = new Map<string, string[]>();
  const add = (key: string, workload: string): void => {
    named.set(key, [...(named.get(key) ?? []), workload]);
  };
  for (const one of running) {
    if (output.has(one.image.digest) || causeStatus(closure, one) === 'absent') continue;
    for (const usage of one.left ?? []) add(keyOfScope(scopeOf(usage)), workloadText(usage));
  }
  for (const usage of unreadLeft) add(keyOfScope(scopeOf(usage)), workloadText(usage));
  for (const { key, unidentified: found = [] } of left)
    for (const { repository, tag, workload } of found) if (mayRun(repository, tag)) add(key, workload);
  const concerned = left.filter(({ key }) => named.has(key));
  const open = concerned.filter((scope) => isUnconfirmed(scope.left)).map(({ key }) => key);
  const confirmed = concerned.flatMap(({ key, left: { confirmed: confirmation } }) =>
    confirmation ? [{ scope: key, by: confirmation.by, atEpochMs: confirmation.atEpochMs }] : [],
  );
  if (open.length === 0) return { confirmed };
  const workloads = listed(open.flatMap((key) => named.get(key) ?? []));
  return {
    confirmed,
    waitingFor: `${listed(open)} left the fleet while these workloads still ran there: ${workloads}. Once they are gone, run \`patchwave confirm-left SCOPE --reason TEXT\` for each scope`,
  };
}

/** What AWS says is in use although the ledger knows no usage, of images that may have the cause. */
function contradicting(closure: Closure, seen: ClosureInputs, nowEpochMs: number): readonly ImageInUse[] {
  const ofStream = seen.running
    .filter((one) => !seen.output.has(one.image.digest) && causeStatus(closure, one) !== 'absent')
    .flatMap(({ witnessed = [] }) => witnessed);
  return stillWitnessed([...ofStream, ...(seen.unreadWitnessed ?? [])], rolledOutAtEpochMs(closure, seen), nowEpochMs);
}

/** AWS cannot say where an image runs, so no proof may come: past its deadline a person has to look. */
function contradicted(
  closure: Closure,
  rest: Closure,
  images: readonly ImageInUse[],
  runId: string,
  nowEpochMs: number,
): Closure {
  const witnessed = images.slice(0, MOST_NAMED);
  if (nowEpochMs > closure.deadlineEpochMs)
    return { ...rest, state: 'witness-disagrees', disagreement: { runId, atEpochMs: nowEpochMs, witnessed } };
  const waitingFor = `Patchwave finds nothing that runs an image that needs the fix, and Amazon Inspector says that these are in use (witness-disagrees): ${listed(images.map(witnessedText))}. Look for an account or cluster that no policy lists`;
  return changed(closure, { ...rest, waitingFor, witnessed });
}

export const MOST_NAMED = 10;

/** Sorted, so that the same check writes the same text. */
function listed(names: readonly string[]): string {
  const unique = [...new Set(names)].sort();
  const more = unique.length > MOST_NAMED ? ` and ${unique.length - MOST_NAMED} more` : '';
  return `${unique.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/**
 * The closure of a node with a verified output. A request and a move of the parent are done by then. If there are no
 * other facts, only images older than the output must go.
 */
export function closureOf(
  { cascadeId, stream, facts }: Pick<CascadeNode, 'cascadeId' | 'stream' | 'facts'>,
  output: Digest,
  { closureHours }: { readonly closureHours: number },
  sinceEpochMs: number,
): Closure {
  return {
    cascadeId,
    stream,
    facts: facts.filter((fact) => !isDoneOnceBuilt(fact)),
    output,
    sinceEpochMs,
    deadlineEpochMs: sinceEpochMs + closureHours * HOUR_MS,
    state: 'open',
  };
}

/**
 * Whether a newer closure of the stream makes an abandoned one superfluous: it waits for every fact of it, and no
 * deployment of the abandoned one ended, or may still end, after the newer one began. Without facts an abandoned
 * closure stays: its own output says which images are older.
 * @param deployments of the abandoned closure
 */
export function isReplacedBy(abandoned: Closure, newer: Closure, deployments: readonly Deployment[]): boolean {
  if (abandoned.state !== 'open' || !abandoned.abandoned || abandoned.facts.length === 0) return false;
  const { stream, state, sinceEpochMs, facts } = newer;
  if (state !== 'open' || stream !== abandoned.stream || sinceEpochMs <= abandoned.sinceEpochMs) return false;
  const isOver = (one: Deployment) => isDeploymentOver(one) && (one.endedAtEpochMs ?? 0) <= sinceEpochMs;
  const awaited = new Set(facts.map(factKey));
  return deployments.every(isOver) && abandoned.facts.every((fact) => awaited.has(factKey(fact)));
}

/** The newer closure, overdue as early as the one that it replaces. Returns `newer` itself if nothing changes. */
export const withDeadlineOf = (newer: Closure, { deadlineEpochMs }: Closure): Closure =>
  newer.deadlineEpochMs <= deadlineEpochMs ? newer : { ...newer, deadlineEpochMs };

/** An abandoned closure that ends without a proof of its own. */
export function replaceClosure(closure: Closure, replacement: ClosureReplacement): Closure {
  return { ...withoutWait(closure), state: 'replaced', replacement };
}

/** The closure without what it waits for. */
const withoutWait = ({
  waitingFor,
  outOfSight,
  mayStart,
  unruled,
  witnessed,
  nothingRunsSinceEpochMs,
  ...rest
}: Closure): Closure => rest;

/**
 * From the first of its findings and other facts to the instant from which on nothing runs that has them, whatever may still start.
 * Undefined while something runs, and without facts; zero for an age whose limit was still ahead. Version 0.2.0 proved both
 * instants at once.
 */
export function timeToFixMs({ facts, nothingRunsSinceEpochMs, proof }: Closure): number | undefined {
  const endedAtEpochMs = nothingRunsSinceEpochMs ?? proof?.nothingRunsSinceEpochMs ?? proof?.closedAtEpochMs;
  if (endedAtEpochMs === undefined || facts.length === 0) return undefined;
  return Math.max(0, endedAtEpochMs - Math.min(...facts.map(({ sinceEpochMs }) => sinceEpochMs)));
}

/** The cause of a stream after its closure closed: no running image has those facts any longer. */
export const afterClosure = (cause: Cause, { cascadeId, facts }: Closure): Cause =>
  reopenCause(settleFacts(cause, facts), cascadeId);

/**
 * Whether an open closure is past its deadline: it stays open and raises an alarm. A closure without facts raises none,
 * because the older images violate nothing. Neither does one that waits only for what may start, for findings that no rule
 * asks for any more, or for a person to confirm scopes that left. What may start hides no image that AWS says is in use.
 */
export const isOverdue = (
  { state, deadlineEpochMs, facts, outOfSight, mayStart, unruled, witnessed }: Closure,
  nowEpochMs: number,
): boolean =>
  state === 'open' &&
  facts.length > 0 &&
  !(outOfSight || unruled || (mayStart && !witnessed)) &&
  nowEpochMs > deadlineEpochMs;

/** What open closures of a stream wait for, for the planner: after a rollout that was not completed no step works on it. */
export const closingFacts = (closures: readonly Closure[]): readonly CauseFact[] =>
  closures.flatMap(({ state, abandoned, facts }) => (state === 'open' && !abandoned ? facts : []));
