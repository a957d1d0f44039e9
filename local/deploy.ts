/** Deploys the project's own templates into the embedded cloud, with the same calls that bring them to AWS. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CreateAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { inVenv } from '../scripts/setup.mjs';
import { partitionOf } from '../shared/domain/image/partitions.ts';
import type { ClientConfig, Cloud } from './cloud.ts';
import type { Fleet, FleetKubernetesCluster, FleetPipeline } from './fleet/schema.ts';
import { createStack, updateStack } from './stack.ts';

const PROJECT = fileURLToPath(new URL('..', import.meta.url));
/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html: characters of a value. */
const LONGEST_PARAMETER = 4096;
const STACK = 'patchwave';
/** The external id of the roles of every installation of the embedded cloud. */
export const EXTERNAL_ID = 'patchwave-in-the-embedded-cloud';

/** Parameters that hub and member share, and the member's own. */
const OF_MEMBERS: readonly string[] = [
  ...['ReadRoleName', 'ReadRoleExternalId', 'ForwardRoleName'],
  ...['RolloutToEks', 'ActBuildRoleName', 'ActRolloutRoleName', 'ActProtectRoleName', 'ReportRoleName', 'ReporterArns'],
];
const OF_MEMBERS_ONLY: readonly string[] = ['ForwardRoleName', 'ReporterArns'];

/**
 * No schedule may start work while the demo runs. What
 * takes minutes in AWS takes moments here, so what is collected there is not here, or for a moment only.
 */
const SUITABLE = {
  ReviewScheduleState: 'DISABLED',
  ProtectionScheduleState: 'DISABLED',
  AnnounceWindowSeconds: '0',
  PlanWindowSeconds: '0',
  HeadWindowSeconds: '1',
  PollSeconds: '1',
  BuildPollSeconds: '5',
} as const;

/** The functions are not built, or the template cannot be packaged; the message says what to do. */
export class PackageError extends Error {
  override readonly name = 'PackageError';
}

/** Where the templates go: a fleet, or the part of one that says so. */
export interface DeployTarget extends Pick<Fleet, 'hub' | 'organization' | 'accounts'> {
  readonly pipelines?: readonly Pick<FleetPipeline, 'account' | 'region' | 'name'>[];
  readonly kubernetesClusters?: readonly Pick<
    FleetKubernetesCluster,
    'account' | 'region' | 'name' | 'inventoryInVpc'
  >[];
}

export interface DeployOptions {
  /** The name of the hub's stack; left out: `patchwave`. The stacks of members are called after it. */
  readonly name?: string;
  /** Parameters of template.yaml by name; those left out have the template's default, or fit the embedded cloud. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The stacks are there already, of an earlier version; left out: they are not. */
  readonly isUpgrade?: boolean;
}

/** The outputs of the hub's stack, as template.yaml names them. */
export interface StackDeployment {
  readonly ledgerTable: string;
  readonly evidenceBucket: string;
  readonly runBucket: string;
  readonly fleetReviewMachineArn: string;
  readonly checkRequestQueueUrl: string;
  readonly busArn: string;
  readonly outputs: Readonly<Record<string, string>>;
}

/**
 * Deploys template.yaml in the hub, and member-account.yaml in each Region of each account that has the member role.
 * Needs the bundles of `npm run build`.
 * @throws PackageError; StackError with the reason of every resource that failed.
 */
export async function deploy(
  cloud: Pick<Cloud, 'clients'>,
  { hub, organization, accounts, pipelines = [], kubernetesClusters = [] }: DeployTarget,
  { name = STACK, parameters: given = {}, isUpgrade = false }: DeployOptions = {},
): Promise<StackDeployment> {
  const parameters = { ...rolloutTo(pipelines, kubernetesClusters), ...given };
  const config = cloud.clients(hub.account, hub.region);
  const outputs = await (isUpgrade ? updateStack : createStack)(new CloudFormationClient(config), {
    name,
    template: { url: await packaged(config, 'template.yaml', `${name}-artifacts-${hub.account}`) },
    parameters: {
      ...(organization ? { OrganizationId: organization.id } : listedIn(hub, accounts, pipelines)),
      ...{ ReadRoleExternalId: EXTERNAL_ID, ...SUITABLE },
      ...(organization ? without(parameters, OF_MEMBERS_ONLY) : parameters),
    },
  });
  const deployment = readOutputs(outputs);
  const reachable = accounts.filter(({ memberRole, state }) => memberRole && state === 'ACTIVE');
  const members = { hub, organization, accounts: reachable, pipelines, kubernetesClusters };
  await deployMembers(cloud, members, deployment, { name, parameters, isUpgrade });
  return deployment;
}

/** Zips and uploads what a template points to, and gives back the URL of the template that points to the uploads. */
export async function packaged(config: ClientConfig, template: string, bucket: string): Promise<string> {
  if (!existsSync(join(PROJECT, 'dist'))) throw new PackageError('dist/ does not exist. Run `npm run build` first.');
  const s3 = new S3Client({ ...config, forcePathStyle: true });
  await s3.send(new CreateBucketCommand({ Bucket: bucket }));
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-deploy-'));
  try {
    const file = join(folder, 'packaged.json');
    await runPackage(config, template, bucket, file);
    const key = 'packaged.json';
    await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: await readFile(file) }));
    return `${config.endpoint}/${bucket}/${key}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function runPackage(config: ClientConfig, template: string, bucket: string, outputFile: string): Promise<void> {
  const flags = ['--template-file', template, '--s3-bucket', bucket, '--output-template-file', outputFile];
  try {
    await promisify(execFile)(inVenv('cloud', 'aws'), ['cloudformation', 'package', '--use-json', ...flags], {
      cwd: PROJECT,
      env: {
        PATH: process.env.PATH,
        AWS_ENDPOINT_URL: config.endpoint,
        AWS_DEFAULT_REGION: config.region,
        AWS_ACCESS_KEY_ID: config.credentials.accessKeyId,
        AWS_SECRET_ACCESS_KEY: config.credentials.secretAccessKey,
        AWS_EC2_METADATA_DISABLED: 'true',
      },
    });
  } catch (error) {
    const reason = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : String(error);
    throw new PackageError(`${template} cannot be packaged: ${reason}. Correct the template, then deploy again.`, {
      cause: error,
    });
  }
}

/**
 * Deploys member-account.yaml in each Region of the accounts of a target, whether they had it from the start or not. All
 * accounts at once; in each the first Region first, since its stack makes the roles that the others name.
 */
export async function deployMembers(
  cloud: Pick<Cloud, 'clients'>,
  { hub, organization, accounts, pipelines = [], kubernetesClusters = [] }: DeployTarget,
  { busArn }: Pick<StackDeployment, 'busArn'>,
  { name = STACK, parameters: own = {}, isUpgrade = false }: DeployOptions = {},
): Promise<void> {
  const partition = partitionOf(hub.region).name;
  const given = { ...rolloutTo(pipelines, kubernetesClusters), ...own };
  const privateClusters = kubernetesClusters.filter(({ inventoryInVpc }) => inventoryInVpc);
  const body = await readFile(join(PROJECT, 'member-account.yaml'), 'utf8');
  const parameters = {
    ...{
      ...(organization && { OrganizationId: organization.id }),
      HubAccountId: hub.account,
      HubBusArn: busArn,
      ReadRoleExternalId: EXTERNAL_ID,
    },
    ...Object.fromEntries(Object.entries(given).filter(([parameter]) => OF_MEMBERS.includes(parameter))),
  };
  await Promise.all(
    accounts.map(async ({ id, regions }) => {
      const [home = ''] = regions;
      // Without an organization the hub's stack makes what its own account and Region need.
      const made = organization || id !== hub.account ? undefined : hub.region;
      for (const region of regions.filter((one) => one !== made)) {
        await (isUpgrade ? updateStack : createStack)(new CloudFormationClient(cloud.clients(id, region)), {
          name: `${name}-member`,
          template: { body },
          parameters: {
            ...parameters,
            ...listsOf(id, partition, pipelines),
            ...(privateClusters.some(({ account }) => account === id) && { InventoryInVpc: 'true' }),
            HomeRegion: made ?? home,
          },
        });
        const inVpc = privateClusters.filter((cluster) => cluster.account === id && cluster.region === region);
        if (inVpc.length > 0) await deployIntoVpc(cloud.clients(id, region), inVpc, name, own);
      }
    }),
  );
}

/** The VPC of every cluster of the embedded cloud. */
const VPC = 'vpc-00000000';

/** Deploys member-vpc.yaml, and lets its function read the clusters. */
async function deployIntoVpc(
  config: ClientConfig,
  clusters: readonly Pick<FleetKubernetesCluster, 'name'>[],
  name: string,
  { ReadRoleName }: Readonly<Record<string, string>>,
): Promise<void> {
  const bucket = `${name}-vpc-artifacts-${config.credentials.accessKeyId}-${config.region}`;
  const { RoleArn: principalArn } = await createStack(new CloudFormationClient(config), {
    name: `${name}-member-vpc`,
    template: { url: await packaged(config, 'member-vpc.yaml', bucket) },
    parameters: {
      ...(ReadRoleName !== undefined && { ReadRoleName }),
      ...{ VpcId: VPC, VpcSubnetIds: 'subnet-0a1b2c3d', VpcSecurityGroupIds: 'sg-0a1b2c3d' },
    },
  });
  const eks = new EKSClient(config);
  for (const cluster of clusters)
    await eks.send(
      new CreateAccessEntryCommand({ clusterName: cluster.name, principalArn, kubernetesGroups: ['patchwave:read'] }),
    );
}

/** The trust of a hub outside of any organization: the other accounts, and what its own lets Patchwave act on. */
function listedIn(
  hub: DeployTarget['hub'],
  accounts: DeployTarget['accounts'],
  pipelines: NonNullable<DeployTarget['pipelines']>,
): Readonly<Record<string, string>> {
  const others = accounts.filter(({ id }) => id !== hub.account);
  return {
    MemberAccountIds: others.map(({ id }) => id).join(),
    ...listsOf(hub.account, partitionOf(hub.region).name, pipelines),
  };
}

const without = (parameters: Readonly<Record<string, string>>, names: readonly string[]): Record<string, string> =>
  Object.fromEntries(Object.entries(parameters).filter(([name]) => !names.includes(name)));

/**
 * What an account lets Patchwave act on, as its owner would list it: the pipelines of the fleet that are there, and where
 * a fleet has pipelines at all, every service. A fleet without any stays one that is only seen.
 */
function listsOf(
  account: string,
  partition: string,
  pipelines: NonNullable<DeployTarget['pipelines']>,
): Readonly<Record<string, string>> {
  if (pipelines.length === 0) return {};
  const own = pipelines.filter((pipeline) => pipeline.account === account);
  return {
    PipelineArns: pipelinesOf(account, partition, own),
    PromotedRepositoryArns: own.length === 0 ? '' : `arn:${partition}:ecr:*:${account}:repository/*`,
    ProtectedRepositoryArns: `arn:${partition}:ecr:*:${account}:repository/*`,
    ServiceArns: `arn:${partition}:ecs:*:${account}:service/*`,
    PassedRoleArns: `arn:${partition}:iam::${account}:role/tasks/*`,
  };
}

/** A fleet that has pipelines and Kubernetes clusters lets Patchwave deploy to these. */
const rolloutTo = (pipelines: readonly unknown[], clusters: readonly unknown[]): Readonly<Record<string, string>> =>
  pipelines.length > 0 && clusters.length > 0 ? { RolloutToEks: 'true' } : {};

/** One by one, as long as a parameter holds them; else all of the account. */
function pipelinesOf(account: string, partition: string, own: NonNullable<DeployTarget['pipelines']>): string {
  const listed = own.map(({ region, name }) => `arn:${partition}:codepipeline:${region}:${account}:${name}`).join();
  return listed.length <= LONGEST_PARAMETER ? listed : `arn:${partition}:codepipeline:*:${account}:*`;
}

function readOutputs(outputs: Readonly<Record<string, string>>): StackDeployment {
  const named = (name: string): string => {
    const value = outputs[name];
    if (value === undefined) throw new PackageError(`template.yaml has no output ${name}; local/deploy.ts needs it.`);
    return value;
  };
  return {
    ledgerTable: named('LedgerTable'),
    evidenceBucket: named('EvidenceBucket'),
    runBucket: named('RunBucket'),
    fleetReviewMachineArn: named('FleetReviewMachineArn'),
    checkRequestQueueUrl: named('CheckRequestQueueUrl'),
    busArn: named('BusArn'),
    outputs,
  };
}
