import type { CascadeNode } from '../../shared/domain/cause/cascade.ts';
import { type CauseFact, factKey } from '../../shared/domain/cause/cause.ts';
import { anyContentFactStatus, anyFactStatus } from '../../shared/domain/cause/fact-status.ts';
import type { NodeAnswer } from '../../shared/domain/cause/node-answer.ts';
import { uncoveredText } from '../../shared/domain/cause/uncovered-text.ts';
import { HEAD_FIXED, wait } from '../../shared/domain/guard/guard-answer.ts';
import type { DispatchPorts } from './ports.ts';

/** The parent is built in the same cascade, so the current head is older than the plan. */
const isBuiltBelow = (fact: CauseFact): boolean => fact.kind === 'parent-moved' && fact.head === undefined;

const isOfContent = ({ kind }: CauseFact): boolean => kind === 'finding' || kind === 'age';

/** Keys of the facts of a node that only other streams need fixed: they count even if the rules of its stream allow them. */
export function factsOfOthers({
  facts,
  factsOfOthers: named = [],
  causeVersion,
}: Pick<CascadeNode, 'facts' | 'factsOfOthers' | 'causeVersion'>): readonly string[] {
  return causeVersion === undefined ? facts.filter(isOfContent).map(factKey) : named;
}

/**
 * Checks whether a head of the stream still has the planned facts, because a node may have waited a day. A manual
 * request and a first head are always needed.
 * @returns why it is not built; nothing if it is needed
 */
export async function notNeeded(
  { streams, images }: Pick<DispatchPorts, 'streams' | 'images'>,
  node: Pick<CascadeNode, 'stream' | 'facts' | 'factsOfOthers' | 'causeVersion'>,
): Promise<NodeAnswer | undefined> {
  const { stream, facts } = node;
  if (facts.some((fact) => fact.kind === 'person' || isBuiltBelow(fact))) return undefined;
  const digests = Object.values((await streams.streams([stream])).get(stream)?.head?.images ?? {});
  if (digests.length === 0) return undefined;
  const known = await images.get(digests);
  const heads = digests.map((digest) => known.get(digest) ?? { digest });
  const ofOthers = new Set(factsOfOthers(node));
  const statuses = new Set(
    facts.map((fact) => (ofOthers.has(factKey(fact)) ? anyContentFactStatus : anyFactStatus)(fact, heads)),
  );
  if (statuses.has('present')) return undefined;
  const named = digests.join(', ');
  const uncovered = uncoveredText(facts, heads) ?? 'it is not scanned or judged yet';
  return statuses.has('unknown')
    ? wait(
        'unknown-facts',
        `Whether the head (${named}) still has the facts is unknown: ${uncovered}. The stream waits for that.`,
      )
    : wait(
        HEAD_FIXED,
        `The head (${named}) no longer has any fact of the cause, so no rebuild is needed. Patchwave plans the deployment.`,
      );
}
