import { collect, piecesOf } from '../concurrency.ts';
import type { ImageLineage, LineageNotFound } from '../domain/age/image-lineage.ts';
import type { ResolvedLineages } from '../domain/age/resolve-lineage.ts';
import { sameContent } from '../domain/common/same-content.ts';
import { type Digest, locationKey } from '../domain/image/image.ts';
import { streamBelow } from '../domain/lineage/find-parents.ts';
import type { Parent } from '../domain/lineage/parent.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ReadFleet, ReadPorts } from './read-fleet.ts';

type Ports = Pick<ReadPorts, 'images' | 'streamImages' | 'fleetPlaces'>;

const PIECE = 100;
/** Maximum number of images of one stream above each other before the search for the parent ends. */
const MOST_LEVELS = 10;

/** Lineage of an image by this search. */
export type PlacedLineage = ImageLineage | LineageNotFound;

/**
 * Corrects the search result of some images. If an unread repository may contain the parent of an image, the last image
 * of its stream with a certain parent decides: a stream keeps its parent from build to build. If that image has the
 * same parent, or also none, no build has to wait. An unknown age stays unknown, so that a guess makes no image
 * younger.
 * @param streamOf the stream of an image, if known
 */
export async function placedLineages(
  ports: Ports,
  found: ResolvedLineages,
  digests: readonly Digest[],
  streamOf: (digest: Digest) => string | undefined,
): Promise<ReadonlyMap<Digest, PlacedLineage>> {
  const lineages = new Map(digests.map((digest) => [digest, found.of(digest) ?? notFound(digest, found)] as const));
  const doubted = [...lineages].filter(([, one]) => isDoubted(one)).map(([digest]) => digest);
  const before = new Map<string, ParentBefore | undefined>();
  for (const digest of doubted) {
    const stream = streamOf(digest);
    const one = lineages.get(digest);
    if (stream === undefined || !one) continue;
    if (!before.has(stream)) before.set(stream, await parentBefore(ports, stream, new Set(doubted)));
    const known = before.get(stream);
    if (known && known.parent === streamBelow(found.parents, digest, streamOf)?.stream)
      lineages.set(digest, asBefore(one, found.parents.get(digest)));
  }
  return lineages;
}

/** A lineage that a search changes. */
export interface ChangedLineage {
  readonly digest: Digest;
  readonly lineage: PlacedLineage;
}

/** Of some images of a fleet, the lineages that a search of it changes. */
export async function changedLineages(
  ports: Ports,
  { images }: Pick<ReadFleet, 'images'>,
  found: ResolvedLineages,
  digests: Iterable<Digest>,
): Promise<readonly ChangedLineage[]> {
  const known = [...digests].filter((digest) => images.has(digest));
  const lineages = await placedLineages(ports, found, known, (digest) => images.get(digest)?.aged.stream);
  return [...lineages].flatMap(([digest, lineage]) => {
    const before = images.get(digest)?.lineage;
    const isKept = 'mayLieBelow' in lineage ? before !== undefined : sameContent(lineage, before);
    return isKept ? [] : [{ digest, lineage }];
  });
}

/** The search found no lineage of an image. */
const notFound = (digest: Digest, found: ResolvedLineages): LineageNotFound => ({
  mayLieBelow: [...new Set(found.unreadBelow(digest).map(locationKey))].sort(),
});

const isDoubted = (found: PlacedLineage): boolean =>
  'mayLieBelow' in found ? found.mayLieBelow.length > 0 : found.mayLieBetween !== undefined;

/** @param parent its next build uses the head of that image's stream, which must be judged first */
function asBefore(found: PlacedLineage, parent: Parent | undefined): PlacedLineage {
  if ('mayLieBelow' in found) return { ...found, isParentAsBefore: true, ...(parent && { parentAsBefore: parent }) };
  const { mayLieBetween: _, ...lineage } = found;
  return lineage;
}

/** `parent`: the stream below the last image of a stream that has a certain parent; absent if there is none. */
interface ParentBefore {
  readonly parent?: string;
}

async function parentBefore(
  { images, streamImages, fleetPlaces }: Ports,
  stream: string,
  doubted: ReadonlySet<Digest>,
): Promise<ParentBefore | undefined> {
  let last: { readonly image: ImageRecord; readonly pushedAtEpochMs: number } | undefined;
  for (const piece of piecesOf(await collect(streamImages.of(stream)), PIECE)) {
    const records = [...(await images.get(piece)).values()];
    const placed = records.filter((image) => isSure(image) && image.stream === stream && !doubted.has(image.digest));
    const places = await fleetPlaces.locationsOf(placed);
    for (const image of placed) {
      const pushes = (places.get(image.digest) ?? []).flatMap(
        ({ lastPushSeenAtEpochMs }) => lastPushSeenAtEpochMs ?? [],
      );
      const pushedAtEpochMs = Math.max(0, ...pushes);
      if (!last || pushedAtEpochMs > last.pushedAtEpochMs) last = { image, pushedAtEpochMs };
    }
  }
  return last && parentOf(images, stream, last.image);
}

const isSure = ({ lineage, unresolved }: ImageRecord): boolean =>
  lineage !== undefined && lineage.mayLieBetween === undefined && unresolved === undefined;

/** `undefined` if unknown. */
async function parentOf(
  images: Ports['images'],
  stream: string,
  image: ImageRecord,
): Promise<ParentBefore | undefined> {
  let at: ImageRecord | undefined = image;
  for (let level = 0; at && level < MOST_LEVELS; level += 1) {
    const parent: Parent | undefined = at.lineage?.parent;
    if (!parent) return at.lineage ? {} : undefined;
    at = (await images.get([parent.digest])).get(parent.digest);
    if (at?.stream !== undefined && at.stream !== stream && parent.evidence !== 'earliest-push')
      return { parent: at.stream };
  }
  return undefined;
}
