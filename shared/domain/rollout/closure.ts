import type { CascadeNode, Closure, ClosureProof, Deployment } from '../cause/cascade.ts';
import { type Cause, type CauseFact, isDoneOnceBuilt, reopenCause, settleFacts } from '../cause/cause.ts';
import { type FactStatus, type JudgedImage, provenFactStatus } from '../cause/fact-status.ts';
import { counted } from '../common/counted.ts';
import { HOUR_MS } from '../common/time.ts';
import { type Digest, registryKey, type Tier } from '../image/image.ts';
import { type Usage, workloadText } from '../image/usage.ts';
import type { Policy } from '../policy/policy.ts';
import { isUnconfirmed, type LeftScope } from '../review/run.ts';
import { isDeploymentOver } from './deployment.ts';

/** An image of the closure's stream that runs, or that running images are built on. */
export interface RunningImage {
  readonly image: JudgedImage;
  /** Live usages of it and of what is built on it; only asked for where it may hold the cause. */
  readonly usages: readonly Usage[];
  /** The same in scopes that left; absent where there are none. */
  readonly left?: readonly Usage[];
  /** It was pushed later than what was verified. */
  readonly isNewer?: boolean;
  /** So many images that are built on it were not asked for their usages: enough are named. */
  readonly unasked?: number;
}

/** One scope of the run that looks, and when it was last read completely; absent where it never was. */
export interface ScopeReading {
  /** `<account>/<region>`. */
  readonly key: string;
  readonly completeAtEpochMs?: number;
  /** That reading saw tasks that were stopping, too. */
  readonly includesStopping?: boolean;
  readonly unidentified?: readonly Unidentified[];
}

/** A scope that the fleet no longer has, and what was known of it last. */
export interface LeftReading extends Pick<ScopeReading, 'key' | 'unidentified'> {
  readonly left: LeftScope;
}

/** A workload that ran an image of some repository when its scope was last read, and no runtime told which one. */
export interface Unidentified {
  /** Its `locationKey`. */
  readonly repository: string;
  /** The tag that was asked for; absent where the container may run any image of the repository. */
  readonly tag?: string;
  readonly workload: string;
}

/** An image that runs, or that a running one is built on, whose own lineage could not be read. */
export interface UnplacedImage {
  readonly digest: Digest;
  /** The `locationKey` of its repository; absent where none is known. */
  readonly repository?: string;
  /** One workload that runs it; only asked for until enough are named. */
  readonly workload?: string;
}

export interface ClosureFacts {
  /** All images of the stream that run or that running images are built on. */
  readonly running: readonly RunningImage[];
  /** Images that run and may be built on one of the stream: nobody could read what they are built on. */
  readonly unread: readonly UnplacedImage[];
  /** Usages in scopes that left, of such images; absent where there are none. */
  readonly unreadLeft?: readonly Usage[];
  /** The repository of the stream, where others are built on it and this run has not read all of its images. */
  readonly unlisted?: string;
  /** Why what runs is not known: an item of the ledger cannot be read. */
  readonly unreadableItem?: string;
  /** Digests of what was verified: the index, and its images. */
  readonly output: ReadonlySet<Digest>;
  /** Every scope that the policy names. */
  readonly scopes: readonly ScopeReading[];
  /** Scopes that left while something ran there. */
  readonly left: readonly LeftReading[];
  /** Whether a container from a repository may run what is built on the stream; `tag` as of `Unidentified`. */
  readonly mayRun: (repository: string, tag?: string) => boolean;
  /** Those that were begun of the services that the rollout deploys for the stream. */
  readonly deployments: readonly Deployment[];
  /** The stream has another head by now than what was verified. */
  readonly isHeadReplaced?: boolean;
  readonly runId: string;
}

/**
 * A closure after a look at all that runs: closed with its proof where every scope was read completely since the
 * rollout and nothing runs whose lineage holds the cause, otherwise open with what it waits for. What nobody could read,
 * judge or identify keeps it open. `closure` itself where nothing changed.
 */
export function checkClosure(closure: Closure, seen: ClosureFacts, nowEpochMs: number): Closure {
  if (closure.state === 'closed') return closure;
  const { waitingFor: _, outOfSight: __, ...rest } = closure;
  const inSight =
    unfinished(seen) ??
    unread(closure, seen) ??
    seen.unreadableItem ??
    stillRunning(closure, seen) ??
    unplaced(seen) ??
    unlisted(seen) ??
    unidentified(seen);
  const gone = inSight === undefined ? outOfSight(closure, seen) : NOTHING_LEFT;
  const waitingFor = inSight ?? gone.waitingFor;
  if (waitingFor !== undefined) {
    const isSame = waitingFor === closure.waitingFor && (inSight === undefined) === (closure.outOfSight === true);
    return isSame ? closure : { ...rest, waitingFor, ...(inSight === undefined && { outOfSight: true }) };
  }
  const usagesOfOutput = seen.running
    .filter(({ image }) => seen.output.has(image.digest))
    .reduce((sum, { usages }) => sum + usages.length, 0);
  const proof = { runId: seen.runId, closedAtEpochMs: nowEpochMs, scopes: seen.scopes.length, usagesOfOutput };
  const { confirmed } = gone;
  return { ...rest, state: 'closed', proof: { ...proof, ...(confirmed.length > 0 && { confirmed }) } };
}

/** ECS may still go back to what ran before, also where it stopped all of that first. */
function unfinished({ deployments }: ClosureFacts): string | undefined {
  const goingOn = deployments.filter((deployment) => !isDeploymentOver(deployment)).map(({ service }) => service);
  return goingOn.length > 0 ? `still deployed: ${listed(goingOn)}` : undefined;
}

/** A list of no scopes is no reading either, and neither is what was read before a deployment came to its end. */
function unread(closure: Closure, { scopes, deployments }: ClosureFacts): string | undefined {
  if (scopes.length === 0) return 'the review read no scope';
  const sinceEpochMs = deployments.reduce(
    (since, { endedAtEpochMs = 0 }) => Math.max(since, endedAtEpochMs),
    closure.sinceEpochMs,
  );
  const missing = scopes.filter(({ completeAtEpochMs = 0 }) => completeAtEpochMs < sinceEpochMs).map(({ key }) => key);
  if (missing.length > 0)
    return `not read completely since ${new Date(sinceEpochMs).toISOString()}: ${listed(missing)}`;
  // Containers of a task that was told to stop run on, for minutes behind a load balancer.
  const withoutStopping = scopes.filter(({ includesStopping }) => !includesStopping).map(({ key }) => key);
  if (withoutStopping.length === 0) return undefined;
  return `stopping tasks not read yet: ${listed(withoutStopping)}. The next review reads them`;
}

/**
 * Whether an image of the stream holds what must vanish: the facts of the closure, or, where it has none (a person asked,
 * a parent moved), whatever was there before what was verified.
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

/** What was verified counts by its findings, too: a head that was only deployed may have been scanned before they were known. */
const findingStatus = ({ facts }: Pick<Closure, 'facts'>, { image }: Pick<RunningImage, 'image'>): FactStatus =>
  anyOf(facts.flatMap((fact) => (fact.kind === 'finding' ? provenFactStatus(fact, image) : [])));

/**
 * Whether an image is known to have none of the cause, though it is built on one that may: a rule that counts for its own
 * tier, too, found nothing. An age is no image's own to undo.
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
    const rule = fact.kind === 'finding' ? rules.find(({ id }) => id === fact.ruleId) : undefined;
    return (
      rule !== undefined && (rule.tiers?.includes(image.tier) ?? true) && provenFactStatus(fact, image) === 'absent'
    );
  });
}

function stillRunning(closure: Closure, { running, output }: ClosureFacts): string | undefined {
  const statusOf = (one: RunningImage): FactStatus =>
    output.has(one.image.digest) ? findingStatus(closure, one) : causeStatus(closure, one);
  const run = running.filter(({ usages }) => usages.length > 0);
  const holders = run.filter((one) => statusOf(one) === 'present');
  if (holders.length > 0) {
    const unasked = holders.reduce((sum, one) => sum + (one.unasked ?? 0), 0);
    const more = unasked > 0 ? `, and perhaps by workloads of ${counted(unasked, 'other image')}` : '';
    return `still run by ${listed(holders.flatMap(({ usages }) => usages.map(workloadText)))}${more}`;
  }
  const unclear = run.filter((one) => statusOf(one) === 'unknown');
  if (unclear.length === 0) return undefined;
  return `not judged: ${listed(unclear.map(({ image }) => image.digest))}`;
}

/** The text says what a person can do about it: the registry of a vendor refuses for ever. */
function unplaced({ unread: images }: ClosureFacts): string | undefined {
  if (images.length === 0) return undefined;
  const names = images.map(({ digest, repository, workload }) => {
    const place = repository === undefined ? '' : ` of ${repository}`;
    return `${digest}${place}${workload === undefined ? '' : ` (run by ${workload})`}`;
  });
  return `parents unknown of these running images: ${listed(names)}. ${PLACE_THEM}`;
}

const PLACE_THEM =
  'Give Patchwave access to their repositories, declare `parents` in the stream rules of these, or name a registry that is ' +
  'not yours in `mirrors` or `awsManaged`';

/** An image that the ledger does not know may lie between one of these and what runs. */
const unlisted = ({ unlisted: repository }: ClosureFacts): string | undefined =>
  repository === undefined ? undefined : `images of the stream may be missing, because ${repository} was not read`;

function unidentified({ scopes, mayRun }: ClosureFacts): string | undefined {
  const found = scopes.flatMap((scope) =>
    (scope.unidentified ?? []).filter(({ repository, tag }) => mayRun(repository, tag)),
  );
  return found.length === 0
    ? undefined
    : `running image not identified for ${listed([...new Set(found.map(({ workload }) => workload))])}. ${IDENTIFY_THEM}`;
}

const IDENTIFY_THEM =
  'Name the image by digest, update the ECS agent, or declare `parents` in the stream rules of the repository';

interface OutOfSight {
  readonly waitingFor?: string;
  readonly confirmed: NonNullable<ClosureProof['confirmed']>;
}

const NOTHING_LEFT: OutOfSight = { confirmed: [] };

/** What ran in scopes that left may run on: nobody saw it end, so a person has to say that nobody need wait for it. */
function outOfSight(closure: Closure, seen: ClosureFacts): OutOfSight {
  const { running, output, left, unreadLeft = [], mayRun } = seen;
  const named = new Map<string, string[]>();
  const add = (key: string, workload: string): void => {
    named.set(key, [...(named.get(key) ?? []), workload]);
  };
  for (const one of running) {
    if (output.has(one.image.digest) || causeStatus(closure, one) === 'absent') continue;
    for (const usage of one.left ?? []) add(registryKey(usage), workloadText(usage));
  }
  for (const usage of unreadLeft) add(registryKey(usage), workloadText(usage));
  for (const { key, unidentified: found = [] } of left)
    for (const { repository, tag, workload } of found) if (mayRun(repository, tag)) add(key, workload);
  const concerned = left.filter(({ key }) => named.has(key));
  const open = concerned.filter((scope) => isUnconfirmed(scope.left)).map(({ key }) => key);
  const confirmed = concerned.flatMap(({ key, left: { confirmed: told } }) =>
    told ? [{ scope: key, by: told.by, atEpochMs: told.atEpochMs }] : [],
  );
  if (open.length === 0) return { confirmed };
  const workloads = listed(open.flatMap((key) => named.get(key) ?? []));
  return {
    confirmed,
    waitingFor: `out of sight since ${listed(open)} left the fleet: ${workloads}. Run \`patchwave confirm-left\` once they are gone`,
  };
}

export const MOST_NAMED = 10;

/** In a fixed order, so that the same look writes the same text. */
function listed(names: readonly string[]): string {
  const unique = [...new Set(names)].sort();
  const more = unique.length > MOST_NAMED ? ` and ${unique.length - MOST_NAMED} more` : '';
  return `${unique.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/**
 * The closure of a node whose output is verified. What a person asked for is done by then, and so is that it picks up what
 * it is built on. Where that is all, nothing need vanish but what is older than the output.
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

/** The cause of a stream once its closure closed: nothing that runs holds those facts any more. */
export const afterClosure = (cause: Cause, { cascadeId, facts }: Closure): Cause =>
  reopenCause(settleFacts(cause, facts), cascadeId);

/**
 * Whether an open closure is past its deadline: it stays open and raises an alarm. One without facts raises none: what is
 * older runs on, and violates nothing. Neither does one that waits for a person alone, for what ran in scopes that left.
 */
export const isOverdue = ({ state, deadlineEpochMs, facts, outOfSight }: Closure, nowEpochMs: number): boolean =>
  state === 'open' && facts.length > 0 && !outOfSight && nowEpochMs > deadlineEpochMs;

/** What open closures of a stream wait for, as the planner is told: where a rollout broke off nobody brings it about. */
export const closingFacts = (closures: readonly Closure[]): readonly CauseFact[] =>
  closures.flatMap(({ state, abandoned, facts }) => (state === 'open' && !abandoned ? facts : []));
