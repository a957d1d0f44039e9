import { type CauseFact, mergeFacts, violatedFacts } from '../cause/cause.ts';
import { anyContentFactStatus, isUnjudged, type JudgedImage } from '../cause/fact-status.ts';
import { type BuiltOn, shortHash } from '../cause/rebuild.ts';
import type { Unplaced } from '../cause/unplaced.ts';
import { byKey, compareTexts } from '../common/compare-texts.ts';
import type { Digest } from '../image/image.ts';
import { streamBelow } from '../lineage/find-parents.ts';
import { headDigestOf } from '../stream/heads.ts';
import type { Headed } from './root-cause.ts';
import { type AttributionInputs, headsFor, showing } from './stream-path.ts';

/**
 * Why a stream must not be built on a parent now. A build uses the parent's head at that moment.
 * - `unplaced`: the parent of the stream is unknown, because the lineage of its own head was not read. `stream` is the
 * stream itself.
 * - `unread`: the parent's head is unknown.
 * - `unjudged`: these images of the parent's head have no complete verdict, whether the stream is already built on them
 * or not.
 * - `worse`: the parent has a different head than the one that the stream's head is built on. It violates these facts,
 * and the stream's head does not have them. Without a head, the running images of the stream do not have them. A
 * mirrored parent is never worse for a base, which patches its packages: verification judges the image that is built.
 */
export type ParentObstacle = { readonly stream: string } & (
  | { readonly why: 'unplaced'; readonly image: Unplaced }
  | { readonly why: 'unread' }
  | { readonly why: 'unjudged'; readonly images: readonly [Digest, ...Digest[]] }
  | { readonly why: 'worse'; readonly facts: readonly [CauseFact, ...CauseFact[]] }
);

/**
 * The parents that a stream must not be built on now, sorted by name, with at most one obstacle each. Parents that the
 * policy never lets Patchwave rebuild count too. An unknown parent comes first, because each platform has its own. The
 * head of the stream shows its parents; without a head, the images pushed last show them.
 * @param isVerified whether the head of a parent needs no check, because it is built and verified before the stream is
 */
export const parentObstacles = (
  headed: Headed,
  known: AttributionInputs,
  isVerified: (parent: string) => boolean,
): readonly ParentObstacle[] => [
  ...unknownParents(headed, known),
  ...[...nextHeads(headed, known)]
    .filter(([parent]) => !isVerified(parent))
    .sort(byKey)
    .flatMap(([parent, next]) => obstacleIn(headed, parent, next, known) ?? []),
];

function unknownParents({ stream, heads = [] }: Headed, known: AttributionInputs): readonly ParentObstacle[] {
  const unplaced = showing(stream, heads, known).flatMap((head) => head.unplaced ?? []);
  const [image] = unplaced.sort((one, other) => compareTexts(one.digest, other.digest));
  return image ? [{ stream, why: 'unplaced', image }] : [];
}

/**
 * By parent: images of its head that the next build of a stream uses and that the stream is not built on yet.
 * `undefined` if the parent's head is unknown. If the head has no image for a platform, all of its images count.
 */
export const movedHeads = (
  headed: Headed,
  known: AttributionInputs,
): ReadonlyMap<string, readonly Digest[] | undefined> =>
  new Map(Array.from(nextHeads(headed, known), ([parent, next]) => [parent, next?.moved]));

/** Images of a parent's head that the next build of a stream uses. */
interface NextHead {
  readonly all: readonly Digest[];
  /** Those that the stream is not built on yet. */
  readonly moved: readonly Digest[];
}

/** By parent; `undefined` if its head is unknown. */
function nextHeads(
  { stream, heads = [] }: Headed,
  known: AttributionInputs,
): ReadonlyMap<string, NextHead | undefined> {
  const next = new Map<string, NextHead | undefined>();
  for (const { digest } of showing(stream, heads, known)) {
    const streamOf = (one: Digest) => (one === digest ? stream : madeBy(one, known));
    const parent = streamBelow(known.parents, digest, streamOf);
    if (!parent) continue;
    const record = known.streams.get(parent.stream);
    const meant = headsFor({ stream: parent.stream, digest }, known) ?? [];
    const every = Object.values(record?.head?.images ?? {});
    const others = othersThan(parent.digest, { meant, all: every, known });
    const { all = [], moved = [] } = next.get(parent.stream) ?? {};
    const picked = meant.length > 0 ? meant : every;
    next.set(
      parent.stream,
      record && { all: [...new Set([...all, ...picked])], moved: [...new Set([...moved, ...others])] },
    );
  }
  return next;
}

/** The streams that a stream is built on, in order; also those that the policy never lets be rebuilt. */
export const parentStreamsOf = (headed: Headed, known: AttributionInputs): readonly string[] =>
  [...movedHeads(headed, known).keys()].sort(compareTexts);

/**
 * The head of the only parent of a stream, also if the policy never lets Patchwave rebuild that parent. `undefined` if
 * there is no parent, its head is unknown, or there are several, which move independently. Planner and dispatcher both
 * call this, because the dispatcher must not refuse for good what the planner allows.
 * @param outputs of streams that were rebuilt in earlier waves
 */
export function onlyParentHead(
  headed: Headed,
  known: AttributionInputs,
  outputs: ReadonlyMap<string, Digest> = new Map(),
): Digest | undefined {
  const [parent, ...others] = parentStreamsOf(headed, known);
  if (parent === undefined || others.length > 0) return undefined;
  const head = headDigestOf(known.streams.get(parent)?.head);
  return head && (outputs.get(parent) ?? head);
}

/**
 * The heads of all parents of a stream in one string, which changes as soon as one of them moves. `undefined` if no
 * parent is known.
 * @param outputs of streams that were rebuilt in earlier waves
 */
export function parentsKey(
  headed: Headed,
  known: AttributionInputs,
  outputs: ReadonlyMap<string, Digest> = new Map(),
): string | undefined {
  const headOf = (parent: string) => outputs.get(parent) ?? headDigestOf(known.streams.get(parent)?.head) ?? '';
  return keyOf(parentStreamsOf(headed, known).map((parent) => [parent, headOf(parent)]));
}

/** @param heads of each parent by its name, in order */
const keyOf = (heads: readonly (readonly [parent: string, head: string])[]): string | undefined =>
  heads.length === 0 ? undefined : shortHash(heads.map(([parent, head]) => `${parent}=${head}`).join('\n'));

/**
 * The heads of the parents that an output shows, in the form of `parentsKey` and `onlyParentHead`. They can differ from
 * those of the reservation: a parent may move before the build uses it, and an image that no event reported hides the
 * parent until a review finds it.
 * @param parents by name the head of each parent; `undefined` if it is unknown, or the output is built on another image
 * @returns `undefined` if one of them is `undefined`, or there is none
 */
export function headsShown(parents: ReadonlyMap<string, Digest | undefined>): BuiltOn | undefined {
  const heads = [...parents].sort(byKey);
  const known = heads.flatMap(([parent, head]) => (head === undefined ? [] : [[parent, head] as const]));
  const key = keyOf(known);
  if (key === undefined || known.length < heads.length) return undefined;
  const [[, parentHead] = [], ...others] = known;
  return { parents: key, ...(parentHead !== undefined && others.length === 0 && { parentHead }) };
}

interface HeadImages {
  /** For the platform that is built. */
  readonly meant: readonly Digest[];
  readonly all: readonly Digest[];
  readonly known: AttributionInputs;
}

/** Images of a head that a build uses in place of the one that it was built on. */
function othersThan(before: Digest, { meant, all, known }: HeadImages): readonly Digest[] {
  const isBefore = (one: Digest): boolean => isSame(one, before, known);
  if (meant.length > 0) return meant.filter((one) => !isBefore(one));
  return all.some(isBefore) ? [] : all;
}

/**
 * The images that a new parent must not be worse than. Without a head these are the running images. If none runs,
 * nothing can get worse.
 */
function comparedWith({ stream, heads = [] }: Headed, known: AttributionInputs): readonly JudgedImage[] {
  if (heads.length > 0) return heads;
  return (known.lastBuilt?.get(stream)?.running ?? []).map((digest) => known.images.get(digest) ?? { digest });
}

function obstacleIn(
  headed: Headed,
  stream: string,
  next: NextHead | undefined,
  known: AttributionInputs,
): ParentObstacle | undefined {
  if (!next) return { stream, why: 'unread' };
  const [unjudged, ...more] = next.all.filter((one) => isUnjudged(known.images.get(one) ?? {})).sort(compareTexts);
  if (unjudged !== undefined) return { stream, why: 'unjudged', images: [unjudged, ...more] };
  const tierOf = (one: string) => known.streams.get(one)?.tier;
  const compared = comparedWith(headed, known);
  if (compared.length === 0 || (tierOf(stream) === 'mirrored' && tierOf(headed.stream) === 'base')) return undefined;
  const violated = next.moved.flatMap((one) => {
    const verdict = known.images.get(one)?.verdict;
    return verdict ? violatedFacts(verdict) : [];
  });
  const [worse, ...others] = mergeFacts(violated).filter((fact) => anyContentFactStatus(fact, compared) !== 'present');
  return worse && { stream, why: 'worse', facts: [worse, ...others] };
}

const madeBy = (digest: Digest, { images, neverBuilt }: AttributionInputs): string | undefined =>
  images.get(digest)?.stream ?? neverBuilt?.get(digest);

function isSame(one: Digest, other: Digest, { images }: AttributionInputs): boolean {
  const chain = images.get(one)?.chainId;
  return one === other || (chain !== undefined && chain === images.get(other)?.chainId);
}
