import {
  CreateClusterCommand,
  DeregisterTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import {
  CreateEventBusCommand,
  DeleteRuleCommand,
  EventBridgeClient,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge';
import {
  CreateScheduleCommand,
  type CreateScheduleCommandInput,
  CreateScheduleGroupCommand,
  DeleteScheduleCommand,
  SchedulerClient,
  type Target,
  UpdateScheduleCommand,
} from '@aws-sdk/client-scheduler';
import { beforeAll } from '@jest/globals';
import { startSources } from '../../shared/adapters/start-sources.ts';
import { MINUTE_MS } from '../../shared/domain/common/time.ts';
import type { EcsStartList } from '../../shared/domain/image/possible-starts.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { StarterSource } from '../../shared/ports/starts.ts';
import { useCloud } from '../support/cloud.ts';
import { FakeScheduleLedger } from '../support/fakes/schedules.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { type Starter, type StartsWorld, startsContract } from './starts.contract.ts';

const MEMBER = '444455556666';
const cloud = useCloud();
beforeAll(() => createReadRole(cloud(), MEMBER));

let regions = 0;
const scopes = {
  // Each Region of the member account is a scope of its own.
  next: (): Scope => ({ account: MEMBER, region: `eu-test-${++regions}` }),
  unreachable: { account: '999999999999', region: 'eu-west-1' },
};
const clientsOf = ({ account, region }: Scope) => cloud().clients(account, region);
const arnOf = ({ account, region, cluster }: Cluster) => `arn:aws:ecs:${region}:${account}:cluster/${cluster}`;
const definitionArn = ({ account, region }: Scope, name: string) =>
  `arn:aws:ecs:${region}:${account}:task-definition/${name}`;
const ROLE = `arn:aws:iam::${MEMBER}:role/starts`;

/** For all readings: what one read, the next one knows. The clock is ahead, so that no change is too recent for that. */
const knownSchedules = new FakeScheduleLedger();
const clock = () => Date.now() + 2 * MINUTE_MS;

function sourceOf(list: EcsStartList): StarterSource {
  const source = startSources(accessOf(cloud()))(knownSchedules, clock).find((one) => one.list === list);
  if (!source) throw new Error(`no source reads ${list}`);
  return source;
}

const ofEcs: Pick<StartsWorld, 'createCluster' | 'register' | 'deregister'> = {
  createCluster: async (cluster) => {
    await new ECSClient(clientsOf(cluster)).send(new CreateClusterCommand({ clusterName: cluster.cluster }));
  },
  register: async (scope, family, image) => {
    const { taskDefinition } = await new ECSClient(clientsOf(scope)).send(
      new RegisterTaskDefinitionCommand({
        ...{ family, runtimePlatform: { cpuArchitecture: 'ARM64' } },
        containerDefinitions: [{ name: 'app', image, memory: 64 }],
      }),
    );
    return `${family}:${taskDefinition?.revision}`;
  },
  deregister: async (scope, taskDefinition) => {
    await new ECSClient(clientsOf(scope)).send(new DeregisterTaskDefinitionCommand({ taskDefinition }));
  },
};

/** @param bus `default`, or the name of a bus of its own */
function rulesWorld(bus: string): StartsWorld {
  const put = async (cluster: Cluster, { name, taskDefinition, isDisabled = false }: Starter): Promise<void> => {
    const events = new EventBridgeClient(clientsOf(cluster));
    const State = isDisabled ? 'DISABLED' : 'ENABLED';
    const by =
      bus === 'default' ? { ScheduleExpression: 'cron(0 3 * * ? *)' } : { EventPattern: '{"source":["shop"]}' };
    await events.send(new PutRuleCommand({ Name: name, EventBusName: bus, State, ...by }));
    const EcsParameters = { TaskDefinitionArn: definitionArn(cluster, taskDefinition) };
    const Targets = [
      { Id: 'ecs', Arn: arnOf(cluster), RoleArn: ROLE, EcsParameters },
      { Id: 'queue', Arn: `arn:aws:sqs:${cluster.region}:${MEMBER}:queue` },
    ];
    await events.send(new PutTargetsCommand({ Rule: name, EventBusName: bus, Targets }));
  };
  return {
    ...ofEcs,
    get source() {
      return sourceOf('ecs-rules');
    },
    reported: ({ name }) => ({ workloadKind: 'ecs-rule', workload: bus === 'default' ? name : `${bus}/${name}` }),
    createCluster: async (cluster) => {
      await ofEcs.createCluster(cluster);
      if (bus !== 'default' && cluster.cluster === 'prod')
        await new EventBridgeClient(clientsOf(cluster)).send(new CreateEventBusCommand({ Name: bus }));
    },
    create: put,
    change: put,
    delete: async (cluster, Name) => {
      const events = new EventBridgeClient(clientsOf(cluster));
      const Ids = ['ecs', 'queue'];
      await events.send(new RemoveTargetsCommand({ Rule: Name, EventBusName: bus, Ids }));
      await events.send(new DeleteRuleCommand({ Name, EventBusName: bus }));
    },
  };
}

const GROUP = 'batch';

function schedulesWorld(targetOf: (cluster: Cluster, taskDefinition: string) => Omit<Target, 'RoleArn'>): StartsWorld {
  const scheduleOf = (
    cluster: Cluster,
    { name, taskDefinition, isDisabled = false }: Starter,
  ): CreateScheduleCommandInput => ({
    ...{ Name: name, GroupName: GROUP, State: isDisabled ? 'DISABLED' : 'ENABLED' },
    ...{ ScheduleExpression: 'cron(0 3 * * ? *)', FlexibleTimeWindow: { Mode: 'OFF' } },
    Target: { ...targetOf(cluster, taskDefinition), RoleArn: ROLE },
  });
  return {
    ...ofEcs,
    get source() {
      return sourceOf('ecs-schedules');
    },
    reported: ({ name }) => ({ workloadKind: 'ecs-schedule', workload: `${GROUP}/${name}` }),
    createCluster: async (cluster) => {
      await ofEcs.createCluster(cluster);
      if (cluster.cluster === 'prod')
        await new SchedulerClient(clientsOf(cluster)).send(new CreateScheduleGroupCommand({ Name: GROUP }));
    },
    create: async (cluster, starter) => {
      await new SchedulerClient(clientsOf(cluster)).send(new CreateScheduleCommand(scheduleOf(cluster, starter)));
    },
    change: async (cluster, starter) => {
      await new SchedulerClient(clientsOf(cluster)).send(new UpdateScheduleCommand(scheduleOf(cluster, starter)));
    },
    delete: async (cluster, Name) => {
      await new SchedulerClient(clientsOf(cluster)).send(new DeleteScheduleCommand({ Name, GroupName: GROUP }));
    },
  };
}

describe.each<[string, StartsWorld]>([
  ['rules of the default bus', rulesWorld('default')],
  ['rules of another bus', rulesWorld('orders')],
  [
    'schedules that target a cluster',
    schedulesWorld((cluster, name) => ({
      Arn: arnOf(cluster),
      EcsParameters: { TaskDefinitionArn: definitionArn(cluster, name) },
    })),
  ],
  [
    'schedules that target the call RunTask',
    schedulesWorld(({ cluster: Cluster }, TaskDefinition) => ({
      Arn: 'arn:aws:scheduler:::aws-sdk:ecs:runTask',
      Input: JSON.stringify({ Cluster, TaskDefinition }),
    })),
  ],
])('%s', (_, world) => startsContract(() => world, scopes));
