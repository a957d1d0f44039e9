import { BatchDeleteImageCommand, CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import { descriptorOf, jsonBlob, type Manifest } from '../../local/builds/blob.ts';
import { type BuiltImage, buildImage } from '../../local/builds/image.ts';
import { buildIndex } from '../../local/builds/image-index.ts';
import type { Packages } from '../../local/builds/packages.ts';
import { RegistryClient } from '../../local/builds/registry.ts';
import type { Cloud } from '../../local/cloud.ts';
import { type Artifact, type Digest, type ImageLocation, INDEX_TYPES } from '../../shared/domain/image/image.ts';
import type { ImageConfig } from '../../shared/ports/registry.ts';

export interface RealPush {
  readonly name: string;
  readonly tags: readonly string[];
  readonly pushedAtEpochMs: number;
  readonly format?: 'oci' | 'docker';
  readonly createdEpochMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  readonly index?: 'images' | 'attestations-only' | 'empty' | 'without-platform' | 'nested';
  readonly os?: 'debian' | 'scratch';
  readonly packages?: Packages;
}

/** Pushes real small images into the embedded cloud, and says what a reader is to find. */
export class Pusher {
  readonly #cloud: Cloud;
  readonly #registry: RegistryClient;
  #regions = 0;

  constructor(cloud: Cloud) {
    this.#cloud = cloud;
    this.#registry = new RegistryClient(cloud.endpoint);
  }

  ecr({ account, region }: Pick<ImageLocation, 'account' | 'region'>): ECRClient {
    return new ECRClient(this.#cloud.clients(account, region));
  }

  /** A repository in a Region of its own: an unused registry. */
  async newRepository(account: string, repository: string): Promise<ImageLocation> {
    const location = { account, region: `eu-test-${++this.#regions}`, repository };
    await this.createRepository(location);
    return location;
  }

  async createRepository(location: ImageLocation): Promise<void> {
    await this.ecr(location).send(new CreateRepositoryCommand({ repositoryName: location.repository }));
  }

  async push(location: ImageLocation, push: RealPush): Promise<{ artifact: Artifact; config?: ImageConfig }> {
    const image = build(push);
    for (const blob of [...image.layers, image.config]) await this.#registry.pushBlob(location, blob);
    if (push.index === undefined) {
      await this.#name(location, push, image.manifest);
      return { artifact: artifactOf(push, image), config: configOf(push, image) };
    }
    await this.#registry.pushManifest(location, image.manifest.digest, image.manifest);
    if (push.index === 'without-platform' || push.index === 'nested') return this.#pushHiding(location, push, image);
    const format = push.format ?? 'oci';
    const index = buildIndex({ format, holds: push.index, finishedEpochMs: push.pushedAtEpochMs }, [image]);
    for (const { manifest, blobs } of index.attestations) {
      for (const blob of blobs) await this.#registry.pushBlob(location, blob);
      await this.#registry.pushManifest(location, manifest.digest, manifest);
    }
    await this.#name(location, push, index.manifest);
    const [attestation] = index.attestations.map(({ manifest }) => manifest.digest as Digest);
    const child = { digest: image.manifest.digest as Digest, platform: 'linux/amd64' as const };
    const children = [{ ...child, ...(attestation !== undefined && { attestation }) }];
    return {
      artifact: {
        kind: 'index',
        digest: index.manifest.digest as Digest,
        mediaType: index.manifest.mediaType,
        children: push.index === 'images' ? children : [],
      },
    };
  }

  /** An index that does not name the platform of its image, or another one inside that does. */
  async #pushHiding(location: ImageLocation, push: RealPush, image: BuiltImage): Promise<{ artifact: Artifact }> {
    const platform = { os: 'linux', architecture: 'amd64' };
    const own = descriptorOf(image.manifest, image.manifest.mediaType);
    const inner = indexOf([{ ...own, platform }]);
    if (push.index === 'nested') await this.#registry.pushManifest(location, inner.digest, inner);
    const outer = indexOf([push.index === 'nested' ? descriptorOf(inner, inner.mediaType) : own]);
    await this.#name(location, push, outer);
    const inside = push.index === 'nested' ? [{ at: 0, platform: 'linux/amd64' as const }] : [];
    const child = { digest: image.manifest.digest as Digest, platform: 'linux/amd64' as const };
    const children = [{ ...child, path: [{ at: 0 }, ...inside] }];
    return {
      artifact: { kind: 'index', digest: outer.digest as Digest, mediaType: outer.mediaType, children },
    };
  }

  async delete(location: ImageLocation, imageDigest: Digest): Promise<void> {
    await this.ecr(location).send(
      new BatchDeleteImageCommand({ repositoryName: location.repository, imageIds: [{ imageDigest }] }),
    );
  }

  async archive(location: ImageLocation, digest: Digest): Promise<void> {
    await this.#cloud.admin.givePast({ ...location, digest, archived: true });
  }

  async #name(location: ImageLocation, push: RealPush, manifest: BuiltImage['manifest']): Promise<void> {
    for (const tag of push.tags) await this.#registry.pushManifest(location, tag, manifest);
    if (push.tags.length === 0) await this.#registry.pushManifest(location, manifest.digest, manifest);
    const pushedAt = new Date(push.pushedAtEpochMs);
    await this.#cloud.admin.givePast({ ...location, digest: manifest.digest, pushedAt });
  }
}

function indexOf(manifests: readonly object[]): Manifest {
  const [mediaType = ''] = INDEX_TYPES;
  return { ...jsonBlob({ schemaVersion: 2, mediaType, manifests }), mediaType };
}

function build({
  name,
  format = 'oci',
  createdEpochMs,
  labels,
  user,
  os = 'debian',
  packages = {},
}: RealPush): BuiltImage {
  return buildImage(
    {
      name,
      architecture: 'amd64',
      format,
      ...(createdEpochMs !== undefined && { createdEpochMs }),
      ...(labels && { labels }),
      ...(user !== undefined && { user }),
      ...(format === 'oci' && { annotations: { 'org.opencontainers.image.title': name } }),
    },
    { os, packages },
  );
}

const artifactOf = ({ name, format = 'oci' }: RealPush, image: BuiltImage): Artifact => ({
  kind: 'image',
  digest: image.manifest.digest as Digest,
  mediaType: image.manifest.mediaType,
  configDigest: image.config.digest as Digest,
  layers: image.layers.map(({ digest }) => digest as Digest),
  annotations: format === 'oci' ? { 'org.opencontainers.image.title': name } : {},
});

const configOf = (
  { createdEpochMs, labels = {}, user = '' }: RealPush,
  { configDocument }: BuiltImage,
): ImageConfig => ({
  platform: 'linux/amd64',
  labels,
  user,
  diffIds: configDocument.rootfs.diff_ids as Digest[],
  history: configDocument.history.map(({ created_by: createdBy, created }) => ({
    createdBy,
    ...(created !== undefined && { created }),
  })),
  ...(createdEpochMs !== undefined && { createdAtEpochMs: createdEpochMs }),
});
