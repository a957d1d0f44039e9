/** What registries and scanners say of an image, asked by plain SDK calls. */

import {
  DescribeImageScanFindingsCommand,
  DescribeImagesCommand,
  ECRClient,
  GetDownloadUrlForLayerCommand,
  type ImageScanFinding,
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

/** `created` of an image's config; `undefined` where it has none. */
export async function createdOf(endpoint: string, home: Home, digest: string): Promise<number | undefined> {
  const manifest = await manifestOf(endpoint, home, digest);
  if (!manifest?.config) return undefined;
  const { downloadUrl } = await new ECRClient(configOf(endpoint, home)).send(
    new GetDownloadUrlForLayerCommand({ repositoryName: home.repository, layerDigest: manifest.config.digest }),
  );
  const config = (await (await fetch(downloadUrl ?? '')).json()) as { created?: string };
  return config.created === undefined ? undefined : Date.parse(config.created);
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
