/** What registries and scanners say of an image, asked by plain SDK calls. */

import {
  DescribeImageScanFindingsCommand,
  DescribeImagesCommand,
  ECRClient,
  GetDownloadUrlForLayerCommand,
  type ImageScanFinding,
  paginateDescribeImages,
} from '@aws-sdk/client-ecr';
import { configOf, type Home, manifestOf } from './running.ts';

export interface Scan {
  /** As the API says; or the name of the error it answered with. */
  readonly status: string;
  readonly findings: readonly ImageScanFinding[];
}

/** The last scan of a digest, over all pages. */
export async function scanOf(endpoint: string, home: Home, digest: string): Promise<Scan> {
  const client = new ECRClient(configOf(endpoint, home));
  const findings: ImageScanFinding[] = [];
  let nextToken: string | undefined;
  try {
    for (;;) {
      const page = await client.send(
        new DescribeImageScanFindingsCommand({
          repositoryName: home.repository,
          imageId: { imageDigest: digest },
          ...(nextToken !== undefined && { nextToken }),
        }),
      );
      findings.push(...(page.imageScanFindings?.findings ?? []));
      nextToken = page.nextToken;
      if (nextToken === undefined) return { status: page.imageScanStatus?.status ?? 'none', findings };
    }
  } catch (error) {
    return { status: (error as Error).name, findings: [] };
  }
}

/** What manifest and config say an image is made of. */
export interface Made {
  /** Lowest first. */
  readonly layers: readonly string[];
  readonly architecture: string;
  readonly createdEpochMs?: number;
}

/** `undefined` where there is no image of that digest, or an index. */
export async function madeOf(endpoint: string, home: Home, digest: string): Promise<Made | undefined> {
  const manifest = await manifestOf(endpoint, home, digest);
  if (!manifest?.config) return undefined;
  const { downloadUrl } = await new ECRClient(configOf(endpoint, home)).send(
    new GetDownloadUrlForLayerCommand({ repositoryName: home.repository, layerDigest: manifest.config.digest }),
  );
  const { created, architecture = '' } = (await (await fetch(downloadUrl ?? '')).json()) as {
    created?: string;
    architecture?: string;
  };
  return {
    layers: (manifest.layers ?? []).map((layer) => layer.digest),
    architecture,
    ...(created !== undefined && { createdEpochMs: Date.parse(created) }),
  };
}

/** Every digest that a repository holds, over all pages; none where there is no such repository. */
export async function digestsIn(endpoint: string, home: Home): Promise<string[]> {
  const client = new ECRClient(configOf(endpoint, home));
  const found: string[] = [];
  try {
    for await (const { imageDetails = [] } of paginateDescribeImages({ client }, { repositoryName: home.repository }))
      found.push(...imageDetails.flatMap(({ imageDigest }) => imageDigest ?? []));
  } catch (error) {
    if ((error as Error).name !== 'RepositoryNotFoundException') throw error;
  }
  return found;
}

/** What a tag means now; `undefined` where it means nothing. */
export async function digestOfTag(endpoint: string, home: Home, tag: string): Promise<string | undefined> {
  try {
    const { imageDetails = [] } = await new ECRClient(configOf(endpoint, home)).send(
      new DescribeImagesCommand({ repositoryName: home.repository, imageIds: [{ imageTag: tag }] }),
    );
    return imageDetails[0]?.imageDigest;
  } catch (error) {
    if (['ImageNotFoundException', 'RepositoryNotFoundException'].includes((error as Error).name)) return undefined;
    throw error;
  }
}
