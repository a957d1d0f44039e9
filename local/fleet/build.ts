import type { Manifest } from '../builds/blob.ts';
import { type BuiltImage, buildImage, type ImageRecipe, rebuildFromCache } from '../builds/image.ts';
import { type BuiltIndex, buildIndex } from '../builds/image-index.ts';
import type { Architecture } from '../builds/packages.ts';
import { hostOf } from '../builds/registry.ts';
import { type FleetImage, type FleetPlatform, sourceOn } from './schema.ts';

const DAY_MS = 86_400_000;

/** An image of a fleet with its bytes, in every platform. */
export interface FleetBuild {
  readonly image: FleetImage;
  readonly platforms: ReadonlyMap<FleetPlatform, BuiltImage>;
  readonly index?: BuiltIndex;
  /** What the tags stand for: the index, or the only platform's manifest. */
  readonly head: Manifest;
}

/** Builds the images of a sound fleet, parents first; the same fleet and instant give the same bytes. */
export function buildFleetImages(images: readonly FleetImage[], nowEpochMs: number): Map<string, FleetBuild> {
  const byName = new Map(images.map((image) => [image.name, image]));
  const builds = new Map<string, FleetBuild>();
  const build = (image: FleetImage): FleetBuild => {
    const before = builds.get(image.name);
    if (before !== undefined) return before;
    const sources = new Map(
      image.platforms.map((platform) => {
        const source = byName.get(sourceOn(image, platform) ?? '');
        return [platform, source && build(source)] as const;
      }),
    );
    const built = buildOne(image, sources, nowEpochMs);
    builds.set(image.name, built);
    return built;
  };
  for (const image of images) build(image);
  return builds;
}

function buildOne(
  image: FleetImage,
  sources: ReadonlyMap<FleetPlatform, FleetBuild | undefined>,
  nowEpochMs: number,
): FleetBuild {
  const platforms = new Map(
    image.platforms.map((platform) => {
      const from = sources.get(platform)?.platforms.get(platform);
      if (image.cachedFrom === undefined || !from) return [platform, buildPlatform(image, platform, from, nowEpochMs)];
      return [platform, rebuildFromCache(recipeOf(image, platform, nowEpochMs), from)];
    }),
  );
  const [source] = sources.values();
  const material = image.cachedFrom === undefined && source ? materialOf(source) : undefined;
  return completeBuild(image, platforms, nowEpochMs, material);
}

/** The image of one platform, built on what it is FROM. */
export function buildPlatform(
  image: FleetImage,
  platform: FleetPlatform,
  from: BuiltImage | undefined,
  nowEpochMs: number,
): BuiltImage {
  return buildImage(recipeOf(image, platform, nowEpochMs), {
    packages: image.packages,
    ...(from && { parent: from }),
    ...(image.os && { os: image.os }),
    ...(image.layers !== undefined && { layerCount: image.layers }),
  });
}

/** Adds the index where the image has one. `material` is what it was built FROM: a reference and its digest. */
export function completeBuild(
  image: FleetImage,
  platforms: ReadonlyMap<FleetPlatform, BuiltImage>,
  nowEpochMs: number,
  material?: { readonly reference: string; readonly digest: string },
): FleetBuild {
  const [only] = platforms.values();
  if (image.index === 'auto' && platforms.size === 1 && only) return { image, platforms, head: only.manifest };
  const index = buildIndex(
    {
      format: image.mediaType,
      holds: image.index === 'empty' || image.index === 'attestations-only' ? image.index : 'images',
      finishedEpochMs: nowEpochMs - (image.createdDaysAgo ?? image.pushedDaysAgo) * DAY_MS,
      annotations: image.annotations,
      ...(material && { material }),
    },
    [...platforms.values()],
  );
  return { image, platforms, index, head: index.manifest };
}

function recipeOf(image: FleetImage, platform: FleetPlatform, nowEpochMs: number): ImageRecipe {
  return {
    name: image.name,
    architecture: architectureOf(platform),
    format: image.mediaType,
    labels: image.labels,
    annotations: image.annotations,
    ...createdOf(image, nowEpochMs),
  };
}

function createdOf({ created, createdDaysAgo }: FleetImage, nowEpochMs: number): { createdEpochMs?: number } {
  if (created !== undefined) return { createdEpochMs: Date.parse(created) };
  if (createdDaysAgo !== undefined) return { createdEpochMs: nowEpochMs - createdDaysAgo * DAY_MS };
  return {};
}

export function architectureOf(platform: FleetPlatform): Architecture {
  return platform === 'linux/arm64' ? 'arm64' : 'amd64';
}

function materialOf({ image, head }: FleetBuild): { reference: string; digest: string } {
  const [tag = 'latest'] = image.tags;
  return { reference: `${hostOf(image)}/${image.repository}:${tag}`, digest: head.digest };
}
