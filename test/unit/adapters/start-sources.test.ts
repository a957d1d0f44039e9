import { DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs';
import {
  EventBridgeClient,
  ListEventBusesCommand,
  ListRuleNamesByTargetCommand,
  ListTargetsByRuleCommand,
} from '@aws-sdk/client-eventbridge';
import { GetScheduleCommand, ListSchedulesCommand, SchedulerClient } from '@aws-sdk/client-scheduler';
import { jest } from '@jest/globals';
import { mockClient } from 'aws-sdk-client-mock';
import { EcsRules } from '../../../shared/adapters/ecs-rules.ts';
import { EcsSchedules } from '../../../shared/adapters/ecs-schedules.ts';
import { FakeScheduleLedger } from '../../support/fakes/schedules.ts';
import { awsError } from './support.ts';

const scope = { account: '444455556666', region: 'us-gov-west-1' };
const cluster = { ...scope, cluster: 'prod' };
const ARN = 'arn:aws-us-gov:ecs:us-gov-west-1:444455556666:cluster/prod';

const ecs = mockClient(ECSClient);
const events = mockClient(EventBridgeClient);
const scheduler = mockClient(SchedulerClient);
const clients = {
  ecs: () => new ECSClient({}),
  events: () => new EventBridgeClient({}),
  scheduler: () => new SchedulerClient({}),
};
const NOON = Date.UTC(2026, 10, 24, 12);
const rules = new EcsRules(clients);
let ledger = new FakeScheduleLedger();
const reading = (clock = () => NOON) => new EcsSchedules(clients, ledger, clock);
/** Each test begins with an empty ledger. */
const schedules = { starts: (...asked: Parameters<EcsSchedules['starts']>) => reading().starts(...asked) };

const runs = (taskDefinition: string) => ({ EcsParameters: { TaskDefinitionArn: taskDefinition } });

beforeEach(() => {
  for (const client of [ecs, events, scheduler]) client.reset();
  ledger = new FakeScheduleLedger();
  ecs.on(DescribeTaskDefinitionCommand).callsFake(({ taskDefinition }) => ({
    taskDefinition: { containerDefinitions: [{ name: 'app', image: `registry.example/${taskDefinition}` }] },
  }));
  events.on(ListEventBusesCommand).resolves({ EventBuses: [{ Name: 'default' }] });
  events.on(ListRuleNamesByTargetCommand).resolves({ RuleNames: ['nightly'] });
  events.on(ListTargetsByRuleCommand).resolves({ Targets: [{ Id: 'a', Arn: ARN, ...runs('nightly:1') }] });
  scheduler.on(ListSchedulesCommand).resolves({ Schedules: [{ Name: 'nightly', Target: { Arn: ARN } }] });
  scheduler.on(GetScheduleCommand).resolves({ Target: { Arn: ARN, RoleArn: 'role', ...runs('nightly:1') } });
});

const namesOf = (starts: Awaited<ReturnType<EcsRules['starts']>>) =>
  starts.map(({ task: { workloadKind, workload, containers } }) => [workloadKind, workload, containers[0]?.image]);

test('a target is the ARN of a cluster in its partition', async () => {
  const image = 'registry.example/nightly:1';
  expect(namesOf(await rules.starts(scope, [cluster]))).toEqual([['ecs-rule', 'nightly', image]]);
  expect(namesOf(await schedules.starts(scope, [cluster]))).toEqual([['ecs-schedule', 'default/nightly', image]]);
  expect(events.commandCalls(ListRuleNamesByTargetCommand)[0]?.args[0].input).toEqual({
    ...{ TargetArn: ARN, EventBusName: 'default', Limit: 100 },
  });
});

test('buses, rules and targets are read over all pages, and each page has the token of the one before', async () => {
  events
    .on(ListEventBusesCommand)
    .resolvesOnce({ EventBuses: [{ Name: 'default' }], NextToken: '1' })
    .resolvesOnce({ EventBuses: [{ Name: 'orders' }] });
  events
    .on(ListRuleNamesByTargetCommand)
    .resolvesOnce({ RuleNames: [], NextToken: '2' })
    .resolvesOnce({ RuleNames: ['nightly'] })
    .resolvesOnce({ RuleNames: ['shipped'] });
  events
    .on(ListTargetsByRuleCommand)
    .resolvesOnce({ Targets: [{ Id: 'a', Arn: 'arn:aws-us-gov:sqs:::queue' }], NextToken: '3' })
    .resolvesOnce({ Targets: [{ Id: 'b', Arn: ARN, ...runs('nightly:1') }] })
    .resolvesOnce({ Targets: [{ Id: 'a', Arn: ARN, ...runs('shipped:7') }] });
  expect(namesOf(await rules.starts(scope, [cluster]))).toEqual([
    ['ecs-rule', 'nightly', 'registry.example/nightly:1'],
    ['ecs-rule', 'orders/shipped', 'registry.example/shipped:7'],
  ]);
  const tokens = [ListEventBusesCommand, ListRuleNamesByTargetCommand, ListTargetsByRuleCommand].map((command) =>
    events.commandCalls(command as typeof ListEventBusesCommand).map(({ args }) => args[0].input.NextToken),
  );
  expect(tokens).toEqual([
    [undefined, '1'],
    [undefined, '2', undefined],
    [undefined, '3', undefined],
  ]);
});

test('calls: a page of rules for each cluster, the targets of each rule once, and each task definition once', async () => {
  const clusters = ['prod', 'test', 'dev'].map((name) => ({ ...scope, cluster: name }));
  events.on(ListRuleNamesByTargetCommand).resolves({ RuleNames: ['nightly', 'weekly'] });
  events.on(ListTargetsByRuleCommand).resolves({
    Targets: ['prod', 'test', 'dev'].map((name) => ({ Id: name, Arn: ARN.replace('prod', name), ...runs('task:1') })),
  });
  expect(await rules.starts(scope, clusters)).toHaveLength(6);
  const calls = [ListEventBusesCommand, ListRuleNamesByTargetCommand, ListTargetsByRuleCommand];
  expect(calls.map((one) => events.commandCalls(one as typeof ListEventBusesCommand).length)).toEqual([1, 3, 2]);
  expect(ecs.commandCalls(DescribeTaskDefinitionCommand)).toHaveLength(1);
});

test('calls: of schedules only those that run tasks are read', async () => {
  scheduler.on(ListSchedulesCommand).resolves({
    Schedules: [
      { Name: 'mail', Target: { Arn: 'arn:aws-us-gov:lambda:us-gov-west-1:444455556666:function:mail' } },
      { Name: 'away', Target: { Arn: ARN.replace('prod', 'deleted') } },
      { Name: 'nightly', GroupName: 'batch', Target: { Arn: ARN } },
    ],
  });
  expect(namesOf(await schedules.starts(scope, [cluster]))).toEqual([
    ['ecs-schedule', 'batch/nightly', 'registry.example/nightly:1'],
  ]);
  expect(scheduler.commandCalls(GetScheduleCommand).map(({ args }) => args[0].input)).toEqual([
    { Name: 'nightly', GroupName: 'batch' },
  ]);
  expect(scheduler.commandCalls(ListSchedulesCommand)[0]?.args[0].input.MaxResults).toBe(100);
});

describe('a schedule is read when it is new or changed', () => {
  const SECOND = 1000;
  const at = (epochMs: number) => ({ LastModificationDate: new Date(epochMs) });
  /** The list and the schedule as the service holds them. */
  const serve = (modifiedAtEpochMs: number, taskDefinition: string, listedAtEpochMs = modifiedAtEpochMs) => {
    const summary = { Name: 'nightly', GroupName: 'batch', Target: { Arn: ARN }, ...at(listedAtEpochMs) };
    scheduler.on(ListSchedulesCommand).resolves({ Schedules: [summary] });
    const Target = { Arn: ARN, RoleArn: 'role', ...runs(taskDefinition) };
    scheduler.on(GetScheduleCommand).resolves({ Target, ...at(modifiedAtEpochMs) });
  };
  const image = async (clock?: () => number) =>
    (await reading(clock).starts(scope, [cluster])).map(({ task }) => task.containers[0]?.image);
  const reads = () => scheduler.commandCalls(GetScheduleCommand).length;
  const [first, second] = ['registry.example/nightly:1', 'registry.example/nightly:2'];

  test('and not again while its date is the same', async () => {
    serve(NOON - 3600 * SECOND, 'nightly:1');
    for (let day = 0; day < 3; day += 1) expect(await image()).toEqual([first]);
    expect(reads()).toBe(1);
    serve(NOON - 1800 * SECOND, 'nightly:2');
    for (let day = 0; day < 3; day += 1) expect(await image()).toEqual([second]);
    expect(reads()).toBe(2);
    // The call of another day reads the task definition all the same: a family means another revision then.
    expect(ecs.commandCalls(DescribeTaskDefinitionCommand)).toHaveLength(6);
  });

  test('one without a date is read each time', async () => {
    for (let day = 0; day < 3; day += 1) expect(await schedules.starts(scope, [cluster])).toHaveLength(1);
    expect(reads()).toBe(3);
  });

  test('one that changed within the last minute is read again, because two changes may have one date', async () => {
    serve(NOON - 59 * SECOND, 'nightly:1');
    expect(await image()).toEqual([first]);
    serve(NOON - 59 * SECOND, 'nightly:2');
    expect(await image(() => NOON + 2 * SECOND)).toEqual([second]);
    expect(await image(() => NOON + 4 * SECOND)).toEqual([second]);
    expect(reads()).toBe(2);
  });

  test('what a read says counts from the date that it has, not from that of the list', async () => {
    serve(NOON - 7200 * SECOND, 'nightly:1', NOON - 3600 * SECOND);
    expect(await image()).toEqual([first]);
    serve(NOON - 3600 * SECOND, 'nightly:2');
    expect(await image()).toEqual([second]);
    expect(reads()).toBe(2);
  });

  test('one that is gone is forgotten, and one of the same name is read', async () => {
    serve(NOON - 3600 * SECOND, 'nightly:1');
    await image();
    scheduler.on(ListSchedulesCommand).resolves({ Schedules: [] });
    expect(await image()).toEqual([]);
    expect(await ledger.known(scope)).toEqual([]);
    serve(NOON - 1800 * SECOND, 'nightly:2');
    expect(await image()).toEqual([second]);
  });

  test('without a change nothing is written', async () => {
    serve(NOON - 3600 * SECOND, 'nightly:1');
    const record = jest.spyOn(ledger, 'record');
    for (let day = 0; day < 3; day += 1) await image();
    expect(record).toHaveBeenCalledTimes(1);
  });
});

const CALL = 'arn:aws-us-gov:scheduler:::aws-sdk:ecs:runTask';
test.each([
  ['a cluster by its ARN', CALL, JSON.stringify({ Cluster: ARN, TaskDefinition: 'nightly:1' }), 1],
  ['names in lower case', CALL, JSON.stringify({ cluster: 'prod', taskDefinition: 'nightly:1' }), 1],
  ['another cluster', CALL, JSON.stringify({ Cluster: 'other', TaskDefinition: 'nightly:1' }), 0],
  ['the default cluster', CALL, JSON.stringify({ TaskDefinition: 'nightly:1' }), 0],
  ['no task definition', CALL, JSON.stringify({ Cluster: 'prod' }), 0],
  ['no JSON', CALL, 'run it', 0],
  ['another call', CALL.replace('runTask', 'stopTask'), JSON.stringify({ Cluster: 'prod', TaskDefinition: 'x' }), 0],
])('a schedule of the call RunTask with %s', async (_, Arn, Input, count) => {
  scheduler.on(ListSchedulesCommand).resolves({ Schedules: [{ Name: 'nightly', GroupName: 'a', Target: { Arn } }] });
  scheduler.on(GetScheduleCommand).resolves({ Target: { Arn, RoleArn: 'role', Input } });
  expect(await schedules.starts(scope, [cluster])).toHaveLength(count);
});

test('a family by its ARN is asked for by its name, because ECS takes an ARN only with a revision', async () => {
  const family = 'arn:aws-us-gov:ecs:us-gov-west-1:444455556666:task-definition/nightly';
  events.on(ListTargetsByRuleCommand).resolves({ Targets: [{ Id: 'a', Arn: ARN, ...runs(family) }] });
  await rules.starts(scope, [cluster]);
  const asked = () => ecs.commandCalls(DescribeTaskDefinitionCommand).map(({ args }) => args[0].input.taskDefinition);
  expect(asked()).toEqual(['nightly']);
  // The next review asks again, because its latest revision may be another one.
  await rules.starts(scope, [cluster]);
  expect(asked()).toEqual(['nightly', 'nightly']);
});

test('a task definition that is gone starts nothing, and any other error of ECS is thrown', async () => {
  const gone = awsError('ClientException', 'Unable to describe task definition.');
  ecs.on(DescribeTaskDefinitionCommand).rejects(gone);
  expect(await rules.starts(scope, [cluster])).toEqual([]);
  ecs.on(DescribeTaskDefinitionCommand).rejects(awsError('ClientException', 'The account is suspended.'));
  await expect(rules.starts(scope, [cluster])).rejects.toMatchObject({ name: 'ClientException' });
});

test('a rule, a bus or a schedule that was deleted since it was listed starts nothing', async () => {
  const gone = awsError('ResourceNotFoundException');
  scheduler.on(GetScheduleCommand).rejects(gone);
  expect(await schedules.starts(scope, [cluster])).toEqual([]);
  events.on(ListTargetsByRuleCommand).rejects(gone);
  expect(await rules.starts(scope, [cluster])).toEqual([]);
  events.on(ListRuleNamesByTargetCommand).rejects(gone);
  expect(await rules.starts(scope, [cluster])).toEqual([]);
});

test.each([
  ['events:ListEventBuses', rules, () => events.on(ListEventBusesCommand)],
  ['events:ListRuleNamesByTarget', rules, () => events.on(ListRuleNamesByTargetCommand)],
  ['events:ListTargetsByRule', rules, () => events.on(ListTargetsByRuleCommand)],
  ['ecs:DescribeTaskDefinition', rules, () => ecs.on(DescribeTaskDefinitionCommand)],
  ['scheduler:ListSchedules', schedules, () => scheduler.on(ListSchedulesCommand)],
  ['scheduler:GetSchedule', schedules, () => scheduler.on(GetScheduleCommand)],
])('without %s the scope is unreachable, and a throttled call is no refusal', async (_, source, on) => {
  on().rejects(awsError('AccessDeniedException'));
  const unreachable = { name: 'ScopeUnreachableError', scope };
  await expect(source.starts(scope, [cluster])).rejects.toMatchObject(unreachable);
  on().rejects(awsError('ThrottlingException'));
  await expect(source.starts(scope, [cluster])).rejects.toMatchObject({ name: 'ThrottlingException' });
});

test('of more than 10,000 schedules that run tasks none is read', async () => {
  const Schedules = Array.from({ length: 10_001 }, (_, n) => ({ Name: `n-${n}`, Target: { Arn: ARN } }));
  scheduler.on(ListSchedulesCommand).resolves({ Schedules });
  await expect(schedules.starts(scope, [cluster])).rejects.toMatchObject({
    ...{ name: 'TooManySchedulesError', message: expect.stringContaining('more than 10,000 schedules that run tasks') },
  });
  expect(scheduler.commandCalls(GetScheduleCommand)).toEqual([]);
});

test('more than 100,000 schedules are too many, whatever they target', async () => {
  const Schedules = Array.from({ length: 100 }, (_, n) => ({
    Name: `mail-${n}`,
    Target: { Arn: 'arn:aws:sqs:::mail' },
  }));
  scheduler.on(ListSchedulesCommand).callsFake(({ NextToken = '1' }) => ({
    Schedules,
    ...(NextToken !== '1000' && { NextToken: String(Number(NextToken) + 1) }),
  }));
  expect(await schedules.starts(scope, [cluster])).toEqual([]);
  scheduler.on(ListSchedulesCommand).callsFake(({ NextToken = '1' }) => ({
    Schedules,
    NextToken: String(Number(NextToken) + 1),
  }));
  await expect(schedules.starts(scope, [cluster])).rejects.toMatchObject({
    ...{ name: 'TooManySchedulesError', message: expect.stringContaining('more than 100,000 schedules') },
  });
});
