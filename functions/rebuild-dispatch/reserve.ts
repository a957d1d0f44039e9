import { type Cascade, type CascadeNode, hasEnded } from '../../shared/domain/cause/cascade.ts';
import type { NodeAnswer } from '../../shared/domain/cause/node-answer.ts';
import { emptyHistory, type Rebuild, type RebuildHistory, rebuildIdOf } from '../../shared/domain/cause/rebuild.ts';
import { DAY_MS, HOUR_MS } from '../../shared/domain/common/time.ts';
import { mayDeploy, mayRebuild } from '../../shared/domain/guard/guard.ts';
import {
  capReached,
  HEAD_FIXED,
  type NegativeDecision,
  PARENT_NOT_VERIFIED,
  rampReached,
  wait,
} from '../../shared/domain/guard/guard-answer.ts';
import { afterBreakOff } from '../../shared/domain/guard/rebuild-history.ts';
import type { Pipeline } from '../../shared/domain/policy/pipeline.ts';
import { stricter } from '../../shared/domain/stream/mode.ts';
import { isEverBuilt, modeIn, type StreamPolicy, streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import { hasBegun } from '../../shared/rebuilding/build.ts';
import { RAMP, takeSlots } from '../../shared/rebuilding/slots.ts';
import { policyInForce, policyOfVersion } from '../../shared/review/policy-in-force.ts';
import { type CheckedLock, checkedLock } from './checked-lock.ts';
import type { DispatchStepInput } from './input.ts';
import {
  foreignHead,
  outputsOf,
  type ParentNode,
  parentNodesOf,
  replacedHead,
  unverifiedParent,
  withoutUnreadAges,
} from './parents.ts';
import { type DispatchLimits, type DispatchPorts, plannedNode } from './ports.ts';
import { obstacleOf, postponeBuild, type Reservation } from './postpone.ts';
import { lineageOf } from './read-lineage.ts';
import { resume } from './resume.ts';
import { factsOfOthers, notNeeded } from './still-needed.ts';
import { takeOver } from './take-over.ts';

/**
 * Reserves a stream for a rebuild: the guards, a slot of each cap, the lock, then the rebuild record. A repetition
 * adopts what exists. If the stream is on hold, the node records why and keeps neither slot nor lock.
 */
export async function reserve(
  ports: DispatchPorts,
  limits: DispatchLimits,
  input: DispatchStepInput<'reserve'>,
): Promise<Reservation> {
  const { cascadeId, stream } = input;
  const { cascade, node } = await plannedNode(ports, cascadeId, stream);
  if (hasEnded(node)) return { decision: 'ended' };
  if (node.work === 'deploy') return { decision: 'skip' };
  if (node.resumes !== undefined) return resume(ports, limits, input, node.resumes);
  const rebuildId = rebuildIdOf(cascadeId, cascade.plannedAtEpochMs, stream);
  const [own, policy, parents] = await Promise.all([
    ports.rebuilds.get(stream, rebuildId),
    policyOf(ports, cascade, stream),
    parentNodesOf(ports, node),
  ]);
  const granted = { decision: 'build', rebuildId, recheckAfterSeconds: limits.recheckAfterSeconds } as const;
  // A started build is awaited, regardless of the guards.
  if (own && hasBegun(own)) return granted;
  const below = unverifiedParent(parents);
  const { unreadable } = policy;
  const answer = below
    ? undefined
    : (unreadable ?? (await claim(ports, { ...input, cascade, node, parents, rebuildId, policy })));
  // The planner let it start, and would again: the count makes it wait longer each time.
  if (answer && NOT_PLANNED.has(answer.reason))
    await ports.guards.change(stream, (history) => afterBreakOff(history, cascadeId, ports.clock(), answer.detail));
  const obstacle = below ?? (answer && obstacleOf(answer));
  if (!obstacle) return granted;
  const account = own?.pipeline.account ?? policy.pipeline?.account;
  const postponed = await postponeBuild(ports, limits, { cascade, node, rebuildId, account }, obstacle);
  return postponed ?? granted;
}

/** Answers that the planner gives too, before a cascade starts, unless a head or the history has changed since. */
const NOT_PLANNED: ReadonlySet<string> = new Set<NegativeDecision['reason']>([
  ...([PARENT_NOT_VERIFIED, 'cycle', 'depth', 'attempts-exhausted', 'parent-pinned', 'ineffective'] as const),
  ...(['no-fix-seen', 'would-not-help'] as const),
]);

/**
 * Uses the cascade's policy, with the stricter mode of it and the policy in force, and the caps in force: a person's
 * change applies at once. If either is unreadable, the stream waits as if paused.
 */
async function policyOf(
  { policies }: DispatchPorts,
  { policyVersion }: Cascade,
  stream: string,
): Promise<Claim['policy'] & { readonly unreadable?: NodeAnswer }> {
  const [own, current] = await Promise.all([policyOfVersion(policies, policyVersion), policyInForce(policies)]);
  const [policy, { isNamed, mode, caps }] = [streamPolicy(own.policy, stream), streamPolicy(current.policy, stream)];
  // The pipeline is that of the cascade's policy, also where the current one names another.
  const modeInForce = policy.pipeline ? modeIn(current.policy, stream, policy.pipeline.account) : mode;
  const unreadable = own.unreadable ?? current.unreadable;
  return {
    ...{ ...policy, isNamed: policy.isNamed && isNamed, mode: stricter(policy.mode, modeInForce), caps },
    builds: (other) => isEverBuilt(own.policy, other),
    ...(unreadable && { unreadable: wait('paused', unreadable.message) }),
  };
}

interface Claim {
  readonly cascadeId: string;
  readonly stream: string;
  readonly executionArn: string;
  readonly cascade: Cascade;
  readonly node: CascadeNode;
  readonly parents: readonly ParentNode[];
  readonly rebuildId: string;
  readonly policy: StreamPolicy & {
    /** Whether the policy of the cascade ever lets Patchwave rebuild a stream. */
    readonly builds: (stream: string) => boolean;
  };
}

const TOO_LATE = wait(
  'cascade-ended',
  'The cascade deadline passed before this stream started. Patchwave plans the stream again.',
);

/** @returns the obstacle; nothing if the stream is reserved */
async function claim(ports: DispatchPorts, claimed: Claim): Promise<NodeAnswer | undefined> {
  const { cascadeId, stream, cascade, node, parents, rebuildId, policy } = claimed;
  const { guards: settings, pipeline, mode, isNamed } = policy;
  const [held, killSwitch] = await Promise.all([checkedLock(ports, stream, rebuildId), ports.killSwitch.read()]);
  const followed = node.facts.filter(({ kind }) => kind !== 'parent-moved' || policy.caps.followParents);
  if (followed.length === 0)
    return wait(
      HEAD_FIXED,
      'The only cause was a new head of a parent, and the policy now has `caps.followParents: false`. Nothing to rebuild.',
    );
  const { lock, lockBuild } = held;
  const open = { stream, mode, isNamed, killSwitch, cascadeId, ...(lock && { lock }), ...(lockBuild && { lockBuild }) };
  const obstacle = mayDeploy(open);
  if (obstacle) return obstacle;
  // Read after the lock: its last owner recorded history and head before the release.
  const [histories, lineage] = await Promise.all([
    ports.guards.get([stream]),
    lineageOf(ports, stream, outputsOf(parents), policy.builds),
  ]);
  const history = histories.get(stream) ?? emptyHistory(stream);
  const { ancestors, parentHead, parents: parentsBuiltOn } = lineage;
  const builtOn = {
    ...(parentHead !== undefined && { parentHead }),
    ...(parentsBuiltOn !== undefined && { parents: parentsBuiltOn }),
  };
  const { facts, unread } = withoutUnreadAges(followed, lineage);
  if (unread && facts.length === 0) return (await notNeeded(ports, node)) ?? unread;
  const { headBefore: headDigest } = node;
  const guarded = {
    ...{ ...open, facts, history, ancestors, ...builtOn },
    ...(headDigest !== undefined && { headDigest }),
    ...(pipeline && { pipeline }),
  };
  const answer = mayRebuild(guarded, settings, ports.clock());
  if (answer.answer !== 'allow') return answer;
  if (!pipeline) throw new TypeError('the guard allowed a rebuild without a pipeline');
  if (ports.clock() >= cascade.deadlineEpochMs) return node.answer ?? TOO_LATE;
  const spared =
    (await notNeeded(ports, node)) ??
    (await replacedHead(ports, lineage, parents)) ??
    foreignHead(stream, lineage, parents);
  if (spared) return spared;
  const attempt = history.failuresInARow + 1;
  const ofOthers = factsOfOthers(node);
  return occupy(
    ports,
    claimed,
    { ...held, history },
    {
      ...asked(claimed, pipeline, ports.clock()),
      attempt,
      facts: answer.facts,
      ...(ofOthers.length > 0 && { factsOfOthers: ofOthers }),
      ...builtOn,
    },
  );
}

const asked = ({ rebuildId, stream, cascadeId, node, policy }: Claim, pipeline: Pipeline, nowEpochMs: number) => ({
  rebuildId,
  stream,
  cascadeId,
  pipeline,
  reservedAtEpochMs: nowEpochMs,
  deadlineEpochMs: nowEpochMs + (policy.buildMs ?? 0),
  approvalMs: policy.guards.approvalHours * HOUR_MS,
  ...(node.headBefore !== undefined && { headBefore: node.headBefore }),
  ...(policy.promotes && { promotes: true as const }),
});

/**
 * Order: slots, ramp place, lock, record, node. If a later one exists, all earlier ones do. A stream takes its ramp
 * place only when nothing else blocks it, so no waiting stream occupies one.
 */
async function occupy(
  ports: DispatchPorts,
  { cascadeId, executionArn, node, policy }: Claim,
  { stale, history }: CheckedLock & { readonly history: RebuildHistory },
  rebuild: Rebuild,
): Promise<NodeAnswer | undefined> {
  const { rebuildId, stream, attempt, deadlineEpochMs, pipeline } = rebuild;
  const full = await takeSlots(ports, policy.caps, {
    owner: rebuildId,
    account: pipeline.account,
    buildDeadlineEpochMs: deadlineEpochMs,
  });
  if (full !== undefined) return capReached(full);
  if (!(await mayBegin(ports, node, policy))) return rampReached(policy.caps.ramp ?? 0);
  const own = { stream, rebuildId, cascadeId, executionArn, attempt, deadlineEpochMs };
  const holder = await ports.locks.take(own, stale);
  if (holder.rebuildId !== rebuildId)
    return wait(
      'already-open',
      `Cascade ${holder.cascadeId} is rebuilding the stream. This cascade waits for the end of that rebuild.`,
      holder.deadlineEpochMs,
    );
  const begun = policy.promotes ? await takeOver(ports, history, rebuild) : rebuild;
  await ports.rebuilds.record(stream, rebuildId, (before) => reserved(before, begun));
  await ports.cascades.changeNode(cascadeId, stream, ({ answer, ...node }) =>
    node.state === 'planned' ? { ...node, state: 'reserved', rebuildId } : undefined,
  );
  return undefined;
}

/**
 * Whether the ramp has a place for a stream that starts now; a place counts for a day. The ramp may have been lowered
 * since. Then the streams that took their places first may start again, up to the new limit.
 */
async function mayBegin(
  { slots, clock }: DispatchPorts,
  { stream, follows }: CascadeNode,
  { caps: { ramp } }: StreamPolicy,
): Promise<boolean> {
  if (follows || ramp === undefined) return true;
  const nowEpochMs = clock();
  const begun = (await slots.held(RAMP)).filter(({ untilEpochMs }) => untilEpochMs > nowEpochMs);
  if (!begun.some(({ owner }) => owner === stream))
    return slots.take(RAMP, ramp, stream, { nowEpochMs, untilEpochMs: nowEpochMs + DAY_MS });
  const inOrder = begun.toSorted((one, other) => one.untilEpochMs - other.untilEpochMs);
  return inOrder.slice(0, ramp).some(({ owner }) => owner === stream);
}

/** A retried reservation keeps its attempt number, so the client token stays the same. */
function reserved(before: Rebuild | undefined, rebuild: Rebuild): Rebuild | undefined {
  if (!before) return rebuild;
  if (hasBegun(before)) return undefined;
  const { endedAtEpochMs, ...kept } = before;
  return { ...kept, ...rebuild, attempt: before.attempt, facts: before.facts };
}
