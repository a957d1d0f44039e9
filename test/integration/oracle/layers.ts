/** The packages that an image really holds, read out of its layers by plain SDK calls. */

import { gunzipSync } from 'node:zlib';
import { BatchGetImageCommand, ECRClient, GetDownloadUrlForLayerCommand } from '@aws-sdk/client-ecr';
import { configOf, type Home } from './running.ts';

interface Manifest {
  readonly layers: readonly { readonly digest: string }[];
}

/** A package in the databases of dpkg and of apk. */
const VERSION = /^(?:Package: (?<dpkg>\S+)\n(?:(?!Package: ).+\n)*?Version: |P:(?<apk>\S+)\nV:)(?<version>\S+)$/gm;

/** Versions by name; a later layer replaces what an earlier one says. */
export async function packagesIn(endpoint: string, home: Home, digest: string): Promise<Map<string, string>> {
  const ecr = new ECRClient(configOf(endpoint, home));
  const { images = [] } = await ecr.send(
    new BatchGetImageCommand({ repositoryName: home.repository, imageIds: [{ imageDigest: digest }] }),
  );
  const { layers } = JSON.parse(images[0]?.imageManifest ?? '{"layers":[]}') as Manifest;
  const packages = new Map<string, string>();
  for (const { digest: layerDigest } of layers) {
    const { downloadUrl = '' } = await ecr.send(
      new GetDownloadUrlForLayerCommand({ repositoryName: home.repository, layerDigest }),
    );
    const archive = gunzipSync(Buffer.from(await (await fetch(downloadUrl)).arrayBuffer())).toString('latin1');
    // A file of a tar archive begins after zeros.
    for (const { groups = {} } of archive.replaceAll('\0', '\n').matchAll(VERSION))
      packages.set(groups.dpkg ?? groups.apk ?? '', groups.version ?? '');
  }
  return packages;
}
