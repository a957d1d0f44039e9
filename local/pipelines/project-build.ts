/**
 * The build of a CodeBuild project of registry/pipeline.yaml: what registry/build.sh makes with Docker, made by
 * `buildDockerfile`. It logs in as the service role of the project, so the policies of the registry decide what it may do.
 */

import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { BatchGetImageCommand, ECRClient, GetAuthorizationTokenCommand, paginateListImages } from '@aws-sdk/client-ecr';
import { type ImageReference, parseImageReference } from '../../shared/domain/image/reference.ts';
import { buildIndex } from '../builds/image-index.ts';
import { pullImage } from '../builds/pull.ts';
import { type BuildRepository, RegistryClient } from '../builds/registry.ts';
import type { CloudAdmin } from '../cloud/admin-client.ts';
import type { PipelineJob, PipelineReport, ProjectBuild } from '../cloud/admin-types.ts';
import { NO_REBUILD } from './definition.ts';
import { BuildFailed, buildDockerfile } from './dockerfile-build.ts';

const SOURCES = fileURLToPath(new URL('../../', import.meta.url));
const ARCHITECTURE = 'amd64';

/** Public registries, which everybody may pull from, stand in the registry of an account outside of any organization. */
export const publicPlace = ({ host, repository }: Pick<ImageReference, 'host' | 'repository'>): BuildRepository => ({
  ...{ account: '900000000009', region: 'us-east-1' },
  repository: `${host}/${repository}`,
});

export interface ProjectTools {
  readonly endpoint: string;
  readonly archive: Pick<CloudAdmin, 'newestPackages'>;
  readonly nowEpochMs: number;
}

/** What becomes of the head: it stays, the image is the first one, or it was deleted. */
export type Head = 'kept' | 'first' | 'gone';

/** The variables of a build, by the names of registry/build.sh. */
export type BuildEnvironment = Readonly<Record<string, string>>;

/** @throws RegistryError, BuildFailed, or the error of an AWS call, where the build fails */
export async function buildProject(
  tools: ProjectTools,
  job: PipelineJob,
  build: ProjectBuild,
): Promise<PipelineReport> {
  const context = join(SOURCES, build.environment.CONTEXT ?? '');
  const own = environmentOf(job, build, await commitOf(context));
  const environment: BuildEnvironment = { ...own, BUILD_NUMBER: String(job.number) };
  const image = parseImageReference(`${environment.REGISTRY}/${environment.REPOSITORY}`);
  const ecr = new ECRClient({ endpoint: tools.endpoint, region: job.region, credentials: build.credentials });
  try {
    const { authorizationData } = await ecr.send(new GetAuthorizationTokenCommand({}));
    const registry = new RegistryClient(tools.endpoint, authorizationData?.[0]?.authorizationToken);
    const head = await headOf(ecr, image.repository, environment);
    const digest = await pushed(tools, registry, context, environment, head);
    if (head === 'gone') throw new BuildFailed(`the head of ${image.repository} is gone: restore it`);
    return { status: 'Succeeded', outputVariables: { IMAGE_DIGEST: digest } };
  } finally {
    ecr.destroy();
  }
}

async function pushed(
  { endpoint, archive, nowEpochMs }: ProjectTools,
  registry: RegistryClient,
  context: string,
  environment: BuildEnvironment,
  head: Head,
): Promise<string> {
  const open = new RegistryClient(endpoint);
  const { registry: own, place } = placeOf(`${environment.REGISTRY}/${environment.REPOSITORY}`, registry, open);
  const parent = placeOf(`${environment.PARENT}:${environment.PARENT_TAG}`, registry, open);
  const { digest } = await parent.registry.pullManifest(parent.place, environment.PARENT_TAG ?? '');
  const { buildArguments, target } = argumentsOf(environment, digest);
  const pull = (reference: string) => {
    const from = placeOf(reference, registry, open);
    return pullImage(from.registry, from.place, from.reference, ARCHITECTURE);
  };
  const text = await readFile(join(context, environment.DOCKERFILE ?? ''), 'utf8');
  const order = { name: place.repository.replaceAll('/', '-'), text, buildArguments, nowEpochMs };
  const image = await buildDockerfile(
    { pull, archive },
    { ...order, architecture: ARCHITECTURE, ...(target !== undefined && { target }) },
  );
  const material = { reference: `${environment.PARENT}:${environment.PARENT_TAG}`, digest };
  const index = buildIndex({ format: 'oci', holds: 'images', finishedEpochMs: nowEpochMs, material }, [image]);
  const blobs = [...image.layers, image.config, ...index.attestations.flatMap((attestation) => attestation.blobs)];
  for (const blob of blobs) await own.pushBlob(place, blob);
  for (const { manifest } of [image, ...index.attestations]) await own.pushManifest(place, manifest.digest, manifest);
  const tags = tagsOf(environment, head, nowEpochMs);
  for (const tag of tags) await own.pushManifest(place, tag, index.manifest);
  return index.manifest.digest;
}

/** Where a reference leads, and the client for it: a login counts in ECR only. */
function placeOf(text: string, registry: RegistryClient, open: RegistryClient) {
  const found = parseImageReference(text);
  const { location, digest, tag = 'latest' } = found;
  const place = location ?? publicPlace(found);
  return { place, registry: location ? registry : open, reference: digest ?? tag };
}

/** As registry/build.sh decides it: only an image that nothing was built before becomes the head by itself. */
async function headOf(ecr: ECRClient, repositoryName: string, environment: BuildEnvironment): Promise<Head> {
  if (environment.CANDIDATE !== 'true' || (await hasTag(ecr, repositoryName, 'stable'))) return 'kept';
  if (environment.PATCHWAVE_REBUILD_ID !== NO_REBUILD) return 'gone';
  const filter = { tagStatus: 'TAGGED', imageStatus: 'ANY' } as const;
  for await (const { imageIds = [] } of paginateListImages({ client: ecr }, { repositoryName, filter }))
    if (imageIds.some(({ imageTag }) => imageTag?.startsWith('build-'))) return 'gone';
  return 'first';
}

/** Whether a repository has the tag; any other refusal than that it is not there is an error. */
async function hasTag(ecr: ECRClient, repositoryName: string, imageTag: string): Promise<boolean> {
  const answer = await ecr.send(new BatchGetImageCommand({ repositoryName, imageIds: [{ imageTag }] }));
  const codes = (answer.failures ?? []).map(({ failureCode }) => failureCode);
  if (codes.some((code) => code !== 'ImageNotFound')) throw new Error(`${repositoryName}:${imageTag}: ${codes.join()}`);
  return codes.length === 0;
}

/** The variables of a build, with the values of `#{NAMESPACE.NAME}`. */
function environmentOf(job: PipelineJob, build: ProjectBuild, commit: string): BuildEnvironment {
  const { FullRepositoryId = '', BranchName = '' } = build.source;
  const source = { FullRepositoryName: FullRepositoryId, BranchName, CommitId: commit };
  const known = new Map(Object.entries(job.variables).map(([name, value]) => [`variables.${name}`, value]));
  for (const [name, value] of Object.entries(source)) known.set(`${build.sourceNamespace}.${name}`, value);
  const resolved = (text: string) =>
    text.replace(/#\{([^}]+)\}/g, (_, name: string) => {
      const value = known.get(name);
      if (value === undefined) throw new RangeError(`The pipeline ${job.pipeline} has no variable ${name}`);
      return value;
    });
  return Object.fromEntries(Object.entries(build.environment).map(([name, text]) => [name, resolved(text)]));
}

/** The source repository is this folder: a commit stands for its content. */
async function commitOf(context: string): Promise<string> {
  const entries = await readdir(context, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const hash = createHash('sha1');
  for (const file of files.sort()) hash.update(file.slice(context.length)).update(await readFile(file));
  return hash.digest('hex');
}

/** The tags of a build, as registry/build.sh pushes them. */
export function tagsOf(environment: BuildEnvironment, head: Head, nowEpochMs: number): string[] {
  const day = new Date(nowEpochMs).toISOString().slice(0, 10).replaceAll('-', '');
  const own = `build-${day}-${environment.BUILD_NUMBER}`;
  if (environment.CANDIDATE !== 'true') return [own];
  return [own, 'stable-candidate', ...(head === 'first' ? ['stable'] : [])];
}

/** The arguments of a build, as registry/build.sh gives them. */
export function argumentsOf(
  environment: BuildEnvironment,
  parentDigest: string,
): { readonly buildArguments: ReadonlyMap<string, string>; readonly target?: string } {
  const { PARENT = '', PARENT_TAG = '', SOURCE = '', REVISION = '', PATCHWAVE_REBUILD_ID = '' } = environment;
  const text = environment.BUILD_ARGUMENTS ?? '';
  const given = [...text.matchAll(/--build-arg ([^\s=]+)=(\S*)/g)].map(
    ([, name = '', value = '']) => [name, value] as const,
  );
  const own = { BASE: PARENT, BASE_TAG: `${PARENT_TAG}@${parentDigest}`, BASE_DIGEST: parentDigest };
  const target = /--target (\S+)/.exec(text)?.[1];
  return {
    buildArguments: new Map([...given, ...Object.entries({ ...own, SOURCE, REVISION, PATCHWAVE_REBUILD_ID })]),
    ...(target !== undefined && { target }),
  };
}
