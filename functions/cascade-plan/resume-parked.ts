import { collect } from '../../shared/concurrency.ts';
import { type CascadeNode, hasEnded, isOpen } from '../../shared/domain/cause/cascade.ts';
import { emptyHistory, type Rebuild, type StreamLock } from '../../shared/domain/cause/rebuild.ts';
import { modeObstacle } from '../../shared/domain/guard/guard.ts';
import { resumingCascade } from '../../shared/domain/plan/resuming.ts';
import { modeIn } from '../../shared/domain/stream/stream-policy.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import { isResumable } from '../../shared/rebuilding/build.ts';
import { beginCascade } from './begin.ts';
import type { LockedStream } from './locked-streams.ts';
import type { PlanPorts } from './ports.ts';

/**
 * Starts a cascade that takes up parked rebuilds whose run has ended: it verifies, promotes and rolls out their
 * outputs. Streams built on them are planned after that. A pause of Patchwave or of the stream stops this too.
 * @returns how many streams it takes up
 */
export async function resumeParked(ports: PlanPorts, owner: string, held: readonly LockedStream[]): Promise<number> {
  const nowEpochMs = ports.clock();
  const ended = held.filter(({ rebuild }) => rebuild && isResumable(rebuild, nowEpochMs));
  if (ended.length === 0) return 0;
  const [{ policy, version }, killSwitch] = await Promise.all([ports.policies.current(), ports.killSwitch.read()]);
  const isStopped = ({ stream, pipeline }: Rebuild): boolean =>
    modeObstacle({ mode: modeIn(policy, stream, pipeline.account), killSwitch }) !== undefined;
  const parked: { readonly node: Omit<CascadeNode, 'cascadeId'>; readonly rebuild: Rebuild }[] = [];
  for (const { lock, rebuild } of ended) {
    const node =
      rebuild && !isStopped(rebuild)
        ? await unlessUnreadable(nodeToResume(ports, lock, rebuild), undefined)
        : undefined;
    if (node && rebuild) parked.push({ node, rebuild });
  }
  if (parked.length === 0) return 0;
  const streams = parked.map(({ node }) => node.stream);
  const [histories, causes] = await Promise.all([ports.guards.get(streams), ports.causes.get(streams)]);
  const readable = parked.filter(({ node }) => histories.get(node.stream)?.unreadable === undefined);
  if (readable.length === 0) return 0;
  const resumed = readable.map(({ node, rebuild }) => {
    const cause = causes.get(node.stream);
    return { node, rebuild, history: histories.get(node.stream) ?? emptyHistory(node.stream), ...(cause && { cause }) };
  });
  const { cascade, nodes } = resumingCascade(resumed, { policyVersion: version, guards: policy.guards }, nowEpochMs);
  await ports.cascades.write(owner, cascade, nodes);
  return (await beginCascade(ports, cascade.cascadeId)) ? nodes.length : 0;
}

/**
 * The node that parked the rebuild; nothing while that node, or one that takes it up, is active. If the node is lost or
 * unreadable, the rebuild names its causes.
 */
async function nodeToResume(
  ports: PlanPorts,
  lock: StreamLock,
  rebuild: Rebuild,
): Promise<Omit<CascadeNode, 'cascadeId'> | undefined> {
  const { cascades } = ports;
  const { stream, rebuildId } = rebuild;
  const holder = await unlessUnreadable(cascades.node(lock.cascadeId, stream), undefined);
  if (holder ? !hasEnded(holder) : !(await isOver(ports, lock))) return undefined;
  for (const open of await collect(cascades.open())) {
    const node = await cascades.node(open.cascadeId, stream);
    if (node?.resumes === rebuildId && !hasEnded(node)) return undefined;
  }
  return (await unlessUnreadable(cascades.node(rebuild.cascadeId, stream), undefined)) ?? nodeOf(rebuild);
}

/** Whether the cascade of a lock has ended. Without a cascade record, its execution decides. */
async function isOver({ cascades, executions }: PlanPorts, { cascadeId, executionArn }: StreamLock): Promise<boolean> {
  const cascade = await cascades.get(cascadeId);
  return cascade ? !isOpen(cascade) : (await executions.state(executionArn)) !== 'running';
}

/** The images that had the facts at planning are lost with the node, so every image that has them now is replaced. */
const nodeOf = ({ stream, facts, headBefore }: Rebuild): Omit<CascadeNode, 'cascadeId'> => ({
  ...{ stream, work: 'rebuild', wave: 0, facts, holders: [], state: 'parked' },
  ...(headBefore !== undefined && { headBefore }),
});
