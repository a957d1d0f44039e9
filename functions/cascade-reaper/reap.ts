import { eachConcurrently } from '../../shared/concurrency.ts';
import {
  type Cascade,
  type CascadeNode,
  type Deployment,
  hasEnded,
  isOpen,
} from '../../shared/domain/cause/cascade.ts';
import { isUnpromoted, type Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { mayBeOf, unreadableText } from '../../shared/domain/common/unreadable-item.ts';
import { afterBreakOff, afterRollout } from '../../shared/domain/guard/rebuild-history.ts';
import { isBuiltIn } from '../../shared/domain/policy/built-in-policy.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  abandonedDeployment,
  endingText,
  isBrokenOff,
  isRolledOut,
  type LostNodes,
  lostNodes,
  lostText,
  NOTHING_LOST,
  notFinished,
  notRolledOut,
  unreadableItemsText,
} from '../../shared/domain/rollout/cascade-end.ts';
import { closureOf } from '../../shared/domain/rollout/closure.ts';
import { streamPolicy } from '../../shared/domain/stream/stream-policy.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import type { UnreadableItems } from '../../shared/ports/unreadable.ts';
import { type LostNodePorts, locksOf, lostStreams } from '../../shared/rebuilding/lost-nodes.ts';
import {
  rebuildOfNode,
  type SettlePorts,
  STATE_AFTER,
  settleLost,
  settleNode,
} from '../../shared/rebuilding/settle-node.ts';
import { policyOfCascade } from '../../shared/review/policy-in-force.ts';

const NODES_AT_ONCE = 8;

export interface ReapPorts extends SettlePorts, LostNodePorts {
  readonly cascades: Pick<CascadeLedger, 'nodes' | 'changeNode' | 'changeCascade'>;
  readonly causes: SettlePorts['causes'] & LostNodePorts['causes'];
  readonly locks: SettlePorts['locks'] & LostNodePorts['locks'];
  readonly rollouts: Pick<
    RolloutLedger,
    'deployments' | 'changeDeployment' | 'openClosure' | 'changeClosure' | 'closures'
  >;
  readonly policies: Pick<PolicyStore, 'load' | 'current'>;
  /** Items that were unreadable during this call. */
  readonly unreadable: UnreadableItems;
}

/** Why the cascade has no live execution. */
export interface CascadeFailure {
  readonly error: string;
  readonly detail: string;
}

/**
 * Ends a cascade whose execution has ended: releases everything it held, and has unfinished work planned again. The
 * cascade record is written last, so a crash in between repeats the whole. A cascade that has ended stays unchanged.
 */
export async function reapCascade(ports: ReapPorts, cascade: Cascade, failure: CascadeFailure): Promise<Cascade> {
  if (!isOpen(cascade)) return cascade;
  const { lost, unreadable } = await endParts(ports, cascade, failure);
  const endedAtEpochMs = ports.clock();
  const details = [unreadableItemsText(unreadable), lostText(lost), failure.detail];
  const named = { ...failure, detail: details.filter((detail) => detail !== undefined).join('; ') };
  return ports.cascades.changeCascade(cascade.cascadeId, (before) =>
    isOpen(before) ? { ...before, state: 'incomplete', endedAtEpochMs, failure: named } : undefined,
  );
}

/** What could not be ended properly, for a person. */
export interface EndedParts {
  readonly lost: LostNodes;
  /** Unreadable items, each with its problem, sorted. */
  readonly unreadable: readonly string[];
}

/**
 * Ends every open node and deployment of a cascade. Verified outputs are kept: if the rollout is done, its closure is
 * opened unless it is open already; otherwise the next plan deploys the output. Locks of lost nodes are released too.
 * Each node ends by itself: an unreadable item blocks only its own node, and is named.
 */
export async function endParts(ports: ReapPorts, cascade: Cascade, failure: CascadeFailure): Promise<EndedParts> {
  ports.unreadable.clear();
  const { policy } = await policyOfCascade(ports.policies, cascade.policyVersion);
  const rollout = await rolloutOf(ports.rollouts, cascade.cascadeId);
  const found = new Set<string>();
  const named = new Set<string>();
  await eachConcurrently(ports.cascades.nodes(cascade.cascadeId), NODES_AT_ONCE, async (node) => {
    found.add(node.stream);
    const ended = hasEnded(node) ? node : await endNode(ports, cascade, node, policy, failure);
    const stands = await endRollout(ports, ended, policy, rollout, failure);
    for (const item of stands.unreadable ?? []) named.add(item);
    await remember(ports, stands);
  });
  await eachConcurrently(ports.rollouts.deployments(cascade.cascadeId), NODES_AT_ONCE, ({ service }) =>
    ports.rollouts.changeDeployment(cascade.cascadeId, service, (before) =>
      abandonedDeployment(before, failure.error, ports.clock()),
    ),
  );
  // Read before locks and causes of other cascades.
  for (const item of ports.unreadable.items())
    if (mayBeOf(item, cascade.cascadeId, found)) named.add(unreadableText(item));
  const { lost, unreadable } = await endLost(ports, cascade, found, policy);
  return { lost, unreadable: [...new Set([...named, ...unreadable])].sort() };
}

const LOST = 'the ledger has no node for this stream';

/** Releases locks of streams of the cascade that have no node. If all nodes exist, nothing is read. */
async function endLost(
  ports: ReapPorts,
  cascade: Cascade,
  found: ReadonlySet<string>,
  policy: Policy,
): Promise<EndedParts> {
  if (found.size >= cascade.streams) return { lost: NOTHING_LOST, unreadable: [] };
  const streams = await lostStreams(ports, cascade, found);
  const held = new Map((await locksOf(ports, cascade.cascadeId)).map((lock) => [lock.stream, lock.rebuildId]));
  const unreadable: string[] = [];
  for (const stream of streams) {
    const lost = { cascade, stream, rebuildId: held.get(stream), policy: streamPolicy(policy, stream) };
    unreadable.push(...(await settleLost(ports, { ...lost, why: LOST })));
  }
  return { lost: lostNodes(cascade.streams, found.size, streams), unreadable };
}

const UNFINISHED = { error: 'CascadeEnded', detail: 'its build ended only after the cascade' } as const;

/**
 * Releases what an ended cascade left behind: lock and slots of a build that outlived it, also if the node is lost or
 * names another rebuild. Its nodes stay unchanged.
 */
export async function settleLeft(ports: ReapPorts, cascade: Cascade): Promise<void> {
  const { policy } = await policyOfCascade(ports.policies, cascade.policyVersion);
  const named = new Map<string, string>();
  await eachConcurrently(ports.cascades.nodes(cascade.cascadeId), NODES_AT_ONCE, async (node) => {
    named.set(node.stream, rebuildOfNode(cascade, node));
    if (node.work === 'rebuild' && hasEnded(node)) await endNode(ports, cascade, node, policy, UNFINISHED);
  });
  for (const { stream, rebuildId } of await locksOf(ports, cascade.cascadeId)) {
    if (named.get(stream) !== rebuildId)
      await settleLost(ports, { cascade, stream, rebuildId, policy: streamPolicy(policy, stream), why: LOST });
  }
}

const NOT_TAKEN_UP = { error: 'NotTakenUp', detail: 'its build ended, but no cascade resumed it in time' } as const;

/**
 * Reads the run of a parked rebuild, and ends the rebuild if no cascade can take it up: the run failed, or the time for
 * the person or for the next cascade is over. Its node stays unchanged, and a lost node blocks nothing.
 */
export async function settleParked(
  ports: ReapPorts,
  cascade: Cascade,
  { stream, rebuildId }: Pick<Rebuild, 'stream' | 'rebuildId'>,
  node: CascadeNode | undefined,
): Promise<void> {
  const { policy } = await policyOfCascade(ports.policies, cascade.policyVersion);
  if (!node) await settleLost(ports, { cascade, stream, rebuildId, policy: streamPolicy(policy, stream), why: LOST });
  else if (hasEnded(node)) await endNode(ports, cascade, node, policy, NOT_TAKEN_UP);
}

interface Rollout {
  readonly deployments: ReadonlyMap<string, Deployment>;
  /** Services to deploy, by stream with a closure, if they were planned. */
  readonly closures: ReadonlyMap<string, readonly string[] | undefined>;
}

/** Without the facts of the closures, which are many. */
async function rolloutOf(rollouts: ReapPorts['rollouts'], cascadeId: string): Promise<Rollout> {
  const deployments = new Map<string, Deployment>();
  for await (const deployment of rollouts.deployments(cascadeId)) deployments.set(deployment.service, deployment);
  const closures = new Map<string, readonly string[] | undefined>();
  for await (const { stream, services } of rollouts.closures(cascadeId)) closures.set(stream, services);
  return { deployments, closures };
}

/** Returns the current node; an unverified one has no rollout. An unreadable closure stays unchanged. */
async function endRollout(
  { cascades, rollouts, clock }: ReapPorts,
  node: CascadeNode,
  policy: Policy,
  { deployments, closures }: Rollout,
  { error }: CascadeFailure,
): Promise<CascadeNode> {
  const { cascadeId, stream, state, output } = node;
  if (state !== 'verified' || output === undefined) return node;
  // An earlier ending has ended the deployments too. Without a policy it is unknown who deploys the stream, so it
  // counts as rolled out only if that was planned and completed.
  const mode = isBuiltIn(policy) ? 'register' : streamPolicy(policy, stream).rollout;
  if (!isBrokenOff(node) && isRolledOut({ mode, services: closures.get(stream), deployments })) {
    await unlessUnreadable(rollouts.openClosure(closureOf(node, output, policy.guards, clock())), undefined);
    return node;
  }
  // Also closes in advance: a step that was running when its execution stopped may still open one, and finds this.
  const abandon = async (): Promise<void> => {
    await rollouts.openClosure({ ...closureOf(node, output, policy.guards, clock()), abandoned: true });
    await rollouts.changeClosure(cascadeId, stream, (before) =>
      before.abandoned ? undefined : { ...before, abandoned: true },
    );
  };
  await unlessUnreadable(abandon(), undefined);
  return cascades.changeNode(cascadeId, stream, (before) =>
    isBrokenOff(before) ? undefined : notRolledOut(before, error),
  );
}

/** Rebuild ends are recorded as they end. Streams that the cascade did not reach or only deployed are recorded here. */
async function remember({ guards, clock }: ReapPorts, node: CascadeNode): Promise<void> {
  const { cascadeId, stream, state, work } = node;
  const brokenOff = isBrokenOff(node);
  if (!brokenOff && !(state === 'verified' && work === 'deploy')) return;
  const change = guards.change(stream, (history) =>
    brokenOff ? afterBreakOff(history, cascadeId, clock()) : afterRollout(history),
  );
  await unlessUnreadable(change, undefined);
}

const endNode = (
  ports: ReapPorts,
  cascade: Cascade,
  node: CascadeNode,
  policy: Policy,
  { error }: CascadeFailure,
): Promise<CascadeNode> =>
  settleNode(ports, {
    cascade,
    node,
    policy: streamPolicy(policy, node.stream),
    why: `the cascade ended before the image was verified: ${endingText(error)}`,
    // Work that was not started is planned again, deployments included. So are verified outputs that are not usable
    // yet: another cascade takes them over.
    end: (before, rebuild) =>
      rebuild?.outcome && !isUnpromoted(rebuild)
        ? { ...before, state: STATE_AFTER[rebuild.outcome.result] }
        : notFinished(before, error),
  });
