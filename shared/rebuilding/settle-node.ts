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

/** A node that is to end, and what is known where its own rebuild does not tell. */
export interface Ending {
  readonly cascade: Cascade;
  readonly node: CascadeNode;
  readonly policy: StreamPolicy;
  /** Why a rebuild that nobody verified was not. */
  readonly why: string;
  /** Something failed after it was verified, so that the tag that others build on did not move. */
  readonly isUnused?: boolean;
  /** The node as it ends, by what its rebuild came to; not asked where it has ended. */
  readonly end: (node: CascadeNode, rebuild: Rebuild | undefined) => CascadeNode;
}

/**
 * Ends a node: what it came to is remembered, its lock and slots are given back, its cause too where it was not fixed.
 * The node is written last, so that whoever dies before begins again. A build that may still run keeps lock and slots
 * until its deadline; one that waits for a person keeps the lock alone. An item that cannot be read is named on the node and
 * stops nothing else. A rebuild that cannot be read keeps lock and slots. A memory that cannot be read keeps the lock, so that
 * the end is remembered once the item is corrected. Gives the node as it stands.
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
  // Of a rebuild that was verified its end is remembered already.
  if (settled.state !== 'verified' || settled.work === 'deploy')
    await aside.unlessUnreadable(ports.guards.change(stream, (history) => afterCascade(history, cascadeId)));
  await aside.unlessUnreadable(ports.causes.change(stream, (cause) => cause && settledCause(cause, settled, rebuild)));
  const unreadable = aside.items();
  return ports.cascades.changeNode(cascadeId, stream, (before) =>
    hasEnded(before) ? undefined : { ...settled, ...(unreadable.length > 0 && { unreadable }) },
  );
}

/** The name of the rebuild that a node makes or takes up, whether it was begun or not. */
export const rebuildOfNode = (
  { cascadeId, plannedAtEpochMs }: Cascade,
  { rebuildId, resumes, stream }: CascadeNode,
): string => rebuildId ?? resumes ?? rebuildIdOf(cascadeId, plannedAtEpochMs, stream);

/** A stream of a cascade whose node is lost, and what is known of it. */
export interface LostEnding extends Pick<Ending, 'cascade' | 'policy' | 'why'> {
  readonly stream: string;
  /** As its lock names it: of a rebuild that the cascade took up, another name than its own ones. */
  readonly rebuildId?: string | undefined;
}

/**
 * Ends what a stream holds for a cascade whose node of it is lost: as `settleNode`, but for the node. Nothing of a build
 * that may still run is given back. Ending twice ends once. Gives the items that cannot be read, each with its problem.
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

/** What its rebuild came to is not known: the cause is planned again once the item is corrected. */
const unreadNode = (node: CascadeNode, item: string): CascadeNode => ({
  ...node,
  state: 'waiting',
  answer: unreadableRecord(item),
});

/**
 * Ends the rebuild of the node and gives back what it holds; gives it as it stands. One that another cascade parked and
 * this one has not taken up, or that another one took up since, is that one's.
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
    // Its memory could not be read: it has ended, and its lock stays until that is remembered.
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
 * The node ends either way; a runner that does not answer now leaves its build what it was known as. Looked at also past
 * its deadline: a person may have approved it a moment ago.
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
  /** Its runner did not answer. */
  readonly isUnasked: boolean;
}

const withRebuild = (node: CascadeNode, rebuild: Rebuild | undefined): CascadeNode => ({
  ...node,
  ...(rebuild?.outcome && { outcome: rebuild.outcome }),
  ...(rebuild?.output !== undefined && { output: rebuild.output }),
});

/** What a node came to whose rebuild has an outcome. */
export const STATE_AFTER = {
  fixed: 'verified',
  ineffective: 'ineffective',
  worse: 'ineffective',
  unverified: 'unverified',
  'no-output': 'failed',
  failed: 'failed',
} as const satisfies Readonly<Record<RebuildOutcome['result'], NodeState>>;

/**
 * Every node gives its cause back, one that was on hold with the answer. The facts of a verified one stay until its
 * closure proves that nothing runs any more that holds them; an image that is pushed meanwhile and holds them again can
 * then be planned. What a person asked for is done, and what moved is picked up.
 */
function settledCause(cause: Cause, { cascadeId, state, answer }: CascadeNode, rebuild: Rebuild | undefined): Cause {
  if (cause.takenBy?.cascadeId !== cascadeId) return cause;
  const reopened = reopenCause(cause, cascadeId);
  if (state === 'verified') return settleFacts(reopened, rebuild?.facts.filter(isDoneOnceBuilt) ?? []);
  const isOnHold = state === 'refused' || state === 'waiting' || state === 'parked';
  return answer && isOnHold ? answerCause(reopened, answer) : reopened;
}
