import { mapConcurrently } from '../concurrency.ts';
import { counted } from '../domain/common/counted.ts';
import type { Digest, ImageLocation, IndexChild } from '../domain/image/image.ts';
import { isSetAside } from '../domain/image/image-properties.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { Clock } from '../ports/clock.ts';
import { ImageConfigError, LayerDownloadError } from '../ports/errors.ts';
import type { ProvenanceSource } from '../ports/provenance.ts';
import type { ImageConfig, ImageRegistry, ManifestLookup } from '../ports/registry.ts';
import type { ImageArtifact } from './content-properties.ts';

/** Downloads for one repository. ECR allows 3,000 `GetDownloadUrlForLayer` a second for each Region. */
export const CONFIGS_AT_ONCE = 8;

/** Images per piece: as many as one BatchGetImage call returns. */
export const IMAGES_A_PIECE = 100;

export interface ArtifactPorts {
  readonly registry: Pick<ImageRegistry, 'manifests' | 'config' | 'systemFiles'> & ProvenanceSource;
  readonly clock: Clock;
  /** No download begins after this time. Absent if there is time for all. */
  readonly endsAtEpochMs?: number;
}

/**
 * The registry's answer for some digests. Each digest is in one list, or in none if the time ended before its config
 * was downloaded.
 */
export interface Artifacts {
  readonly newlyRead: readonly { readonly artifact: ImageArtifact; readonly config?: ImageConfig }[];
  readonly missing: readonly Missing[];
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
}

type Missing = ManifestLookup['missing'][number];

/** Whether no time is left to begin something long. */
export const isTimeOver = ({ clock, endsAtEpochMs }: Pick<ArtifactPorts, 'clock' | 'endsAtEpochMs'>): boolean =>
  endsAtEpochMs !== undefined && clock() >= endsAtEpochMs;

/**
 * Reads the manifests of digests that the ledger does not know, and downloads the config of each image.
 * @param digests at most `IMAGES_A_PIECE`, so that memory stays small and one time-out costs few downloads
 * @throws RegistryUnreachableError
 */
export async function readArtifacts(
  ports: ArtifactPorts,
  location: ImageLocation,
  digests: readonly Digest[],
): Promise<Artifacts> {
  const { found, missing } = await ports.registry.manifests(location, digests);
  const images = found.filter((artifact) => artifact.kind === 'image');
  const indexes = found.filter((artifact) => artifact.kind === 'index');
  const read = await mapConcurrently(images, CONFIGS_AT_ONCE, async (artifact) =>
    isTimeOver(ports) ? [] : [await withConfig(ports.registry, location, artifact)],
  );
  return {
    newlyRead: read.flat().filter((entry) => 'artifact' in entry),
    missing: [...missing, ...read.flat().filter((entry) => 'code' in entry)],
    indexes: new Map(indexes.map(({ digest, children }) => [digest, children])),
  };
}

/** What an index calls an image, and is an index itself. */
export const nestedIndex = (digest: Digest): Missing => ({
  digest,
  code: 'nested-index',
  detail: 'Another index names this index as one of its images. No node can start it.',
});

/**
 * An artifact that is never an image (an attestation, a signature, a chart) stays one, because content does not change.
 */
const SETTLED = 'not-an-image';

/** Digests the registry neither returned nor reported as a non-image. A retried step counts the same. */
export const countMissing = (unresolved: readonly { readonly code: string }[]): number =>
  unresolved.filter(({ code }) => code !== SETTLED).length;

/** Digests that the registry no longer has. */
const GONE: readonly string[] = ['ImageNotFound', 'RepositoryNotFoundException'];

/** Problems of a manifest that the registry gave, and will give again. */
const UNUSABLE: readonly string[] = [
  ...[SETTLED, 'nested-index', 'unparsable'],
  ...['index-too-large', 'index-too-deep', 'index-incomplete'],
];
export const isUnusable = ({ code }: Missing): boolean => UNUSABLE.includes(code);
/** Any other code proves nothing about the digest. */
export const isShown = (missing: Missing): boolean => isUnusable(missing) || missing.code === 'config-unreadable';

/** Digests that cannot be a parent: not an image, or deleted. */
const NOTHING_TO_BUILD_ON: readonly string[] = [...UNUSABLE, ...GONE];

/** Existing images that could not be read this time, with the error of the first: others may be built on them. */
export function leftUnread(missing: Artifacts['missing']): string | undefined {
  const left = missing.filter(({ code }) => !NOTHING_TO_BUILD_ON.includes(code));
  const [first] = left;
  return (
    first &&
    `${counted(left.length, 'image')} could not be read. The first is ${first.digest}: ${first.code}: ${first.detail}`
  );
}

/** Whether another read of an image gives nothing more. */
export const isResolved = (record: ImageRecord | undefined): boolean =>
  record !== undefined && (!record.unresolved || record.unresolved.code === SETTLED || isSetAside(record.unresolved));

/**
 * An unusable config costs an image its birth evidence, not its place in the inventory. A config that could not be
 * downloaded this time leaves the whole image unresolved, so that it is read again: an annotation alone could make it
 * younger than its config would.
 */
async function withConfig(
  registry: Pick<ImageRegistry, 'config'>,
  location: ImageLocation,
  artifact: ImageArtifact,
): Promise<Artifacts['newlyRead'][number] | Missing> {
  try {
    return { artifact, config: await registry.config(location, artifact.configDigest) };
  } catch (error) {
    if (error instanceof ImageConfigError) return { artifact };
    if (error instanceof LayerDownloadError) {
      return { digest: artifact.digest, code: 'config-unreadable', detail: error.message };
    }
    throw error;
  }
}
