import { digest } from '../domain/image/digest-schema.ts';
import { type Artifact, type Digest, INDEX_TYPES, type IndexChild } from '../domain/image/image.ts';
import { historyStep } from '../domain/lineage/image-content.ts';
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

const indexManifest = v.object({
  manifests: v.array(
    v.object({
      ...descriptor.entries,
      platform: v.optional(v.object({ os: v.string(), architecture: v.string(), variant: v.optional(v.string()) })),
      annotations,
    }),
  ),
});

/** Why a manifest is neither a usable image nor a usable index. */
export interface Unusable {
  readonly code: 'unparsable' | 'not-an-image';
  readonly detail: string;
}

/** @param mediaType from the registry; default: the manifest's own member */
export function parseManifest(name: Digest, text: string, mediaType?: string): Artifact | Unusable {
  const document = parseJson(text);
  const type = mediaType ?? mediaTypeIn(document);
  if (MANIFEST_TYPES.some((known) => known === type)) return parseImage(name, type, document);
  if (INDEX_TYPES.some((known) => known === type)) return parseIndex(name, type, document);
  return { code: 'unparsable', detail: `media type "${type}" is neither an image nor an index` };
}

function mediaTypeIn(document: unknown): string {
  const parsed = v.safeParse(v.object({ mediaType: v.string() }), document);
  return parsed.success ? parsed.data.mediaType : '';
}

function parseImage(name: Digest, mediaType: string, document: unknown): Artifact | Unusable {
  const parsed = v.safeParse(imageManifest, document);
  if (!parsed.success) return { code: 'unparsable', detail: firstOf(parsed.problems) };
  const { data } = parsed;
  // Attestations, signatures and charts borrow the image manifest for content that no engine can run.
  const foreign = [data.config, ...data.layers].find(({ mediaType: type }) => !isImagePart(type));
  if (foreign) return { code: 'not-an-image', detail: `its manifest contains ${foreign.mediaType}` };
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

function parseIndex(name: Digest, mediaType: string, document: unknown): Artifact | Unusable {
  const parsed = v.safeParse(indexManifest, document);
  if (!parsed.success) return { code: 'unparsable', detail: firstOf(parsed.problems) };
  const { data } = parsed;
  const attestations = new Map(
    data.manifests.flatMap(({ digest: attestation, annotations: notes }) =>
      notes?.[`${REFERENCE}.type`] === 'attestation-manifest' ? [[notes[`${REFERENCE}.digest`], attestation]] : [],
    ),
  );
  const children = data.manifests.flatMap(({ digest: child, platform, annotations: notes }): IndexChild[] => {
    if (!platform || platform.os === 'unknown' || notes?.[`${REFERENCE}.type`]) return [];
    const { os, architecture, variant } = platform;
    const attestation = attestations.get(child);
    return [
      {
        digest: child,
        platform: variant ? `${os}/${architecture}/${variant}` : `${os}/${architecture}`,
        ...(attestation !== undefined && { attestation }),
      },
    ];
  });
  return { kind: 'index', digest: name, mediaType, children };
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

/** Throws a SchemaError or a SyntaxError if the blob is no image config (OCI image spec, config.md). */
export function parseConfig(text: string) {
  const document: unknown = JSON.parse(text);
  const { created, os, architecture, variant, config } = v.parse(configBlob, document, 'The image config');
  const [content, done] = [v.safeParse(contentPart, document), v.safeParse(historyPart, document)];
  const asUser = v.safeParse(userPart, document);
  const createdAtEpochMs = Date.parse(created ?? '');
  const platform = variant ? (`${os}/${architecture}/${variant}` as const) : (`${os}/${architecture}` as const);
  return {
    ...(os !== '' && architecture !== '' && { platform }),
    labels: config?.Labels ?? {},
    ...(asUser.success && { user: asUser.data.config?.User ?? '' }),
    ...(content.success && { diffIds: content.data.rootfs.diff_ids }),
    ...(done.success && { history: done.data.history.map(historyStep) }),
    ...(Number.isFinite(createdAtEpochMs) && { createdAtEpochMs }),
  };
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
