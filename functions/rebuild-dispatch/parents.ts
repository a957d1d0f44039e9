import { mapConcurrently } from '../../shared/concurrency.ts';
import { type ParentObstacle, parentObstacles } from '../../shared/domain/attribution/parent-heads.ts';
import { type CascadeNode, hasEnded } from '../../shared/domain/cause/cascade.ts';
import type { CauseFact } from '../../shared/domain/cause/cause.ts';
import { factStatus } from '../../shared/domain/cause/fact-status.ts';
import { type Unplaced, unplacedText } from '../../shared/domain/cause/unplaced.ts';
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
import type { NodeLineage } from './lineage.ts';
import type { DispatchPorts } from './ports.ts';
import type { Obstacle } from './postpone.ts';

const READS_AT_ONCE = 8;

/** A stream of the cascade that a node is built on; without `node` where nobody planned it. */
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

/**
 * Why a node may not be built on what it is built on in its cascade; nothing where all of that is verified, or fixed by
 * somebody else. A parent that came to another end ends it too, and so does one whose build waits for a person: that may
 * take days. One that has not ended is waited for: waves follow one another, but nothing is built on a guess.
 */
export function unverifiedParent(parents: readonly ParentNode[]): Obstacle | undefined {
  const lacking = parents.filter(({ node }) => !node || !isFixed(node));
  const failed = lacking.find(({ node }) => !node || (hasEnded(node) && !waitsForPerson(node)));
  if (failed) {
    const detail = `Parent stream ${failed.stream} ended as ${endText(failed.node)}, so this stream was not built. It is planned again.`;
    return { answer: wait(PARENT_NOT_VERIFIED, detail), isFinal: true };
  }
  const parked = lacking.find(({ node }) => node && waitsForPerson(node));
  if (parked) {
    const detail = `Parent stream ${parked.stream} waits for a person to approve its build, so this stream was not built. It is planned again once the parent is verified.`;
    return { answer: wait(PARENT_ON_HOLD, detail), isFinal: true };
  }
  const [awaited] = lacking;
  if (!awaited) return undefined;
  const detail = `Parent stream ${awaited.stream} is not verified yet.`;
  return { answer: wait(PARENT_ON_HOLD, detail), isFinal: false };
}

/**
 * Why a node may not be built on the heads of its parents as they are now; nothing where it may. The head of each parent,
 * whether that is of the cascade or not, is the verified output of this cascade, or is judged and no worse than the head
 * of the node. Somebody else may have pushed another one while the node waited for its turn. The node then ends, and is
 * planned again by what its parents are.
 */
export function foreignHead(
  stream: string,
  { known, heads = [] }: Pick<NodeLineage, 'known' | 'heads'>,
  parents: readonly ParentNode[],
): NegativeDecision | undefined {
  const nodes = new Map(parents.map((one) => [one.stream, one.node]));
  const isVerified = (parent: string): boolean => {
    const { output, headBefore } = nodes.get(parent) ?? {};
    const head = headDigestOf(known.streams.get(parent)?.head);
    // The ledger may not have heard yet that the verified output is the head now.
    return output !== undefined && (head === output || head === headBefore);
  };
  const [first] = parentObstacles({ stream, heads }, known, isVerified);
  return first && wait(PARENT_NOT_VERIFIED, `${obstacleText(first)} This stream was not built. It is planned again.`);
}

export interface AgesAsked {
  /** Without the ages for which a build would win nothing. */
  readonly facts: readonly CauseFact[];
  /** Why a build would have no known age; absent where no age is left out. */
  readonly unread?: NegativeDecision;
}

/**
 * Leaves out an age of a head where the age of the next build would be unknown, as the planner does. A repository may have become
 * unread since the plan. What else the node is planned for is built all the same.
 */
export function withoutUnreadAges(facts: readonly CauseFact[], { heads = [] }: Pick<NodeLineage, 'heads'>): AgesAsked {
  const unreadFor = (fact: CauseFact): Unplaced | undefined =>
    fact.kind === 'age'
      ? heads.find((head) => head.nextUnread && factStatus(fact, head) === 'present')?.nextUnread
      : undefined;
  const [unread] = facts.flatMap((fact) => unreadFor(fact) ?? []);
  if (!unread) return { facts };
  const answer = wait(PARENT_NOT_VERIFIED, `${unplacedText(unread)} This stream was not built. It is planned again.`);
  return { facts: facts.filter((fact) => !unreadFor(fact)), unread: answer };
}

function obstacleText(obstacle: ParentObstacle): string {
  switch (obstacle.why) {
    case 'unplaced':
      return unplacedText(obstacle.image);
    case 'unread':
      return `The ledger does not know the head of parent stream ${obstacle.stream}.`;
    case 'unjudged':
      return `Image ${obstacle.images[0]} of the head of parent stream ${obstacle.stream} is not judged yet.`;
    case 'worse':
      return `The new head of parent stream ${obstacle.stream} has ${factText(obstacle.facts[0])}, which the head of this stream does not have.`;
  }
}

/** What was built of them in this cascade: their head, whether the ledger knows it yet or not. */
export const outputsOf = (parents: readonly ParentNode[]): ReadonlyMap<string, Digest> =>
  new Map(parents.flatMap(({ stream, node }) => (node?.output === undefined ? [] : [[stream, node.output] as const])));

function endText(node: CascadeNode | undefined): string {
  if (!node) return 'lost';
  const { state, answer, outcome } = node;
  const why = answer?.reason ?? outcome?.result;
  return why === undefined || why === state ? state : `${state} (${why})`;
}
