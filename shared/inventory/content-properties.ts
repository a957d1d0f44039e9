import { byKey } from '../domain/common/compare-texts.ts';
import { type BirthEvidence, determineBirth, evidenceIn } from '../domain/image/birth.ts';
import { type Artifact, type Digest, type ImageLocation, locationKey, type Platform } from '../domain/image/image.ts';
import type { ImageProperties } from '../domain/image/image-properties.ts';
import { chainId, unpackedId } from '../domain/lineage/chain-id.ts';
import { diffIdsOf } from '../domain/lineage/layered-image.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageConfig } from '../ports/registry.ts';

/** The properties of an image that do not depend on where it is kept. */
export type ContentProperties = Omit<ImageProperties, 'tier' | 'stream' | 'owner' | 'locations' | 'references'>;

export type ImageArtifact = Extract<Artifact, { kind: 'image' }>;

interface Content {
  readonly artifact: ImageArtifact;
  /** Absent if the registry has no usable config. */
  readonly config?: ImageConfig;
  readonly firstPushSeenAtEpochMs?: number;
}

const CREATED = 'org.opencontainers.image.created';

/** The data of an image from manifest and config. */
export function contentProperties(
  { artifact, config, firstPushSeenAtEpochMs }: Content,
  nowEpochMs: number,
): ContentProperties {
  const chain = chainId(artifact.layers);
  const unpacked = unpackedId(diffIdsOf({ ...artifact, ...config }));
  return {
    digest: artifact.digest,
    mediaType: artifact.mediaType,
    ...(config?.platform !== undefined && { platform: config.platform }),
    ...(chain && { chainId: chain }),
    ...(unpacked && { unpackedId: unpacked }),
    layerCount: artifact.layers.length,
    birth: determineBirth(evidenceOf(artifact, config), nowEpochMs, firstPushSeenAtEpochMs),
  };
}

function evidenceOf(artifact: ImageArtifact, config: ImageConfig | undefined): BirthEvidence[] {
  const annotated = Date.parse(artifact.annotations[CREATED] ?? '');
  return [
    ...(config?.createdAtEpochMs === undefined
      ? []
      : [{ kind: 'config-created' as const, atEpochMs: config.createdAtEpochMs }]),
    ...(Number.isNaN(annotated) ? [] : [{ kind: 'annotation-created' as const, atEpochMs: annotated }]),
  ];
}

/** An image of which only the name is known; it never passes, and is read again in each review. */
export const unresolvedContent = (
  digest: Digest,
  unresolved: { readonly code: string; readonly detail: string },
  platform?: Platform,
): ContentProperties => ({
  digest,
  ...(platform && { platform }),
  birth: { known: false, rejected: [] },
  unresolved,
});

/** A running index without runnable children. */
export const EMPTY_INDEX = {
  code: 'empty-index',
  detail: 'The index contains no image that can run: it is empty, or has attestations only.',
} as const;

/** The content of a known image, with the birth evidence of an earlier push seen now; a non-image has none. */
export function knownContent(
  image: ImageRecord,
  firstPushSeenAtEpochMs: number | undefined,
  nowEpochMs: number,
): ContentProperties {
  const { digest, mediaType, platform, chainId: chain, unpackedId: unpacked, layerCount, birth, unresolved } = image;
  return {
    digest,
    ...(mediaType !== undefined && { mediaType }),
    ...(platform !== undefined && { platform }),
    ...(chain !== undefined && { chainId: chain }),
    ...(unpacked !== undefined && { unpackedId: unpacked }),
    ...(layerCount !== undefined && { layerCount }),
    birth: unresolved ? birth : determineBirth(evidenceIn(birth), nowEpochMs, firstPushSeenAtEpochMs),
    ...(unresolved && { unresolved }),
  };
}

/** Places, sorted and unique. */
export function unionOfLocations(...lists: readonly (readonly ImageLocation[])[]): ImageLocation[] {
  const unique = new Map(lists.flat().map((location) => [locationKey(location), location]));
  return [...unique].sort(byKey).map(([, { account, region, repository }]) => ({ account, region, repository }));
}
