import { type Cascade, type CascadeNode, hasEnded, type NodeState } from '../domain/cause/cascade.ts';
import { answerCause, type Cause, isDoneOnceBuilt, reopenCause, settleFacts } from '../domain/cause/cause.ts';
import { type Rebuild, type RebuildOutcome, rebuildIdOf } from '../domain/cause/rebuild.ts';
import { unreadableRecord } from '../domain/guard/guard.ts';
import { afterBreakOff, afterCascade } from '../domain/guard/rebuild-history.ts';
import { parkedNode } from '../domain/rollout/cascade-end.ts';
import type { StreamPolicy } from '../domain/stream/stream-policy.ts';
import type { CascadeLedger } from '../ports/cascades.ts';
import type { CauseLedger } from '../ports/ledger.ts';
import type { LockLedger, RebuildLedger } from '../ports/rebuilds.ts';
import { hasBegun, isBuildOver } from './build.ts';
import { type EndPorts, endRebuild } from './end-rebuild.ts';
import { parkRebuild } from './park.ts';
import { type PollRunPorts, pollRun } from './poll-run.ts';
import { SetAside } from './set-aside.ts';
import { releaseSlots } from './slots.ts';

export interface SettlePorts extends Omit<EndPorts, 'rebuilds'>, Omit<PollRunPorts, 'rebuilds'> {
  readonly cascades: Pick<CascadeLedger, 'changeNode'>;
  readonly causes: Pick<CauseLedger, 'change'>;
  readonly rebuilds: Pick<RebuildLedger, 'get' | 'record' | 'recordExecution'>;
  readonly locks: Pick<LockLedger, 'release'>;
}

/** A node to end, with defaults for what its own rebuild does not say. */
export interface Ending {
  readonly cascade: Cascade;
  readonly node: CascadeNode;
  readonly policy: StreamPolicy;
  /** Why a rebuild was not verified. */
  readonly why: string;
  /** A failure after verification, so the tag for children did not move. */
  readonly isUnused?: boolean;
  /** The final node, from the result of its rebuild; not called if it has ended. */
  readonly end: (node: CascadeNode, rebuild: Rebuild | undefined) => CascadeNode;
}

/**
 * Ends a node: writes the history of its stream, releases lock and slots, and gives its cause back if that was not
 * fixed. The node is written last, so that a crash before repeats everything. A build that may still run keeps lock and
 * slots until its deadline; one that waits for a person keeps only the lock. An unreadable item is named on the node
 * and stops nothing else. An unreadable rebuild keeps lock and slots. An unreadable history keeps the lock, so that the
 * end is recorded once the item is corrected. Returns the stored node.
 */
export async function settleNode(ports: SettlePorts, ending: Ending): Promise<CascadeNode> {
  const { cascade, node, end } = ending;
  const { cascadeId, stream } = node;
  const rebuildId = rebuildOfNode(cascade, node);
  const aside = new SetAside();
  const rebuild =
    node.work === 'rebuild'
      ? await aside.unlessUnreadable(endOwn(ports, { stream, rebuildId }, ending, aside))
      : undefined;
  const [unread] = rebuild ? [] : aside.items();
  const settled = hasEnded(node)
    ? node
    : unread === undefined
      ? endedNode(node, rebuild, end)
      : unreadNode(node, unread);
  // The end of a verified rebuild is already in the history.
  if (settled.state !== 'verified' || settled.work === 'deploy')
    await aside.unlessUnreadable(ports.guards.change(stream, (history) => afterCascade(history, cascadeId)));
  await aside.unlessUnreadable(ports.causes.change(stream, (cause) => cause && settledCause(cause, settled, rebuild)));
  const unreadable = aside.items();
  return ports.cascades.changeNode(cascadeId, stream, (before) =>
    hasEnded(before) ? undefined : { ...settled, ...(unreadable.length > 0 && { unreadable }) },
  );
}

/** The id of the rebuild that a node makes or resumes, whether it has begun or not. */
export const rebuildOfNode = (
  { cascadeId, plannedAtEpochMs }: Cascade,
  { rebuildId, resumes, stream }: CascadeNode,
): string => rebuildId ?? resumes ?? rebuildIdOf(cascadeId, plannedAtEpochMs, stream);

/** A stream of a cascade with a missing node, and what is known of it. */
export interface LostEnding extends Pick<Ending, 'cascade' | 'policy' | 'why'> {
  readonly stream: string;
  /** From its lock: a resumed rebuild has another name than those of the cascade. */
  readonly rebuildId?: string | undefined;
}

/**
 * Ends the work of a cascade on a stream with a missing node: like `settleNode`, but without the node. A build that may
 * still run keeps its lock and slots. Ending twice counts once. Returns the unreadable items, each with its problem.
 */
export async function settleLost(ports: SettlePorts, ending: LostEnding): Promise<readonly string[]> {
  const { cascade, stream, policy, why } = ending;
  const { cascadeId, plannedAtEpochMs } = cascade;
  const rebuildId = ending.rebuildId ?? rebuildIdOf(cascadeId, plannedAtEpochMs, stream);
  const aside = new SetAside();
  const rebuild = await aside.unlessUnreadable(endOwn(ports, { stream, rebuildId }, { cascade, policy, why }, aside));
  await aside.unlessUnreadable(
    ports.guards.change(stream, (history) =>
      rebuild?.outcome ? afterCascade(history, cascadeId) : afterBreakOff(history, cascadeId, ports.clock()),
    ),
  );
  await aside.unlessUnreadable(ports.causes.change(stream, (cause) => cause && reopenCause(cause, cascadeId)));
  return aside.items();
}

const endedNode = (node: CascadeNode, rebuild: Rebuild | undefined, end: Ending['end']): CascadeNode =>
  rebuild?.parked && !rebuild.outcome ? parkedNode(node, rebuild) : withRebuild(end(node, rebuild), rebuild);

/** The result of its rebuild is unknown: the cause is planned again once the item is corrected. */
const unreadNode = (node: CascadeNode, item: string): CascadeNode => ({
  ...node,
  state: 'waiting',
  answer: unreadableRecord(item),
});

/**
 * Ends the rebuild of the node and frees its lock and slots; returns the stored rebuild. A rebuild parked by another
 * cascade and not resumed by this one, or resumed by another one since, is left alone.
 */
async function endOwn(
  ports: SettlePorts,
  { stream, rebuildId }: Pick<Rebuild, 'stream' | 'rebuildId'>,
  { cascade, policy, why, isUnused }: Pick<Ending, 'cascade' | 'policy' | 'why' | 'isUnused'>,
  aside: SetAside,
): Promise<Rebuild | undefined> {
  const known = await ports.rebuilds.get(stream, rebuildId);
  if (known && known.cascadeId !== cascade.cascadeId) return undefined;
  if (known) {
    const { rebuild, isUnasked } = await askedBuild(ports, known);
    const ended = await aside.unlessUnreadable(endRebuild(ports, rebuild, why, { isUnused, isUnasked }));
    // Its history could not be read: the rebuild has ended, and its lock stays until the history is written.
    if (!ended && aside.items().length > 0) return ports.rebuilds.get(stream, rebuildId);
    if (!ended) return rebuild;
    await ports.locks.release(stream, rebuildId);
    return ended;
  }
  // A reservation that died half-way.
  await ports.locks.release(stream, rebuildId);
  await releaseSlots(ports, rebuildId, policy.pipeline?.account);
  return undefined;
}

/**
 * Best effort: if the pipeline cannot be reached, keep the last known build status. Polled past its deadline too,
 * because a person may have approved it just now.
 */
async function askedBuild(ports: SettlePorts, rebuild: Rebuild): Promise<AskedBuild> {
  if (!hasBegun(rebuild) || isBuildOver(rebuild.build) || rebuild.outcome) return { rebuild, isUnasked: false };
  const asked = await pollRun(ports, rebuild).catch(() => undefined);
  const isUnasked = asked === undefined;
  const seen = asked ?? rebuild;
  if (!seen.parked) {
    const parked = seen.build?.state === 'waiting-approval' ? await parkRebuild(ports, seen) : undefined;
    return { rebuild: parked ?? seen, isUnasked };
  }
  const checkedAtEpochMs = ports.clock();
  const stands = await ports.rebuilds.record(
    seen.stream,
    seen.rebuildId,
    (before) => before?.parked && { ...before, parked: { ...before.parked, checkedAtEpochMs } },
  );
  return { rebuild: stands ?? seen, isUnasked };
}

interface AskedBuild {
  readonly rebuild: Rebuild;
  /** The runner did not answer. */
  readonly isUnasked: boolean;
}

const withRebuild = (node: CascadeNode, rebuild: Rebuild | undefined): CascadeNode => ({
  ...node,
  ...(rebuild?.outcome && { outcome: rebuild.outcome }),
  ...(rebuild?.output !== undefined && { output: rebuild.output }),
});

/** The end state of a node whose rebuild has an outcome. */
export const STATE_AFTER = {
  fixed: 'verified',
  ineffective: 'ineffective',
  worse: 'ineffective',
  unverified: 'unverified',
  'no-output': 'failed',
  failed: 'failed',
} as const satisfies Readonly<Record<RebuildOutcome['result'], NodeState>>;

/**
 * Every node gives its cause back, one on hold with the answer. Facts of a verified node stay until its closure proves
 * that no running image has them, so that an image pushed meanwhile with the same facts can be planned. A request and a
 * move of the parent are done.
 */
function settledCause(cause: Cause, { cascadeId, state, answer }: CascadeNode, rebuild: Rebuild | undefined): Cause {
  if (cause.takenBy?.cascadeId !== cascadeId) return cause;
  const reopened = reopenCause(cause, cascadeId);
  if (state === 'verified') return settleFacts(reopened, rebuild?.facts.filter(isDoneOnceBuilt) ?? []);
  const isOnHold = state === 'refused' || state === 'waiting' || state === 'parked';
  return answer && isOnHold ? answerCause(reopened, answer) : reopened;
}
