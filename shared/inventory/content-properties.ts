import { byKey } from '../domain/common/compare-texts.ts';
import { type Birth, type BirthEvidence, determineBirth, evidenceIn, existedBy } from '../domain/image/birth.ts';
import { configFactsOf } from '../domain/image/config-facts.ts';
import { type Artifact, type Digest, type ImageLocation, locationKey, type Platform } from '../domain/image/image.ts';
import type { ImageProperties } from '../domain/image/image-properties.ts';
import type { ReadSystem } from '../domain/image/system.ts';
import { chainId, unpackedId } from '../domain/lineage/chain-id.ts';
import { diffIdsOf } from '../domain/lineage/layered-image.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageConfig } from '../ports/registry.ts';

/** The properties of an image that do not depend on where it is kept. */
export type ContentProperties = Omit<
  ImageProperties,
  'tier' | 'stream' | 'owner' | 'locations' | 'references' | 'moreReferences' | 'tagFacts'
>;

export type ImageArtifact = Extract<Artifact, { kind: 'image' }>;

interface Content {
  readonly artifact: ImageArtifact;
  /** Absent if the registry has no usable config. */
  readonly config?: ImageConfig;
  readonly pushes: PushesSeen;
  /** Absent if it is not read here (`readSystems`). */
  readonly system?: ReadSystem;
}

/** The known pushes that bring an image into a repository. */
export interface PushesSeen {
  readonly firstPushSeenAtEpochMs?: number;
  /**
   * The first known push of an index that holds the image. A registry takes an index only after its images, so the image
   * existed by then. It may be older, because the push of the image itself was not seen.
   */
  readonly indexPushSeenAtEpochMs?: number;
}

const CREATED = 'org.opencontainers.image.created';

/** The data of an image from manifest and config. */
export function contentProperties(
  { artifact, config, pushes, system }: Content,
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
    configFacts: configFactsOf(artifact.annotations, config),
    ...(system && { system }),
    birth: birthBy(evidenceOf(artifact, config), pushes, nowEpochMs),
  };
}

const birthBy = (
  evidence: readonly BirthEvidence[],
  { firstPushSeenAtEpochMs, indexPushSeenAtEpochMs }: PushesSeen,
  nowEpochMs: number,
): Birth => existedBy(determineBirth(evidence, nowEpochMs, firstPushSeenAtEpochMs), indexPushSeenAtEpochMs, nowEpochMs);

function evidenceOf(artifact: ImageArtifact, config: ImageConfig | undefined): BirthEvidence[] {
  const annotated = Date.parse(artifact.annotations[CREATED] ?? '');
  return [
    ...(config?.createdAtEpochMs === undefined
      ? []
      : [{ kind: 'config-created' as const, atEpochMs: config.createdAtEpochMs }]),
    ...(Number.isNaN(annotated) ? [] : [{ kind: 'annotation-created' as const, atEpochMs: annotated }]),
  ];
}

/** Adds the end of the build, as provenance says it. */
export const withBuildEnd = (
  content: ContentProperties,
  finishedAtEpochMs: number,
  nowEpochMs: number,
): ContentProperties => ({
  ...content,
  birth: determineBirth(
    [...evidenceIn(content.birth), { kind: 'provenance', atEpochMs: finishedAtEpochMs }],
    nowEpochMs,
  ),
});

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

/** A running index, none of whose images its node can start. */
export const UNFIT_INDEX = {
  code: 'no-image-for-node',
  detail:
    'No image of this index fits the platform of a node that runs it, so it is unknown which image runs there. Build the image for this platform too.',
} as const;

/** The content of a known image, with the birth evidence of earlier pushes seen now; a non-image has none. */
export function knownContent(image: ImageRecord, pushes: PushesSeen, nowEpochMs: number): ContentProperties {
  const { digest, mediaType, platform, chainId: chain, unpackedId: unpacked, layerCount } = image;
  const { configFacts, system, birth, unresolved } = image;
  return {
    digest,
    ...(mediaType !== undefined && { mediaType }),
    ...(platform !== undefined && { platform }),
    ...(chain !== undefined && { chainId: chain }),
    ...(unpacked !== undefined && { unpackedId: unpacked }),
    ...(layerCount !== undefined && { layerCount }),
    ...(configFacts && { configFacts }),
    ...(system && { system }),
    birth: unresolved ? birth : birthBy(evidenceIn(birth), pushes, nowEpochMs),
    ...(unresolved && { unresolved }),
  };
}

/** Places, sorted and unique. */
export function unionOfLocations(...lists: readonly (readonly ImageLocation[])[]): ImageLocation[] {
  const unique = new Map(lists.flat().map((location) => [locationKey(location), location]));
  return [...unique].sort(byKey).map(([, { account, region, repository }]) => ({ account, region, repository }));
}
