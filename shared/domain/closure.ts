import type { CascadeNode, Closure, Deployment } from './cascade.ts';
import { type Cause, type CauseFact, isDoneOnceBuilt, reopenCause, settleFacts } from './cause.ts';
import { isOver } from './deployment.ts';
import { anyHolds, holdsFact, type LookedAt } from './holding.ts';
import { type Digest, locationKey } from './image.ts';
import { parseStreamId } from './stream.ts';
import { HOUR_MS } from './time.ts';
import { type Usage, workloadText } from './usage.ts';

/** An image of the closure's stream that something runs. */
export interface RunningImage {
  readonly image: LookedAt;
  readonly usages: readonly Usage[];
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

/** A workload that ran an image of some repository when its scope was last read, and no runtime told which one. */
export interface Unidentified {
  /** Its `locationKey`. */
  readonly repository: string;
  readonly workload: string;
}

export interface ClosureFacts {
  /** Live usages of all images of the stream, and of those in its repository that are of none, by image. */
  readonly running: readonly RunningImage[];
  /** Digests of what was verified: the index, and its images. */
  readonly output: ReadonlySet<Digest>;
  /** Every scope that the policy names. */
  readonly scopes: readonly ScopeReading[];
  /** Those that were begun of the services that the rollout deploys for the stream. */
  readonly deployments: readonly Deployment[];
  readonly runId: string;
}

/**
 * A closure after a look at all that runs: closed with its proof where every scope was read completely since the
 * rollout and no live usage of a holder is left, otherwise open with what it waits for. What nobody could read, judge or
 * identify keeps it open. `closure` itself where nothing changed.
 */
export function checkClosure(closure: Closure, seen: ClosureFacts, nowEpochMs: number): Closure {
  if (closure.state === 'closed') return closure;
  const waitingFor =
    unfinished(seen) ?? unread(closure, seen) ?? stillRunning(closure, seen) ?? unidentified(closure, seen);
  if (waitingFor !== undefined) return waitingFor === closure.waitingFor ? closure : { ...closure, waitingFor };
  const { waitingFor: _, ...rest } = closure;
  const usagesOfOutput = seen.running
    .filter(({ image }) => seen.output.has(image.digest))
    .reduce((sum, { usages }) => sum + usages.length, 0);
  const proof = { runId: seen.runId, closedAtEpochMs: nowEpochMs, scopes: seen.scopes.length, usagesOfOutput };
  return { ...rest, state: 'closed', proof };
}

/** ECS may still go back to what ran before, also where it stopped all of that first. */
function unfinished({ deployments }: ClosureFacts): string | undefined {
  const goingOn = deployments.filter((deployment) => !isOver(deployment)).map(({ service }) => service);
  return goingOn.length > 0 ? `still deployed: ${listed(goingOn)}` : undefined;
}

/** A list of no scopes is no reading either, and neither is what was read before a deployment came to its end. */
function unread(closure: Closure, { scopes, deployments }: ClosureFacts): string | undefined {
  if (scopes.length === 0) return 'the run read no scope';
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
  return `read without the tasks that are stopping, which the next review reads: ${listed(withoutStopping)}`;
}

function stillRunning({ facts }: Closure, { running, output }: ClosureFacts): string | undefined {
  const older = running.filter(({ image, usages }) => usages.length > 0 && !output.has(image.digest));
  const isHolder = (image: LookedAt) => facts.some((fact) => holdsFact(fact, image) === 'holds');
  const holders = older.filter(({ image }) => isHolder(image));
  if (holders.length > 0) return `still run by ${listed(holders.flatMap(({ usages }) => usages.map(workloadText)))}`;
  const unclear = older.filter(({ image }) => facts.some((fact) => anyHolds(fact, [image]) === 'unknown'));
  if (unclear.length === 0) return undefined;
  return `not judged: ${listed(unclear.map(({ image }) => image.digest))}`;
}

function unidentified({ stream }: Closure, { scopes }: ClosureFacts): string | undefined {
  const repository = locationKey(parseStreamId(stream).location);
  const found = scopes.flatMap((scope) => (scope.unidentified ?? []).filter((one) => one.repository === repository));
  return found.length === 0
    ? undefined
    : `not proven which image of its repository is run by ${listed(found.map(({ workload }) => workload))}`;
}

const MOST_NAMED = 10;

/** In a fixed order, so that the same look writes the same text. */
function listed(names: readonly string[]): string {
  const unique = [...new Set(names)].sort();
  const more = unique.length > MOST_NAMED ? ` and ${unique.length - MOST_NAMED} more` : '';
  return `${unique.slice(0, MOST_NAMED).join(', ')}${more}`;
}

/**
 * The closure of a node whose output is verified. What a person asked for is done by then, and so is that it picks up what
 * it stands on: nothing that runs need vanish for these.
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

/** Whether an open closure is past its deadline: it stays open and raises an alarm. */
export const isOverdue = ({ state, deadlineEpochMs }: Closure, nowEpochMs: number): boolean =>
  state === 'open' && nowEpochMs > deadlineEpochMs;

/** What open closures of a stream wait for, as the planner is told: where a rollout broke off nobody brings it about. */
export const closingFacts = (closures: readonly Closure[]): readonly CauseFact[] =>
  closures.flatMap(({ state, abandoned, facts }) => (state === 'open' && !abandoned ? facts : []));
