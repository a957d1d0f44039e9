import { collect, mapConcurrently } from '../concurrency.ts';
import type { LineageFleet, LineageImage } from '../domain/age/resolve-lineage.ts';
import type { Digest } from '../domain/image/image.ts';
import { digestsClaimed } from '../domain/lineage/claimed-parents.ts';
import { layeredImageOf } from '../domain/lineage/image-content.ts';
import type { declaredParentsIn } from '../domain/stream/declared-parents.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ContentLedger, FleetPlaces, ImageLedger, PlaceLedger } from '../ports/ledger.ts';
import type { StreamImages } from '../ports/stream-images.ts';
import { readLevels } from './read-ancestors.ts';

const STREAMS_AT_ONCE = 8;

export interface ReadPorts {
  readonly images: Pick<ImageLedger, 'get'>;
  readonly contents: Pick<ContentLedger, 'get'>;
  readonly places: Pick<PlaceLedger, 'indexes'>;
  readonly fleetPlaces: FleetPlaces;
  readonly streamImages: Pick<StreamImages, 'of'>;
  /** Parents that the policy declares for a stream. */
  readonly declaredParents: ReturnType<typeof declaredParentsIn>;
}

/** A failed read or write: an image, or the list of a stream or repository. */
export interface LineageFailure {
  readonly key: string;
  readonly error: unknown;
}

export interface ReadFleet extends LineageFleet {
  readonly failures: readonly LineageFailure[];
}

/**
 * Reads all possible ancestors: every base and platform image, images that the caller adds, and recorded ancestors.
 * Only the fields for lineage and age are kept.
 * @param lists the streams and locations (`locationKey`) whose images can be parents
 */
export async function readFleet(
  ports: ReadPorts,
  lists: ReadonlySet<string>,
  others: readonly Digest[],
): Promise<ReadFleet> {
  const listed = await listImages(ports, lists);
  const failures = [...listed.failures];
  const images = new Map<Digest, LineageImage>();
  await readLevels(
    [...others, ...listed.digests],
    (piece) => readPiece(ports, piece),
    (reading) => {
      failures.push(...reading.failures);
      for (const image of reading.images) images.set(image.aged.digest, image);
      return reading.images.flatMap(({ lineage }) => lineage?.parent?.digest ?? []);
    },
  );
  const claimed = await readClaimed(ports, images);
  failures.push(...claimed.failures);
  return { images, indexes: claimed.indexes, failures, isWhole: failures.length === 0 };
}

/** Labels may name indexes. Few images have such a label, and all their children share it. */
async function readClaimed({ places }: ReadPorts, images: ReadonlyMap<Digest, LineageImage>) {
  const claimed = new Set([...images.values()].flatMap(({ layered: lineage }) => digestsClaimed(lineage)));
  if (claimed.size === 0) return { indexes: new Map(), failures: [] };
  try {
    return { indexes: await places.indexes([...claimed]), failures: [] };
  } catch (error) {
    return { indexes: new Map(), failures: [{ key: 'indexes named by labels', error }] };
  }
}

/** Every image of possible parent repositories, not only the heads. */
async function listImages({ streamImages }: ReadPorts, lists: ReadonlySet<string>) {
  const failures: LineageFailure[] = [];
  const digests = await mapConcurrently([...lists], STREAMS_AT_ONCE, async (list) => {
    try {
      return await collect(streamImages.of(list));
    } catch (error) {
      failures.push({ key: list, error });
      return [];
    }
  });
  return { digests: digests.flat(), failures };
}

interface Reading {
  readonly images: readonly LineageImage[];
  readonly failures: readonly LineageFailure[];
}

/** Many in one call; after a failure one by one, to find the failing one. */
async function readPiece(ports: ReadPorts, digests: readonly Digest[]): Promise<Reading> {
  try {
    return { images: await readImages(ports, digests), failures: [] };
  } catch (error) {
    const [only] = digests;
    if (only !== undefined && digests.length === 1) {
      return { images: [], failures: [{ key: only, error }] };
    }
    const images: LineageImage[] = [];
    const failures: LineageFailure[] = [];
    for (const digest of digests) {
      const reading = await readPiece(ports, [digest]);
      images.push(...reading.images);
      failures.push(...reading.failures);
    }
    return { images, failures };
  }
}

/** Images without a ledger record are skipped; policy evaluation reports them. */
async function readImages(ports: ReadPorts, digests: readonly Digest[]): Promise<readonly LineageImage[]> {
  const records = await ports.images.get(digests);
  const known = [...records.values()];
  const [contents, places] = await Promise.all([
    ports.contents.get([...records.keys()]),
    ports.fleetPlaces.locationsOf(known),
  ]);
  return known.map((image) => ({
    layered: layeredImageOf(
      image,
      contents.get(image.digest),
      places.get(image.digest) ?? [],
      ports.declaredParents(image.stream),
    ),
    aged: agedOf(image),
    ...(image.lineage && { lineage: image.lineage }),
  }));
}

const agedOf = ({ digest, tier, stream, chainId, birth, ...image }: ImageRecord): LineageImage['aged'] => ({
  digest,
  tier,
  ...(stream !== undefined && { stream }),
  ...(chainId !== undefined && { chainId }),
  birth,
  ...(image.reconfirmedAtEpochMs !== undefined && { reconfirmedAtEpochMs: image.reconfirmedAtEpochMs }),
});
