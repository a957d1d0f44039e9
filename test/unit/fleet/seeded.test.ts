import { fileURLToPath } from 'node:url';
import {
  DescribeImageScanFindingsCommand,
  type DescribeImageScanFindingsCommandOutput,
  ECRClient,
  type ImageDetail,
  paginateDescribeImages,
} from '@aws-sdk/client-ecr';
import { type Container, DescribeTasksCommand, ECSClient, type Task } from '@aws-sdk/client-ecs';
import { buildImage } from '../../../local/builds/image.ts';
import { pullImage } from '../../../local/builds/pull.ts';
import { RegistryClient } from '../../../local/builds/registry.ts';
import type { Cloud } from '../../../local/cloud.ts';
import { generateDifficultFleet } from '../../../local/fleet/difficult.ts';
import { loadFleet } from '../../../local/fleet/load.ts';
import { placeKey, pushesOf, SeededTagHistory } from '../../../local/fleet/places.ts';
import type { Fleet, FleetContainer, FleetWorkload } from '../../../local/fleet/schema.ts';
import { type SeededFleet, seedFleet, workloadKey } from '../../../local/fleet/seed.ts';
import { withCloud } from '../../support/cloud.ts';

// What was seeded is read back by plain SDK calls and compared with the fleet file alone.

const DAY_MS = 86_400_000;
const SMALL = fileURLToPath(new URL('../../../local/fleet/small.json', import.meta.url));

test('the small fleet is in the cloud as its file says', async () => {
  const fleet = await loadFleet(SMALL);
  await withCloud({ hubAccount: fleet.hub.account }, async (cloud) => {
    const seeded = await seedFleet(cloud, fleet);
    await expectImages(cloud, fleet, seeded);
    await expectTasks(cloud, fleet, seeded);
    await expectScans(cloud, fleet, seeded);
    await expectToBuildOn(cloud, fleet);
  });
}, 60_000);

test.each([3, 8, 12])(
  'difficult fleet %d is in the cloud as it was generated',
  async (seed) => {
    const fleet = generateDifficultFleet(seed);
    await withCloud({ hubAccount: fleet.hub.account }, async (cloud) => {
      const seeded = await seedFleet(cloud, fleet);
      await expectImages(cloud, fleet, seeded);
      await expectTasks(cloud, fleet, seeded);
      await expectScans(cloud, fleet, seeded);
    });
  },
  60_000,
);

async function expectImages(cloud: Cloud, fleet: Fleet, seeded: SeededFleet): Promise<void> {
  const history = new SeededTagHistory(fleet.images);
  for (const image of fleet.images) {
    for (const push of pushesOf(image)) {
      const found = (await imagesIn(cloud, push.account, push.region, push.repository)).get(
        digestOf(seeded, image.name),
      );
      if (image.deleted) {
        expect(found).toBeUndefined();
        continue;
      }
      const held = push.tags.filter((tag) => history.holder(push, tag, 0) === image.name);
      expect([placeKey(push), found?.imageTags?.toSorted() ?? []]).toEqual([placeKey(push), held.toSorted()]);
      expect(found?.imagePushedAt?.getTime()).toBe(seeded.nowEpochMs - push.pushedDaysAgo * DAY_MS);
      expect(found?.imageStatus ?? 'ACTIVE').toBe(image.archived ? 'ARCHIVED' : 'ACTIVE');
    }
  }
}

async function imagesIn(cloud: Cloud, account: string, region: string, repositoryName: string) {
  const client = new ECRClient(cloud.clients(account, region));
  const images = new Map<string, ImageDetail>();
  const request = { repositoryName, filter: { imageStatus: 'ANY' } } as const;
  for await (const page of paginateDescribeImages({ client }, request)) {
    for (const detail of page.imageDetails ?? []) images.set(detail.imageDigest ?? '', detail);
  }
  return images;
}

async function expectTasks(cloud: Cloud, fleet: Fleet, seeded: SeededFleet): Promise<void> {
  for (const workload of fleet.workloads) {
    const arns = seeded.tasks.get(workloadKey(workload)) ?? [];
    expect([workload.name, arns.length]).toEqual([workload.name, workload.count]);
    const client = new ECSClient(cloud.clients(workload.account, workload.region));
    const { tasks = [] } = await client.send(new DescribeTasksCommand({ cluster: workload.cluster, tasks: [...arns] }));
    for (const task of tasks) expectTask(task, workload, seeded);
  }
}

function expectTask(task: Task, workload: FleetWorkload, seeded: SeededFleet): void {
  const group = workload.kind === 'standalone' ? `family:${workload.name}` : `service:${workload.name}`;
  expect(task.group).toBe(group);
  expect(task.attributes).toContainEqual({
    name: 'ecs.cpu-architecture',
    value: workload.architecture === 'arm64' ? 'arm64' : 'x86_64',
  });
  const running = new Map((task.containers ?? []).map((container) => [container.name, container]));
  expect([...running.keys()].toSorted()).toEqual(workload.containers.map(({ name }) => name).toSorted());
  for (const container of workload.containers) expectContainer(running.get(container.name), container, seeded);
}

function expectContainer(running: Container | undefined, container: FleetContainer, seeded: SeededFleet): void {
  if ('external' in container) {
    expect(running?.image).toBe(container.external);
    return;
  }
  if ('digestOnly' in container) {
    expect(running?.image).toBeUndefined();
    expect(running?.imageDigest).toBe(seeded.images.get(container.digestOnly)?.digest ?? container.digestOnly);
    return;
  }
  expect(running?.image).toContain(container.reference === 'digest' ? '@sha256:' : ':');
  expect(running?.imageDigest).toBe(container.digestMissing ? undefined : digestOf(seeded, container.image));
}

async function expectScans(cloud: Cloud, fleet: Fleet, seeded: SeededFleet): Promise<void> {
  for (const image of fleet.images.filter(({ lastScannedDaysAgo }) => lastScannedDaysAgo !== undefined)) {
    const client = new ECRClient(cloud.clients(image.account, image.region));
    for (const imageDigest of seeded.images.get(image.name)?.children.values() ?? []) {
      const request = { repositoryName: image.repository, imageId: { imageDigest } };
      const result: DescribeImageScanFindingsCommandOutput = await client.send(
        new DescribeImageScanFindingsCommand(request),
      );
      expect(result.imageScanStatus?.status).toBe('COMPLETE');
      const at = seeded.nowEpochMs - (image.lastScannedDaysAgo ?? 0) * DAY_MS;
      expect(result.imageScanFindings?.imageScanCompletedAt?.getTime()).toBe(at);
    }
  }
}

/** A later build reads what the parent's tag stands for now, and adds to it. */
async function expectToBuildOn(cloud: Cloud, fleet: Fleet): Promise<void> {
  const registry = new RegistryClient(cloud.endpoint);
  const base = { ...fleet.hub, repository: 'base/debian' };
  const parent = await pullImage(registry, base, '12', 'arm64');
  expect(parent).toMatchObject({ os: 'debian', architecture: 'arm64' });
  expect(parent.packages).toEqual(fleet.images.find(({ name }) => name === 'debian-12-8')?.packages);
  const recipe = { name: 'rebuilt', architecture: 'arm64', format: 'oci' } as const;
  const child = buildImage(recipe, { parent, packages: { nodejs: '22.12.0-1nodesource1' } });
  const platform = { ...fleet.hub, repository: 'platform/node' };
  for (const blob of [...child.layers, child.config]) await registry.pushBlob(platform, blob);
  await registry.pushManifest(platform, 'rebuilt', child.manifest);
  const pulled = await pullImage(registry, platform, 'rebuilt', 'arm64');
  expect(pulled.manifest).toEqual(child.manifest);
  expect(pulled.packages).toEqual(child.packages);
  await expect(pullImage(registry, base, 'none', 'arm64')).rejects.toThrow('with 404');
}

function digestOf(seeded: SeededFleet, handle: string): string {
  return seeded.images.get(handle)?.digest ?? `no image ${handle}`;
}
