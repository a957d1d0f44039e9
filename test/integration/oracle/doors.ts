/** Re-derives what the demo says of the doors, from the cluster and from ECS. */

import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DescribeServiceRevisionsCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  paginateListServices,
  paginateListTasks,
  type ServiceDeploymentBrief,
  type Task,
} from '@aws-sdk/client-ecs';
import { CloudAdmin } from '../../../local/cloud/admin-client.ts';
import { clientsAt } from '../../../local/cloud.ts';
import type { DemoResult } from '../../../local/demo/result.ts';
import type { Fleet } from '../../../local/fleet/schema.ts';
import type { AdminApi } from '../../../local/kubernetes/admin-api.ts';
import { administratorOf } from '../../../local/kubernetes/eks.ts';
import { type KubernetesObject, RESOURCES } from '../../../local/kubernetes/objects.ts';
import { podSpecOf } from '../../../local/kubernetes/pod-template.ts';
import { configOf, manifestOf, type RunningPlace } from './running.ts';
import type { StoryWorld } from './story-world.ts';

interface DoorsTold {
  readonly world: StoryWorld;
  readonly fleet: Fleet;
  readonly result: DemoResult;
}

type DoorCheck = (told: DoorsTold, ...groups: string[]) => Promise<void>;

/** Account and Region of a cluster of one of the kinds. */
function placeOfCluster({ fleet }: DoorsTold, kind: 'clusters' | 'kubernetesClusters', name: string): RunningPlace {
  const found = fleet[kind].filter((cluster) => cluster.name === name);
  expect(found).toHaveLength(1);
  const [{ account, region } = fleet.hub] = found;
  return { account, region };
}

async function inCluster<T>(told: DoorsTold, cluster: string, work: (api: AdminApi) => Promise<T>): Promise<T> {
  const { endpoint } = told.world;
  const cloud = { admin: new CloudAdmin(endpoint), clients: clientsAt(endpoint) };
  const api = await administratorOf(
    cloud,
    { ...placeOfCluster(told, 'kubernetesClusters', cluster), cluster },
    'oracle',
  );
  try {
    return await work(api);
  } finally {
    api.close();
  }
}

const imagesOfPod = ({ spec, status }: KubernetesObject): string => JSON.stringify([spec, status]);

/** The old images of a repository that the demo tried, by what the registry holds and the fleet file says. */
async function refusedImages(told: DoorsTold, repository: string, reason: string): Promise<readonly string[]> {
  const [named] = /^sha256:[0-9a-f]{12}/.exec(reason) ?? [];
  const own = told.result.doors.filter((door) => door.which === 'old' && door.repository === repository);
  const images = new Set(own.map(({ image }) => image));
  expect(images.size).toBe(1);
  const [image = ''] = images;
  if (named !== undefined) expect(image.startsWith(named)).toBe(true);
  expect(await told.world.digestsNamed(repository)).toContain(image);
  const newest = (await told.world.newest(repository)).map(({ digest }) => digest);
  if (told.result.doors.some(({ which }) => which === 'rebuilt')) expect(newest).not.toContain(image);
  const [, vulnerability] = /(CVE-[\d-]+) in/.exec(reason) ?? [];
  if (vulnerability !== undefined) {
    const [home] = told.world.homesNamed(repository);
    expect(home && (await told.world.findings(home, image))).toContain(vulnerability);
  }
  return [...images];
}

/** `it` is the image of the sentence before, and `the same reason` that of it. */
const last = { repository: '', reason: '' };
const resolved = (repository: string, reason: string): { readonly repository: string; readonly reason: string } => {
  if (repository !== '') last.repository = repository;
  if (reason !== '') last.reason = reason;
  return { ...last };
};

/** No pod of the image is there, and one that somebody creates now is refused for the same reason. */
const refusedPod: DoorCheck = async (told, named = '', cluster = '', namespace = '', because = '') => {
  const { repository, reason } = resolved(named, because);
  const [home] = told.world.homesNamed(repository);
  for (const image of await refusedImages(told, repository, reason)) {
    await inCluster(told, cluster, async (api) => {
      const pods = await api.list(RESOURCES.pods, namespace);
      expect(pods.filter((pod) => imagesOfPod(pod).includes(image))).toEqual([]);
      const reference = `${home?.account}.dkr.ecr.${home?.region}.amazonaws.com/${repository}@${image}`;
      const created = api.create(RESOURCES.pods, {
        ...{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'oracle', namespace } },
        spec: { containers: [{ name: 'app', image: reference }] },
      });
      await expect(created).rejects.toMatchObject({ status: 403, answer: expect.stringContaining(reason) });
    });
  }
};

interface Deployed extends ServiceDeploymentBrief {
  readonly images: readonly string[];
  readonly taskDefinition: string | undefined;
}

/** Every service deployment of a cluster, with the references of its revision. */
async function deploymentsIn(told: DoorsTold, cluster: string): Promise<readonly Deployed[]> {
  const client = new ECSClient(configOf(told.world.endpoint, placeOfCluster(told, 'clusters', cluster)));
  const found: Deployed[] = [];
  for await (const { serviceArns = [] } of paginateListServices({ client }, { cluster })) {
    for (const service of serviceArns) {
      const { serviceDeployments = [] } = await client.send(new ListServiceDeploymentsCommand({ cluster, service }));
      for (const deployment of serviceDeployments) {
        const { serviceRevisions: [revision] = [] } = await client.send(
          new DescribeServiceRevisionsCommand({ serviceRevisionArns: [deployment.targetServiceRevisionArn ?? ''] }),
        );
        const { taskDefinition } = await client.send(
          new DescribeTaskDefinitionCommand({ taskDefinition: revision?.taskDefinition }),
        );
        const images = (taskDefinition?.containerDefinitions ?? []).flatMap(({ image }) => image ?? []);
        found.push({ ...deployment, images, taskDefinition: revision?.taskDefinition });
      }
    }
  }
  return found;
}

/** Also those that have stopped. */
async function everyTask(told: DoorsTold, cluster: string): Promise<readonly Task[]> {
  const client = new ECSClient(configOf(told.world.endpoint, placeOfCluster(told, 'clusters', cluster)));
  const found: Task[] = [];
  for (const desiredStatus of ['RUNNING', 'STOPPED'] as const)
    for await (const { taskArns = [] } of paginateListTasks({ client }, { cluster, desiredStatus }))
      if (taskArns.length > 0)
        found.push(...((await client.send(new DescribeTasksCommand({ cluster, tasks: taskArns }))).tasks ?? []));
  return found;
}

/** ECS took each deployment of the image back, and no task of its revision was ever there. */
const refusedService: DoorCheck = async (told, named = '', cluster = '', because = '') => {
  const { repository, reason } = resolved(named, because);
  for (const image of await refusedImages(told, repository, reason)) {
    const own = (await deploymentsIn(told, cluster)).filter(({ images }) => images.some((one) => one.endsWith(image)));
    expect(own.length).toBeGreaterThan(0);
    for (const { status, statusReason } of own) {
      expect(['STOPPED', 'ROLLBACK_SUCCESSFUL']).toContain(status);
      expect(statusReason).toContain('PRE_SCALE_UP lifecycle hook(s) failed');
    }
    const revisions = new Set(own.map(({ taskDefinition }) => taskDefinition));
    const ran = (await everyTask(told, cluster)).filter(
      ({ taskDefinitionArn, containers = [] }) =>
        revisions.has(taskDefinitionArn) || containers.some((one) => one.image?.endsWith(image)),
    );
    expect(ran).toEqual([]);
  }
};

/** In each place that the fleet file names for an image of the repository, behind a door of one of the kinds. */
const letIn: DoorCheck = async (told, doors = '', repository = '', digest = '') => {
  const { fleet, world } = told;
  const handles = fleet.images.filter((image) => image.repository === repository).map(({ name }) => name);
  const attempts = fleet.doorAttempts.filter(({ image }) => handles.includes(image));
  const kinds = new Set(attempts.map(({ namespace }) => (namespace === undefined ? 'ECS' : 'EKS')));
  expect(doors).toBe(kinds.size > 1 ? 'Both doors let' : `The ${[...kinds].join()} door lets`);
  const named = (await world.digestsNamed(repository)).filter((one) => one.startsWith(digest));
  expect(named).toHaveLength(1);
  const [image = ''] = named;
  // What was pushed last: the image, or the index of its images.
  const [home] = world.homesNamed(repository);
  const children = home && (await manifestOf(world.endpoint, home, image))?.manifests;
  const newest = new Set((await world.newest(repository)).map((one) => one.digest));
  expect((children ?? [{ digest: image }]).some((one) => newest.has(one.digest))).toBe(true);
  const isImage = (reference = ''): boolean => reference.endsWith(`@${image}`);
  for (const { cluster, namespace } of attempts) {
    if (namespace !== undefined) {
      const pods = await inCluster(told, cluster, (api) => api.list(RESOURCES.pods, namespace));
      const own = pods.filter((pod) => podSpecOf(pod).containers.some((container) => isImage(container.image)));
      expect(own.map(({ status }) => status?.phase)).toEqual(['Running']);
      continue;
    }
    const own = (await deploymentsIn(told, cluster)).filter(({ images }) => images.every(isImage));
    expect(own.map(({ status }) => status)).toEqual(['SUCCESSFUL']);
    const tasks = (await everyTask(told, cluster)).filter(
      ({ taskDefinitionArn }) => taskDefinitionArn === own[0]?.taskDefinition,
    );
    expect(tasks.map(({ lastStatus }) => lastStatus)).toEqual(['RUNNING']);
  }
};

/** The stacks are there, and each cluster has the configuration that asks the webhook. */
const doorsDeployed: DoorCheck = async (told, templates = '') => {
  const { fleet, world } = told;
  for (const template of templates.split(/, | and /)) {
    const stack = `patchwave-${template.replace('.yaml', '')}`;
    const gated = fleet.doorAttempts.filter(({ namespace }) => namespace === undefined);
    for (const place of template === 'ecs-gate.yaml' ? gated : [fleet.hub]) {
      const { Stacks = [] } = await new CloudFormationClient(configOf(world.endpoint, place)).send(
        new DescribeStacksCommand({ StackName: stack }),
      );
      expect(Stacks.map(({ StackStatus }) => StackStatus)).toEqual(['CREATE_COMPLETE']);
    }
  }
  for (const { cluster, namespace } of fleet.doorAttempts) {
    if (namespace === undefined) continue;
    const found = await inCluster(told, cluster, (api) => api.list(RESOURCES.validatingWebhookConfigurations));
    expect(JSON.stringify(found)).toMatch(/"pods-deny\.patchwave\.dev".*"failurePolicy":"Fail"/);
  }
};

export const DOOR_CHECKS: readonly [RegExp, DoorCheck][] = [
  [/^Deploys the doors: ((?:[a-z-]+\.yaml(?:, | and )?)+)$/, doorsDeployed],
  [/^The EKS door refuses (?:the old (\S+)|it) in ([^/\s]+)\/([^:,\s]+)(?:: same reason|: (.+))$/, refusedPod],
  [
    /^The ECS door refuses (?:the old (\S+)|it) in ([^:,\s]+), before its first task(?:: same reason|: (.+))$/,
    refusedService,
  ],
  [/^(Both doors let|The E[KC]S door lets) the rebuilt (\S+) start: (sha256:[0-9a-f]{12})$/, letIn],
];
