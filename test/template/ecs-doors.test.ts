import { readFileSync } from 'node:fs';
import { environment as doorEnvironment } from '../../functions/ecs-door/env.ts';
import { environment as gateEnvironment } from '../../functions/ecs-gate/env.ts';
import { environment as taskEnvironment } from '../../functions/ecs-tasks/env.ts';
import {
  ecsDoor,
  ecsGate,
  hub,
  type JsonObject,
  listOf,
  member,
  objectOf,
  ofType,
  ROOT,
  refersTo,
  resourceOf,
  statementsOf,
  type Template,
  textOf,
} from './template.ts';

const policyOf = (template: Template, role: string): readonly JsonObject[] =>
  listOf(resourceOf(template, role).Policies).flatMap((policy) => statementsOf(objectOf(policy).PolicyDocument));
const trustOf = (template: Template, role: string) => statementsOf(resourceOf(template, role).AssumeRolePolicyDocument);
const actionsOf = (statements: readonly JsonObject[]) =>
  statements.flatMap(({ Action }) => listOf(Action).map(textOf)).sort();
const sub = (text: string) => ({ 'Fn::Sub': text });

describe.each([
  ['ecs-gate.yaml', ecsGate, 'EcsGateFunction', 'ecs-gate', gateEnvironment],
  ['ecs-door.yaml', ecsDoor, 'EcsDoorFunction', 'ecs-door', doorEnvironment],
  ['ecs-door.yaml', ecsDoor, 'EcsTasksFunction', 'ecs-tasks', taskEnvironment],
] as const)('%s', (_, template, id, name, environment) => {
  const declared = resourceOf(template, id);

  test(`has ${id}, which runs on what the functions of the hub run on`, () => {
    const { Runtime, Architectures, Handler, MemorySize } = objectOf(objectOf(hub.json.Globals).Function);
    expect(declared).toMatchObject({ Runtime, Architectures, Handler, MemorySize, CodeUri: `dist/${name}` });
  });

  test(`gives ${id} exactly the environment that it reads`, () => {
    const { Variables } = objectOf(declared.Environment);
    const own = Object.keys(objectOf(Variables)).filter((key) => !key.startsWith('POWERTOOLS_'));
    expect(own.sort()).toEqual(Object.keys(environment.entries).sort());
  });
});

describe('the gate', () => {
  test('reads revisions and definitions, takes one role of the hub, and writes its log', () => {
    expect(actionsOf(policyOf(ecsGate, 'EcsGateRole'))).toEqual([
      'ecs:DescribeServiceRevisions',
      'ecs:DescribeTaskDefinition',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'sts:AssumeRole',
    ]);
    const [taken] = policyOf(ecsGate, 'EcsGateRole').filter(({ Action }) => Action === 'sts:AssumeRole');
    expect(taken?.Resource).toEqual({ Ref: 'HubDoorRoleArn' });
  });

  // https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-permissions.html
  test('is called by ECS with a role that may do nothing else', () => {
    expect(trustOf(ecsGate, 'HookRole')).toMatchObject([{ Principal: { Service: 'ecs.amazonaws.com' } }]);
    expect(policyOf(ecsGate, 'HookRole')).toMatchObject([
      { Action: 'lambda:InvokeFunction', Resource: { 'Fn::GetAtt': ['EcsGateFunction', 'Arn'] } },
    ]);
  });

  test('has the path that the hub trusts, and no other role has it', () => {
    expect(resourceOf(ecsGate, 'EcsGateRole').Path).toBe('/patchwave/gate/');
    const [trust, ...others] = trustOf(ecsDoor, 'CallerRole');
    expect(others).toEqual([]);
    const { StringEquals, ArnLike } = objectOf(trust?.Condition);
    expect(ArnLike).toEqual({ 'aws:PrincipalArn': sub(`arn:\${AWS::Partition}:iam::*:role/patchwave/gate/*`) });
    expect(JSON.stringify(StringEquals)).toContain('"aws:PrincipalOrgID":{"Ref":"OrganizationId"}');
    const paths = [hub, member, ecsDoor, ecsGate]
      .flatMap((template) => ofType(template, 'AWS::IAM::Role'))
      .filter(({ properties }) => properties.Path === '/patchwave/gate/');
    expect(paths.map(({ id }) => id)).toEqual(['EcsGateRole']);
  });
});

describe('the door', () => {
  test('lets the gates call its function, and nothing else', () => {
    expect(policyOf(ecsDoor, 'CallerRole')).toMatchObject([
      { Action: 'lambda:InvokeFunction', Resource: { 'Fn::GetAtt': ['EcsDoorFunction', 'Arn'] } },
    ]);
  });

  test.each([
    ['EcsDoorRole', ['dynamodb:BatchGetItem', 'dynamodb:GetItem'], ['IMAGE#*', 'INDEX#*', 'POLICY']],
    [
      'EcsTasksRole',
      ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'],
      ['IMAGE#*', 'INDEX#*', 'POLICY', 'SCOPES', 'SWITCH'],
    ],
  ])('%s reads no lock and writes nothing to the ledger', (role, actions, keys) => {
    const own = policyOf(ecsDoor, role).filter(({ Sid }) => Sid === 'ReadLedger');
    expect(actionsOf(own)).toEqual(actions);
    expect(own.map(({ Condition }) => Condition)).toEqual([
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } },
    ]);
  });

  // Who calls a function chooses its whole input.
  test('the function that the gates call can stop nothing, and nobody may call the one that can', () => {
    expect(actionsOf(policyOf(ecsDoor, 'EcsDoorRole')).filter((action) => /^(sts|sqs):/.test(action))).toEqual([]);
    const calls = ofType(ecsDoor, 'AWS::IAM::Role')
      .flatMap(({ id }) => policyOf(ecsDoor, id))
      .filter(({ Action }) => Action === 'lambda:InvokeFunction');
    expect(calls.map(({ Resource }) => Resource)).toEqual([{ 'Fn::GetAtt': ['EcsDoorFunction', 'Arn'] }]);
    expect(ofType(ecsDoor, 'AWS::Lambda::Permission')).toEqual([]);
  });

  test('hides a message as long as the function may take, and looks at a denied task every 15 minutes', () => {
    const timeout = Number(resourceOf(ecsDoor, 'EcsTasksFunction').Timeout);
    for (const queue of ['TaskQueue', 'StopQueue'])
      expect(Number(resourceOf(ecsDoor, queue).VisibilityTimeout)).toBeGreaterThan(timeout);
    expect(resourceOf(ecsDoor, 'StopQueue').DelaySeconds).toBe(900);
  });

  test('takes an event from its rule only, and sends stops to itself only', () => {
    const [allowed, ...others] = statementsOf(resourceOf(ecsDoor, 'TaskQueuePolicy').PolicyDocument);
    expect(others).toEqual([]);
    expect(allowed?.Condition).toEqual({ ArnEquals: { 'aws:SourceArn': { 'Fn::GetAtt': ['TaskRule', 'Arn'] } } });
    expect(listOf(allowed?.Resource).map((one) => refersTo(one))).toEqual(['TaskQueue', 'DeadLetters']);
  });

  test.each([
    ['EcsDoorRole', ['kms:Decrypt'], ['dynamodb', 's3']],
    ['EcsTasksRole', ['kms:Decrypt', 'kms:GenerateDataKey'], ['dynamodb', 's3', 'sqs']],
  ])('lets %s use the key only as its services do', (role, actions, services) => {
    const keyed = policyOf(ecsDoor, role).filter(({ Sid }) => Sid === 'UseKey');
    expect(actionsOf(keyed)).toEqual(actions);
    expect(keyed.map(({ Condition }) => Condition)).toEqual([
      {
        StringEquals: {
          'kms:ViaService': services.map((service) => sub(`${service}.\${AWS::Region}.\${AWS::URLSuffix}`)),
        },
      },
    ]);
  });

  test('watches its failures, and tasks that it denies', () => {
    const watched = ofType(ecsDoor, 'AWS::CloudWatch::Alarm').map(({ properties }) => properties.MetricName);
    expect(watched).toEqual([
      ...['ApproximateNumberOfMessagesVisible', 'Errors', 'DeploymentsUndecided', 'Errors', 'TasksDenied'],
    ]);
  });
});

describe('a member account', () => {
  test('forwards tasks, and lets them be stopped, only where a parameter says so', () => {
    const parameters = objectOf(member.json.Parameters);
    expect(objectOf(parameters.WatchEcsTasks).Default).toBe('false');
    expect(objectOf(parameters.StoppableTaskArns).Default).toBe('');
    const conditionOf = (id: string) => member.resources.find((one) => one.id === id)?.json.Condition;
    expect([conditionOf('ForwardTasksRule'), conditionOf('ActDoorRole')]).toEqual(['WatchesTasks', 'StopsTasks']);
    expect(policyOf(member, 'ActDoorRole')).toMatchObject([
      { Action: ['ecs:DescribeTasks', 'ecs:StopTask'], Resource: { Ref: 'StoppableTaskArns' } },
    ]);
  });

  test('forwards what the rule of the door takes', () => {
    expect(resourceOf(member, 'ForwardTasksRule').EventPattern).toEqual(resourceOf(ecsDoor, 'TaskRule').EventPattern);
  });
});

test('docs/doors.md names the outputs and parameters of both templates', () => {
  const text = readFileSync(`${ROOT}docs/doors.md`, 'utf8');
  const outputs = [ecsDoor, ecsGate].flatMap(({ json }) => Object.keys(objectOf(json.Outputs)));
  expect([...outputs, 'HubDoorArn', 'HubDoorRoleArn'].filter((name) => !text.includes(name))).toEqual([]);
});
