import { headsFor, type KnownFleet } from './attribution-line.ts';
import { type CauseFact, mergeFacts, violatedFacts } from './cause.ts';
import type { Headed } from './fault.ts';
import { headDigestOf } from './heads.ts';
import { anyContains, isUnjudged } from './holding.ts';
import type { Digest } from './image.ts';
import { standsOn } from './lineage.ts';
import { compareTexts } from './order.ts';
import { shortHash } from './rebuild.ts';

/**
 * Why a stream must not be built on a parent now. The parent has another head than the one that the stream's own head
 * stands on, so a build would pick that up.
 * - `unread`: nobody knows the parent's head.
 * - `unjudged`: these images of the parent's head have no complete verdict.
 * - `worse`: the parent's head violates these facts, and the stream's own head does not have them.
 */
export type ParentObstacle = { readonly stream: string } & (
  | { readonly why: 'unread' }
  | { readonly why: 'unjudged'; readonly images: readonly [Digest, ...Digest[]] }
  | { readonly why: 'worse'; readonly facts: readonly [CauseFact, ...CauseFact[]] }
);

/**
 * The parents that a stream must not be built on now, in the order of their names: at most one obstacle each. Parents
 * that the policy never lets be rebuilt count, too.
 * @param isVerified whether the head of a parent needs no look: it is built and verified before the stream is
 */
export const parentObstacles = (
  headed: Headed,
  known: KnownFleet,
  isVerified: (parent: string) => boolean,
): readonly ParentObstacle[] =>
  [...movedHeads(headed, known)]
    .filter(([parent]) => !isVerified(parent))
    .sort(([one], [other]) => compareTexts(one, other))
    .flatMap(([parent, images]) => obstacleIn(parent, images, headed, known) ?? []);

/**
 * By parent: images of its head that the next build of a stream picks up, and that the stream does not stand on yet.
 * `undefined` where nobody knows the parent's head. Where the head has no image for a platform, all of its images count.
 */
export function movedHeads(
  { stream, heads = [] }: Headed,
  known: KnownFleet,
): ReadonlyMap<string, readonly Digest[] | undefined> {
  const moved = new Map<string, readonly Digest[] | undefined>();
  for (const { digest } of heads) {
    const streamOf = (one: Digest) => (one === digest ? stream : madeBy(one, known));
    const parent = standsOn(known.parents, digest, streamOf);
    if (!parent) continue;
    const record = known.streams.get(parent.stream);
    const others = othersThan(parent.digest, {
      meant: headsFor({ stream: parent.stream, digest }, known) ?? [],
      all: Object.values(record?.head?.images ?? {}),
      known,
    });
    moved.set(parent.stream, record && [...new Set([...(moved.get(parent.stream) ?? []), ...others])]);
  }
  return moved;
}

/** The streams that the heads of a stream stand on, in order; also those that the policy never lets be rebuilt. */
export const parentsOf = (headed: Headed, known: KnownFleet): readonly string[] =>
  [...movedHeads(headed, known).keys()].sort(compareTexts);

/**
 * The heads of all streams that a stream stands on, in one word: another one as soon as any of them moves. `undefined`
 * where it stands on none that is known.
 * @param outputs of streams that were rebuilt in the waves before
 */
export function parentsKey(
  headed: Headed,
  known: KnownFleet,
  outputs: ReadonlyMap<string, Digest> = new Map(),
): string | undefined {
  const parents = parentsOf(headed, known);
  const headOf = (parent: string) => outputs.get(parent) ?? headDigestOf(known.streams.get(parent)?.head) ?? '';
  return parents.length === 0
    ? undefined
    : shortHash(parents.map((parent) => `${parent}=${headOf(parent)}`).join('\n'));
}

interface HeadImages {
  /** For the platform that is built. */
  readonly meant: readonly Digest[];
  readonly all: readonly Digest[];
  readonly known: KnownFleet;
}

/** Images of a head that a build picks up in the place of one that it stood on. */
function othersThan(before: Digest, { meant, all, known }: HeadImages): readonly Digest[] {
  const isBefore = (one: Digest): boolean => isSame(one, before, known);
  if (meant.length > 0) return meant.filter((one) => !isBefore(one));
  return all.some(isBefore) ? [] : all;
}

function obstacleIn(
  stream: string,
  images: readonly Digest[] | undefined,
  { heads = [] }: Headed,
  known: KnownFleet,
): ParentObstacle | undefined {
  if (!images) return { stream, why: 'unread' };
  const [unjudged, ...more] = images.filter((one) => isUnjudged(known.images.get(one) ?? {})).sort(compareTexts);
  if (unjudged !== undefined) return { stream, why: 'unjudged', images: [unjudged, ...more] };
  const violated = images.flatMap((one) => {
    const verdict = known.images.get(one)?.verdict;
    return verdict ? violatedFacts(verdict) : [];
  });
  const [worse, ...others] = mergeFacts(violated).filter((fact) => anyContains(fact, heads) !== 'holds');
  return worse && { stream, why: 'worse', facts: [worse, ...others] };
}

const madeBy = (digest: Digest, { images, neverBuilt }: KnownFleet): string | undefined =>
  images.get(digest)?.stream ?? neverBuilt?.get(digest);

function isSame(one: Digest, other: Digest, { images }: KnownFleet): boolean {
  const chain = images.get(one)?.chainId;
  return one === other || (chain !== undefined && chain === images.get(other)?.chainId);
}
