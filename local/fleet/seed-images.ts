import { BatchDeleteImageCommand } from '@aws-sdk/client-ecr';
import type { BuildRepository, RegistryClient } from '../builds/registry.ts';
import type { ImagePast } from '../cloud/admin-types.ts';
import type { FleetBuild } from './build.ts';
import { inParallel } from './parallel.ts';
import { placeKey, pushesOf, type SeededPush } from './places.ts';
import type { FleetImage } from './schema.ts';
import { DAY_MS, SEED_CONCURRENCY, type SeedContext, SeedError } from './seed-context.ts';
import type { Happening } from './timeline.ts';

/** BatchDeleteImage takes so many ids (Amazon ECR API reference). */
const DELETE_BATCH = 100;

/** Pushes everything of an image, everywhere, but its tags: what they come to stand for depends on their order. */
export async function pushContents({ registry }: SeedContext, build: FleetBuild): Promise<void> {
  for (const push of pushesOf(build.image)) {
    await pushParts(registry, push, build);
    if (push.tags.length === 0) await registry.pushManifest(push, build.head.digest, build.head);
  }
}

/** Pushes what the head of a build leads to: layers, configs, the images of an index and their attestations. */
export async function pushParts(registry: RegistryClient, place: BuildRepository, build: FleetBuild): Promise<void> {
  const images = imagesOf(build);
  const attestations = build.index?.attestations ?? [];
  const blobs = [
    ...images.flatMap(({ layers, config }) => [...layers, config]),
    ...attestations.flatMap((attestation) => attestation.blobs),
  ];
  for (const blob of blobs) await registry.pushBlob(place, blob);
  for (const { manifest } of [...images, ...attestations]) {
    if (manifest.digest !== build.head.digest) await registry.pushManifest(place, manifest.digest, manifest);
  }
}

/** The pushes of an image's tags, to be replayed in the order they happened. */
export function tagPuts({ registry }: SeedContext, build: FleetBuild): Happening[] {
  return pushesOf(build.image).flatMap((push) =>
    push.tags.map((tag) => ({
      daysAgo: push.pushedDaysAgo,
      movesTag: `${placeKey(push)}:${tag}`,
      run: () => registry.pushManifest(push, tag, build.head),
    })),
  );
}

/** https://docs.aws.amazon.com/inspector/v2/APIReference/API_ScanStatus.html */
const INACTIVE: Readonly<Record<NonNullable<FleetImage['inspection']>, string>> = {
  pending: 'PENDING_INITIAL_SCAN',
  expired: 'SCAN_ELIGIBILITY_EXPIRED',
  unsupported: 'UNSUPPORTED_OS',
  'access-denied': 'ACCESS_DENIED',
};

/** Push time, last scan and storage class of an image, of what its index lists, and of its attestations. */
export async function giveImagesTheirPast(context: SeedContext, build: FleetBuild): Promise<void> {
  const { image } = build;
  const scanned = new Set(imagesOf(build).map(({ manifest }) => manifest.digest));
  for (const push of pushesOf(image)) {
    const isHome = placeKey(push) === placeKey(image);
    for (const digest of digestsOf(build)) {
      const past: ImagePast = {
        account: push.account,
        region: push.region,
        repository: push.repository,
        digest,
        pushedAt: instantOf(context, push.pushedDaysAgo),
        ...(image.archived && { archived: true }),
        ...(image.inspection !== undefined &&
          scanned.has(digest) && { inspection: { status: 'INACTIVE', reason: INACTIVE[image.inspection] } }),
        ...(isHome &&
          image.lastScannedDaysAgo !== undefined &&
          scanned.has(digest) && { lastScannedAt: instantOf(context, image.lastScannedDaysAgo) }),
      };
      await context.admin.givePast(past);
    }
  }
}

/** Deletes what the fleet calls deleted. It runs last: what is deleted had to be there to be started. */
export async function deleteImages(context: SeedContext): Promise<void> {
  const deletions = [...context.builds.values()]
    .filter(({ image }) => image.deleted)
    .flatMap((build) => pushesOf(build.image).map((push) => ({ push, digests: digestsOf(build) })));
  await inParallel(SEED_CONCURRENCY, deletions, ({ push, digests }) => deleteFrom(context, push, digests));
}

async function deleteFrom({ ecr }: SeedContext, push: SeededPush, digests: readonly string[]): Promise<void> {
  for (let start = 0; start < digests.length; start += DELETE_BATCH) {
    const imageIds = digests.slice(start, start + DELETE_BATCH).map((imageDigest) => ({ imageDigest }));
    const request = new BatchDeleteImageCommand({ repositoryName: push.repository, imageIds });
    const { failures = [] } = await ecr(push.account, push.region).send(request);
    const [failure] = failures;
    if (failure) {
      throw new SeedError(
        `${failure.imageId?.imageDigest} in ${placeKey(push)} was not deleted: ${failure.failureReason}`,
      );
    }
  }
}

function imagesOf({ image, platforms }: FleetBuild) {
  return image.index === 'empty' || image.index === 'attestations-only' ? [] : [...platforms.values()];
}

/** The index first: an image that an index lists cannot be deleted before it. */
function digestsOf(build: FleetBuild): string[] {
  const parts = [...imagesOf(build), ...(build.index?.attestations ?? [])];
  return [...new Set([build.head.digest, ...parts.map(({ manifest }) => manifest.digest)])];
}

function instantOf({ nowEpochMs }: SeedContext, daysAgo: number): Date {
  return new Date(nowEpochMs - daysAgo * DAY_MS);
}
