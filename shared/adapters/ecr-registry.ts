import {
  DescribeImagesCommand,
  GetDownloadUrlForLayerCommand,
  type ImageDetail,
  paginateDescribeImages,
  paginateDescribeRepositories,
} from '@aws-sdk/client-ecr';
import { mapConcurrently } from '../concurrency.ts';
import {
  type Digest,
  type ImageLocation,
  isDigest,
  NO_PLATFORM,
  type Platform,
  type Registry,
} from '../domain/image/image.ts';
import type { SystemTexts } from '../domain/image/system.ts';
import { ImageConfigError, LayerDownloadError } from '../ports/errors.ts';
import type { Provenance, ProvenanceSource } from '../ports/provenance.ts';
import type { ImageConfig, ImageRegistry, ManifestLookup, RegistryImage } from '../ports/registry.ts';
import { EcrManifests, unreachable } from './ecr-manifests.ts';
import { downloadBlob } from './layer-download.ts';
import { configPlatform, type ImageManifest, parseConfig } from './manifest.ts';
import { parseProvenance, provenanceBlobOf } from './provenance.ts';
import { isNamed, pagesOrUnreachable } from './refusal.ts';
import { readSystemFiles } from './system-files.ts';

/** The most that DescribeImages and DescribeRepositories list in a page. */
const ROWS_A_PAGE = 1000;

const BLOBS_AT_ONCE = 8;

/** Amazon ECR's private registries, each read with the role of its own account. */
export class EcrRegistry extends EcrManifests implements ImageRegistry, ProvenanceSource {
  async *repositories(registry: Registry): AsyncIterable<readonly string[]> {
    const pages = paginateDescribeRepositories({ client: this.clients(registry), pageSize: ROWS_A_PAGE }, {});
    for await (const { repositories = [] } of pagesOrUnreachable(pages, unreachable(registry))) {
      yield repositories.flatMap(({ repositoryName }) => repositoryName ?? []);
    }
  }

  async *images(location: ImageLocation): AsyncIterable<readonly RegistryImage[]> {
    const pages = paginateDescribeImages(
      { client: this.clients(location), pageSize: ROWS_A_PAGE },
      { repositoryName: location.repository },
    );
    try {
      for await (const { imageDetails = [] } of pagesOrUnreachable(pages, unreachable(location))) {
        yield imageDetails.flatMap(listed);
      }
    } catch (error) {
      if (!isNamed(error, 'RepositoryNotFoundException')) throw error;
    }
  }

  async pushedAt(location: ImageLocation, imageDigest: Digest): Promise<number | undefined> {
    const command = new DescribeImagesCommand({ repositoryName: location.repository, imageIds: [{ imageDigest }] });
    try {
      const { imageDetails = [] } = await this.send(location, (client) => client.send(command));
      return imageDetails[0]?.imagePushedAt?.getTime();
    } catch (error) {
      if (isNamed(error, 'ImageNotFoundException', 'RepositoryNotFoundException')) return undefined;
      throw error;
    }
  }

  async config(location: ImageLocation, configDigest: Digest): Promise<ImageConfig> {
    const bytes = await downloadBlob(configDigest, () => this.#locate(location, configDigest));
    try {
      return parseConfig(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    } catch (error) {
      throw new ImageConfigError(configDigest, 'it is not an image config', error);
    }
  }

  async systemFiles(location: ImageLocation, layers: readonly Digest[]): Promise<SystemTexts> {
    return readSystemFiles(layers, (layer) => this.#locate(location, layer));
  }

  /** A config that is broken names no platform, and one that could not be downloaded is read again later. */
  protected override async platformOf(
    location: ImageLocation,
    { digest, configDigest }: ImageManifest,
  ): Promise<Platform | ManifestLookup['missing'][number]> {
    try {
      const bytes = await downloadBlob(configDigest, () => this.#locate(location, configDigest));
      return configPlatform(new TextDecoder().decode(bytes));
    } catch (error) {
      if (error instanceof ImageConfigError) return NO_PLATFORM;
      if (error instanceof LayerDownloadError) return { digest, code: 'config-unreadable', detail: error.message };
      throw error;
    }
  }

  async provenances(
    location: ImageLocation,
    attestations: ReadonlyMap<Digest, Digest>,
  ): Promise<ReadonlyMap<Digest, Provenance | 'unread'>> {
    const texts = await this.texts(location, [...attestations.values()]);
    const found = await mapConcurrently([...attestations], BLOBS_AT_ONCE, async ([image, attestation]) => {
      const blob = provenanceBlobOf(texts.get(attestation) ?? '');
      const provenance = blob && (await this.#provenance(location, blob, image));
      return provenance ? [[image, provenance] as const] : [];
    });
    return new Map(found.flat());
  }

  async #provenance(location: ImageLocation, blob: Digest, image: Digest): Promise<Provenance | 'unread' | undefined> {
    try {
      const bytes = await downloadBlob(blob, () => this.#locate(location, blob));
      return parseProvenance(new TextDecoder().decode(bytes), image);
    } catch (error) {
      if (error instanceof ImageConfigError) return undefined;
      if (error instanceof LayerDownloadError) return 'unread';
      throw error;
    }
  }

  async #locate(location: ImageLocation, layerDigest: Digest): Promise<string> {
    const command = new GetDownloadUrlForLayerCommand({ repositoryName: location.repository, layerDigest });
    try {
      const { downloadUrl } = await this.send(location, (client) => client.send(command));
      if (downloadUrl) return downloadUrl;
    } catch (error) {
      const gone = ['LayersNotFoundException', 'LayerInaccessibleException', 'RepositoryNotFoundException'];
      if (!isNamed(error, ...gone)) throw error;
      throw new ImageConfigError(layerDigest, `${error.name}: ${error.message}`, error);
    }
    throw new ImageConfigError(layerDigest, 'ECR returned no download URL');
  }
}

/** Signatures, SBOMs and other things that refer to an image (`subjectManifestDigest`) are no images. */
function listed(detail: ImageDetail): RegistryImage[] {
  const { imageDigest, imageTags, imagePushedAt, imageManifestMediaType, imageStatus } = detail;
  if (!isDigest(imageDigest) || detail.subjectManifestDigest !== undefined) return [];
  return [
    {
      digest: imageDigest,
      tags: [...(imageTags ?? [])].sort(),
      ...(imagePushedAt && { pushedAtEpochMs: imagePushedAt.getTime() }),
      ...(imageManifestMediaType !== undefined && { mediaType: imageManifestMediaType }),
      archived: imageStatus === 'ARCHIVED',
    },
  ];
}
