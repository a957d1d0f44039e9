import { mapConcurrently } from '../../shared/concurrency.ts';
import { type ParentObstacle, parentObstacles } from '../../shared/domain/attribution/parent-heads.ts';
import { type CascadeNode, hasEnded } from '../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../shared/domain/cause/cause.ts';
import { factStatus } from '../../shared/domain/cause/fact-status.ts';
import { type Unplaced, unplacedText } from '../../shared/domain/cause/unplaced.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import {
  type NegativeDecision,
  PARENT_NOT_VERIFIED,
  PARENT_ON_HOLD,
  wait,
} from '../../shared/domain/guard/guard-answer.ts';
import { factText } from '../../shared/domain/guard/guard-facts.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { isFixed, waitsForPerson } from '../../shared/domain/rollout/cascade-end.ts';
import { headDigestOf } from '../../shared/domain/stream/heads.ts';
import type { DispatchPorts } from './ports.ts';
import type { Obstacle } from './postpone.ts';
import type { NodeLineage } from './read-lineage.ts';

const READS_AT_ONCE = 8;

/** A parent stream of a node in its cascade; without `node` if it was not planned. */
export interface ParentNode {
  readonly stream: string;
  readonly node?: CascadeNode;
}

export const parentNodesOf = (
  { cascades }: Pick<DispatchPorts, 'cascades'>,
  { cascadeId, parents = [] }: CascadeNode,
): Promise<readonly ParentNode[]> =>
  mapConcurrently(parents, READS_AT_ONCE, async (stream) => {
    const node = await cascades.node(cascadeId, stream);
    return { stream, ...(node && { node }) };
  });

const PLANNED_AGAIN = 'Patchwave plans this stream again.';

/**
 * Why a node may not use the outputs of its cascade yet; nothing if every parent is verified or fixed elsewhere. A
 * parent with another ending ends the node too. So does a parent that waits for a person, because that may take days.
 * The node waits for a parent that has not ended.
 */
export function unverifiedParent(parents: readonly ParentNode[]): Obstacle | undefined {
  const lacking = parents.filter(({ node }) => !node || !isFixed(node));
  const failed = lacking.find(({ node }) => !node || (hasEnded(node) && !waitsForPerson(node)));
  if (failed) {
    const detail = `Parent stream ${failed.stream} ended without a verified image (${endText(failed.node)}), so this stream was not built. ${PLANNED_AGAIN}`;
    return { answer: wait(PARENT_NOT_VERIFIED, detail), isFinal: true };
  }
  const parked = lacking.find(({ node }) => node && waitsForPerson(node));
  if (parked) {
    const detail = `Parent stream ${parked.stream} waits for a person to approve or reject its build, so this stream was not built. Patchwave plans this stream again once the parent is verified.`;
    return { answer: wait(PARENT_ON_HOLD, detail), isFinal: true };
  }
  const [awaited] = lacking;
  if (!awaited) return undefined;
  const detail = `This stream waits until parent stream ${awaited.stream} is verified.`;
  return { answer: wait(PARENT_ON_HOLD, detail), isFinal: false };
}

/** After this time the push of a verified output has reached the ledger, by its event or by the refresh that asks for it. */
const HEAD_ARRIVES_MS = 15 * MINUTE_MS;

/**
 * Why a node may not use a parent whose head is still, or again, the one that its cascade replaced; nothing if there is
 * none. The push of the verified output may be on its way. Later somebody has moved the tag back: then the node ends, and
 * the parent is planned again with it.
 */
export async function replacedHead(
  { rebuilds, clock }: Pick<DispatchPorts, 'rebuilds' | 'clock'>,
  { known }: Pick<NodeLineage, 'known'>,
  parents: readonly ParentNode[],
): Promise<NegativeDecision | undefined> {
  const replaced = parents.flatMap(({ stream, node }) => {
    const head = headDigestOf(known.streams.get(stream)?.head);
    const isBack = node?.output !== undefined && head === node.headBefore && head !== node.output;
    return head !== undefined && isBack ? [{ ...node, stream, head }] : [];
  });
  const ends = await mapConcurrently(replaced, READS_AT_ONCE, async (parent) => {
    const rebuild = parent.rebuildId === undefined ? undefined : await rebuilds.get(parent.stream, parent.rebuildId);
    return { ...parent, arrivesByEpochMs: (rebuild?.endedAtEpochMs ?? clock()) + HEAD_ARRIVES_MS };
  });
  const back = ends.find(({ arrivesByEpochMs }) => clock() >= arrivesByEpochMs);
  if (back) {
    const detail = `The head of parent stream ${back.stream} is ${back.head} again, which this cascade replaced. This stream was not built. ${PLANNED_AGAIN}`;
    return wait(PARENT_NOT_VERIFIED, detail);
  }
  const [awaited] = ends;
  if (!awaited) return undefined;
  return wait(
    PARENT_ON_HOLD,
    `This stream waits until the ledger has the push of ${awaited.output} as head of parent stream ${awaited.stream}.`,
  );
}

/**
 * Why a node may not use the current heads of its parents; nothing if it may. Each head must be the verified output of
 * this cascade, or be judged and no worse than the node's own head. Another push may have moved it while the node
 * waited. Then the node ends and is planned again.
 */
export function foreignHead(
  stream: string,
  { known, heads = [] }: Pick<NodeLineage, 'known' | 'heads'>,
  parents: readonly ParentNode[],
): NegativeDecision | undefined {
  const nodes = new Map(parents.map((one) => [one.stream, one.node]));
  const isVerified = (parent: string): boolean => {
    const { output } = nodes.get(parent) ?? {};
    return output !== undefined && headDigestOf(known.streams.get(parent)?.head) === output;
  };
  const [first] = parentObstacles({ stream, heads }, known, isVerified);
  return first && wait(PARENT_NOT_VERIFIED, `${obstacleText(first)} This stream was not built. ${PLANNED_AGAIN}`);
}

export interface AgesAsked {
  /** Leaves out the age facts that a build would not fix. */
  readonly facts: readonly CauseFact[];
  /** Why a build would have no known age; absent if no age fact is left out. */
  readonly unread?: NegativeDecision;
}

/**
 * Leaves out age facts of a head if the age of the next build would be unknown, as the planner does. A repository may
 * have become unreadable since the plan. The other facts of the node are still built.
 */
export function withoutUnreadAges(facts: readonly CauseFact[], { heads = [] }: Pick<NodeLineage, 'heads'>): AgesAsked {
  const unreadFor = (fact: CauseFact): Unplaced | undefined =>
    fact.kind === 'age'
      ? heads.find((head) => head.nextUnread && factStatus(fact, head) === 'present')?.nextUnread
      : undefined;
  const [unread] = facts.flatMap((fact) => unreadFor(fact) ?? []);
  if (!unread) return { facts };
  const answer = wait(PARENT_NOT_VERIFIED, `${unplacedText(unread)} This stream was not built. ${PLANNED_AGAIN}`);
  return { facts: facts.filter((fact) => !unreadFor(fact)), unread: answer };
}

function obstacleText(obstacle: ParentObstacle): string {
  switch (obstacle.why) {
    case 'unplaced':
      return unplacedText(obstacle.image);
    case 'unread':
      return `The ledger does not have the head of parent stream ${obstacle.stream}. Patchwave reads it from the registry.`;
    case 'unjudged':
      return `Image ${obstacle.images[0]} of the head of parent stream ${obstacle.stream} is not judged yet. Patchwave judges it after its scan.`;
    case 'worse':
      return `The new head of parent stream ${obstacle.stream} has ${factText(obstacle.facts[0])}, which the head of this stream does not have: a build on it would be worse.`;
  }
}

/** Their outputs in this cascade, which are their heads even before the ledger has the push. */
export const outputsOf = (parents: readonly ParentNode[]): ReadonlyMap<string, Digest> =>
  new Map(parents.flatMap(({ stream, node }) => (node?.output === undefined ? [] : [[stream, node.output] as const])));

function endText(node: CascadeNode | undefined): string {
  if (!node) return 'the ledger has no node for it';
  const { state, answer, outcome } = node;
  const why = answer?.reason ?? outcome?.result;
  return why === undefined || why === state ? state : `${state}: ${why}`;
}
