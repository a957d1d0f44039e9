import { fileURLToPath } from 'node:url';
import {
  CodePipelineClient,
  GetPipelineExecutionCommand,
  ListActionExecutionsCommand,
  StartPipelineExecutionCommand,
} from '@aws-sdk/client-codepipeline';
import { DescribeImageScanFindingsCommand, ECRClient, StartImageScanCommand } from '@aws-sdk/client-ecr';
import { DescribeTasksCommand, ECSClient, ListTasksCommand } from '@aws-sdk/client-ecs';
import type { BuiltImage } from '../../../local/builds/image.ts';
import { pullImage } from '../../../local/builds/pull.ts';
import { RegistryClient } from '../../../local/builds/registry.ts';
import { eventually } from '../../../local/cloud/probe.ts';
import type { Cloud } from '../../../local/cloud.ts';
import { loadFleet, parseFleet } from '../../../local/fleet/load.ts';
import { seedFleet } from '../../../local/fleet/seed.ts';
import { startBuilder } from '../../../local/pipelines/start.ts';
import { HUB_ACCOUNT, withCloud } from '../../support/cloud.ts';

const HUB = { account: HUB_ACCOUNT, region: 'us-east-1' };
const TEN_MINUTES_MS = 600_000;

/** A base with an old and a new image, a service on an application that is built on the old one, and its pipelines. */
const FLEET = parseFleet(
  {
    name: 'pipelines',
    hub: HUB,
    organization: { id: 'o-a1b2c3d4e5' },
    accounts: [{ id: HUB_ACCOUNT, name: 'platform', regions: ['us-east-1'] }],
    vulnerabilities: [
      { id: 'CVE-2026-1', package: 'libssl3', fixedIn: '3.0.15-1', severity: 'CRITICAL', publishedDaysAgo: 2 },
    ],
    archive: [{ package: 'tzdata', version: '2026b-1', distribution: 'debian' }],
    repositories: [
      { ...HUB, name: 'base' },
      { ...HUB, name: 'app' },
    ],
    images: [
      {
        ...{ name: 'base-1', ...HUB, repository: 'base', tags: ['12'], os: 'debian', pushedDaysAgo: 40 },
        platforms: ['linux/amd64', 'linux/arm64'],
        packages: { libssl3: '3.0.13-1', tzdata: '2026a-1' },
      },
      {
        ...{ name: 'app', ...HUB, repository: 'app', tags: ['4f2a91c-7', 'stable'], parent: 'base-1' },
        platforms: ['linux/amd64', 'linux/arm64'],
        pushedDaysAgo: 30,
        createdDaysAgo: 30,
        packages: { jq: '1.6-1' },
        labels: { team: 'web' },
      },
      {
        ...{ name: 'base-2', ...HUB, repository: 'base', tags: ['12'], os: 'debian', pushedDaysAgo: 5 },
        platforms: ['linux/amd64', 'linux/arm64'],
        packages: { libssl3: '3.0.13-1', tzdata: '2026a-1', 'base-files': '12.8' },
      },
    ],
    clusters: [{ ...HUB, name: 'main' }],
    workloads: [
      {
        ...{ name: 'moving', ...HUB, cluster: 'main', kind: 'service', count: 2 },
        containers: [{ name: 'app', image: 'app', tag: 'stable' }],
      },
      {
        ...{ name: 'fixed', ...HUB, cluster: 'main', kind: 'service' },
        containers: [{ name: 'app', image: 'app' }],
      },
    ],
    pipelines: [
      {
        ...{ name: 'app', ...HUB, builds: 'app', tags: ['4f2a91c-{build}', 'stable'], firstBuild: 8 },
        deploys: [
          { cluster: 'main', service: 'moving' },
          { cluster: 'main', service: 'fixed' },
        ],
      },
      {
        name: 'lazy',
        ...HUB,
        builds: 'app',
        tags: ['lazy'],
        upgrades: false,
        faults: { noLabel: true, noOutput: true },
      },
      { name: 'pinned', ...HUB, builds: 'app', tags: ['pinned'], pinsParent: true, digestVariable: 'DIGEST' },
      { name: 'flaky', ...HUB, builds: 'base-1', tags: ['12-candidate'], faults: { failsFirst: 1 } },
      { name: 'silent', ...HUB, builds: 'base-1', tags: ['silent'], faults: { pushesNothing: true } },
      { name: 'old', ...HUB, builds: 'app', tags: ['old'], variables: [] },
    ],
    policy: {},
  },
  'test',
);

interface Run {
  readonly status: string | undefined;
  readonly summary: string | undefined;
  readonly outputs: Readonly<Record<string, string>>;
}

async function run(cloud: Cloud, pipeline: string, rebuildId?: string, { account, region } = HUB): Promise<Run> {
  const client = new CodePipelineClient(cloud.clients(account, region));
  const variables = rebuildId === undefined ? {} : { variables: [{ name: 'PATCHWAVE_REBUILD_ID', value: rebuildId }] };
  const { pipelineExecutionId } = await client.send(
    new StartPipelineExecutionCommand({ name: pipeline, ...variables }),
  );
  const place = { pipelineName: pipeline, pipelineExecutionId };
  const ended = await eventually(
    async () => {
      const { pipelineExecution } = await client.send(new GetPipelineExecutionCommand(place));
      return pipelineExecution?.status === 'InProgress' ? undefined : pipelineExecution;
    },
    `the end of ${pipeline}`,
    15_000,
  );
  const request = new ListActionExecutionsCommand({ pipelineName: pipeline, filter: { pipelineExecutionId } });
  const { actionExecutionDetails = [] } = await client.send(request);
  const build = actionExecutionDetails.find(({ stageName }) => stageName === 'Build');
  return { status: ended.status, summary: ended.statusSummary, outputs: build?.output?.outputVariables ?? {} };
}

async function pulled(cloud: Cloud, reference: string, repository = 'app'): Promise<BuiltImage> {
  return await pullImage(new RegistryClient(cloud.endpoint), { ...HUB, repository }, reference, 'arm64');
}

const layersOf = ({ layers }: BuiltImage): string[] => layers.map(({ digest }) => digest);

test('pipelines build and deploy real images, each with its habits, until the cloud ends', async () => {
  await withCloud({}, async (cloud) => {
    await seedFleet(cloud, FLEET);
    const builder = startBuilder(cloud.endpoint);
    await expectUpgradedAndDeployed(cloud);
    await expectHabits(cloud);
    await cloud.stop();
    expect(await builder.ended()).toBe(true);
  });
}, 60_000);

test('one run of the pipeline of the small fleet leaves nothing critical in the violating application', async () => {
  const fleet = await loadFleet(fileURLToPath(new URL('../../../local/fleet/small.json', import.meta.url)));
  const place = { account: '444455556666', region: 'us-east-1' };
  await withCloud({ hubAccount: fleet.hub.account }, async (cloud) => {
    const seeded = await seedFleet(cloud, fleet);
    const builder = startBuilder(cloud.endpoint);
    const before = await criticalIn(cloud, place, seeded.images.get('checkout-from-cache')?.digest ?? '');
    expect(before).toEqual(['CVE-2026-31001']);
    const { status, outputs } = await run(cloud, 'checkout', 'r-1', place);
    expect(status).toBe('Succeeded');
    expect(await criticalIn(cloud, place, outputs.IMAGE_DIGEST ?? '')).toEqual([]);
    const registry = new RegistryClient(cloud.endpoint);
    for (const tag of ['stable', '9be01d4-89']) {
      const head = await registry.pullManifest({ ...place, repository: 'apps/checkout' }, tag);
      expect([tag, head.digest]).toEqual([tag, outputs.IMAGE_DIGEST]);
    }
    await cloud.stop();
    expect(await builder.ended()).toBe(true);
  });
}, 60_000);

/** The critical vulnerabilities that a scan of an image of `apps/checkout` finds. */
async function criticalIn(cloud: Cloud, place: typeof HUB, imageDigest: string): Promise<(string | undefined)[]> {
  const ecr = new ECRClient(cloud.clients(place.account, place.region));
  const image = { repositoryName: 'apps/checkout', imageId: { imageDigest } };
  await ecr.send(new StartImageScanCommand(image));
  const { imageScanFindings } = await eventually(async () => {
    const answer = await ecr.send(new DescribeImageScanFindingsCommand(image));
    return answer.imageScanStatus?.status === 'COMPLETE' ? answer : undefined;
  }, 'the scan');
  return (imageScanFindings?.findings ?? []).filter(({ severity }) => severity === 'CRITICAL').map(({ name }) => name);
}

async function expectUpgradedAndDeployed(cloud: Cloud): Promise<void> {
  const { status, outputs, summary } = await run(cloud, 'app', 'r-1');
  expect([status, summary]).toEqual(['Succeeded', undefined]);
  const head = await new RegistryClient(cloud.endpoint).pullManifest({ ...HUB, repository: 'app' }, 'stable');
  expect(outputs.IMAGE_DIGEST).toBe(head.digest);
  const image = await pulled(cloud, '4f2a91c-8');
  expect(image.packages).toEqual({
    libssl3: '3.0.15-1',
    tzdata: '2026b-1',
    'base-files': '12.8',
    jq: '1.6-1',
  });
  expect(image.configDocument.config.Labels).toEqual({ team: 'web', 'dev.patchwave.rebuild': 'r-1' });
  expect(Date.now() - Date.parse(image.configDocument.created ?? '')).toBeLessThan(TEN_MINUTES_MS);
  const parent = await pulled(cloud, '12', 'base');
  expect(layersOf(image).slice(0, parent.layers.length)).toEqual(layersOf(parent));

  const ecs = new ECSClient(cloud.clients(HUB.account, HUB.region));
  const running = async (serviceName: string) => {
    const { taskArns } = await ecs.send(new ListTasksCommand({ cluster: 'main', serviceName }));
    const { tasks = [] } = await ecs.send(new DescribeTasksCommand({ cluster: 'main', tasks: taskArns }));
    return tasks.flatMap(({ containers = [] }) =>
      containers.map(({ image: name, imageDigest }) => ({ name, imageDigest })),
    );
  };
  const uri = `${HUB_ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/app`;
  const moving = { name: `${uri}:stable`, imageDigest: head.digest };
  expect(await running('moving')).toEqual([moving, moving]);
  expect(await running('fixed')).toEqual([{ name: `${uri}:4f2a91c-8`, imageDigest: head.digest }]);
}

async function expectHabits(cloud: Cloud): Promise<void> {
  expect(await run(cloud, 'lazy', 'r-2')).toEqual({ status: 'Succeeded', summary: undefined, outputs: {} });
  const lazy = await pulled(cloud, 'lazy');
  expect(lazy.packages).toMatchObject({ libssl3: '3.0.13-1', 'base-files': '12.8' });
  expect(lazy.configDocument.config.Labels).toEqual({ team: 'web' });

  const pinned = await run(cloud, 'pinned');
  expect(Object.keys(pinned.outputs)).toEqual(['DIGEST']);
  expect((await pulled(cloud, 'pinned')).packages).toEqual({ libssl3: '3.0.15-1', tzdata: '2026b-1', jq: '1.6-1' });
  expect((await pulled(cloud, 'pinned')).configDocument.config.Labels).toEqual({ team: 'web' });

  expect(await run(cloud, 'flaky')).toMatchObject({ status: 'Failed', summary: expect.stringContaining('tests') });
  expect((await run(cloud, 'flaky')).status).toBe('Succeeded');
  expect((await pulled(cloud, '12-candidate', 'base')).packages).toEqual({ libssl3: '3.0.15-1', tzdata: '2026b-1' });

  expect(await run(cloud, 'silent')).toEqual({ status: 'Succeeded', summary: undefined, outputs: {} });
  await expect(pulled(cloud, 'silent', 'base')).rejects.toThrow(/404/);
  await expect(run(cloud, 'old', 'r-3')).rejects.toThrow(/not declared/);
  expect((await run(cloud, 'old')).status).toBe('Succeeded');
}
