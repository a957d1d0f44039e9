import { type Descriptor, MEDIA_TYPES } from './blob.ts';
import type { BuiltImage, BuiltImageConfig } from './image.ts';
import { layerOf, readLayer } from './layer.ts';
import { type Architecture, readPackages } from './packages.ts';
import { type BuildRepository, type RegistryClient, RegistryError } from './registry.ts';

/**
 * Reads what a tag or digest stands for now, complete, so that a build can go on from it.
 *
 * @throws RegistryError when it is not there, or its index has no image of the platform
 */
export async function pullImage(
  registry: RegistryClient,
  place: BuildRepository,
  reference: string,
  architecture: Architecture,
): Promise<BuiltImage> {
  const found = await registry.pullManifest(place, reference);
  const document = JSON.parse(found.bytes.toString());
  if (isIndex(found.mediaType)) {
    const children: Descriptor[] = document.manifests;
    const child = children.find(({ platform }) => platform?.architecture === architecture);
    if (child) return pullImage(registry, place, child.digest, architecture);
    throw new RegistryError(`${place.repository}@${found.digest} has no image for linux/${architecture}`);
  }
  const { config: configDescriptor, layers: layerDescriptors }: { config: Descriptor; layers: Descriptor[] } = document;
  const config = await registry.pullBlob(place, configDescriptor.digest);
  const layers = await Promise.all(
    layerDescriptors.map(async ({ digest }) => layerOf((await registry.pullBlob(place, digest)).bytes)),
  );
  const configDocument: BuiltImageConfig = JSON.parse(config.bytes.toString());
  return {
    manifest: found,
    config,
    configDocument,
    layers,
    architecture,
    ...readPackages(layers.map(({ bytes }) => readLayer(bytes))),
  };
}

function isIndex(mediaType: string): boolean {
  return mediaType === MEDIA_TYPES.oci.index || mediaType === MEDIA_TYPES.docker.index;
}
