import { type Cascade, type CascadeNode, hasEnded, type NodeState } from '../domain/cascade.ts';
import { answerCause, type Cause, isDoneOnceBuilt, reopenCause, settleFacts } from '../domain/cause.ts';
import { afterBreakOff, afterCascade } from '../domain/memory.ts';
import { type Rebuild, type RebuildOutcome, rebuildIdOf } from '../domain/rebuild.ts';
import type { StreamPolicy } from '../domain/stream-policy.ts';
import type { CauseLedger } from '../ports/ledger.ts';
import type { CascadeLedger, LockLedger, RebuildLedger } from '../ports/rebuilds.ts';
import { mayStillRun } from './build.ts';
import { type EndPorts, endRebuild } from './end-rebuild.ts';
import { type LookPorts, lookAtBuild } from './look-at-build.ts';
import { releaseSlots } from './slots.ts';

export interface SettlePorts extends Omit<EndPorts, 'rebuilds'>, Omit<LookPorts, 'rebuilds'> {
  readonly cascades: Pick<CascadeLedger, 'changeNode'>;
  readonly causes: Pick<CauseLedger, 'change'>;
  readonly rebuilds: Pick<RebuildLedger, 'get' | 'record' | 'recordExecution'>;
  readonly locks: Pick<LockLedger, 'release'>;
}

/** A node that is to end, and what is known where its own rebuild does not tell. */
export interface Ending {
  readonly cascade: Cascade;
  readonly node: CascadeNode;
  /** Absent where it cannot be read: nothing was reserved by it then. */
  readonly policy: StreamPolicy | undefined;
  /** Why a rebuild that nobody verified was not. */
  readonly why: string;
  /** Something failed after it was verified, so that the tag that others build on did not move. */
  readonly isUnused?: boolean;
  /** The node as it ends, by what its rebuild came to; not asked where it has ended. */
  readonly end: (node: CascadeNode, rebuild: Rebuild | undefined) => CascadeNode;
}

/**
 * Ends a node: what it came to is remembered, its lock and slots are given back, its cause too where it was not mended.
 * The node is written last, so that whoever dies before begins again. A build that may still run keeps lock and slots
 * until its deadline. Gives the node as it stands.
 */
export async function settleNode(ports: SettlePorts, ending: Ending): Promise<CascadeNode> {
  const { cascade, node, end } = ending;
  const { cascadeId, stream } = node;
  const rebuildId = node.rebuildId ?? rebuildIdOf(cascadeId, cascade.plannedAtEpochMs, stream);
  const rebuild = node.work === 'rebuild' ? await endOwn(ports, { stream, rebuildId }, ending) : undefined;
  const settled = hasEnded(node) ? node : withRebuild(end(node, rebuild), rebuild);
  // Of a rebuild that was verified its end is remembered already.
  if (settled.state !== 'verified' || settled.work === 'deploy')
    await ports.guards.change(stream, (memory) => afterCascade(memory, cascadeId));
  await ports.causes.change(stream, (cause) => cause && settledCause(cause, settled, rebuild));
  return ports.cascades.changeNode(cascadeId, stream, (before) => (hasEnded(before) ? undefined : settled));
}

/** A stream of a cascade whose node is lost, and what is known of it. */
export interface LostEnding extends Pick<Ending, 'cascade' | 'policy' | 'why'> {
  readonly stream: string;
}

/**
 * Ends what a stream holds for a cascade whose node of it is lost: as `settleNode`, but for the node. Nothing of a build
 * that may still run is given back. Ending twice ends once.
 */
export async function settleLost(ports: SettlePorts, { cascade, stream, policy, why }: LostEnding): Promise<void> {
  const { cascadeId, plannedAtEpochMs } = cascade;
  const rebuildId = rebuildIdOf(cascadeId, plannedAtEpochMs, stream);
  const rebuild = await endOwn(ports, { stream, rebuildId }, { policy, why });
  await ports.guards.change(stream, (memory) =>
    rebuild?.outcome ? afterCascade(memory, cascadeId) : afterBreakOff(memory, cascadeId, ports.clock()),
  );
  await ports.causes.change(stream, (cause) => cause && reopenCause(cause, cascadeId));
}

/** Ends the rebuild of the node and gives back what it holds; gives it as it stands. */
async function endOwn(
  ports: SettlePorts,
  { stream, rebuildId }: Pick<Rebuild, 'stream' | 'rebuildId'>,
  { policy, why, isUnused }: Pick<Ending, 'policy' | 'why' | 'isUnused'>,
): Promise<Rebuild | undefined> {
  const known = await ports.rebuilds.get(stream, rebuildId);
  const rebuild = known && mayStillRun(known, ports.clock()) ? await lookedAt(ports, known) : known;
  if (rebuild) {
    const ended = await endRebuild(ports, rebuild, why, isUnused);
    if (!ended) return rebuild;
    await ports.locks.release(stream, rebuildId);
    return ended;
  }
  // A reservation that died half-way.
  await ports.locks.release(stream, rebuildId);
  await releaseSlots(ports, rebuildId, policy?.pipeline?.account);
  return undefined;
}

/** The node ends either way; a runner that does not answer now leaves its build what it was known as. */
const lookedAt = (ports: SettlePorts, rebuild: Rebuild): Promise<Rebuild> =>
  lookAtBuild(ports, rebuild).catch(() => rebuild);

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
 * Every node gives its cause back, one that was held back with the answer. The facts of a verified one stay until its
 * closure proves that nothing runs any more that holds them; an image that is pushed meanwhile and holds them again can
 * then be planned. What a person asked for is done, and what moved is picked up.
 */
function settledCause(cause: Cause, { cascadeId, state, answer }: CascadeNode, rebuild: Rebuild | undefined): Cause {
  if (cause.takenBy?.cascadeId !== cascadeId) return cause;
  const reopened = reopenCause(cause, cascadeId);
  if (state === 'verified') return settleFacts(reopened, rebuild?.facts.filter(isDoneOnceBuilt) ?? []);
  return answer && (state === 'refused' || state === 'waiting') ? answerCause(reopened, answer) : reopened;
}
