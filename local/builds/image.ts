import {
  type Blob,
  type Descriptor,
  descriptorOf,
  type ImageFormat,
  jsonBlob,
  type Manifest,
  MEDIA_TYPES,
} from './blob.ts';
import { buildLayer, type Layer } from './layer.ts';
import { type Architecture, type ImageOs, osReleaseFiles, type Packages, packageFiles } from './packages.ts';
import type { TarFile } from './tar.ts';

interface HistoryEntry {
  readonly created?: string;
  readonly created_by: string;
  readonly empty_layer?: true;
}

/** The config blob of an image (OCI image-spec, config.md; Docker's is the same here). */
export interface BuiltImageConfig {
  readonly architecture: string;
  readonly os: string;
  readonly variant?: string;
  readonly created?: string;
  readonly config: {
    readonly Env?: readonly string[];
    readonly Cmd?: readonly string[];
    readonly User?: string;
    readonly Labels?: Readonly<Record<string, string>>;
  };
  readonly rootfs: { readonly type: 'layers'; readonly diff_ids: readonly string[] };
  readonly history: readonly HistoryEntry[];
}

/** One platform's image, complete: what a registry takes, and what a child image builds on. */
export interface BuiltImage {
  readonly manifest: Manifest;
  readonly config: Blob;
  readonly configDocument: BuiltImageConfig;
  readonly layers: readonly Layer[];
  readonly architecture: Architecture;
  readonly os: ImageOs;
  readonly packages: Packages;
}

export interface ImageRecipe {
  /** Goes into the files of the own layers, so that no two images share one by chance. */
  readonly name: string;
  readonly architecture: Architecture;
  readonly format: ImageFormat;
  /** Left out: the config names no time, and files carry the epoch. */
  readonly createdEpochMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  /** Left out: the config names no user. */
  readonly user?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface BuildContent {
  /** What it is built FROM; left out: from scratch, with `os`. */
  readonly parent?: BuiltImage;
  readonly os?: ImageOs;
  /** Packages to install or upgrade. */
  readonly packages?: Packages;
  /** Own layers; left out: 1. 0 changes metadata only. */
  readonly layerCount?: number;
}

/** Builds an image; the same input gives the same bytes. */
export function buildImage(recipe: ImageRecipe, content: BuildContent): BuiltImage {
  const { parent, packages: installed = {}, layerCount = 1 } = content;
  const os = parent?.os ?? content.os ?? 'scratch';
  const packages = { ...parent?.packages, ...installed };
  const mtime = (recipe.createdEpochMs ?? 0) / 1000;
  const own = Array.from({ length: layerCount }, (_, n) => {
    const system = n === 0 ? systemFiles(recipe.architecture, os, packages, installed, parent === undefined) : [];
    return buildLayer([...system, applicationFile(recipe, n)], mtime);
  });
  const steps = own.map((_, n): HistoryEntry => step(recipe, `COPY layer-${n} / # buildkit`));
  const history = [
    ...(parent?.configDocument.history ?? []),
    ...steps,
    { ...step(recipe, 'ENV'), empty_layer: true as const },
  ];
  return assemble(recipe, { os, packages, layers: [...(parent?.layers ?? []), ...own], history });
}

/** The same layers and history under a new config: what a build from the cache yields. */
export function rebuildFromCache(recipe: ImageRecipe, cached: BuiltImage): BuiltImage {
  const { os, packages, layers, configDocument } = cached;
  return assemble(recipe, { os, packages, layers, history: configDocument.history });
}

interface Parts extends Pick<BuiltImage, 'os' | 'packages' | 'layers'> {
  readonly history: readonly HistoryEntry[];
}

function assemble(recipe: ImageRecipe, { os, packages, layers, history }: Parts): BuiltImage {
  const types = MEDIA_TYPES[recipe.format];
  const configDocument: BuiltImageConfig = {
    ...platformOf(recipe.architecture),
    ...createdOf(recipe),
    config: {
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
      Cmd: [`/opt/${recipe.name}/run`],
      ...(recipe.user !== undefined && { User: recipe.user }),
      ...(recipe.labels && Object.keys(recipe.labels).length > 0 ? { Labels: recipe.labels } : {}),
    },
    rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    history,
  };
  const config = jsonBlob(configDocument);
  const manifest = jsonBlob({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(config, types.config),
    layers: layers.map((layer): Descriptor => descriptorOf(layer, types.layer)),
    ...(recipe.annotations && Object.keys(recipe.annotations).length > 0 ? { annotations: recipe.annotations } : {}),
  });
  return {
    manifest: { ...manifest, mediaType: types.manifest },
    config,
    configDocument,
    layers,
    architecture: recipe.architecture,
    os,
    packages,
  };
}

export function platformOf(architecture: Architecture): { os: string; architecture: string; variant?: string } {
  return { os: 'linux', architecture, ...(architecture === 'arm64' ? { variant: 'v8' } : {}) };
}

function systemFiles(
  architecture: Architecture,
  os: ImageOs,
  all: Packages,
  installed: Packages,
  isRoot: boolean,
): TarFile[] {
  const changed = Object.keys(installed).length > 0;
  return [
    ...(isRoot ? osReleaseFiles(os) : []),
    ...(isRoot || changed ? packageFiles(os, architecture, all, installed) : []),
  ];
}

function applicationFile({ name, architecture }: ImageRecipe, n: number): TarFile {
  return { path: `opt/${name}/layer-${n}`, content: `${name} ${architecture} ${n}\n`, mode: 0o755 };
}

function step(recipe: ImageRecipe, command: string): HistoryEntry {
  return { ...createdOf(recipe), created_by: command };
}

function createdOf({ createdEpochMs }: ImageRecipe): { created?: string } {
  return createdEpochMs === undefined ? {} : { created: new Date(createdEpochMs).toISOString() };
}
