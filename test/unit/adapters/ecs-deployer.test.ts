import { Readable } from 'node:stream';
import {
  type Deployment,
  type DeploymentConfiguration,
  type DeploymentLifecycleHookDetail,
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  ECSClient,
  ListServiceDeploymentsCommand,
  RegisterTaskDefinitionCommand,
  type Service,
  type ServiceDeploymentBrief,
  type ServiceDeploymentStatus,
  type TaskDefinition,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs';
import { mockClient } from 'aws-sdk-client-mock';
import { EcsDeployer } from '../../../shared/adapters/ecs-deployer.ts';
import type { DecidedOn } from '../../../shared/ports/rollouts.ts';
import { NOON_EPOCH_MS } from '../../support/samples.ts';
import { awsError } from './support.ts';

const client = new ECSClient({ region: 'eu-west-1' });
const ecs = mockClient(client);
beforeEach(() => ecs.reset());
const deployer = new EcsDeployer(() => client);
const ref = { account: '444455556666', region: 'eu-west-1', cluster: 'prod', service: 'api' };
const ARN = 'arn:aws:ecs:eu-west-1:444455556666:task-definition/api';

const app = { name: 'app', image: 'app:v1', secrets: [{ name: 'KEY', valueFrom: 'parameter' }], essential: true };
const proxy = { name: 'proxy', image: 'proxy:v1', links: ['app'] };

/** Every member that a definition can have, as ECS tells it: the type asks for each. */
const definition: Required<TaskDefinition> = {
  family: 'api',
  taskDefinitionArn: `${ARN}:7`,
  revision: 7,
  status: 'ACTIVE',
  requiresAttributes: [{ name: 'com.amazonaws.ecs.capability.docker-remote-api.1.19' }],
  compatibilities: ['EC2', 'FARGATE'],
  registeredAt: new Date(NOON_EPOCH_MS),
  registeredBy: 'arn:aws:iam::444455556666:role/deployer',
  deregisteredAt: new Date(NOON_EPOCH_MS),
  deleteRequestedAt: new Date(NOON_EPOCH_MS),
  taskRoleArn: 'arn:aws:iam::444455556666:role/task',
  executionRoleArn: 'arn:aws:iam::444455556666:role/execution',
  networkMode: 'awsvpc',
  volumes: [{ name: 'data', configuredAtLaunch: true }],
  placementConstraints: [{ type: 'memberOf', expression: 'attribute:zone == a' }],
  requiresCompatibilities: ['FARGATE'],
  cpu: '256',
  memory: '512',
  inferenceAccelerators: [{ deviceName: 'one', deviceType: 'eia1.medium' }],
  pidMode: 'task',
  ipcMode: 'none',
  proxyConfiguration: { containerName: 'proxy', type: 'APPMESH' },
  ephemeralStorage: { sizeInGiB: 30 },
  runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
  enableFaultInjection: true,
  containerDefinitions: [app, proxy],
};
const OF_ECS = [
  'taskDefinitionArn',
  'revision',
  'status',
  'requiresAttributes',
  'compatibilities',
  'registeredAt',
  'registeredBy',
  'deregisteredAt',
  'deleteRequestedAt',
];
const tags = [
  { key: 'aws:cloudformation:stack-name', value: 'api' },
  { key: 'team', value: 'payments' },
  { key: 'cost', value: '7' },
];

const primary: Deployment = {
  id: 'ecs-svc/1',
  status: 'PRIMARY',
  rolloutState: 'COMPLETED',
  taskDefinition: `${ARN}:7`,
};
/** The state of the service when its deployment is decided. */
const DECIDED: DecidedOn = {
  taskDefinition: `${ARN}:7`,
  deployments: [
    {
      ...{ deploymentId: 'ecs-svc/1', isPrimary: true, state: 'completed', createdAtEpochMs: NOON_EPOCH_MS },
      taskDefinition: `${ARN}:7`,
    },
  ],
};
const service = (changes: Service = {}): Service => ({
  status: 'ACTIVE',
  taskDefinition: `${ARN}:7`,
  deployments: [primary],
  ...changes,
});

function serves(found: Service, newest: TaskDefinition = definition): void {
  ecs.on(DescribeServicesCommand).resolves({ services: [found] });
  ecs.on(DescribeTaskDefinitionCommand).resolves({ taskDefinition: definition, tags });
  ecs.on(DescribeTaskDefinitionCommand, { taskDefinition: 'api' }).resolves({ taskDefinition: newest, tags });
  ecs.on(RegisterTaskDefinitionCommand).resolves({ taskDefinition: { taskDefinitionArn: `${ARN}:9` } });
  ecs
    .on(UpdateServiceCommand)
    .resolves({ service: service({ deployments: [{ id: 'ecs-svc/2', status: 'PRIMARY' }] }) });
}

test('a new revision is the old one but for the image: nothing of it is lost, nothing of ECS is sent', async () => {
  serves(service());
  expect(await deployer.register(ref, new Map([['app', 'app@sha256:ab']]), DECIDED)).toBe('ecs-svc/2');
  const input = ecs.commandCalls(RegisterTaskDefinitionCommand)[0]?.args[0].input;
  const kept = Object.fromEntries(Object.entries(definition).filter(([key]) => !OF_ECS.includes(key)));
  expect(input).toEqual({
    ...kept,
    containerDefinitions: [{ ...app, image: 'app@sha256:ab' }, proxy],
    tags: [tags[2], tags[1]],
  });
  expect(ecs.commandCalls(UpdateServiceCommand)[0]?.args[0].input).toEqual({
    cluster: 'prod',
    service: 'api',
    taskDefinition: `${ARN}:9`,
  });
  expect(ecs.commandCalls(DescribeTaskDefinitionCommand).map(({ args }) => args[0].input.include)).toEqual([
    ['TAGS'],
    ['TAGS'],
  ]);
});

test('the newest revision of the family is used where it is the wanted one, and no other', async () => {
  const newest = { ...definition, revision: 8, taskDefinitionArn: `${ARN}:8` };
  serves(service(), { ...newest, containerDefinitions: [{ ...app, image: 'app:v2' }, { ...proxy }] });
  await deployer.register(ref, new Map([['app', 'app:v2']]), DECIDED);
  await deployer.register(ref, new Map([['app', 'app:v3']]), DECIDED);
  const deployed = ecs.commandCalls(UpdateServiceCommand).map(({ args }) => args[0].input.taskDefinition);
  expect(deployed).toEqual([`${ARN}:8`, `${ARN}:9`]);
  expect(ecs.commandCalls(RegisterTaskDefinitionCommand)).toHaveLength(1);
});

test('a running revision is not deployed again', async () => {
  serves(service());
  expect(await deployer.register(ref, new Map([['app', 'app:v1']]), DECIDED)).toBe('ecs-svc/1');
  expect(ecs.commandCalls(UpdateServiceCommand)).toHaveLength(0);
});

test.each([
  [{ rolloutState: 'IN_PROGRESS' }, 'in-progress'],
  [{ rolloutState: 'COMPLETED' }, 'completed'],
  [{ rolloutState: 'FAILED' }, 'failed'],
] as const)('a deployment with %j is %s', async (deployment, state) => {
  serves(service({ deployments: [{ id: 'ecs-svc/1', status: 'PRIMARY', ...deployment }] }));
  expect((await deployer.describe(ref)).deployments).toMatchObject([{ state }]);
  expect(ecs.commandCalls(ListServiceDeploymentsCommand)).toEqual([]);
});

describe('if ECS reports no rollout state', () => {
  const REVISION = 'arn:aws:ecs:eu-west-1:444455556666:service-revision/prod/api';
  const at = (epochMs: number) => new Date(epochMs);
  const running = { desiredCount: 2, runningCount: 2, taskDefinition: `${ARN}:7` };
  const green: Deployment = { ...running, id: 'ecs-svc/0012', status: 'PRIMARY', createdAt: at(NOON_EPOCH_MS) };
  const blue: Deployment = { ...running, id: 'ecs-svc/12', status: 'ACTIVE', createdAt: at(NOON_EPOCH_MS - 3_600_000) };
  const brief = (number: string, status: ServiceDeploymentStatus): ServiceDeploymentBrief => ({
    targetServiceRevisionArn: `${REVISION}/${number}`,
    status,
    statusReason: `it is ${status}`,
  });
  const statesOf = async () =>
    (await deployer.describe(ref)).deployments.map(({ deploymentId, state }) => [deploymentId, state]);

  test.each([
    ['PENDING', 'in-progress'],
    ['IN_PROGRESS', 'in-progress'],
    ['STOP_REQUESTED', 'in-progress'],
    ['ROLLBACK_REQUESTED', 'in-progress'],
    ['ROLLBACK_IN_PROGRESS', 'in-progress'],
    ['SUCCESSFUL', 'completed'],
    ['STOPPED', 'stopped'],
    ['ROLLBACK_SUCCESSFUL', 'rolled-back'],
    ['ROLLBACK_FAILED', 'failed'],
    ['SOMETHING_NEW' as ServiceDeploymentStatus, 'unknown'],
  ] as const)('its service deployment %s says %s, with any number of running tasks', async (status, state) => {
    serves(service({ deployments: [green, blue] }));
    const serviceDeployments = [brief('0012', status), brief('12', 'SUCCESSFUL')];
    ecs.on(ListServiceDeploymentsCommand).resolves({ serviceDeployments });
    expect((await deployer.describe(ref)).deployments).toMatchObject([
      { deploymentId: 'ecs-svc/0012', isPrimary: true, state, detail: `it is ${status}` },
      { deploymentId: 'ecs-svc/12', isPrimary: false, state: 'completed' },
    ]);
    expect(ecs.commandCalls(ListServiceDeploymentsCommand).map(({ args }) => args[0].input)).toEqual([
      { cluster: 'prod', service: 'api', createdAt: { after: at(NOON_EPOCH_MS - 3_660_000) }, maxResults: 100 },
    ]);
  });

  test('a deployment of which no service deployment is known is unknown, not completed', async () => {
    serves(service({ deployments: [green, blue] }));
    ecs.on(ListServiceDeploymentsCommand).resolves({ serviceDeployments: [brief('12', 'SUCCESSFUL')] });
    expect(await statesOf()).toEqual([
      ['ecs-svc/0012', 'unknown'],
      ['ecs-svc/12', 'completed'],
    ]);
  });

  test('service deployments are read page by page, until each deployment has its own', async () => {
    serves(service({ deployments: [green, blue] }));
    const pages = [
      { serviceDeployments: [brief('99', 'STOPPED')], nextToken: 'one' },
      { serviceDeployments: [brief('0012', 'IN_PROGRESS')], nextToken: 'two' },
      { serviceDeployments: [brief('12', 'SUCCESSFUL')], nextToken: 'three' },
    ];
    ecs.on(ListServiceDeploymentsCommand).callsFake(({ nextToken }: { nextToken?: string }) => {
      const found = pages[nextToken === undefined ? 0 : 1 + pages.findIndex((page) => page.nextToken === nextToken)];
      if (!found) throw new Error('no caller needs another page');
      return found;
    });
    expect(await statesOf()).toEqual([
      ['ecs-svc/0012', 'in-progress'],
      ['ecs-svc/12', 'completed'],
    ]);
  });

  describe('how far a deployment is', () => {
    const arn = 'arn:aws:ecs:eu-west-1:444455556666:service-deployment/prod/api/abc';
    const progressOf = async () => (await deployer.describe(ref)).deployments.map(({ progress }) => progress);
    beforeEach(() => {
      serves(service({ deployments: [green, blue] }));
      const running = { ...brief('0012', 'IN_PROGRESS'), serviceDeploymentArn: arn };
      ecs.on(ListServiceDeploymentsCommand).resolves({ serviceDeployments: [running, brief('12', 'SUCCESSFUL')] });
    });

    test('its stage and its hooks without an answer, of the one that goes on', async () => {
      const expiresAt = new Date(NOON_EPOCH_MS);
      const lifecycleHookDetails: DeploymentLifecycleHookDetail[] = [
        { targetType: 'PAUSE', status: 'AWAITING_ACTION', expiresAt, timeoutAction: 'CONTINUE' },
        { targetType: 'AWS_LAMBDA', status: 'IN_PROGRESS', targetArn: 'arn:aws:lambda:eu-west-1:1:function:check' },
        { targetType: 'AWS_LAMBDA', status: 'SUCCEEDED' },
      ];
      const described = { serviceDeploymentArn: arn, lifecycleStage: 'POST_SCALE_UP', lifecycleHookDetails } as const;
      ecs.on(DescribeServiceDeploymentsCommand).resolves({ serviceDeployments: [described] });
      const hooks = [
        { kind: 'pause', expiresAtEpochMs: NOON_EPOCH_MS, afterwards: 'continue' },
        { kind: 'function', target: 'arn:aws:lambda:eu-west-1:1:function:check' },
      ];
      expect(await progressOf()).toEqual([{ stage: 'POST_SCALE_UP', hooks }, undefined]);
      expect(ecs.commandCalls(DescribeServiceDeploymentsCommand).map(({ args }) => args[0].input)).toEqual([
        { serviceDeploymentArns: [arn] },
      ]);
    });

    test('a role that may not read it is named, and stops nothing', async () => {
      ecs.on(DescribeServiceDeploymentsCommand).rejects(awsError('AccessDeniedException'));
      expect(await progressOf()).toEqual([
        { unread: expect.stringContaining('ecs:DescribeServiceDeployments') },
        undefined,
      ]);
    });

    test('any other failure stops nothing', async () => {
      ecs.on(DescribeServiceDeploymentsCommand).rejects(awsError('ServerException'));
      expect(await progressOf()).toEqual([undefined, undefined]);
    });
  });

  test('who may not list them cannot deploy the service', async () => {
    serves(service({ deployments: [green, blue] }));
    ecs.on(ListServiceDeploymentsCommand).rejects(awsError('AccessDeniedException'));
    await expect(deployer.describe(ref)).rejects.toMatchObject({ name: 'DeployerUnreachableError' });
  });

  test('the deployments of a service with CodeDeploy are not requested', async () => {
    serves(service({ deploymentController: { type: 'CODE_DEPLOY' }, deployments: [green] }));
    await deployer.describe(ref);
    expect(ecs.commandCalls(ListServiceDeploymentsCommand)).toEqual([]);
  });
});

test.each<[string, DeploymentConfiguration | undefined, number | undefined]>([
  ['nothing configured', undefined, undefined],
  ['a rolling update', { strategy: 'ROLLING', bakeTimeInMinutes: 5 }, undefined],
  ['blue/green', { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 60 }, 60],
  ['linear, as by default', { strategy: 'LINEAR', bakeTimeInMinutes: 5 }, 65],
  ['linear', { strategy: 'LINEAR', linearConfiguration: { stepPercent: 30, stepBakeTimeInMinutes: 10 } }, 40],
  [
    'a pause hook, for a day by default',
    { strategy: 'BLUE_GREEN', lifecycleHooks: [{ targetType: 'PAUSE', lifecycleStages: ['POST_SCALE_UP'] }] },
    1440,
  ],
  [
    'a pause hook before each shift of a canary, and a function that answers by itself',
    {
      strategy: 'CANARY',
      lifecycleHooks: [
        {
          targetType: 'PAUSE',
          lifecycleStages: ['PRE_PRODUCTION_TRAFFIC_SHIFT', 'POST_SCALE_UP'],
          timeoutConfiguration: { timeoutInMinutes: 30 },
        },
        { hookTargetArn: 'arn:aws:lambda:eu-west-1:1:function:check', lifecycleStages: ['POST_SCALE_UP'] },
      ],
    },
    10 + 3 * 30,
  ],
  ['canary', { strategy: 'CANARY', canaryConfiguration: { canaryBakeTimeInMinutes: 15 }, bakeTimeInMinutes: 5 }, 20],
])('how long ECS waits on purpose: %s', async (_, deploymentConfiguration, minutes) => {
  serves(service(deploymentConfiguration && { deploymentConfiguration }));
  const { bakeMs } = await deployer.describe(ref);
  expect(bakeMs).toBe(minutes === undefined ? undefined : minutes * 60_000);
});

test('deployments come newest first, with the reason of their state', async () => {
  const at = (epochMs: number) => new Date(epochMs);
  const old = { ...primary, id: 'old', status: 'ACTIVE', createdAt: at(NOON_EPOCH_MS), rolloutStateReason: 'because' };
  serves(service({ deployments: [old, { ...primary, createdAt: at(NOON_EPOCH_MS + 1) }] }));
  expect((await deployer.describe(ref)).deployments).toEqual([
    {
      deploymentId: 'ecs-svc/1',
      isPrimary: true,
      state: 'completed',
      createdAtEpochMs: NOON_EPOCH_MS + 1,
      taskDefinition: `${ARN}:7`,
    },
    {
      deploymentId: 'old',
      isPrimary: false,
      state: 'completed',
      detail: 'because',
      createdAtEpochMs: NOON_EPOCH_MS,
      taskDefinition: `${ARN}:7`,
    },
  ]);
});

test('another controller keeps its definition in task sets, or has none', async () => {
  const external: Service = { deploymentController: { type: 'EXTERNAL' }, deployments: [] };
  const { taskDefinition: _, ...bare } = service(external);
  serves({
    ...bare,
    taskSets: [
      { status: 'ACTIVE', taskDefinition: 'old' },
      { status: 'PRIMARY', taskDefinition: 'new' },
    ],
  });
  expect(await deployer.describe(ref)).toMatchObject({
    controller: 'EXTERNAL',
    taskDefinition: 'new',
    deployments: [],
  });
  serves(bare);
  expect(await deployer.describe(ref)).toMatchObject({ taskDefinition: '', containers: [] });
});

test.each([
  [{ services: [service({ status: 'INACTIVE' })] }, 'ServiceGoneError'],
  [{ services: [service({ status: 'DRAINING' })] }, 'ServiceGoneError'],
  [{ failures: [{ reason: 'MISSING' }] }, 'ServiceGoneError'],
  [{ failures: [{ reason: 'INTERNAL', detail: 'later' }] }, 'ServiceUnreadableError'],
  [{}, 'ServiceUnreadableError'],
])('the answer %j is a %s', async (answer, name) => {
  ecs.on(DescribeServicesCommand).resolves(answer);
  await expect(deployer.describe(ref)).rejects.toMatchObject({ name });
});

test.each([
  ['ServiceNotFoundException', 'ServiceGoneError'],
  ['ServiceNotActiveException', 'ServiceGoneError'],
  ['ClusterNotFoundException', 'ServiceGoneError'],
  ['InvalidParameterException', 'DeploymentRefusedError'],
  ['PlatformTaskDefinitionIncompatibilityException', 'DeploymentRefusedError'],
  ['AccessDeniedException', 'DeployerUnreachableError'],
  ['ThrottlingException', 'ThrottlingException'],
  ['ServerException', 'ServerException'],
])('an update that ends with %s is a %s', async (thrown, name) => {
  serves(service());
  ecs.on(UpdateServiceCommand).rejects(awsError(thrown));
  await expect(deployer.restart(ref, DECIDED)).rejects.toMatchObject({ name });
});

test('a lost answer to an update is not repeated, and the error says that a deployment may have started', async () => {
  let updates = 0;
  const lossy = new ECSClient({
    region: 'eu-west-1',
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    requestHandler: {
      handle: async () => {
        updates += 1;
        throw Object.assign(new Error('socket hang up'), { name: 'TimeoutError', code: 'ECONNRESET' });
      },
    },
  });
  const send = lossy.send.bind(lossy);
  lossy.send = (async (command: UpdateServiceCommand) =>
    command instanceof UpdateServiceCommand ? send(command) : { services: [service()] }) as typeof lossy.send;
  await expect(new EcsDeployer(() => lossy).restart(ref, DECIDED)).rejects.toMatchObject({
    name: 'DeploymentUnknownError',
    message: expect.stringContaining('socket hang up'),
    cause: { name: 'TimeoutError' },
  });
  expect(updates).toBe(1);
});

describe('a service that somebody else deploys meanwhile', () => {
  const theirs = service({
    taskDefinition: `${ARN}:8`,
    deployments: [{ id: 'ecs-svc/8', status: 'PRIMARY', rolloutState: 'IN_PROGRESS', taskDefinition: `${ARN}:8` }],
  });
  const changed = {
    name: 'ServiceChangedError',
    message: expect.stringContaining('its primary deployment is now ecs-svc/8, of'),
  };
  const images = new Map([['app', 'app@sha256:ab']]);

  test('before a call is neither registered nor deployed', async () => {
    serves(theirs);
    await expect(deployer.restart(ref, DECIDED)).rejects.toMatchObject(changed);
    await expect(deployer.register(ref, images, DECIDED)).rejects.toMatchObject(changed);
    await expect(deployer.putBack(ref, `${ARN}:6`, DECIDED)).rejects.toMatchObject(changed);
    expect(ecs.commandCalls(RegisterTaskDefinitionCommand)).toEqual([]);
    expect(ecs.commandCalls(UpdateServiceCommand)).toEqual([]);
  });

  test('by a restart of the same revision is not deployed either', async () => {
    serves(service({ deployments: [{ ...primary, id: 'ecs-svc/8' }] }));
    await expect(deployer.restart(ref, DECIDED)).rejects.toMatchObject({ name: 'ServiceChangedError' });
    expect(ecs.commandCalls(UpdateServiceCommand)).toEqual([]);
  });

  test('while the revision is registered is not deployed', async () => {
    serves(service());
    ecs.on(RegisterTaskDefinitionCommand).callsFake(() => {
      ecs.on(DescribeServicesCommand).resolves({ services: [theirs] });
      return { taskDefinition: { taskDefinitionArn: `${ARN}:9` } };
    });
    await expect(deployer.register(ref, images, DECIDED)).rejects.toMatchObject(changed);
    expect(ecs.commandCalls(UpdateServiceCommand)).toEqual([]);
  });

  test('between two attempts of a throttled call is not deployed', async () => {
    let updates = 0;
    let found: Service = service();
    const throttled = new ECSClient({
      region: 'eu-west-1',
      credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
      requestHandler: {
        handle: async () => {
          updates += 1;
          found = theirs;
          const body = Readable.from([JSON.stringify({ __type: 'ThrottlingException', message: 'Rate exceeded' })]);
          const headers = { 'content-type': 'application/x-amz-json-1.1' };
          return { response: { statusCode: 400, headers, body } };
        },
      },
    });
    const send = throttled.send.bind(throttled);
    throttled.send = (async (command: UpdateServiceCommand) =>
      command instanceof UpdateServiceCommand ? send(command) : { services: [found] }) as typeof throttled.send;
    await expect(new EcsDeployer(() => throttled).restart(ref, DECIDED)).rejects.toMatchObject(changed);
    expect(updates).toBe(1);
  });
});

test('an answer that names no new deployment says that one may have started', async () => {
  serves(service());
  ecs.on(UpdateServiceCommand).resolves({ service: service() });
  await expect(deployer.restart(ref, DECIDED)).rejects.toMatchObject({
    name: 'DeploymentUnknownError',
    message: expect.stringContaining('a new deployment'),
  });
});
