import { cutText } from '../domain/common/cut-text.ts';
import { digest } from '../domain/image/digest-schema.ts';
import { type Artifact, type Digest, INDEX_TYPES, NO_PLATFORM, type Platform } from '../domain/image/image.ts';
import { type ConfigStep, historyStep } from '../domain/lineage/image-content.ts';
import type { HistoryStep } from '../domain/lineage/layered-image.ts';
import * as v from '../schema.ts';

/*
 * Manifests as registries keep them: OCI image spec v1.1 (manifest.md, image-index.md) and Docker image manifest
 * version 2, schema 2. Members that we do not read may be anything.
 */

export const MANIFEST_TYPES = [
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
] as const;

const CONFIG_TYPES: readonly string[] = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

const descriptor = v.object({ mediaType: v.string(), digest });
const annotations = v.nullish(v.record(v.string(), v.string()));

const imageManifest = v.object({ config: descriptor, layers: v.array(descriptor), annotations });

/** Go reads a member that is missing as empty. */
const platformMembers = v.object({
  os: v.nullish(v.string(), ''),
  architecture: v.nullish(v.string(), ''),
  variant: v.nullish(v.string(), ''),
  'os.features': v.nullish(v.array(v.string())),
});

const indexManifest = v.object({
  manifests: v.array(
    v.object({ mediaType: v.nullish(v.string(), ''), digest, platform: v.nullish(platformMembers), annotations }),
  ),
});

/** An index as it is in the registry. `readIndex` makes an artifact of it. */
export interface IndexManifest {
  readonly kind: 'index';
  readonly digest: Digest;
  readonly mediaType: string;
  /** In order, without attestations. */
  readonly entries: readonly IndexEntry[];
}

export interface IndexEntry {
  readonly digest: Digest;
  readonly holds: 'image' | 'index' | 'something-else';
  /** Absent if the index names none. */
  readonly platform?: Platform;
  readonly attestation?: Digest;
}

export type ImageManifest = Extract<Artifact, { kind: 'image' }>;

/** Why a manifest is neither a usable image nor a usable index. */
export interface Unusable {
  readonly code: 'unparsable' | 'not-an-image';
  readonly detail: string;
}

/** The overlay file system of Linux stacks at most 500 (`OVL_MAX_STACK`), so no node of it runs an image with more. */
const MOST_LAYERS = 1000;

const LONGEST_DETAIL = 300;

/** The person who pushed the manifest chose its media types and names. */
const unusable = (code: Unusable['code'], detail: string): Unusable => ({
  code,
  detail: cutText(detail, LONGEST_DETAIL),
});

/** @param mediaType from the registry; default: the manifest's own member */
export function parseManifest(
  name: Digest,
  text: string,
  mediaType?: string,
): ImageManifest | IndexManifest | Unusable {
  const document = parseJson(text);
  const type = mediaType ?? mediaTypeIn(document);
  const [isImage, isIndex] = [MANIFEST_TYPES.some((known) => known === type), INDEX_TYPES.includes(type)];
  if (!isImage && !isIndex) return unusable('unparsable', `media type "${type}" is neither an image nor an index`);
  const other = otherReading(text, document, isImage);
  if (other !== undefined) return unusable('unparsable', other);
  return isImage ? parseImage(name, type, document) : parseIndex(name, type, document);
}

function mediaTypeIn(document: unknown): string {
  const parsed = v.safeParse(v.object({ mediaType: v.string() }), document);
  return parsed.success ? parsed.data.mediaType : '';
}

/** Members of manifests that decide what starts. */
const MEMBERS = ['mediaType', 'digest', 'config', 'layers', 'manifests', 'platform', 'fsLayers', 'annotations'];
const PLATFORM_MEMBERS = ['os', 'architecture', 'variant', 'os.features'];

/** Whatever the registry calls the other kind, containerd refuses a manifest with one of its members. */
const FOREIGN_TO_IMAGES = ['manifests', 'fsLayers'];
const FOREIGN_TO_INDEXES = ['config', 'layers', 'fsLayers'];

/** How containerd may read the same text otherwise, or not at all: then it shows nothing of what starts. */
function otherReading(text: string, document: unknown, isImage: boolean): string | undefined {
  const strange = strangeMember(text, document, [...MEMBERS, ...PLATFORM_MEMBERS]);
  if (strange !== undefined) return strange;
  const foreign = (isImage ? FOREIGN_TO_IMAGES : FOREIGN_TO_INDEXES).find((one) => hasMember(document, one));
  if (foreign !== undefined) return `an ${isImage ? 'image' : 'index'} has no member "${foreign}"`;
  const own = mediaTypeIn(document);
  const others: readonly string[] = isImage ? INDEX_TYPES : MANIFEST_TYPES;
  return others.includes(own) ? `it calls itself ${own}` : undefined;
}

const hasMember = (document: unknown, name: string): boolean =>
  typeof document === 'object' && document !== null && Object.hasOwn(document, name);

/**
 * Go ignores the case of names, and of two members with one name it mixes both. So a name of `members` in another case, or a
 * name that is there twice, means something else to containerd than to us. The names of annotations are free.
 */
function strangeMember(text: string, document: unknown, members: readonly string[]): string | undefined {
  const folded = new Map(members.map((name) => [fold(name), name]));
  let count = 0;
  const left: { readonly value: unknown; readonly isFree?: boolean }[] = [{ value: document }];
  for (let one = left.pop(); one !== undefined; one = left.pop()) {
    const { value, isFree = false } = one;
    if (typeof value !== 'object' || value === null) continue;
    const isObject = !Array.isArray(value);
    for (const [name, inner] of Object.entries(value)) {
      const meant = isObject && !isFree ? folded.get(fold(name)) : undefined;
      if (meant !== undefined && meant !== name) return `its member "${name}" may be read as "${meant}"`;
      if (isObject) count += 1;
      left.push({ value: inner, isFree: isObject && name === 'annotations' });
    }
  }
  return count === namesIn(text) ? undefined : 'a member is there twice';
}

/** As Go folds names: `\u017f` is an `s`, and the sign of Kelvin a `k`. */
const fold = (name: string): string => name.toUpperCase().toLowerCase();

/** How many members the objects of a text have, repeated ones too. */
function namesIn(text: string): number {
  let count = 0;
  for (const [, colon] of text.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"(\s*:)?/gs)) if (colon !== undefined) count += 1;
  return count;
}

function parseImage(name: Digest, mediaType: string, document: unknown): ImageManifest | Unusable {
  const parsed = v.safeParse(imageManifest, document);
  if (!parsed.success) return unusable('unparsable', firstOf(parsed.problems));
  const { data } = parsed;
  if (data.layers.length > MOST_LAYERS)
    return unusable(
      'unparsable',
      `its manifest has ${data.layers.length} layers, and Patchwave reads at most ${MOST_LAYERS}`,
    );
  // Attestations, signatures and charts borrow the image manifest for content that no engine can run.
  const foreign = [data.config, ...data.layers].find(({ mediaType: type }) => !isImagePart(type));
  if (foreign) return unusable('not-an-image', `its manifest contains ${foreign.mediaType}`);
  return {
    kind: 'image',
    digest: name,
    mediaType,
    configDigest: data.config.digest,
    layers: data.layers.map((layer) => layer.digest),
    annotations: data.annotations ?? {},
  };
}

const isImagePart = (mediaType: string): boolean => CONFIG_TYPES.includes(mediaType) || /\.tar(\b|$)/.test(mediaType);

type Descriptor = v.InferOutput<typeof indexManifest>['manifests'][number];

const isAttestation = ({ platform }: Descriptor): boolean =>
  platform?.os === 'unknown' && platform.architecture === 'unknown';

/** Attestations have the platform `unknown/unknown`. Annotations hide nothing, because no engine looks at them. */
function parseIndex(name: Digest, mediaType: string, document: unknown): IndexManifest | Unusable {
  const parsed = v.safeParse(indexManifest, document);
  if (!parsed.success) return unusable('unparsable', firstOf(parsed.problems));
  const { manifests } = parsed.data;
  const attestations = new Map(
    manifests.flatMap((one) =>
      isAttestation(one) && one.annotations?.[`${REFERENCE}.type`] === 'attestation-manifest'
        ? [[one.annotations[`${REFERENCE}.digest`], one.digest]]
        : [],
    ),
  );
  const entries = manifests.flatMap((one): IndexEntry[] => {
    if (isAttestation(one)) return [];
    const attestation = attestations.get(one.digest);
    return [
      {
        ...{ digest: one.digest, holds: contentKindOf(one.mediaType) },
        ...(one.platform && { platform: platformText(one.platform) }),
        ...(attestation !== undefined && { attestation }),
      },
    ];
  });
  return { kind: 'index', digest: name, mediaType, entries };
}

function contentKindOf(mediaType: string): IndexEntry['holds'] {
  if (MANIFEST_TYPES.some((known) => known === mediaType)) return 'image';
  return INDEX_TYPES.includes(mediaType) ? 'index' : 'something-else';
}

/** Real ones are much shorter. No node has such a platform. */
const LONGEST_PLATFORM = 128;

/**
 * A platform as containerd compares it. A slash inside a member may not end it, and features that no node of Linux has are a
 * part of the operating system.
 */
function platformText(members: v.InferOutput<typeof platformMembers>): Platform {
  const part = (text: string): string => text.replaceAll('%', '%25').replaceAll('/', '%2F');
  const features = [...new Set(members['os.features'] ?? [])].filter((name) => name !== 'win32k').sort();
  const os = features.length === 0 ? part(members.os) : `${part(members.os)}(+${features.map(part).join('+')})`;
  const text = [os, part(members.architecture), ...(members.variant === '' ? [] : [part(members.variant)])].join('/');
  return text.length > LONGEST_PLATFORM ? NO_PLATFORM : (text as Platform);
}

/** The platform of an image by its config, as containerd reads it. */
export function configPlatform(text: string): Platform {
  const document = parseJson(text);
  const parsed = v.safeParse(platformMembers, document);
  if (!parsed.success || strangeMember(text, document, []) !== undefined) return NO_PLATFORM;
  const names = Object.keys(document as object).map((name) => (PLATFORM_MEMBERS.includes(name) ? '' : fold(name)));
  return PLATFORM_MEMBERS.some((name) => names.includes(fold(name))) ? NO_PLATFORM : platformText(parsed.data);
}

/** https://github.com/moby/buildkit/blob/master/docs/attestations/attestation-storage.md */
const REFERENCE = 'vnd.docker.reference';

const configBlob = v.object({
  created: v.nullish(v.string()),
  // Some builders leave them empty; the rest of the config still counts.
  os: v.string(),
  architecture: v.string(),
  variant: v.nullish(v.string()),
  config: v.nullish(v.object({ Labels: v.nullish(v.record(v.string(), v.string())) })),
});

/** If a builder wrote one of these in another form, the rest of the config still counts. */
const userPart = v.object({ config: v.nullish(v.object({ User: v.nullish(v.string()) })) });
const contentPart = v.object({ rootfs: v.object({ diff_ids: v.array(digest) }) });
const historyPart = v.object({
  history: v.array(v.looseObject({ created: v.nullish(v.string()), created_by: v.nullish(v.string()) })),
});

/** A builder writes at most a step for each layer and each instruction; a longer history counts as none. */
const MOST_STEPS = 2000;

/** An instant of RFC 3339 is shorter; a longer text is none. */
const LONGEST_INSTANT = 64;

/**
 * An image of any config fits into an item of DynamoDB, of 400 KB: what is longer than it may be counts as missing.
 * Throws a SchemaError or a SyntaxError if the blob is no image config (OCI image spec, config.md).
 */
export function parseConfig(text: string) {
  const document: unknown = JSON.parse(text);
  const { created, os, architecture, variant, config } = v.parse(configBlob, document, 'The image config');
  const [content, done] = [v.safeParse(contentPart, document), v.safeParse(historyPart, document)];
  const asUser = v.safeParse(userPart, document);
  const createdAtEpochMs = Date.parse(created ?? '');
  const platform = variant ? (`${os}/${architecture}/${variant}` as const) : (`${os}/${architecture}` as const);
  return {
    ...(os !== '' && architecture !== '' && platform.length <= LONGEST_PLATFORM && { platform }),
    labels: config?.Labels ?? {},
    ...(asUser.success && { user: asUser.data.config?.User ?? '' }),
    ...(content.success &&
      content.data.rootfs.diff_ids.length <= MOST_LAYERS && { diffIds: content.data.rootfs.diff_ids }),
    ...(done.success && done.data.history.length <= MOST_STEPS && { history: done.data.history.map(boundedStep) }),
    ...(Number.isFinite(createdAtEpochMs) && { createdAtEpochMs }),
  };
}

function boundedStep(step: ConfigStep): HistoryStep {
  const { created, ...others } = historyStep(step);
  return { ...others, ...(created !== undefined && created.length <= LONGEST_INSTANT && { created }) };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const firstOf = (problems: readonly v.Problem[]): string =>
  problems
    .slice(0, 3)
    .map((problem) => v.problemText(problem, 'manifest'))
    .join('; ');
