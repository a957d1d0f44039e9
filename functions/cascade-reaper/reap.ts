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
  /** What the ledgers set aside while they were read. */
  readonly unreadable: UnreadableItems;
}

/** Why nobody acts for a cascade any more. */
export interface CascadeFailure {
  readonly error: string;
  readonly detail: string;
}

/**
 * Ends a cascade whose execution is over: all that it held is free again, and what it did not finish is planned again.
 * The cascade itself is written last, so that whoever dies before begins again. One that has ended stays as it ended.
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

/** What a cascade could not end as it should, for a person. */
export interface EndedParts {
  readonly lost: LostNodes;
  /** Items that could not be read, each with its problem, sorted. */
  readonly unreadable: readonly string[];
}

/**
 * Ends every node and deployment of a cascade that has not ended. Nothing that is verified is thrown away: where its
 * rollout is through its closure is open from here on, if it was not before; otherwise the next plan deploys it.
 * What is held for nodes that are lost is given back, too. Each node ends by itself: an item that cannot be read keeps no
 * other node open, and is named.
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
  // Before locks and causes of other cascades are read.
  for (const item of ports.unreadable.items())
    if (mayBeOf(item, cascade.cascadeId, found)) named.add(unreadableText(item));
  const { lost, unreadable } = await endLost(ports, cascade, found, policy);
  return { lost, unreadable: [...new Set([...named, ...unreadable])].sort() };
}

const LOST = 'its node is missing in the ledger';

/** Ends what is held for streams of the cascade that have no node. Where the nodes are all there nothing is read. */
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

const UNFINISHED = { error: 'CascadeEnded', detail: 'its build ended after the cascade' } as const;

/**
 * Gives back what a cascade that has ended left behind: lock and slots of a build that may still have run by then, also
 * where the node of the stream is lost, or names another rebuild. Its nodes stay as they ended.
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

const NOT_TAKEN_UP = { error: 'NotTakenUp', detail: 'no cascade resumed its build in time' } as const;

/**
 * Looks at the run of a parked rebuild, and ends the rebuild where no cascade can take it up: its run failed, or the time
 * for the person, or for another cascade, is over. Its node stays as it ended; one that is lost keeps nothing for ever.
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
  /** By stream that has a closure: services that are deployed for it, where they were planned. */
  readonly closures: ReadonlyMap<string, readonly string[] | undefined>;
}

/** Without the facts of its closures, which are many. */
async function rolloutOf(rollouts: ReapPorts['rollouts'], cascadeId: string): Promise<Rollout> {
  const deployments = new Map<string, Deployment>();
  for await (const deployment of rollouts.deployments(cascadeId)) deployments.set(deployment.service, deployment);
  const closures = new Map<string, readonly string[] | undefined>();
  for await (const { stream, services } of rollouts.closures(cascadeId)) closures.set(stream, services);
  return { deployments, closures };
}

/** Gives the node as it stands; one that is not verified has no rollout. A closure that cannot be read stays as it is. */
async function endRollout(
  { cascades, rollouts, clock }: ReapPorts,
  node: CascadeNode,
  policy: Policy,
  { deployments, closures }: Rollout,
  { error }: CascadeFailure,
): Promise<CascadeNode> {
  const { cascadeId, stream, state, output } = node;
  if (state !== 'verified' || output === undefined) return node;
  // Whoever ended it before has ended its deployments too.
  // Who deploys it is not known without a policy: it was rolled out only where that was planned and came to its end.
  const mode = isBuiltIn(policy) ? 'register' : streamPolicy(policy, stream).rollout;
  if (!isBrokenOff(node) && isRolledOut({ mode, services: closures.get(stream), deployments })) {
    await unlessUnreadable(rollouts.openClosure(closureOf(node, output, policy.guards, clock())), undefined);
    return node;
  }
  // Also where none is open yet: a step that was at work when its execution was stopped may still open it, and finds this.
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

/** Rebuilds are remembered when they end; what a cascade did not come to, and what it only deployed, is remembered here. */
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
    // What was not built or not begun is planned again, also what only had to be deployed: nobody deployed it. So is what
    // is verified and nobody can use yet: another cascade takes it over.
    end: (before, rebuild) =>
      rebuild?.outcome && !isUnpromoted(rebuild)
        ? { ...before, state: STATE_AFTER[rebuild.outcome.result] }
        : notFinished(before, error),
  });
