import { setTimeout as sleep } from 'node:timers/promises';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  type DeploymentConfiguration,
  DescribeTasksCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  ListTasksCommand,
  RegisterTaskDefinitionCommand,
  type Task,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { IAMClient } from '@aws-sdk/client-iam';
import {
  DeleteFunctionConcurrencyCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
  UpdateFunctionConfigurationCommand,
} from '@aws-sdk/client-lambda';
import { GetQueueUrlCommand, ListQueuesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { afterAll, beforeAll } from '@jest/globals';
import { packaged } from '../../local/deploy.ts';
import { parseFleet } from '../../local/fleet/load.ts';
import { changeParameters, createStack } from '../../local/stack.ts';
import { type Grant, Grants, nameOf } from '../support/grants.ts';
import { useInstallation } from '../support/installation.ts';

const LIMIT_MS = 120_000;
const HUB = { account: '111122223333', region: 'us-east-1' };
const TEAM = { account: '444455556666', region: 'eu-west-1' };
const ORGANIZATION = 'o-a1b2c3d4e5';
const HOST = `${TEAM.account}.dkr.ecr.${TEAM.region}.amazonaws.com/shop/app`;
const DAY_SECONDS = 24 * 3600;
const CLUSTER = 'shop';
/** A cluster at which the door only warns. */
const WARNED = 'warned';
const STRATEGIES = ['ROLLING', 'BLUE_GREEN', 'CANARY'] as const;

/** `warm` runs a new image and an old one, so that a review judges both; in `shop` none runs. */
const fleet = () =>
  parseFleet(
    {
      name: 'ecs-doors',
      hub: HUB,
      organization: { id: ORGANIZATION },
      accounts: [
        { id: HUB.account, name: 'platform', regions: [HUB.region] },
        { id: TEAM.account, name: 'team', regions: [TEAM.region] },
      ],
      repositories: [{ ...TEAM, name: 'shop/app' }],
      images: [
        {
          name: 'new',
          ...TEAM,
          repository: 'shop/app',
          tags: ['2'],
          os: 'debian',
          createdDaysAgo: 5,
          pushedDaysAgo: 5,
        },
        {
          name: 'old',
          ...TEAM,
          repository: 'shop/app',
          tags: ['1'],
          os: 'debian',
          createdDaysAgo: 90,
          pushedDaysAgo: 90,
        },
      ],
      clusters: [{ ...TEAM, name: 'warm' }],
      workloads: ['new', 'old'].map((image) => ({
        ...{ name: image, ...TEAM, cluster: 'warm', kind: 'service' },
        containers: [{ name: 'app', image, reference: 'digest' }],
      })),
      policy: {
        ...{
          version: 1,
          mode: 'enforce',
          ages: { default: { limitDays: 30 } },
          streams: [],
          severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
        },
        doors: {
          ...{ mode: 'deny', stopTasks: true, stopTasksAfterMinutes: 48 * 60 },
          rules: [{ clusters: [WARNED], mode: 'warn' }],
        },
      },
    },
    'ecs-doors',
  );

const installation = useInstallation(fleet);
const at = ({ account, region }: typeof HUB) => installation().cloud.clients(account, region);
const ecs = () => new ECSClient(at(TEAM));

let hook = { hookTargetArn: '', roleArn: '' };
let definitions = { new: '', old: '' };

beforeAll(async () => {
  expect(await installation().review()).toMatchObject({ status: 'SUCCEEDED' });
  const { deployment } = installation();
  const door = await createStack(new CloudFormationClient(at(HUB)), {
    name: 'ecs-door',
    template: { url: await packaged(at(HUB), 'ecs-door.yaml', 'ecs-door-artifacts') },
    parameters: {
      ...{ HubBusArn: deployment.busArn, LedgerTable: deployment.ledgerTable },
      ...{ EvidenceBucket: deployment.evidenceBucket, OrganizationId: ORGANIZATION },
      ReadRoleExternalId: 'patchwave-in-the-embedded-cloud',
    },
  });
  const { FunctionArn = '', HookRoleArn = '' } = await createStack(new CloudFormationClient(at(TEAM)), {
    name: 'ecs-gate',
    template: { url: await packaged(at(TEAM), 'ecs-gate.yaml', 'ecs-gate-artifacts') },
    parameters: { HubDoorArn: door.FunctionArn ?? '', HubDoorRoleArn: door.CallerRoleArn ?? '' },
  });
  hook = { hookTargetArn: FunctionArn, roleArn: HookRoleArn };
  await changeParameters(new CloudFormationClient(at(TEAM)), 'patchwave-member', {
    WatchEcsTasks: 'true',
    PausedDeploymentArns: `arn:aws:ecs:*:${TEAM.account}:service-deployment/*`,
  });
  for (const clusterName of [CLUSTER, WARNED]) await ecs().send(new CreateClusterCommand({ clusterName }));
  definitions = { new: await define('new', '2'), old: await define('old', '1') };
}, LIMIT_MS);

/** Registers a task definition that names the image of a tag by its digest. */
async function define(family: string, imageTag: string): Promise<string> {
  const { imageDetails: [image] = [] } = await new ECRClient(at(TEAM)).send(
    new DescribeImagesCommand({ repositoryName: 'shop/app', imageIds: [{ imageTag }] }),
  );
  const { taskDefinition } = await ecs().send(
    new RegisterTaskDefinitionCommand({
      family,
      ...{ requiresCompatibilities: ['FARGATE'], networkMode: 'awsvpc', cpu: '256', memory: '512' },
      containerDefinitions: [{ name: 'app', image: `${HOST}@${image?.imageDigest}`, essential: true }],
    }),
  );
  return taskDefinition?.taskDefinitionArn ?? '';
}

/** How a service asks the door before its first task. */
type Asks =
  | 'gate'
  | 'nobody'
  | { readonly strategy: (typeof STRATEGIES)[number]; readonly action: 'CONTINUE' | 'ROLLBACK' };

function configurationOf(asks: Asks): DeploymentConfiguration | undefined {
  const lifecycleStages = ['PRE_SCALE_UP' as const];
  if (asks === 'nobody') return undefined;
  if (asks === 'gate') return { strategy: 'BLUE_GREEN', lifecycleHooks: [{ ...hook, lifecycleStages }] };
  const { strategy, action } = asks;
  const timeoutConfiguration = { timeoutInMinutes: 60, action };
  return { strategy, lifecycleHooks: [{ targetType: 'PAUSE', lifecycleStages, timeoutConfiguration }] };
}

async function create(serviceName: string, taskDefinition: string, asks: Asks, cluster = CLUSTER): Promise<void> {
  await ecs().send(
    new CreateServiceCommand({
      ...{ cluster, serviceName, taskDefinition, desiredCount: 1, launchType: 'FARGATE' },
      deploymentConfiguration: configurationOf(asks),
    }),
  );
}

async function update(service: string, taskDefinition: string, cluster = CLUSTER): Promise<void> {
  await ecs().send(new UpdateServiceCommand({ cluster, service, taskDefinition, forceNewDeployment: true }));
}

/** Every task of the service, also those that stopped. */
async function tasksOf(serviceName: string, cluster = CLUSTER): Promise<readonly Task[]> {
  const listed = await Promise.all(
    (['RUNNING', 'STOPPED'] as const).map((desiredStatus) =>
      ecs().send(new ListTasksCommand({ cluster, serviceName, desiredStatus })),
    ),
  );
  const tasks = listed.flatMap(({ taskArns = [] }) => taskArns);
  if (tasks.length === 0) return [];
  return (await ecs().send(new DescribeTasksCommand({ cluster, tasks }))).tasks ?? [];
}

async function statusOf(service: string, cluster = CLUSTER): Promise<string | undefined> {
  const { serviceDeployments: [newest] = [] } = await ecs().send(
    new ListServiceDeploymentsCommand({ cluster, service }),
  );
  return newest?.status;
}

const ends = (service: string, status: string, cluster = CLUSTER) =>
  until(`${service} to be ${status}`, async () => (await statusOf(service, cluster)) === status);

async function until<T>(what: string, ask: () => Promise<T | undefined | false>): Promise<T> {
  const endsAtEpochMs = Date.now() + 60_000;
  for (;;) {
    const answer = await ask();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > endsAtEpochMs) throw new Error(`waited in vain for: ${what}`);
    await sleep(200);
  }
}

/** Whether the log of a function has a line with the text. */
async function hasLogged(place: typeof HUB, name: string, text: string): Promise<boolean> {
  const logs = new CloudWatchLogsClient(at(place));
  const { events = [] } = await logs.send(new FilterLogEventsCommand({ logGroupName: `/aws/lambda/${name}` }));
  return events.some(({ message = '' }) => message.includes(text));
}

describe('a service with the hook', () => {
  test(
    'starts an image that the policy allows, and never a task of one that it denies',
    async () => {
      await create('gated', definitions.new, 'gate');
      const [task] = await until('the first task', async () => {
        const tasks = await tasksOf('gated');
        return tasks.length > 0 && tasks;
      });
      expect(task?.taskDefinitionArn).toBe(definitions.new);

      await ecs().send(
        new UpdateServiceCommand({ cluster: CLUSTER, service: 'gated', taskDefinition: definitions.old }),
      );
      await until('the way back', async () => (await statusOf('gated')) === 'ROLLBACK_SUCCESSFUL');
      expect((await tasksOf('gated')).map(({ taskArn }) => taskArn)).toEqual([task?.taskArn]);
      expect(await hasLogged(TEAM, 'ecs-gate', 'may not start')).toBe(true);
    },
    LIMIT_MS,
  );

  test(
    'never starts if its first image is denied',
    async () => {
      await create('never', definitions.old, 'gate');
      await until('the end of its deployment', async () => (await statusOf('never')) === 'STOPPED');
      expect(await tasksOf('never')).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe.each(STRATEGIES)('a service with a pause hook and the strategy %s', (strategy) => {
  const service = `paused-${strategy.toLowerCase()}`;

  test(
    'starts an image that the policy allows, and never a task of one that it denies',
    async () => {
      await create(service, definitions.new, { strategy, action: 'ROLLBACK' });
      await ends(service, 'SUCCESSFUL');
      const [task] = await tasksOf(service);
      expect(task?.taskDefinitionArn).toBe(definitions.new);
      await update(service, definitions.old);
      await ends(service, 'ROLLBACK_SUCCESSFUL');
      expect((await tasksOf(service)).map(({ taskArn }) => taskArn)).toEqual([task?.taskArn]);
    },
    LIMIT_MS,
  );
});

describe('while the hub is away for an hour', () => {
  const lambda = () => new LambdaClient(at(HUB));
  async function away(isAway: boolean): Promise<void> {
    for (const FunctionName of ['ecs-door', 'ecs-door-tasks'])
      if (!isAway) await lambda().send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
      else await lambda().send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  }
  const pausing = STRATEGIES.map((strategy) => ({ service: `away-${strategy.toLowerCase()}`, strategy }));

  beforeAll(async () => {
    await create('away-gate', definitions.new, 'gate');
    await create('away-gate', definitions.new, 'gate', WARNED);
    for (const { service, strategy } of pausing) {
      await create(service, definitions.new, { strategy, action: 'ROLLBACK' });
      await create(service, definitions.new, { strategy, action: 'CONTINUE' }, WARNED);
    }
    for (const cluster of [CLUSTER, WARNED])
      for (const service of ['away-gate', ...pausing.map((one) => one.service)])
        await ends(service, 'SUCCESSFUL', cluster);
    await away(true);
  }, LIMIT_MS);
  afterAll(() => away(false));

  test(
    'each deployment completes where the door warns, and none starts a task where it denies',
    async () => {
      const before = new Map<string, readonly (string | undefined)[]>();
      const services = ['away-gate', ...pausing.map(({ service }) => service)];
      for (const service of services) {
        before.set(
          service,
          (await tasksOf(service)).map(({ taskArn }) => taskArn),
        );
        for (const cluster of [CLUSTER, WARNED]) await update(service, definitions.old, cluster);
      }
      await ends('away-gate', 'ROLLBACK_SUCCESSFUL');
      await ends('away-gate', 'SUCCESSFUL', WARNED);
      // The others wait, for the hour that their hooks say.
      await sleep(1_000);
      for (const { service } of pausing) expect(await statusOf(service, WARNED)).toBe('IN_PROGRESS');
      await installation().cloud.admin.setClockForward(3_601);
      for (const { service } of pausing) {
        await ends(service, 'SUCCESSFUL', WARNED);
        await ends(service, 'ROLLBACK_SUCCESSFUL');
      }
      for (const service of services)
        expect((await tasksOf(service)).map(({ taskArn }) => taskArn)).toEqual(before.get(service));
    },
    LIMIT_MS,
  );
});

describe('without any single permission the gate is closed:', () => {
  /** Done by the Lambda service itself in the embedded cloud, not under the role. */
  const NOT_ENFORCED: readonly string[] = ['WriteLogs logs:CreateLogStream', 'WriteLogs logs:PutLogEvents'];
  /** Reads the policy alone, where no image has a digest or none is known. */
  const OF_OTHER_SERVICES: readonly string[] = ['ReadLedger dynamodb:GetItem'];
  /** Needed while the hub is away, and only for the next time. */
  const OF_AN_OUTAGE: readonly string[] = ['RememberModes dynamodb:GetItem', 'RememberModes dynamodb:PutItem'];
  /** Tell the owner of a refusal. Without them the answer is the same, and a metric counts it. */
  const OF_A_REPORT: readonly string[] = ['ReadHeads dynamodb:BatchGetItem', 'RecordDenials dynamodb:PutItem'];
  const service = 'permitted';
  let changes = 0;

  beforeAll(async () => {
    await create(service, definitions.new, 'gate');
    await until('the first task', async () => (await tasksOf(service)).length > 0);
  }, LIMIT_MS);

  /** In new environments, which remember no policy and no session. */
  async function deploys(): Promise<boolean> {
    const Timeout = 90 + (++changes % 2);
    for (const [place, FunctionName] of [
      [TEAM, 'ecs-gate'],
      [HUB, 'ecs-door'],
    ] as const)
      await new LambdaClient(at(place)).send(new UpdateFunctionConfigurationCommand({ FunctionName, Timeout }));
    await ecs().send(new UpdateServiceCommand({ cluster: CLUSTER, service, forceNewDeployment: true }));
    const status = await until('the end of the deployment', async () => {
      const now = await statusOf(service);
      return now !== 'IN_PROGRESS' && now;
    });
    return status === 'SUCCESSFUL';
  }

  test.each([
    [TEAM, 'ecs-gate-EcsGateRole'],
    [TEAM, 'ecs-gate-HookRole'],
    [HUB, 'ecs-door-CallerRole'],
    [HUB, 'ecs-door-EcsDoorRole'],
  ])(
    '%o %s',
    async (place, prefix) => {
      const grants = new Grants(new IAMClient(at(place)));
      const unnoticed: Grant[] = [];
      for (const grant of await grants.of(await grants.role(prefix))) {
        if ([...NOT_ENFORCED, ...OF_OTHER_SERVICES, ...OF_AN_OUTAGE, ...OF_A_REPORT].includes(nameOf(grant))) continue;
        if (await grants.without(grant, deploys)) unnoticed.push(grant);
      }
      expect(unnoticed.map(nameOf)).toEqual([]);
      expect(await deploys()).toBe(true);
    },
    LIMIT_MS,
  );
});

describe('a service without the hook', () => {
  const sqs = () => new SQSClient(at(HUB));

  async function send(queue: string, message: object): Promise<void> {
    const { QueueUrls = [] } = await sqs().send(new ListQueuesCommand({ QueueNamePrefix: `ecs-door-${queue}` }));
    const [url = ''] = QueueUrls;
    const { QueueUrl = '' } = await sqs().send(new GetQueueUrlCommand({ QueueName: url.split('/').at(-1) ?? '' }));
    await sqs().send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(message), DelaySeconds: 0 }));
  }

  /** As the rule of the door does every five minutes. */
  const sweep = () => send('TaskQueue', { kind: 'stop-due-tasks' });

  /** A task that the door denied 48 hours ago, as version 0.2.0 left it in its queue. */
  const askToStop = (taskArn: string) =>
    send('StopQueue', {
      ...{ kind: 'stop', ...TEAM, cluster: CLUSTER, taskArn },
      deniedAtEpochMs: Date.now() - 2 * DAY_SECONDS * 1000,
    });

  test(
    'is reported, and stopped after its time only where the account lists the task',
    async () => {
      await create('open', definitions.old, 'nobody');
      const [task] = await until('the task', async () => {
        const tasks = await tasksOf('open');
        return tasks.length > 0 && tasks;
      });
      const taskArn = task?.taskArn ?? '';
      await until('the report', () => hasLogged(HUB, 'ecs-door-tasks', 'A task runs an image that the door denies'));

      // Its time is not over.
      await sweep();
      await sleep(2_000);
      expect((await tasksOf('open')).filter(({ desiredStatus }) => desiredStatus === 'STOPPED')).toEqual([]);

      await askToStop(taskArn);
      await until('the refusal', async () => {
        await sweep();
        return hasLogged(HUB, 'ecs-door-tasks', `Patchwave may not stop ${taskArn}`);
      });
      expect((await tasksOf('open')).filter(({ desiredStatus }) => desiredStatus === 'STOPPED')).toEqual([]);

      await changeParameters(new CloudFormationClient(at(TEAM)), 'patchwave-member', {
        StoppableTaskArns: `arn:aws:ecs:*:${TEAM.account}:task/${CLUSTER}/*`,
      });
      await askToStop(taskArn);
      const stopped = await until('its end', async () => {
        await sweep();
        return (await tasksOf('open')).find((one) => one.taskArn === taskArn && one.desiredStatus === 'STOPPED');
      });
      expect(stopped.stoppedReason).toMatch(/^Patchwave: sha256:[0-9a-f]{12} may not start/);
    },
    LIMIT_MS,
  );
});
