/** From an account with nothing in it to an application that runs: the templates of registry/, and their pipelines. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  ListActionExecutionsCommand,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import {
  CreateRepositoryCommand,
  ECRClient,
  paginateDescribeImages,
  paginateDescribeRepositories,
} from '@aws-sdk/client-ecr';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { shortDigest } from '../cli/output.ts';
import { partitionOf } from '../shared/domain/image/partitions.ts';
import { MEDIA_TYPES } from './builds/blob.ts';
import { buildImage } from './builds/image.ts';
import { hostOf, RegistryClient } from './builds/registry.ts';
import type { KnownVulnerability } from './cloud/admin-types.ts';
import type { ClientConfig, Cloud } from './cloud.ts';
import type { Fleet } from './fleet/schema.ts';
import { publicPlace } from './pipelines/project-build.ts';
import { createStack } from './stack.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
const DAY_MS = 86_400_000;
const POLL_MS = 100;
const LIMIT_MS = 60_000;

const UPSTREAM = { host: 'public.ecr.aws', repository: 'docker/library/alpine', tag: '3.24' } as const;
const UPSTREAM_PACKAGES = {
  'alpine-baselayout': '3.7.0-r0',
  'apk-tools': '3.0.1-r0',
  busybox: '1.37.0-r24',
  libcrypto3: '3.5.4-r0',
  libssl3: '3.5.4-r0',
  musl: '1.2.5-r20',
  zlib: '1.3.1-r2',
} as const;

/** Becomes known after the three tiers were built. The archive of Alpine has the fix from then on. */
export const VULNERABILITY = {
  id: 'CVE-2026-31001',
  package: 'libcrypto3',
  severity: 'CRITICAL',
  fixedIn: '3.5.5-r0',
  distribution: 'alpine',
  description: 'Heap overflow while parsing a certificate chain.',
} as const satisfies KnownVulnerability;

/** The tiers of docs/registry.md, lowest first. A pipeline has the name of its stack. */
export const TIERS = [
  {
    stack: 'pipeline-base',
    repository: 'base/alpine-3',
    parameters: {
      ...{ Dockerfile: 'base/alpine/Dockerfile', Candidate: 'true' },
      ...{ Parent: `${UPSTREAM.host}/${UPSTREAM.repository}`, ParentTag: UPSTREAM.tag },
    },
  },
  {
    stack: 'pipeline-platform',
    repository: 'platform/node-24',
    on: 'base/alpine-3',
    parameters: {
      ...{ Dockerfile: 'platform/node/Dockerfile', Candidate: 'true' },
      BuildArguments: '--build-arg PACKAGE=nodejs',
    },
  },
  {
    stack: 'pipeline-sample',
    repository: 'apps/sample',
    on: 'platform/node-24',
    parameters: { Dockerfile: 'application/node/Dockerfile', BuildArguments: '--build-arg NPM_PACKAGE=npm' },
  },
] as const;
const SERVICE = { cluster: 'sample', service: 'sample', tasks: 2 } as const;

/** A pipeline of a tier did not push its first image; the message says why. */
export class FirstBuildFailed extends Error {
  override readonly name = 'FirstBuildFailed';
}

/** The service of the application does not run all of its tasks. */
export class ServiceNotRunning extends Error {
  override readonly name = 'ServiceNotRunning';
}

/** What the templates made, as a fleet names it. */
export interface RegistryTiers {
  readonly pipelines: readonly { readonly account: string; readonly region: string; readonly name: string }[];
  readonly repositories: readonly { readonly name: string }[];
  readonly workloads: readonly { readonly name: string }[];
}

/**
 * Deploys both templates, lets the pipelines build the three tiers, and runs the application. Then two days pass for the
 * registry, because it scans an image once a day, and a vulnerability becomes known. Needs a builder of the cloud.
 * @throws StackError, FirstBuildFailed, ServiceNotRunning, or the error of the AWS call that failed
 */
export async function createRegistryTiers(
  cloud: Pick<Cloud, 'endpoint' | 'clients' | 'admin'>,
  { hub, organization }: Pick<Fleet, 'hub' | 'organization'>,
  tell: (line: string) => void,
): Promise<RegistryTiers> {
  const config = cloud.clients(hub.account, hub.region);
  await publishUpstream(cloud);
  const cloudFormation = new CloudFormationClient(config);
  await createStack(cloudFormation, {
    name: 'registry',
    template: { body: await template('registry.yaml') },
    parameters: {
      ...(organization && { OrganizationId: organization.id }),
      SharedRepositories: 'base/alpine-3,platform/node-24',
      ApplicationRepositories: 'apps/sample',
    },
  });
  tell(`registry.yaml: repositories ${(await repositoriesIn(config)).join(', ')}`);
  const registry = hostOf(hub);
  for (const { stack, repository, parameters, ...tier } of TIERS) {
    await createStack(cloudFormation, {
      name: stack,
      template: { body: await template('pipeline.yaml') },
      parameters: {
        ...parameters,
        ...{ Repository: repository, SourceRepository: 'my-org/images' },
        ConnectionArn: `arn:${partitionOf(hub.region).name}:codeconnections:${hub.region}:${hub.account}:connection/0a1b2c3d`,
        ...('on' in tier && { Parent: `${registry}/${tier.on}` }),
      },
    });
    tell(`pipeline.yaml: ${stack} pushed ${repository} ${shortDigest(await firstBuild(config, stack))}`);
  }
  const tasks = await runApplication(config, hub);
  tell(`The service ${SERVICE.service} runs ${tasks} tasks of apps/sample`);
  await letDaysPass(cloud, hub);
  await cloud.admin.setVulnerabilities([VULNERABILITY]);
  const { id, package: name } = VULNERABILITY;
  const { [name]: newest } = await cloud.admin.newestPackages('alpine', { [name]: UPSTREAM_PACKAGES[name] });
  tell(`Two days later ${id} becomes known: the archive of Alpine has ${name} ${newest ?? 'without a fix'}`);
  return {
    pipelines: TIERS.map(({ stack }) => ({ ...hub, name: stack })),
    repositories: TIERS.map(({ repository }) => ({ name: repository })),
    workloads: [{ name: SERVICE.service }],
  };
}

const template = (name: string): Promise<string> => readFile(join(PROJECT, 'registry', name), 'utf8');

/** The image that the base is built on, in a public registry. */
async function publishUpstream({ endpoint, clients }: Pick<Cloud, 'endpoint' | 'clients'>): Promise<void> {
  const place = publicPlace(UPSTREAM);
  const ecr = new ECRClient(clients(place.account, place.region));
  await ecr.send(new CreateRepositoryCommand({ repositoryName: place.repository }));
  const recipe = { name: 'alpine', architecture: 'amd64', format: 'oci', createdEpochMs: Date.now() - DAY_MS } as const;
  const image = buildImage(recipe, { os: 'alpine', packages: UPSTREAM_PACKAGES });
  const registry = new RegistryClient(endpoint);
  for (const blob of [...image.layers, image.config]) await registry.pushBlob(place, blob);
  await registry.pushManifest(place, UPSTREAM.tag, image.manifest);
}

/** Starts a pipeline as a commit does, and gives the digest that it reports. */
async function firstBuild(config: ClientConfig, pipelineName: string): Promise<string> {
  const client = new CodePipelineClient(config);
  const { pipelineExecutionId } = await client.send(new StartPipelineExecutionCommand({ name: pipelineName }));
  const run = { pipelineName, pipelineExecutionId };
  for (const giveUpAtEpochMs = Date.now() + LIMIT_MS; ; await sleep(POLL_MS)) {
    const { pipelineExecution } = await client.send(new GetPipelineExecutionCommand(run));
    const { status = '', statusSummary = '' } = pipelineExecution ?? {};
    if (status === 'Succeeded') break;
    if (status !== 'InProgress') throw new FirstBuildFailed(`${pipelineName} ended ${status}: ${statusSummary}`);
    if (Date.now() > giveUpAtEpochMs)
      throw new FirstBuildFailed(`${pipelineName} runs longer than ${LIMIT_MS / 1000} s`);
  }
  const { actionExecutionDetails = [] } = await client.send(
    new ListActionExecutionsCommand({ pipelineName, filter: { pipelineExecutionId } }),
  );
  const digests = actionExecutionDetails.flatMap(({ output }) => output?.outputVariables?.IMAGE_DIGEST ?? []);
  if (digests[0] === undefined) throw new FirstBuildFailed(`${pipelineName} reported no digest`);
  return digests[0];
}

async function repositoriesIn(config: ClientConfig): Promise<string[]> {
  const found: string[] = [];
  for await (const { repositories = [] } of paginateDescribeRepositories({ client: new ECRClient(config) }, {}))
    found.push(...repositories.flatMap(({ repositoryName }) => repositoryName ?? []));
  return found;
}

/**
 * A service of ECS that runs the newest build by its own tag.
 * @returns how many tasks run
 */
async function runApplication(config: ClientConfig, hub: Fleet['hub']): Promise<number> {
  const repository = 'apps/sample';
  const tags: string[] = [];
  for await (const { imageDetails = [] } of paginateDescribeImages(
    { client: new ECRClient(config) },
    { repositoryName: repository, filter: { tagStatus: 'TAGGED' } },
  ))
    tags.push(...imageDetails.flatMap(({ imageTags = [] }) => imageTags));
  const ecs = new ECSClient(config);
  const { cluster, service, tasks } = SERVICE;
  await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
  const image = `${hostOf(hub)}/${repository}:${tags[0]}`;
  const containerDefinitions = [{ name: 'app', image, memory: 256 }];
  await ecs.send(new RegisterTaskDefinitionCommand({ family: service, containerDefinitions }));
  await ecs.send(
    new CreateServiceCommand({ cluster, serviceName: service, taskDefinition: service, desiredCount: tasks }),
  );
  for (const giveUpAtEpochMs = Date.now() + LIMIT_MS; ; await sleep(POLL_MS)) {
    const { services = [] } = await ecs.send(new DescribeServicesCommand({ cluster, services: [service] }));
    const running = services[0]?.runningCount ?? 0;
    if (running >= tasks) return running;
    if (Date.now() > giveUpAtEpochMs) throw new ServiceNotRunning(`${service} runs ${running} of ${tasks} tasks`);
  }
}

/** The registry scans each image once a day: it scanned all of them when they were pushed, two days ago. */
async function letDaysPass({ clients, admin }: Pick<Cloud, 'clients' | 'admin'>, hub: Fleet['hub']): Promise<void> {
  const client = new ECRClient(clients(hub.account, hub.region));
  const at = new Date(Date.now() - 2 * DAY_MS);
  for (const { repository } of TIERS) {
    for await (const { imageDetails = [] } of paginateDescribeImages({ client }, { repositoryName: repository })) {
      for (const { imageDigest: digest = '', imageManifestMediaType } of imageDetails)
        await admin.givePast({
          ...{ account: hub.account, region: hub.region, repository, digest, pushedAt: at },
          ...(imageManifestMediaType === MEDIA_TYPES.oci.manifest && { lastScannedAt: at }),
        });
    }
  }
}
