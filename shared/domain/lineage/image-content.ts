import { canonicalJson, sha256Hex } from '../common/canonical-json.ts';
import type { Artifact, Digest } from '../image/image.ts';
import type { ImageProperties, LocationRecord } from '../image/image-properties.ts';
import { repositoryName } from '../image/reference.ts';
import type { HistoryStep, LayeredImage } from './layered-image.ts';

/** The content of an image that lineage needs. Content under a digest never changes. */
export interface ImageContent extends Pick<LayeredImage, 'diffIds' | 'history' | 'labels' | 'materials'> {
  readonly digest: Digest;
  /** Lowest layer first. */
  readonly layers: readonly Digest[];
}

/** An entry of a config's `history` (OCI image spec, config.md). Builders omit fields or write their own. */
export interface ConfigStep {
  readonly created?: string | null | undefined;
  readonly created_by?: string | null | undefined;
  readonly empty_layer?: unknown;
  readonly [field: string]: unknown;
}

/** A step is identified by its command; without one, by the rest of its entry. */
export function historyStep({ created, created_by: command, empty_layer: _, ...others }: ConfigStep): HistoryStep {
  const rest = Object.keys(others).length > 0 ? canonicalJson(others) : '';
  return { createdBy: command ?? rest, ...(created != null && { created }) };
}

/**
 * https://github.com/opencontainers/image-spec/blob/main/annotations.md: labels of the config, or annotations of the
 * manifest, that name what an image is built on.
 */
const BASE_LABELS = ['org.opencontainers.image.base.digest', 'org.opencontainers.image.base.name'];

const HASH_DIGITS = 16;

/**
 * Registry data of an image, as stored. Commands are stored as hashes, because they are only compared and may contain
 * secrets of a build.
 */
export function contentOf(
  { digest, layers, annotations = {} }: ManifestContent,
  config: Pick<LayeredImage, 'diffIds' | 'history' | 'labels'> = {},
): ImageContent {
  const { diffIds, history, labels = {} } = config;
  // A build inherits the labels of its parent, but writes the annotations itself.
  const annotated = namedBases(annotations);
  const named = annotated.length > 0 ? annotated : namedBases(labels);
  return {
    digest,
    layers,
    ...(diffIds && { diffIds }),
    ...(history && { history: history.map(hashed) }),
    ...(named.length > 0 && { labels: Object.fromEntries(named) }),
  };
}

/** The part of a content that shows by its layers what an image is built on. The reader of the manifest bounds it. */
export const layersOf = ({ digest, layers, diffIds }: ImageContent): ImageContent => ({
  ...{ digest, layers },
  ...(diffIds && { diffIds }),
});

type ManifestContent = Pick<Extract<Artifact, { kind: 'image' }>, 'digest' | 'layers'> &
  Partial<Pick<Extract<Artifact, { kind: 'image' }>, 'annotations'>>;

/** A reference is shorter: a host of 255 letters, a repository of 256, a tag of 128, a digest of 71. */
const LONGEST_BASE = 1024;

/** An empty value names nothing: some builders write it when they know no base. Neither does a longer text than a reference. */
const namedBases = (names: Readonly<Record<string, string>>): readonly (readonly [string, string])[] =>
  Object.entries(names).filter(
    ([name, value]) => BASE_LABELS.includes(name) && value.trim() !== '' && value.length <= LONGEST_BASE,
  );

const hashed = ({ createdBy, ...step }: HistoryStep): HistoryStep => ({
  createdBy: createdBy === '' ? '' : sha256Hex(createdBy).slice(0, HASH_DIGITS),
  ...step,
});

/**
 * The lineage input of an image over all its places.
 * @param declaredParents the parent streams that the policy declares for its stream
 */
export function layeredImageOf(
  { digest, tier, stream, platform }: ImageProperties,
  content: ImageContent | undefined,
  places: readonly LocationRecord[],
  declaredParents: readonly string[] = [],
): LayeredImage {
  const pushes = places.flatMap(({ firstPushSeenAtEpochMs }) => firstPushSeenAtEpochMs ?? []);
  return {
    layers: [],
    ...content,
    digest,
    tier,
    ...(stream !== undefined ? { stream } : { locations: places.map(({ location }) => location) }),
    ...(platform !== undefined && { platform }),
    names: [...new Set(places.flatMap(namesOf))].sort(),
    ...(declaredParents.length > 0 && { declaredParents }),
    ...(pushes.length > 0 && { firstPushedAtEpochMs: pushes.reduce((one, other) => Math.min(one, other)) }),
  };
}

/** Every current and earlier tag, with host and repository. */
const namesOf = ({ location, tags, askedTags = [] }: LocationRecord): readonly string[] =>
  [...new Set([...tags, ...askedTags])].sort().map((tag) => `${repositoryName(location)}:${tag}`);
