/** What runs, asked of the cloud by plain SDK calls and nothing of ours: the measure for what the demo claims. */

import { BatchGetImageCommand, ECRClient } from '@aws-sdk/client-ecr';
import {
  type Container,
  DescribeTasksCommand,
  ECSClient,
  paginateListClusters,
  paginateListTasks,
} from '@aws-sdk/client-ecs';

export interface RunningPlace {
  readonly account: string;
  readonly region: string;
}

export interface Config {
  readonly endpoint: string;
  readonly region: string;
  readonly credentials: { readonly accessKeyId: string; readonly secretAccessKey: string };
}

/** Root of an account of the embedded cloud. */
export const configOf = (endpoint: string, { account, region }: RunningPlace): Config => ({
  endpoint,
  region,
  credentials: { accessKeyId: account, secretAccessKey: 'local' },
});

export interface OracleContainer extends RunningPlace {
  readonly cluster: string;
  readonly container: Container;
  readonly architecture: string | undefined;
  /** `service:<name>` of a task of a service; `<namespace>/<name>` of a pod. */
  readonly group?: string | undefined;
}

/** Every container of every task that runs in one account and Region. */
export async function containersIn(endpoint: string, place: RunningPlace): Promise<OracleContainer[]> {
  const client = new ECSClient(configOf(endpoint, place));
  const seen: OracleContainer[] = [];
  for await (const { clusterArns = [] } of paginateListClusters({ client }, {})) {
    for (const cluster of clusterArns) {
      for await (const { taskArns = [] } of paginateListTasks({ client, pageSize: 100 }, { cluster })) {
        if (taskArns.length === 0) continue;
        const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }));
        for (const { containers = [], attributes = [], lastStatus, group } of tasks) {
          if (lastStatus === 'STOPPED' || lastStatus === 'DEPROVISIONING') continue;
          const architecture = attributes.find(({ name }) => name === 'ecs.cpu-architecture')?.value;
          for (const container of containers) seen.push({ ...place, cluster, container, architecture, group });
        }
      }
    }
  }
  return seen;
}

const ECR_REFERENCE = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)/;

export interface Home extends RunningPlace {
  readonly repository: string;
}

export function homeOf({ image }: Container): Home | undefined {
  const [, account, region, repository] = ECR_REFERENCE.exec(image ?? '') ?? [];
  return account && region && repository ? { account, region, repository } : undefined;
}

interface Manifest {
  readonly mediaType?: string;
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly manifests?: readonly {
    readonly digest: string;
    readonly platform?: { os?: string; architecture?: string };
  }[];
}

/** A manifest by digest; `undefined` where the registry does not have it. */
export async function manifestOf(endpoint: string, home: Home, digest: string): Promise<Manifest | undefined> {
  const { images = [] } = await new ECRClient(configOf(endpoint, home)).send(
    new BatchGetImageCommand({ repositoryName: home.repository, imageIds: [{ imageDigest: digest }] }),
  );
  const text = images[0]?.imageManifest;
  return text === undefined ? undefined : (JSON.parse(text) as Manifest);
}

const AMD64 = new Set(['x86_64', 'amd64']);

/**
 * The images that a running digest stands for: itself, or of an index the child of the task's architecture (each child
 * where the architecture is not known, the index itself where it has no child that runs).
 */
export async function imagesOf(endpoint: string, { container, architecture }: OracleContainer): Promise<string[]> {
  const digest = container.imageDigest;
  const home = homeOf(container);
  if (digest === undefined) return [];
  const manifest = home && (await manifestOf(endpoint, home, digest).catch(() => undefined));
  if (!manifest?.manifests) return [digest];
  const children = manifest.manifests.filter(({ platform }) => platform?.os !== 'unknown');
  const wanted = architecture === undefined ? undefined : AMD64.has(architecture) ? 'amd64' : 'arm64';
  const fitting = children.filter(({ platform }) => wanted === undefined || platform?.architecture === wanted);
  return fitting.length > 0 ? fitting.map((child) => child.digest) : [digest];
}
