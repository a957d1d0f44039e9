import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { LineageFleet, LineageImage } from '../../shared/domain/age/resolve-lineage.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import { digestsClaimed } from '../../shared/domain/lineage/claimed-parents.ts';
import { lineageFactsOf } from '../../shared/domain/lineage/image-content.ts';
import type { declaredParentsIn } from '../../shared/domain/stream/declared-parents.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { readLevels } from '../../shared/inventory/read-ancestors.ts';
import type { ContentLedger, FleetPlaces, ImageLedger, PlaceLedger } from '../../shared/ports/ledger.ts';
import type { StreamImages } from '../../shared/ports/stream-images.ts';

const STREAMS_AT_ONCE = 8;

export interface ReadPorts {
  readonly images: Pick<ImageLedger, 'get' | 'recordLineage'>;
  readonly contents: Pick<ContentLedger, 'get'>;
  readonly places: Pick<PlaceLedger, 'indexes'>;
  readonly fleetPlaces: FleetPlaces;
  readonly streamImages: Pick<StreamImages, 'of'>;
  /** What the policy says that a stream is built from. */
  readonly declaredParents: ReturnType<typeof declaredParentsIn>;
}

/** What could not be read or written: an image, or the list of a stream or a repository. */
export interface LineageFailure {
  readonly key: string;
  readonly error: unknown;
}

export interface ReadFleet extends LineageFleet {
  readonly failures: readonly LineageFailure[];
}

/**
 * Reads all that images can be built on: everything that base and platform streams ever made, what else the caller knows,
 * and what these were found to be built on before. Of each only what lineage and age are read from is kept.
 * @param lists the streams and places (`locationKey`) whose images others can be built on
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

/** What labels name may be indexes; few images have such a label, and their children all have the same. */
async function readClaimed({ places }: ReadPorts, images: ReadonlyMap<Digest, LineageImage>) {
  const claimed = new Set([...images.values()].flatMap(({ lineageFacts: lineage }) => digestsClaimed(lineage)));
  if (claimed.size === 0) return { indexes: new Map(), failures: [] };
  try {
    return { indexes: await places.indexes([...claimed]), failures: [] };
  } catch (error) {
    return { indexes: new Map(), failures: [{ key: 'indexes that labels name', error }] };
  }
}

/** Every image of the repositories that others are built upon, not their heads alone. */
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

/** Many in a call; where that fails each by itself, so that it is known which one it was. */
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

/** An image that the ledger does not know is no image yet: whoever judges it says so. */
async function readImages(ports: ReadPorts, digests: readonly Digest[]): Promise<readonly LineageImage[]> {
  const records = await ports.images.get(digests);
  const known = [...records.values()];
  const [contents, places] = await Promise.all([
    ports.contents.get([...records.keys()]),
    ports.fleetPlaces.locationsOf(known),
  ]);
  return known.map((image) => ({
    lineageFacts: lineageFactsOf(
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
