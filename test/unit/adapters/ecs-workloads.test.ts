import {
  ClusterNotFoundException,
  DescribeServicesCommand,
  DescribeTaskDefinitionCommand,
  DescribeTasksCommand,
  ECSClient,
  ListClustersCommand,
  ListServicesCommand,
  ListTasksCommand,
  type Service,
  type Task,
} from '@aws-sdk/client-ecs';
import { mockClient } from 'aws-sdk-client-mock';
import { EcsWorkloads } from '../../../shared/adapters/ecs-workloads.ts';
import { collect } from '../../../shared/concurrency.ts';
import type { UnreadSource } from '../../../shared/domain/image/possible-starts.ts';
import { awsError } from './support.ts';

const ecs = mockClient(ECSClient);
beforeEach(() => {
  ecs.reset();
  ecs.on(ListServicesCommand).resolves({ serviceArns: [] });
});

const scope = { account: '444455556666', region: 'eu-west-1' };
const cluster = { ...scope, cluster: 'prod' };
// The paginators accept real clients only; the mock is built on the class.
const client = new ECSClient({ region: 'eu-west-1' });
const source = new EcsWorkloads(() => client);
const task = (changes: Task = {}): Task => ({
  group: 'service:api',
  lastStatus: 'RUNNING',
  containers: [],
  ...changes,
});

/** As ECS lists tasks: stopping tasks are listed under STOPPED only, also while their containers run. */
function runs(...tasks: readonly Task[]): void {
  const named = tasks.map((one, n) => ({ desiredStatus: 'RUNNING', ...one, taskArn: `task-${n}` }));
  ecs.on(ListTasksCommand).callsFake(({ desiredStatus: asked = 'RUNNING' }) => ({
    taskArns: named.filter(({ desiredStatus }) => desiredStatus === asked).map(({ taskArn }) => taskArn),
  }));
  ecs.on(DescribeTasksCommand).callsFake(({ tasks: arns }) => ({
    tasks: named.filter(({ taskArn }) => arns.includes(taskArn)),
    failures: [],
  }));
}

const WITH_STOPPING = { includesStopping: true };

test.each([
  ['service:api', 'ecs-service', 'api'],
  ['daemon:log-agent', 'ecs-daemon', 'log-agent'],
  ['family:migrate', 'ecs-task', 'migrate'],
  ['family:with:colon', 'ecs-task', 'with:colon'],
  ['my-own-group', 'ecs-task', 'of-definition'],
  ['team:nightly', 'ecs-task', 'of-definition'],
  ['service', 'ecs-task', 'of-definition'],
  ['', 'ecs-task', 'of-definition'],
  [undefined, 'ecs-task', 'of-definition'],
])('the group %p names %s %s', async (group, workloadKind, workload) => {
  const taskDefinitionArn = 'arn:aws:ecs:eu-west-1:444455556666:task-definition/of-definition:7';
  runs(task({ group, taskDefinitionArn }));
  expect((await collect(source.tasks(cluster))).flat()).toMatchObject([{ workloadKind, workload }]);
});

test.each([
  ['x86_64', 'amd64'],
  ['arm64', 'arm64'],
  [undefined, undefined],
])('the architecture %p is %p', async (value, architecture) => {
  runs(task({ attributes: value === undefined ? [] : [{ name: 'ecs.cpu-architecture', value }] }));
  const [found] = (await collect(source.tasks(cluster))).flat();
  expect(found?.architecture).toBe(architecture);
});

test.each([
  ['PROVISIONING', 'RUNNING', 1, 1],
  ['PENDING', 'RUNNING', 1, 1],
  ['ACTIVATING', 'RUNNING', 1, 1],
  ['RUNNING', 'RUNNING', 1, 1],
  // Told to stop: the load balancer drains, or the containers have their stop timeout.
  ['RUNNING', 'STOPPED', 0, 1],
  ['DEACTIVATING', 'STOPPED', 0, 1],
  ['STOPPING', 'STOPPED', 0, 1],
  ['DEPROVISIONING', 'STOPPED', 0, 0],
  ['STOPPED', 'STOPPED', 0, 0],
  ['DELETED', 'STOPPED', 0, 0],
  ['A_STATUS_OF_TOMORROW', 'RUNNING', 1, 1],
])(
  'a task in status %s that should be %s counts %d times, and %d times where stopping ones are read',
  async (...row) => {
    const [lastStatus, desiredStatus, count, withStopping] = row;
    runs(task({ lastStatus, desiredStatus }));
    expect((await collect(source.tasks(cluster))).flat()).toHaveLength(count);
    expect((await collect(source.tasks(cluster, WITH_STOPPING))).flat()).toHaveLength(withStopping);
  },
);

test('a task stopped between the two lists counts once', async () => {
  runs(task());
  const listed: (string | undefined)[] = [];
  ecs.on(ListTasksCommand).callsFake(({ desiredStatus }) => {
    listed.push(desiredStatus);
    return { taskArns: ['task-0'] };
  });
  expect((await collect(source.tasks(cluster, WITH_STOPPING))).flat()).toHaveLength(1);
  // The other way round it could be in none.
  expect(listed).toEqual(['RUNNING', 'STOPPED']);
});

test('stopping tasks cost calls only if they are requested', async () => {
  runs(task());
  await collect(source.tasks(cluster));
  expect(ecs.commandCalls(ListTasksCommand)).toHaveLength(1);
});

const [MADE, BEGAN, ENDED, RAN] = [1_000, 2_000, 3_000, 4_000];
test.each<[string, Task, object]>([
  [
    'when its pull began and ended',
    {
      createdAt: new Date(MADE),
      pullStartedAt: new Date(BEGAN),
      pullStoppedAt: new Date(ENDED),
      startedAt: new Date(RAN),
    },
    { pull: { beganAtEpochMs: BEGAN, endedAtEpochMs: ENDED } },
  ],
  [
    'when it was made and ran, where no pull is reported',
    { createdAt: new Date(MADE), startedAt: new Date(RAN) },
    { pull: { beganAtEpochMs: MADE, endedAtEpochMs: RAN } },
  ],
  ['that nothing is pulled yet', { createdAt: new Date(MADE), lastStatus: 'PENDING' }, { isStarting: true }],
  ['nothing', { lastStatus: 'RUNNING' }, {}],
])('of a task ECS tells %s', async (_, times, expected) => {
  runs(task(times));
  const [found] = (await collect(source.tasks(cluster))).flat();
  expect(found).toEqual({ workloadKind: 'ecs-service', workload: 'api', containers: [], ...expected });
});

test('a digest that is none is left out', async () => {
  runs(
    task({
      containers: [
        { name: 'a', image: 'x:1', imageDigest: '' },
        { name: 'b', imageDigest: 'sha512:00' },
      ],
    }),
  );
  expect((await collect(source.tasks(cluster))).flat()[0]?.containers).toEqual([
    { name: 'a', image: 'x:1' },
    { name: 'b' },
  ]);
});

test('short pages are filled up: one description per hundred tasks', async () => {
  const arns = (count: number) => Array.from({ length: count }, (_, n) => `task-${n}`);
  ecs
    .on(ListTasksCommand)
    .resolvesOnce({ taskArns: arns(60), nextToken: '1' })
    .resolvesOnce({ taskArns: arns(0), nextToken: '2' })
    .resolvesOnce({ taskArns: arns(70) });
  ecs.on(DescribeTasksCommand).resolves({ tasks: [] });
  await collect(source.tasks(cluster));
  const sizes = ecs.commandCalls(DescribeTasksCommand).map(({ args }) => args[0].input.tasks?.length);
  expect(sizes).toEqual([100, 30]);
});

test('a task that ended since it was listed is left out; any other failure is an error that names it', async () => {
  runs(task());
  const missing = { arn: 'task-1', reason: 'MISSING' };
  ecs.on(DescribeTasksCommand).resolves({ tasks: [task()], failures: [missing] });
  expect((await collect(source.tasks(cluster))).flat()).toHaveLength(1);
  const broken = { arn: 'task-2', reason: 'INTERNAL', detail: 'try later' };
  ecs.on(DescribeTasksCommand).resolves({ tasks: [task()], failures: [missing, broken] });
  await expect(collect(source.tasks(cluster))).rejects.toMatchObject({
    name: 'TasksUnreadableError',
    message: expect.stringContaining('task-2 INTERNAL try later'),
  });
});

test('a cluster deleted between two pages runs what was listed', async () => {
  ecs
    .on(ListTasksCommand)
    .resolvesOnce({ taskArns: ['task-0'], nextToken: '1' })
    .rejectsOnce(new ClusterNotFoundException({ message: 'gone', $metadata: {} }));
  ecs.on(DescribeTasksCommand).resolves({ tasks: [task()] });
  expect((await collect(source.tasks(cluster))).flat()).toHaveLength(1);
});

test.each([
  ['AccessDenied', 'ScopeUnreachableError'],
  ['AccessDeniedException', 'ScopeUnreachableError'],
  ['RegionDisabledException', 'ScopeUnreachableError'],
  ['UnrecognizedClientException', 'ScopeUnreachableError'],
  ['ThrottlingException', 'ThrottlingException'],
  ['ServerException', 'ServerException'],
  ['ExpiredTokenException', 'ExpiredTokenException'],
  ['TypeError', 'TypeError'],
])('%s is thrown as %s: only a refusal is "unreachable"', async (name, thrown) => {
  ecs.rejects(awsError(name));
  ecs.on(ListServicesCommand).resolves({ serviceArns: [] });
  await expect(collect(source.clusters(scope))).rejects.toMatchObject({ name: thrown });
  await expect(collect(source.tasks(cluster))).rejects.toMatchObject({ name: thrown });
  ecs.on(ListTasksCommand).resolves({ taskArns: ['task-0'] });
  await expect(collect(source.tasks(cluster))).rejects.toMatchObject({ name: thrown });
});

test('cluster names have no slash, but partitions and Regions vary', async () => {
  ecs.on(ListClustersCommand).resolves({ clusterArns: ['arn:aws-us-gov:ecs:us-gov-west-1:444455556666:cluster/prod'] });
  expect(await collect(source.clusters(scope))).toEqual([cluster]);
});

describe('services without a task', () => {
  const arnOf = (name: string) => `arn:aws:ecs:eu-west-1:444455556666:service/prod/${name}`;
  const atZero = (name: string, changes: Service = {}): Service => ({
    ...{ serviceName: name, serviceArn: arnOf(name), status: 'ACTIVE', taskDefinition: `${name}:1` },
    ...changes,
  });

  function hasServices(...services: readonly Service[]): void {
    ecs.on(ListServicesCommand).resolves({ serviceArns: services.map(({ serviceName = '' }) => arnOf(serviceName)) });
    ecs.on(DescribeServicesCommand).callsFake(({ services: arns }) => ({
      services: services.filter(({ serviceArn }) => arns.includes(serviceArn)),
    }));
    ecs.on(DescribeTaskDefinitionCommand).callsFake(({ taskDefinition }) => ({
      taskDefinition: {
        runtimePlatform: { cpuArchitecture: 'X86_64' },
        containerDefinitions: [{ name: 'app', image: `registry.example/${taskDefinition}` }],
      },
    }));
  }

  async function read() {
    const unread: UnreadSource[] = [];
    const noticeUnread = (one: UnreadSource): void => void unread.push(one);
    const tasks = (await collect(source.tasks(cluster, { includesStopping: true, noticeUnread }))).flat();
    return { tasks, unread };
  }

  const start = (workload: string, image: string) => ({
    ...{ workloadKind: 'ecs-service', workload, isPossible: true, architecture: 'amd64' },
    containers: [{ name: 'app', image: `registry.example/${image}` }],
  });

  test('may start the images of their task definitions', async () => {
    runs(task());
    hasServices(atZero('api'), atZero('standby'));
    const { tasks, unread } = await read();
    expect(tasks.slice(1)).toEqual([start('standby', 'standby:1')]);
    expect(unread).toEqual([]);
    // A service with a task is not described.
    expect(ecs.commandCalls(DescribeServicesCommand).map(({ args }) => args[0].input.services)).toEqual([
      [arnOf('standby')],
    ]);
  });

  test.each<[string, Service, boolean]>([
    ['should run none, and runs none', { desiredCount: 0 }, true],
    ['should run one', { desiredCount: 1 }, false],
    ['does not say', {}, false],
    ['still runs one', { desiredCount: 0, runningCount: 1 }, false],
    ['starts one', { desiredCount: 0, pendingCount: 1 }, false],
    ['has a deployment with one', { desiredCount: 0, deployments: [{ desiredCount: 1 }] }, false],
    ['has a task set with one', { desiredCount: 0, taskSets: [{ computedDesiredCount: 1 }] }, false],
    ['has deployments without any', { desiredCount: 0, deployments: [{ desiredCount: 0, runningCount: 0 }] }, true],
    ['is a daemon without an instance', { desiredCount: 0, schedulingStrategy: 'DAEMON' }, false],
  ])('whether one is at zero that %s', async (_, service, expected) => {
    runs();
    hasServices(atZero('old', service));
    expect((await read()).tasks.map(({ isAtZero }) => isAtZero === true)).toEqual([expected]);
  });

  test('a stopping task still runs, so its service is read by its tasks', async () => {
    runs(task({ desiredStatus: 'STOPPED', lastStatus: 'DEACTIVATING' }));
    hasServices(atZero('api'));
    expect((await read()).tasks).toEqual([{ workloadKind: 'ecs-service', workload: 'api', containers: [] }]);
  });

  test('each revision that a deployment may start counts, and a service that is being deleted starts none', async () => {
    runs();
    const deployments = [{ taskDefinition: 'api:2' }, { taskDefinition: 'api:1' }];
    hasServices(atZero('api', { taskDefinition: 'api:2', deployments }), atZero('old', { status: 'DRAINING' }));
    expect((await read()).tasks).toEqual([start('api', 'api:2'), start('api', 'api:1')]);
  });

  test('calls: one page for 100, one description for ten at zero, and one for each task definition', async () => {
    runs();
    hasServices(...Array.from({ length: 25 }, (_, n) => atZero(`standby-${n}`, { taskDefinition: 'standby:1' })));
    expect((await read()).tasks).toHaveLength(25);
    expect(ecs.commandCalls(ListServicesCommand)).toHaveLength(1);
    expect(ecs.commandCalls(ListServicesCommand)[0]?.args[0].input.maxResults).toBe(100);
    const sizes = ecs.commandCalls(DescribeServicesCommand).map(({ args }) => args[0].input.services?.length);
    expect(sizes).toEqual([10, 10, 5]);
    expect(ecs.commandCalls(DescribeTaskDefinitionCommand)).toHaveLength(1);
  });

  test.each<[string, () => void]>([
    ['ecs:ListServices', () => ecs.on(ListServicesCommand).rejects(awsError('AccessDeniedException'))],
    ['ecs:DescribeServices', () => ecs.on(DescribeServicesCommand).rejects(awsError('AccessDeniedException'))],
    [
      'ecs:DescribeTaskDefinition',
      () => ecs.on(DescribeTaskDefinitionCommand).rejects(awsError('AccessDeniedException')),
    ],
  ])('without %s what runs is read, and the unread list names the missing right', async (action, deny) => {
    runs(task());
    hasServices(atZero('standby'));
    deny();
    const { tasks, unread } = await read();
    expect(tasks).toHaveLength(1);
    expect(unread).toEqual([
      expect.objectContaining({
        ...{ list: 'ecs-services', error: 'ScopeUnreachableError' },
        problem: expect.stringMatching(/^AccessDeniedException: /),
        nextStep: expect.stringMatching(`444455556666: its read role must be allowed .*${action}\\b`),
      }),
    ]);
  });

  test('a service that ECS cannot describe now leaves the list unread, and one that was deleted is left out', async () => {
    runs(task());
    hasServices(atZero('standby'));
    ecs.on(DescribeServicesCommand).resolves({ failures: [{ arn: 'standby', reason: 'MISSING' }] });
    expect(await read()).toMatchObject({ tasks: [{ workload: 'api' }], unread: [] });
    ecs.on(DescribeServicesCommand).resolves({ failures: [{ arn: 'standby', reason: 'INTERNAL' }] });
    expect(await read()).toMatchObject({
      tasks: [{ workload: 'api' }],
      unread: [{ error: 'ServicesUnreadableError', problem: expect.stringContaining('standby INTERNAL') }],
    });
  });

  test('a throttled call is no refusal: the state machine tries again', async () => {
    runs(task());
    ecs.on(ListServicesCommand).rejects(awsError('ThrottlingException'));
    await expect(read()).rejects.toMatchObject({ name: 'ThrottlingException' });
  });
});
