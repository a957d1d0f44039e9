import type { KnownFleet, Line, Step } from './attribution-line.ts';
import type { AgeFact, FindingFact } from './cause.ts';
import { containsFact, type Holding, holdsFact } from './holding.ts';
import type { Digest } from './image.ts';
import { ancestorsOf } from './lineage.ts';
import { compareTexts } from './order.ts';

/** What an image can have. What a person asks for is asked of a stream, and needs no attribution. */
export type ImageFact = FindingFact | AgeFact;

/** Whose the fact is, as far as that is known. */
export interface Attributed {
  /** The lowest image of our streams, above what was left, that is known to have it; else the image itself. */
  readonly holder: Digest;
  /** The lowest image below the holder that has it too, and that nobody here rebuilds. */
  readonly vendor?: Digest;
  /** Whether the layer that the scanner names is the vendor's or the holder's. The lineage decides all the same. */
  readonly witness?: 'agrees' | 'disagrees';
  /** A stream that the image comes from, which its line has left since. */
  readonly left?: string;
}

/**
 * Why a stream is the root: its head has the fact, which a waiver lets pass there or not; or does not stand on the head
 * of the stream below; or is missing.
 */
export type RootReason = 'head-has-it' | 'head-has-it-waived' | 'head-behind' | 'no-head';

/**
 * - `pending`: it hangs on what nobody knows yet. Scans must be asked for of `images`, heads of `streams`; sorted.
 * - `rebuild`: the root, and all streams from it up to the image's own, or to the highest one that it stands on.
 * - `deploy`: all heads are mended. What runs must be replaced by one of `heads`.
 * - `report`: nothing that we could build or deploy mends it. `no-stream`: no stream made what has it. `made-elsewhere`:
 *   all that the image stands on is mended, and it is no stream's. `platform-dropped`: the heads of `stream` are for
 *   other platforms only.
 */
export type Attribution =
  | { readonly kind: 'pending'; readonly images: readonly Digest[]; readonly streams: readonly string[] }
  | (Attributed & {
      readonly kind: 'rebuild';
      readonly root: string;
      readonly because: RootReason;
      readonly path: readonly string[];
    })
  | (Attributed & { readonly kind: 'deploy'; readonly stream: string; readonly heads: readonly Digest[] })
  | (Attributed & { readonly kind: 'report'; readonly because: 'no-stream' | 'made-elsewhere' })
  | (Attributed & { readonly kind: 'report'; readonly because: 'platform-dropped'; readonly stream: string });

interface Looked extends Step {
  readonly isInImage: boolean;
  readonly isInHeads: boolean;
}

/**
 * At which stream a fact of an image is to be mended. It belongs to the lowest stream of the lineage that has it, in the
 * image or in its head; from there up the first stream is the root whose head has it or does not stand on the head
 * below. What lies lower does not have it, and whether it moved on does not matter.
 * @param line of an image that has the fact
 * @param layer the layer that a scanner says brought it
 */
export function attribute(fact: ImageFact, line: Line, known: KnownFleet, layer?: Digest): Attribution {
  const has: Has = (digest) =>
    digest === line.digest ? 'holds' : containsFact(fact, known.images.get(digest) ?? { digest });
  const isIn = (digest: Digest): boolean => has(digest) === 'holds';
  const steps = line.steps.map((step): Looked => {
    const { digest, heads = [] } = step;
    return { ...step, isInImage: isIn(digest), isInHeads: heads.some(isIn) };
  });
  const start = steps.findIndex(({ isInImage, isInHeads }) => isInImage || isInHeads);
  const [lower, upper] = start < 0 ? [steps, []] : [steps.slice(0, start), steps.slice(start)];
  const end = upper.findIndex((step, at) => isFault(step, at > 0));
  const pending = missing(line, lower, end < 0 ? upper : upper.slice(0, end), has);
  if (pending) return pending;
  const attributed = attributedTo(upper, line, known, has, layer);
  const [root, ...above] = end < 0 ? [] : upper.slice(end);
  if (root) return { ...attributed, ...mending(root, above, fact, known) };
  return { ...attributed, ...unbuilt(upper.at(-1), line) };
}

type Has = (digest: Digest) => Holding;

/** What could move the root: a lower holder that nobody knows of, or a head on the way up that is not what it seems. */
function missing(
  line: Line,
  lower: readonly Looked[],
  onTheWay: readonly Looked[],
  has: Has,
): Extract<Attribution, { kind: 'pending' }> | undefined {
  const asked = [...lower, ...onTheWay];
  const looked = [...lower.map(({ digest }) => digest), ...asked.flatMap(({ heads = [] }) => heads)];
  const unseen = [...line.unseen, ...onTheWay.flatMap((step) => step.unseen)];
  const images = inOrder([...unseen, ...looked.filter((digest) => has(digest) === 'unknown')]);
  const streams = inOrder(asked.flatMap(({ heads, stream }) => (heads ? [] : [stream])));
  return images.length > 0 || streams.length > 0 ? { kind: 'pending', images, streams } : undefined;
}

/** Whether a stream stops the way up, whatever else is not known of it. */
const isFault = ({ heads, isInHeads, isOnHead }: Looked, hasBelow: boolean): boolean =>
  heads !== undefined && (heads.length === 0 || isInHeads || (hasBelow && isOnHead === false));

function mending(root: Looked, above: readonly Looked[], fact: ImageFact, known: KnownFleet) {
  const { stream, lacksPlatform } = root;
  if (lacksPlatform) return { kind: 'report', because: 'platform-dropped', stream } as const;
  const path = [root, ...above].map((step) => step.stream);
  return { kind: 'rebuild', root: stream, because: rootReason(root, fact, known), path } as const;
}

function rootReason({ heads = [], isInHeads }: Looked, fact: ImageFact, { images }: KnownFleet): RootReason {
  if (heads.length === 0) return 'no-head';
  if (!isInHeads) return 'head-behind';
  const counts = (digest: Digest): boolean => holdsFact(fact, images.get(digest) ?? { digest }) === 'holds';
  return heads.some(counts) ? 'head-has-it' : 'head-has-it-waived';
}

function unbuilt(top: Looked | undefined, { ownStream }: Line) {
  if (!top) return { kind: 'report', because: 'no-stream' } as const;
  if (ownStream === undefined) return { kind: 'report', because: 'made-elsewhere' } as const;
  return { kind: 'deploy', stream: ownStream, heads: top.heads ?? [] } as const;
}

function attributedTo(
  steps: readonly Looked[],
  line: Line,
  known: KnownFleet,
  has: Has,
  layer: Digest | undefined,
): Attributed {
  const lowest = steps.find(({ isInImage }) => isInImage);
  const { digest: holder, vendors } = lowest ?? line;
  const vendor = vendors.findLast((digest) => has(digest) === 'holds');
  const witness = layer && witnessOf(layer, vendor ?? holder, line, known);
  return {
    holder,
    ...(vendor !== undefined && { vendor }),
    ...(witness !== undefined && { witness }),
    ...(line.left !== undefined && { left: line.left }),
  };
}

/**
 * The layer is the image's if it has it and what it stands on has not. An image of unknown lineage has nothing to compare
 * with, and a layer that is in none of its layers says nothing.
 */
function witnessOf(
  layer: Digest,
  attributed: Digest,
  { digest }: Line,
  { parents, images }: KnownFleet,
): Attributed['witness'] {
  const image = images.get(attributed);
  if (!parents.has(digest) || !images.get(digest)?.layers?.includes(layer) || !image?.layers) return undefined;
  const below = ancestorsOf(parents, attributed).find(
    ({ digest, evidence }) =>
      evidence !== 'earliest-push' && (image.stream === undefined || images.get(digest)?.stream !== image.stream),
  );
  const lower = below ? images.get(below.digest)?.layers : [];
  return lower && (image.layers.includes(layer) && !lower.includes(layer) ? 'agrees' : 'disagrees');
}

const inOrder = <Text extends string>(texts: readonly Text[]): readonly Text[] =>
  [...new Set(texts)].sort(compareTexts);
