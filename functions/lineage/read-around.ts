import { collect, mapConcurrently, piecesOf } from '../../shared/concurrency.ts';
import type { ImageLineage } from '../../shared/domain/age/image-lineage.ts';
import {
  type LineageFleet,
  type LineageImage,
  parentsIn,
  type ResolvedLineages,
  resolveLineages,
} from '../../shared/domain/age/resolve-lineage.ts';
import { type Digest, type IndexChild, locationKey } from '../../shared/domain/image/image.ts';
import type { BaseReadings } from '../../shared/domain/lineage/base-readings.ts';
import { digestsClaimed, referenceClaimed } from '../../shared/domain/lineage/claimed-parents.ts';
import { chainsWithin } from '../../shared/domain/lineage/content-chains.ts';
import { ancestorsOf } from '../../shared/domain/lineage/find-parents.ts';
import { hiddenParentsIn, unreadBetweenIn } from '../../shared/domain/lineage/hidden-parents.ts';
import type { LineageEvidence } from '../../shared/domain/lineage/parent.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { declaredParentsIn } from '../../shared/domain/stream/declared-parents.ts';
import { streamsAt } from '../../shared/domain/stream/stream.ts';
import { placedLineages } from '../../shared/inventory/parents-before.ts';
import { type LineageFailure, type ReadFleet, type ReadPorts, readFleet } from '../../shared/inventory/read-fleet.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { BaseReadingLedger, ChainLedger, ImageLedger } from '../../shared/ports/ledger.ts';
import { LineageIncompleteError } from './errors.ts';
import { type BirthPorts, recordBirths } from './record-births.ts';

const LISTS_AT_ONCE = 4;

export interface AroundPorts extends Omit<ReadPorts, 'declaredParents' | 'images'> {
  readonly images: ReadPorts['images'] & BirthPorts['images'] & Pick<ImageLedger, 'recordLineage'>;
  readonly chains: ChainLedger;
  readonly baseReadings: Pick<BaseReadingLedger, 'read'>;
  readonly clock: Clock;
}

/** Some images and all their possible ancestors. */
export type AroundFleet = ReadFleet & Required<Pick<LineageFleet, 'around'>> & UnreadAround;

/** Unread repositories that may contain ancestors of the images. */
export type UnreadAround = Required<Pick<LineageFleet, 'mayHide' | 'mayLieBetween'>>;

/**
 * Reads some images and all their possible ancestors by layers and labels: enough of the fleet to find the same parents
 * as a search of all. If the content of an image shows no parent, the streams from its labels or the policy are read
 * too. Ancestors without lineage are read in the same way. Recorded parents are left out, because the real parent may
 * have been recorded only now.
 * @param unread by default what reviews could not read so far
 * @throws LineageIncompleteError if something could not be read: the rest proves nothing
 */
export async function readAround(
  ports: AroundPorts,
  policy: Policy,
  digests: readonly Digest[],
  unread?: UnreadAround,
): Promise<AroundFleet> {
  const reading = { ...ports, declaredParents: declaredParentsIn(policy) };
  const asked = new Set<Digest>();
  const searched = new Set<Digest>();
  const around = new Set<Digest>();
  let fleet: ReadFleet | undefined;
  for (let left = digests; left.length > 0 || !fleet; ) {
    const near = await nearOf(ports, left);
    fleet = await readMore(reading, asked, [...left, ...near.digests], digests);
    // Records written meanwhile may lead to images that were not read.
    const late = left.filter((digest) => !near.from.has(digest) && hasContent(fleet?.images.get(digest)));
    const { digests: named, unlisted } = await namedBy(reading, policy, withoutShownParent(fleet, left));
    if (named.some((digest) => !asked.has(digest))) fleet = await readMore(reading, asked, named, digests);
    for (const digest of left) {
      if (late.includes(digest)) continue;
      searched.add(digest);
      if (!unlisted.has(digest)) around.add(digest);
    }
    left = [...new Set([...late, ...unplacedBelow(fleet, digests).filter((digest) => !searched.has(digest))])];
  }
  return { ...fleet, around, ...(unread ?? unreadAroundBy(policy, await ports.baseReadings.read())) };
}

export const unreadAroundBy = (policy: Policy, readings: BaseReadings | undefined): UnreadAround => ({
  mayHide: hiddenParentsIn(policy, readings),
  mayLieBetween: unreadBetweenIn(policy, readings),
});

async function readMore(
  reading: ReadPorts,
  asked: Set<Digest>,
  more: readonly Digest[],
  unplaced: readonly Digest[],
): Promise<ReadFleet> {
  for (const digest of more) asked.add(digest);
  const fleet = await readFleet(reading, new Set(), [...asked]);
  const [first] = fleet.failures;
  if (first) throw new LineageIncompleteError(fleet.failures.length, first.key, first.error);
  const images = new Map(fleet.images);
  for (const digest of unplaced) {
    const { lineage: _, ...image } = images.get(digest) ?? {};
    if ('aged' in image) images.set(digest, image);
  }
  return { ...fleet, images, isWhole: false };
}

const hasContent = (image: LineageImage | undefined): boolean => (image?.layered.layers.length ?? 0) > 0;

interface Near {
  readonly digests: readonly Digest[];
  /** Images with known content. */
  readonly from: ReadonlySet<Digest>;
}

/** Images found by layers and by digests in labels. */
async function nearOf(ports: AroundPorts, digests: readonly Digest[]): Promise<Near> {
  const known = await ports.contents.get(digests);
  const contents = [...known.values()];
  const claimed = contents.flatMap((content) => digestsClaimed(content));
  const [below, indexes] = await Promise.all([
    ports.chains.imagesOf(contents.flatMap(chainsWithin)),
    claimed.length > 0 ? ports.places.indexes(claimed) : new Map<Digest, readonly IndexChild[]>(),
  ]);
  const named = [...claimed, ...[...indexes.values()].flat().map(({ digest }) => digest)];
  return { digests: [...below, ...named], from: new Set(known.keys()) };
}

/** A name counts only if neither content nor a digest shows a parent, nor provenance. */
const BY_NAME: readonly (LineageEvidence | undefined)[] = [undefined, 'label-name', 'declared'];

function withoutShownParent(fleet: ReadFleet, digests: readonly Digest[]): readonly LineageImage[] {
  const parents = parentsIn(fleet);
  return digests.flatMap((digest) =>
    BY_NAME.includes(parents.get(digest)?.evidence) ? (fleet.images.get(digest) ?? []) : [],
  );
}

/**
 * All images that the names may mean: of streams that the policy declares, and of the repository that a label names.
 * @returns `unlisted`: images whose label names a repository without a list in the ledger
 */
async function namedBy(
  { streamImages, declaredParents }: ReadPorts,
  policy: Policy,
  images: readonly LineageImage[],
): Promise<{ readonly digests: readonly Digest[]; readonly unlisted: ReadonlySet<Digest> }> {
  const lists = new Set<string>();
  const unlisted = new Set<Digest>();
  for (const { aged, layered: lineage } of images) {
    for (const stream of declaredParents(aged.stream)) lists.add(stream);
    const location = referenceClaimed(lineage)?.location;
    if (!location) continue;
    const lines = streamsAt(policy, location);
    for (const stream of lines) lists.add(stream);
    if (lines.length > 0) lists.add(locationKey(location));
    else unlisted.add(aged.digest);
  }
  const found = await mapConcurrently([...lists], LISTS_AT_ONCE, (list) => collect(streamImages.of(list)));
  return { digests: found.flat(), unlisted };
}

/** Ancestors whose lineage no review has recorded yet. */
function unplacedBelow(fleet: ReadFleet, digests: readonly Digest[]): readonly Digest[] {
  const parents = parentsIn(fleet);
  const below = new Set(digests.flatMap((digest) => ancestorsOf(parents, digest).map((ancestor) => ancestor.digest)));
  return [...below].filter((digest) => {
    const image = fleet.images.get(digest);
    return image !== undefined && !image.lineage;
  });
}

/**
 * Records parents and content age of images from everything around them. What was recorded before does not count.
 * @throws the error of a failed write of the content age
 */
export async function placeNew(
  ports: AroundPorts,
  { ages }: Policy,
  fleet: AroundFleet,
  digests: readonly Digest[],
): Promise<ResolvedLineages> {
  const found = resolveLineages(fleet, ports.clock(), ages.vendorCounts);
  const [failure] = await recordBirths(ports, fleet, found, digests);
  if (failure) throw failure.error;
  const lineages = await placedLineages(ports, found, digests, (digest) => fleet.images.get(digest)?.aged.stream);
  for (const [digest, one] of lineages)
    await ports.images.recordLineage(
      digest,
      'mayLieBelow' in one ? one : (before) => ({ ...withoutUnread(before), ...one }),
    );
  return found;
}

/** Unread repositories are recorded anew each time. */
function withoutUnread(before: ImageLineage | undefined): Partial<ImageLineage> {
  const { mayLieBetween: _, mayLieBelowNext: __, ...kept } = before ?? {};
  return kept;
}

const PLACED_TOGETHER = 25;

/**
 * Finds the parents of images from their surroundings, if the whole fleet is unreadable. All together first; one by one
 * only after a failure, so that no image blocks another.
 * @returns images whose surroundings were unreadable: they stay unchanged
 */
export async function placeApart(
  ports: AroundPorts,
  policy: Policy,
  digests: readonly Digest[],
  unread: UnreadAround,
): Promise<readonly LineageFailure[]> {
  const failures: LineageFailure[] = [];
  for (const together of piecesOf(digests, PLACED_TOGETHER)) {
    const error = await tryToPlace(ports, policy, together, unread);
    if (error === undefined) continue;
    for (const digest of together) {
      const own = await tryToPlace(ports, policy, [digest], unread);
      if (own !== undefined) failures.push({ key: digest, error: own });
    }
  }
  return failures;
}

/** @returns the error */
async function tryToPlace(
  ports: AroundPorts,
  policy: Policy,
  digests: readonly Digest[],
  unread: UnreadAround,
): Promise<unknown> {
  try {
    await placeNew(ports, policy, await readAround(ports, policy, digests, unread), digests);
    return undefined;
  } catch (error) {
    return error;
  }
}
