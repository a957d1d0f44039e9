import { mapConcurrently, piecesOf } from '../concurrency.ts';
import type { Digest, ImageLocation, Platform } from '../domain/image/image.ts';
import { type ReadSystem, systemIn } from '../domain/image/system.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { streamRulesOf } from '../domain/stream/stream.ts';
import { classify } from '../domain/stream/tier.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Clock } from '../ports/clock.ts';
import { ImageConfigError, LayerDownloadError } from '../ports/errors.ts';
import type { ImageRegistry } from '../ports/registry.ts';
import { IMAGES_A_PIECE, isTimeOver } from './artifacts.ts';

/** Each holds 4 MiB at most, as compressed. */
const SYSTEMS_AT_ONCE = 8;

interface SystemPorts {
  readonly registry: Pick<ImageRegistry, 'manifests' | 'systemFiles'>;
  readonly clock: Clock;
  readonly endsAtEpochMs?: number;
}

interface LayeredArtifact {
  readonly digest: Digest;
  /** Lowest layer first. */
  readonly layers: readonly Digest[];
  readonly platform?: Platform | undefined;
}

/**
 * The systems of images that others are built on; these have them by their lineage. So layers of an application are never read.
 * What cannot be downloaded this time is read by the next review.
 * @param images at most `IMAGES_A_PIECE`: none is left for the end of the time, so that several attempts give the result of one
 * @throws RegistryUnreachableError
 */
export async function readSystems(
  ports: SystemPorts,
  policy: Policy,
  location: ImageLocation,
  images: readonly LayeredArtifact[],
): Promise<ReadonlyMap<Digest, ReadSystem>> {
  if (!bringsSystem(policy, location)) return new Map();
  const read = await mapConcurrently(images.filter(isRead), SYSTEMS_AT_ONCE, async ({ digest, layers }) => {
    try {
      const system = systemIn(await ports.registry.systemFiles(location, layers));
      const read = system.kind === 'named' ? { ...system, readAtEpochMs: ports.clock() } : system;
      return [[digest, read] as const];
    } catch (error) {
      if (error instanceof LayerDownloadError) return [];
      // Its registry no longer has the layer, and will not have it.
      if (error instanceof ImageConfigError) return [[digest, { kind: 'unread' as const }] as const];
      throw error;
    }
  });
  return new Map(read.flat());
}

/** The same for images that a version before 0.3.0 recorded, or that could not be read before. */
export async function readOlderSystems(
  ports: SystemPorts,
  policy: Policy,
  location: ImageLocation,
  known: Iterable<ImageRecord>,
): Promise<ReadonlyMap<Digest, ReadSystem>> {
  if (!bringsSystem(policy, location)) return new Map();
  const older = new Map([...known].flatMap((image) => (isLeft(image) ? [[image.digest, image] as const] : [])));
  const systems = new Map<Digest, ReadSystem>();
  for (const piece of piecesOf([...older.keys()], IMAGES_A_PIECE)) {
    if (isTimeOver(ports)) break;
    const { found } = await ports.registry.manifests(location, piece);
    const images = found.flatMap((one) =>
      one.kind === 'image' ? [{ ...one, platform: older.get(one.digest)?.platform }] : [],
    );
    for (const [digest, system] of await readSystems(ports, policy, location, images)) systems.set(digest, system);
  }
  return systems;
}

const isLeft = (image: ImageRecord): boolean => image.system === undefined && !image.unresolved && isRead(image);

/** Layers of Windows lie in a registry of Microsoft. */
const isRead = ({ platform }: Pick<LayeredArtifact, 'platform'>): boolean => platform?.startsWith('windows/') !== true;

/** Whether images of a repository are the lowest ones of a lineage. */
const bringsSystem = (policy: Policy, location: ImageLocation): boolean =>
  classify(policy, { location }).tier === 'mirrored' ||
  streamRulesOf(policy, location).some(({ tier }) => tier === 'base' || tier === 'mirrored');
