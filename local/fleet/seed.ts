import { ECRClient } from '@aws-sdk/client-ecr';
import { ECSClient } from '@aws-sdk/client-ecs';
import { SchedulerClient } from '@aws-sdk/client-scheduler';
import { RegistryClient } from '../builds/registry.ts';
import type { KnownVulnerability } from '../cloud/admin-types.ts';
import type { Cloud } from '../cloud.ts';
import type { Companion } from '../companion.ts';
import { declaredPipeline } from '../pipelines/definition.ts';
import { buildFleetImages, type FleetBuild } from './build.ts';
import { declareOrganization } from './organization.ts';
import { inParallel } from './parallel.ts';
import type { Fleet, FleetPlatform, FleetWorkload } from './schema.ts';
import { SEED_CONCURRENCY, type SeedContext } from './seed-context.ts';
import { deleteImages, giveImagesTheirPast, pushContents, tagPuts } from './seed-images.ts';
import { createKubernetesClusters, type SeededClusters } from './seed-kubernetes.ts';
import { createRegistries, createRepository } from './seed-registries.ts';
import { createClusters, createSchedule, startWorkload } from './seed-workloads.ts';
import { replay } from './timeline.ts';

export interface SeedOptions {
  /** The instant the fleet's "days ago" count from; left out: now. */
  readonly nowEpochMs?: number;
  readonly onProgress?: (progress: SeedProgress) => void;
}

export interface SeedProgress {
  readonly step: 'registries' | 'images' | 'workloads' | 'image dates';
  readonly done: number;
  readonly total: number;
}

export interface SeededImage {
  /** What its tags stand for: the index digest, or that of the only platform. */
  readonly digest: string;
  /** The image of each platform; none for an index without images. */
  readonly children: ReadonlyMap<FleetPlatform, string>;
  readonly attestations: readonly string[];
}

export interface SeededFleet {
  readonly nowEpochMs: number;
  /** By handle. */
  readonly images: ReadonlyMap<string, SeededImage>;
  /** The process that serves the Kubernetes clusters, which ends with the cloud; `undefined` without any. */
  readonly kubernetes: Companion | undefined;
  /** Task ARNs by `workloadKey`. */
  readonly tasks: ReadonlyMap<string, readonly string[]>;
}

export function workloadKey({ account, region, cluster, name }: FleetWorkload): string {
  return `${account}/${region}/${cluster}/${name}`;
}

/**
 * Creates a fleet in an embedded cloud: organization, vulnerabilities, registries, images with their past, clusters and
 * everything that runs. The roles of member accounts and Patchwave itself come from their templates, not from here.
 *
 * @throws SeedError, RegistryError, CloudAdminError, or the error of the AWS call that failed
 */
export async function seedFleet(
  cloud: Pick<Cloud, 'endpoint' | 'clients' | 'admin'>,
  fleet: Fleet,
  options: SeedOptions = {},
): Promise<SeededFleet> {
  const nowEpochMs = options.nowEpochMs ?? Date.now();
  const ecr = perScope((account, region) => new ECRClient(cloud.clients(account, region)));
  const ecs = perScope((account, region) => new ECSClient(cloud.clients(account, region)));
  const scheduler = perScope((account, region) => new SchedulerClient(cloud.clients(account, region)));
  const builds = buildFleetImages(fleet.images, nowEpochMs);
  const registry = new RegistryClient(cloud.endpoint);
  try {
    const clients = { registry, ecr: ecr.of, ecs: ecs.of, scheduler: scheduler.of };
    const context = { fleet, builds, nowEpochMs, admin: cloud.admin, ...clients };
    return await seed(context, cloud, options.onProgress);
  } finally {
    ecr.destroy();
    ecs.destroy();
    scheduler.destroy();
  }
}

async function seed(
  context: SeedContext,
  cloud: Pick<Cloud, 'endpoint' | 'clients' | 'admin'>,
  onProgress: SeedOptions['onProgress'],
): Promise<SeededFleet> {
  const { fleet, nowEpochMs } = context;
  const counted = (step: SeedProgress['step'], total: number) => counter(step, total, onProgress);
  await declareOrganization(cloud.endpoint, fleet);
  await context.admin.setVulnerabilities(knownVulnerabilities(fleet));
  await createRegistries(context);
  await eachOf(fleet.repositories, counted('registries', fleet.repositories.length), (r) =>
    createRepository(context, r),
  );
  const builds = [...context.builds.values()];
  await eachOf(builds, counted('images', builds.length), (build) => pushContents(context, build));
  const clusters = await createKubernetesClusters(cloud, fleet);
  const started = counted('workloads', fleet.workloads.length + fleet.kubernetesWorkloads.length);
  const tasks = await replayHistory(context, clusters, started).finally(() => clusters.close());
  await inParallel(SEED_CONCURRENCY, fleet.schedules, (one) => createSchedule(context, one));
  await eachOf(builds, counted('image dates', builds.length), (build) => giveImagesTheirPast(context, build));
  await deleteImages(context);
  await declarePipelines(context);
  const images = new Map(builds.map((build) => [build.image.name, seededImage(build)]));
  return { nowEpochMs, images, tasks, kubernetes: clusters.servers };
}

/** The archive is declared with them: who builds needs it. */
async function declarePipelines({ admin, fleet, builds }: SeedContext): Promise<void> {
  await admin.setArchive(
    fleet.archive.map(({ package: name, version, distribution }) => ({
      package: name,
      version,
      ...(distribution !== undefined && { distribution }),
    })),
  );
  await admin.declarePipelines(fleet.pipelines.map((pipeline) => declaredPipeline(pipeline, builds)));
}

/** The scanner knows what is published, not since when; undefined members would not survive its strict type. */
function knownVulnerabilities({ vulnerabilities }: Fleet): KnownVulnerability[] {
  return vulnerabilities.map(({ id, package: name, severity, fixedIn, distribution, description }) => ({
    id,
    package: name,
    severity,
    ...(fixedIn !== undefined && { fixedIn }),
    ...(distribution !== undefined && { distribution }),
    ...(description !== undefined && { description }),
  }));
}

async function replayHistory(
  context: SeedContext,
  clusters: SeededClusters,
  count: () => void,
): Promise<Map<string, readonly string[]>> {
  await createClusters(context);
  const tasks = new Map<string, readonly string[]>();
  const starts = context.fleet.workloads.map((workload) => ({
    daysAgo: workload.startedDaysAgo,
    run: async () => {
      tasks.set(workloadKey(workload), await startWorkload(context, workload));
      count();
    },
  }));
  const pods = context.fleet.kubernetesWorkloads.map((workload) => ({
    daysAgo: workload.startedDaysAgo,
    run: async () => {
      await clusters.start(context, workload);
      count();
    },
  }));
  const puts = [...context.builds.values()].flatMap((build) => tagPuts(context, build));
  await replay([...puts, ...starts, ...pods], SEED_CONCURRENCY);
  return tasks;
}

async function eachOf<T>(items: readonly T[], count: () => void, task: (item: T) => Promise<void>): Promise<void> {
  await inParallel(SEED_CONCURRENCY, items, async (item) => {
    await task(item);
    count();
  });
}

function counter(step: SeedProgress['step'], total: number, tell: SeedOptions['onProgress']): () => void {
  let done = 0;
  return () => {
    done += 1;
    tell?.({ step, done, total });
  };
}

/** One client for each account and Region. */
function perScope<T extends { destroy(): void }>(create: (account: string, region: string) => T) {
  const made = new Map<string, T>();
  return {
    of: (account: string, region: string): T => {
      const key = `${account}/${region}`;
      const client = made.get(key) ?? create(account, region);
      made.set(key, client);
      return client;
    },
    destroy: () => {
      for (const client of made.values()) client.destroy();
    },
  };
}

function seededImage({ head, platforms, index, image }: FleetBuild): SeededImage {
  const listed = image.index === 'empty' || image.index === 'attestations-only' ? [] : [...platforms];
  return {
    digest: head.digest,
    children: new Map(listed.map(([platform, { manifest }]) => [platform, manifest.digest])),
    attestations: index?.attestations.map(({ manifest }) => manifest.digest) ?? [],
  };
}
