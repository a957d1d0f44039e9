/** What a probe (`cloud/probes/`) gets, and the small image it may push. */

import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { CreateRepositoryCommand, ECRClient } from '@aws-sdk/client-ecr';
import type { ClientConfig, Cloud } from '../cloud.ts';

/** The account and Region that most probes use; the hub account is another one. */
export const PROBE_ACCOUNT = '444455556666';
export const PROBE_REGION = 'eu-west-1';

/** A cloud as a probe sees it: SDK configurations, the admin routes, and names no other probe uses. */
export interface ProbeCloud extends Pick<Cloud, 'endpoint' | 'clients' | 'admin' | 'hubAccount'> {
  /** The configuration of an SDK client for the probes' account and Region. */
  readonly config: ClientConfig;
  /** The given word made unique within the cloud. */
  unique(word: string): string;
}

export type Probe = (cloud: ProbeCloud) => Promise<void>;

let names = 0;

export function probeCloud(cloud: Cloud): ProbeCloud {
  return {
    endpoint: cloud.endpoint,
    hubAccount: cloud.hubAccount,
    admin: cloud.admin,
    clients: (account, region) => cloud.clients(account, region),
    config: cloud.clients(PROBE_ACCOUNT, PROBE_REGION),
    unique: (word) => {
      names += 1;
      return `${word}-${names}`;
    },
  };
}

/**
 * Asks again every 20 ms until the answer is not undefined; throws after the limit.
 * @param stands what there was instead, for the error; asked only then
 */
export async function eventually<T>(
  ask: () => Promise<T | undefined>,
  what: string,
  limitMs = 5000,
  stands?: () => Promise<unknown>,
): Promise<T> {
  const endsAtEpochMs = Date.now() + limitMs;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    if (Date.now() > endsAtEpochMs) {
      const instead = stands ? `: ${JSON.stringify(await stands(), undefined, 1)}` : '';
      throw new Error(`waited ${limitMs} ms in vain for: ${what}${instead}`);
    }
    await sleep(20);
  }
}

const digestOf = (bytes: Uint8Array): string => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A tar archive of small text files, as one layer of an image. A name that ends in `/` is a folder. */
export function tarOf(files: Readonly<Record<string, string>>): Buffer {
  const blocks: Buffer[] = [];
  for (const [name, text] of Object.entries(files)) {
    const content = Buffer.from(text);
    const header = Buffer.alloc(512);
    header.write(name, 0);
    header.write('0000644\0', 100);
    header.write('0000000\0', 108);
    header.write('0000000\0', 116);
    header.write(`${content.length.toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write(name.endsWith('/') ? '5' : '0', 156);
    header.write('ustar\x0000', 257);
    let sum = 0;
    for (const byte of header) sum += byte;
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    blocks.push(header, content, Buffer.alloc((512 - (content.length % 512)) % 512));
  }
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

/** The text of a Debian package database with these packages. */
export function dpkgStatus(packages: Readonly<Record<string, string>>): string {
  return Object.entries(packages)
    .map(
      ([name, version]) => `Package: ${name}\nStatus: install ok installed\nVersion: ${version}\nArchitecture: arm64\n`,
    )
    .join('\n');
}

/** The files of a small Debian image with these packages. */
export function debianFiles(packages: Readonly<Record<string, string>>): Record<string, string> {
  return {
    'etc/os-release': 'ID=debian\nVERSION_ID="13"\nPRETTY_NAME="Debian GNU/Linux 13 (trixie)"\n',
    'var/lib/dpkg/status': dpkgStatus(packages),
  };
}

export interface ProbeImage {
  readonly repository: string;
  readonly digest: string;
  readonly configDigest: string;
  readonly layerDigests: readonly string[];
  readonly manifest: string;
}

export const OCI_MANIFEST = 'application/vnd.oci.image.manifest.v1+json';
export const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';

/** A request to the registry's own API of an account: `path` follows the repository. */
export function registryRequest(
  cloud: ProbeCloud,
  repository: string,
  method: string,
  path: string,
  content: Pick<RequestInit, 'body' | 'headers'> = {},
): Promise<Response> {
  const url = new URL(`/v2/${repository}/${path}`, cloud.endpoint);
  url.searchParams.set('ns', registryOf(cloud.config));
  return fetch(url, { method, ...content });
}

/** Pushes bytes over the registry's own API, as an account's registry. Returns the digest. */
export async function pushBlob(cloud: ProbeCloud, repository: string, bytes: Uint8Array): Promise<string> {
  const digest = digestOf(bytes);
  const body = new Uint8Array(bytes);
  const response = await registryRequest(cloud, repository, 'POST', `blobs/uploads/?digest=${digest}`, { body });
  if (response.status !== 201) throw new Error(`push of a blob to ${repository}: ${await response.text()}`);
  return digest;
}

/** Pushes a manifest under a tag, or under its digest when no tag is given. */
export async function pushManifest(
  cloud: ProbeCloud,
  repository: string,
  manifest: string,
  tag?: string,
  mediaType = OCI_MANIFEST,
): Promise<string> {
  const digest = digestOf(Buffer.from(manifest));
  const headers = { 'content-type': mediaType };
  const path = `manifests/${tag ?? digest}`;
  const response = await registryRequest(cloud, repository, 'PUT', path, { body: manifest, headers });
  if (response.status !== 201) throw new Error(`push of a manifest to ${repository}: ${await response.text()}`);
  return digest;
}

/** Pushes an image whose layers hold the given files, gzipped, under a tag of an existing repository. */
export async function pushImage(
  cloud: ProbeCloud,
  repository: string,
  layers: readonly Readonly<Record<string, string>>[],
  tag?: string,
): Promise<ProbeImage> {
  const tars = layers.map(tarOf);
  const config = Buffer.from(
    JSON.stringify({
      architecture: 'arm64',
      os: 'linux',
      rootfs: { type: 'layers', diff_ids: tars.map(digestOf) },
      config: {},
      created: '2026-11-01T00:00:00Z',
    }),
  );
  const descriptors = [];
  for (const tar of tars) {
    const bytes = gzipSync(tar);
    const digest = await pushBlob(cloud, repository, bytes);
    descriptors.push({ mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest, size: bytes.length });
  }
  const configDigest = await pushBlob(cloud, repository, config);
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: configDigest, size: config.length },
    layers: descriptors,
  });
  const digest = await pushManifest(cloud, repository, manifest, tag);
  return { repository, digest, configDigest, layerDigests: descriptors.map((layer) => layer.digest), manifest };
}

/** Makes a repository with a name of its own in the probes' account. */
export async function makeRepository(cloud: ProbeCloud, word: string): Promise<string> {
  const repositoryName = cloud.unique(word);
  await new ECRClient(cloud.config).send(new CreateRepositoryCommand({ repositoryName }));
  return repositoryName;
}

/** `<account>.dkr.ecr.<region>.amazonaws.com`, the registry of a configuration's account. */
export function registryOf(config: ClientConfig): string {
  return `${config.credentials.accessKeyId}.dkr.ecr.${config.region}.amazonaws.com`;
}
