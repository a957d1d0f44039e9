import { mapConcurrently } from '../concurrency.ts';
import type { Digest, ImageLocation, IndexChild, Platform } from '../domain/image.ts';
import type { ImageRecord } from '../domain/records.ts';
import { ImageConfigError, LayerDownloadError } from '../ports/errors.ts';
import type { ImageLedger, PlaceLedger } from '../ports/ledger.ts';
import type { ImageConfig, ImageRegistry, ManifestLookup } from '../ports/registry.ts';
import type { ImageArtifact } from './facts.ts';

const CONFIGS_AT_ONCE = 8;

export interface ArtifactPorts {
  readonly registry: ImageRegistry;
  readonly images: ImageLedger;
  readonly places: PlaceLedger;
}

/** What digests of one repository are: every digest asked for, and every child of an index, is in exactly one list. */
export interface Artifacts {
  readonly known: ReadonlyMap<Digest, ImageRecord>;
  readonly fresh: readonly { readonly artifact: ImageArtifact; readonly config?: ImageConfig }[];
  readonly missing: readonly Missing[];
  /** Known and new ones. */
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
  readonly freshIndexes: ReadonlySet<Digest>;
}

type Missing = ManifestLookup['missing'][number];

/** The children of an index bear its platform though their own manifest was not found. */
export const platformOf = (indexes: Artifacts['indexes'], digest: Digest): Platform | undefined =>
  [...indexes.values()].flat().find((child) => child.digest === digest)?.platform;

/**
 * Asks the registry for the manifests of digests the ledger does not know, then for those of their children. What was
 * unresolved last time counts as not known.
 * @throws RegistryUnreachableError
 */
export async function readArtifacts(
  ports: ArtifactPorts,
  location: ImageLocation,
  digests: readonly Digest[],
): Promise<Artifacts> {
  const asked = await lookUp(ports, location, digests);
  const children = [...asked.indexes.values()].flat().map(({ digest }) => digest);
  const isAsked = new Set(digests);
  const below = await lookUp(
    ports,
    location,
    [...new Set(children)].filter((digest) => !isAsked.has(digest)),
  );
  const nested = [...below.indexes.keys()].map((digest) => ({
    digest,
    code: 'nested-index',
    detail: 'An index inside an index is no image.',
  }));
  const read = await mapConcurrently([...asked.artifacts, ...below.artifacts], CONFIGS_AT_ONCE, (artifact) =>
    withConfig(ports.registry, location, artifact),
  );
  return {
    known: new Map([...asked.known, ...below.known]),
    fresh: read.filter((entry) => 'artifact' in entry),
    missing: [...asked.missing, ...below.missing, ...nested, ...read.filter((entry) => 'code' in entry)],
    indexes: asked.indexes,
    freshIndexes: asked.freshIndexes,
  };
}

async function lookUp(
  { registry, images, places }: ArtifactPorts,
  location: ImageLocation,
  digests: readonly Digest[],
) {
  const [known, knownIndexes] = await Promise.all([resolved(images, digests), places.indexes(digests)]);
  const unknown = digests.filter((digest) => !known.has(digest) && !knownIndexes.has(digest));
  const { found, missing } =
    unknown.length > 0 ? await registry.manifests(location, unknown) : { found: [], missing: [] };
  const indexes = found.filter((artifact) => artifact.kind === 'index');
  return {
    known,
    artifacts: found.filter((artifact) => artifact.kind === 'image'),
    missing,
    indexes: new Map([...knownIndexes, ...indexes.map(({ digest, children }) => [digest, children] as const)]),
    freshIndexes: new Set(indexes.map(({ digest }) => digest)),
  };
}

/** What will never be an image (an attestation, a signature, a chart) is known for good: content does not change. */
const SETTLED = 'not-an-image';

/** Neither found nor known to be no image: a step that is tried again counts the same. */
export const countMissing = (unresolved: readonly { readonly code: string }[]): number =>
  unresolved.filter(({ code }) => code !== SETTLED).length;

/** What the registry no longer has. */
const GONE = ['ImageNotFound', 'RepositoryNotFoundException'];

/** What cannot be built on: no image, or one that the registry no longer has. */
const NOTHING_TO_BUILD_ON: readonly string[] = [SETTLED, 'nested-index', 'unparsable', ...GONE];

/** Images that are there and could not be read this time, with the error of the first: others may be built on them. */
export function leftUnread(missing: Artifacts['missing']): string | undefined {
  const left = missing.filter(({ code }) => !NOTHING_TO_BUILD_ON.includes(code));
  const [first] = left;
  return first && `${left.length} images not read, first ${first.digest}: ${first.code}: ${first.detail}`;
}

async function resolved(images: ImageLedger, digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageRecord>> {
  const records = await images.get(digests);
  return new Map([...records].filter(([, record]) => isResolved(record)));
}

/** Whether there is nothing more to be read of an image. */
export const isResolved = (record: ImageRecord | undefined): boolean =>
  record !== undefined && (!record.unresolved || record.unresolved.code === SETTLED);

/**
 * A config that cannot be used costs an image its evidence of birth, not its place in the inventory. One that could not
 * be had this time leaves the whole image unresolved: an annotation alone could make it younger than its config would,
 * and what is unresolved is asked for again.
 */
async function withConfig(
  registry: ImageRegistry,
  location: ImageLocation,
  artifact: ImageArtifact,
): Promise<Artifacts['fresh'][number] | Missing> {
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
