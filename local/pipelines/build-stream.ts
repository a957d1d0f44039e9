/** The build that a team's pipeline makes: FROM what the parent is now, with upgraded packages, pushed under its tags. */

import { REBUILD_LABEL } from '../../shared/domain/cause/rebuild.ts';
import type { BuiltImage } from '../builds/image.ts';
import type { ImageOs, Packages } from '../builds/packages.ts';
import { pullImage } from '../builds/pull.ts';
import type { RegistryClient } from '../builds/registry.ts';
import type { CloudAdmin } from '../cloud/admin-client.ts';
import { architectureOf, buildPlatform, completeBuild, type FleetBuild } from '../fleet/build.ts';
import type { FleetImage, FleetPlatform } from '../fleet/schema.ts';
import { pushParts } from '../fleet/seed-images.ts';
import { type BuiltFrom, type PipelineDefinition, repositoryUri } from './definition.ts';

export interface BuildTools {
  readonly registry: RegistryClient;
  readonly archive: Pick<CloudAdmin, 'newestPackages'>;
}

export interface BuildOrder {
  readonly definition: PipelineDefinition;
  readonly tags: readonly string[];
  /** The rebuild in the label of the image; absent: no label. */
  readonly rebuildId?: string;
  readonly nowEpochMs: number;
}

/**
 * Builds the image of a pipeline anew, in every platform, and pushes it. Gives the digest that the tags then stand for.
 *
 * @throws RegistryError when the parent is not there, or a tag may not be moved
 */
export async function buildStream({ registry, archive }: BuildTools, order: BuildOrder): Promise<string> {
  const { definition, nowEpochMs, tags } = order;
  const { image, parent, parentOn } = definition;
  // Read once, so that every platform is built on the same head despite later pushes.
  const from = parent && (await headOf(registry, parent));
  const recipe = freshRecipe(image, order.rebuildId);
  const platforms = new Map<FleetPlatform, BuiltImage>();
  for (const platform of image.platforms) {
    const other = parentOn?.[platform];
    const below = other ? await headOf(registry, other) : from;
    const base = below && (await pullImage(registry, below.place, below.digest, architectureOf(platform)));
    const packages = await packagesFor(archive, definition, base);
    platforms.set(platform, buildPlatform({ ...recipe, packages }, platform, base, nowEpochMs));
  }
  const material = from && { reference: `${repositoryUri(from.place)}:${from.reference}`, digest: from.digest };
  const build = completeBuild(recipe, platforms, nowEpochMs, material);
  await push(registry, build, tags);
  return build.head.digest;
}

/** What a reference stands for now. */
async function headOf(registry: RegistryClient, from: BuiltFrom): Promise<BuiltFrom & { readonly digest: string }> {
  const { digest } = await registry.pullManifest(from.place, from.reference);
  return { ...from, digest };
}

/** The same recipe under the date of this build. */
function freshRecipe({ created: _created, ...image }: FleetImage, rebuildId: string | undefined): FleetImage {
  const labels = rebuildId === undefined ? image.labels : { ...image.labels, [REBUILD_LABEL]: rebuildId };
  return { ...image, labels, createdDaysAgo: 0 };
}

async function packagesFor(
  archive: BuildTools['archive'],
  { image, packages, upgrades }: PipelineDefinition,
  base: BuiltImage | undefined,
): Promise<Packages> {
  const own = { ...image.packages, ...packages };
  const distribution = distributionOf(base?.os ?? image.os ?? 'scratch');
  if (!upgrades || distribution === undefined) return own;
  return { ...own, ...(await archive.newestPackages(distribution, { ...base?.packages, ...own })) };
}

/** The distribution whose packages an operating system has; undefined where it has no package database. */
function distributionOf(os: ImageOs): 'debian' | 'alpine' | undefined {
  if (os === 'alpine') return 'alpine';
  return os === 'debian' || os === 'distroless' ? 'debian' : undefined;
}

async function push(registry: RegistryClient, build: FleetBuild, tags: readonly string[]): Promise<void> {
  await pushParts(registry, build.image, build);
  for (const tag of tags) await registry.pushManifest(build.image, tag, build.head);
}
