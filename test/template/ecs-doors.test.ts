import { readFileSync } from 'node:fs';
import { environment as doorEnvironment } from '../../functions/ecs-door/env.ts';
import { environment as gateEnvironment } from '../../functions/ecs-gate/env.ts';
import { environment as taskEnvironment } from '../../functions/ecs-tasks/env.ts';
import { ownMessage } from '../../functions/ecs-tasks/input.ts';
import { STREAM_PARTS } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { parse } from '../../shared/schema.ts';
import {
  doors,
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

  test('alone writes the modes that it remembers, whatever other rights its account gives', () => {
    const { ResourcePolicy } = resourceOf(ecsGate, 'Modes');
    const [denied, ...others] = statementsOf(objectOf(ResourcePolicy).PolicyDocument);
    expect(others).toEqual([]);
    expect(denied).toMatchObject({
      ...{ Effect: 'Deny', Principal: '*' },
      Condition: { ArnNotEquals: { 'aws:PrincipalArn': { 'Fn::GetAtt': ['EcsGateRole', 'Arn'] } } },
    });
    expect(listOf(denied?.Action).map(textOf)).toEqual(
      expect.arrayContaining(
        ['PutItem', 'UpdateItem', 'DeleteItem', 'BatchWriteItem'].map((name) => `dynamodb:${name}`),
      ),
    );
    const { PolicyDocument, Roles } = resourceOf(ecsGate, 'RememberModes');
    expect(listOf(Roles).map((role) => refersTo(role))).toEqual(['EcsGateRole']);
    expect(statementsOf(PolicyDocument)).toMatchObject([
      { Action: ['dynamodb:GetItem', 'dynamodb:PutItem'], Resource: { 'Fn::GetAtt': ['Modes', 'Arn'] } },
    ]);
  });

  test('has the time to answer by the last mode after all its calls have timed out', () => {
    // Revision, definition, four questions with a new session each, and the table: see clients.ts.
    const calls = 2 * 4 * 5 + 4 * (20 + 2 * 5) + 2 * 3 * 1;
    expect(Number(resourceOf(ecsGate, 'EcsGateFunction').Timeout)).toBeGreaterThan(calls + 60);
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

/** What DynamoDB does with a key to write an item. */
const WRITING = [
  ...['kms:Decrypt', 'kms:DescribeKey', 'kms:Encrypt', 'kms:GenerateDataKey', 'kms:ReEncryptFrom', 'kms:ReEncryptTo'],
];

test.each([
  ['doors.yaml', doors, 'AdmissionWebhookRole'],
  ['ecs-door.yaml', ecsDoor, 'EcsDoorRole'],
  ['ecs-door.yaml', ecsDoor, 'EcsTasksRole'],
] as const)('%s: %s reads of a stream its head, and no token of a lock', (_, template, role) => {
  const [reads, ...others] = policyOf(template, role).filter(({ Condition }) =>
    JSON.stringify(Condition ?? {}).includes('STREAM#'),
  );
  expect(others).toEqual([]);
  expect(reads).toMatchObject({
    Action: 'dynamodb:BatchGetItem',
    Condition: {
      'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['STREAM#*'] },
      'ForAllValues:StringEquals': { 'dynamodb:Attributes': ['PK', 'SK', 'kind', ...STREAM_PARTS] },
      StringEqualsIfExists: { 'dynamodb:Select': 'SPECIFIC_ATTRIBUTES' },
    },
  });
  expect(STREAM_PARTS).not.toContain('taskToken');
});

describe('the door', () => {
  test('lets the gates call its function, and nothing else', () => {
    expect(policyOf(ecsDoor, 'CallerRole')).toMatchObject([
      { Action: 'lambda:InvokeFunction', Resource: { 'Fn::GetAtt': ['EcsDoorFunction', 'Arn'] } },
    ]);
  });

  test.each([
    ['EcsDoorRole', ['dynamodb:BatchGetItem', 'dynamodb:GetItem'], ['IMAGE#*', 'INDEX#*', 'TAG#*', 'DOOR#*', 'POLICY']],
    [
      'EcsTasksRole',
      ['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query'],
      ['IMAGE#*', 'INDEX#*', 'TAG#*', 'DOOR#*', 'POLICY', 'SCOPES', 'STOPS', 'SWITCH'],
    ],
  ])('%s reads no lock', (role, actions, keys) => {
    const own = policyOf(ecsDoor, role).filter(({ Sid }) => Sid === 'ReadLedger');
    expect(actionsOf(own)).toEqual(actions);
    expect(own.map(({ Condition }) => Condition)).toEqual([
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': keys } },
    ]);
  });

  test('both write refusals to the ledger, and the function for tasks its stops', () => {
    const writing = ['EcsDoorRole', 'EcsTasksRole']
      .flatMap((role) => policyOf(ecsDoor, role))
      .filter((statement) => actionsOf([statement]).some((action) => /^dynamodb:(?!BatchGet|Get|Query)/.test(action)));
    const refusals = {
      Action: 'dynamodb:PutItem',
      Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['DENIED#*'] } },
    };
    expect(writing).toMatchObject([
      refusals,
      refusals,
      {
        Action: ['dynamodb:DeleteItem', 'dynamodb:PutItem'],
        Condition: { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['STOPS'] } },
      },
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

  test('hides a message as long as the function may take', () => {
    const timeout = Number(resourceOf(ecsDoor, 'EcsTasksFunction').Timeout);
    for (const queue of ['TaskQueue', 'StopQueue'])
      expect(Number(resourceOf(ecsDoor, queue).VisibilityTimeout)).toBeGreaterThan(timeout);
  });

  // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
  test('sends no message to a queue of its own: Lambda would break the chain after 16 calls', () => {
    const sending = policyOf(ecsDoor, 'EcsTasksRole').filter(({ Action }) =>
      listOf(Action).includes('sqs:SendMessage'),
    );
    expect(sending.flatMap(({ Resource }) => listOf(Resource)).map((queue) => refersTo(queue))).toEqual([
      'DeadLetters',
    ]);
  });

  test.each([
    ['has due tasks stopped', 'StopRule', 'rate(5 minutes)', 'stop-due-tasks'],
    ['has waiting deployments answered', 'WaitingRule', 'rate(15 minutes)', 'answer-waiting-deployments'],
  ])('%s by a message that its function reads', (_, rule, rate, kind) => {
    const { ScheduleExpression, Targets } = resourceOf(ecsDoor, rule);
    expect(ScheduleExpression).toBe(rate);
    const [target, ...others] = listOf(Targets).map(objectOf);
    expect(others).toEqual([]);
    expect(refersTo(target?.Arn)).toBe('TaskQueue');
    expect(parse(ownMessage, JSON.parse(textOf(target?.Input)))).toEqual({ kind });
  });

  test('takes a message from its rules only', () => {
    const [allowed, ...others] = statementsOf(resourceOf(ecsDoor, 'TaskQueuePolicy').PolicyDocument);
    expect(others).toEqual([]);
    const { 'aws:SourceArn': sources } = objectOf(objectOf(allowed?.Condition).ArnEquals);
    const rules = ofType(ecsDoor, 'AWS::Events::Rule').map(({ id }) => id);
    expect(listOf(sources).map((source) => refersTo(source))).toEqual(rules);
    expect(listOf(allowed?.Resource).map((one) => refersTo(one))).toEqual(['TaskQueue', 'DeadLetters']);
  });

  test.each([
    ['EcsDoorRole', WRITING, ['dynamodb', 's3']],
    ['EcsTasksRole', WRITING, ['dynamodb', 's3', 'sqs']],
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
      ...[
        'ApproximateNumberOfMessagesVisible',
        'Errors',
        'DeploymentsUndecided',
        'DenialsUnreported',
        'Errors',
        'TasksDenied',
      ],
    ]);
  });
});

describe('a member account', () => {
  test('forwards tasks, and lets them be stopped, only where a parameter says so', () => {
    const parameters = objectOf(member.json.Parameters);
    expect(objectOf(parameters.WatchEcsTasks).Default).toBe('false');
    expect(objectOf(parameters.StoppableTaskArns).Default).toBe('');
    const conditionOf = (id: string) => member.resources.find((one) => one.id === id)?.json.Condition;
    expect([conditionOf('ForwardTasksRule'), conditionOf('StopTasks')]).toEqual(['WatchesTasks', 'StopsTasks']);
    expect(statementsOf(resourceOf(member, 'StopTasks').PolicyDocument)).toMatchObject([
      { Action: ['ecs:DescribeTasks', 'ecs:StopTask'], Resource: { Ref: 'StoppableTaskArns' } },
    ]);
  });

  test('forwards hooks, and lets deployments be answered, only where a parameter lists them', () => {
    expect(objectOf(objectOf(member.json.Parameters).PausedDeploymentArns).Default).toBe('');
    const conditionOf = (id: string) => member.resources.find((one) => one.id === id)?.json.Condition;
    expect([conditionOf('ForwardHooksRule'), conditionOf('AnswerDeployments')]).toEqual([
      ...['AnswersHooks', 'AnswersDeployments'],
    ]);
    const statements = statementsOf(resourceOf(member, 'AnswerDeployments').PolicyDocument);
    const writing = statements.filter((one) => actionsOf([one]).some((action) => !/^ecs:(Describe|List)/.test(action)));
    expect(writing).toMatchObject([
      { Action: 'ecs:ContinueServiceDeployment', Resource: { Ref: 'PausedDeploymentArns' } },
    ]);
    // What the door role reads a revision with.
    expect(actionsOf(statements)).toEqual(
      expect.arrayContaining(['ecs:DescribeServiceRevisions', 'ecs:DescribeTaskDefinition']),
    );
  });

  test('forwards what the rule of the door takes', () => {
    expect(resourceOf(member, 'ForwardTasksRule').EventPattern).toEqual(resourceOf(ecsDoor, 'TaskRule').EventPattern);
    expect(resourceOf(member, 'ForwardHooksRule').EventPattern).toEqual(resourceOf(ecsDoor, 'HookRule').EventPattern);
  });
});

test('docs/doors.md names the outputs and parameters of both templates', () => {
  const text = readFileSync(`${ROOT}docs/doors.md`, 'utf8');
  const outputs = [ecsDoor, ecsGate].flatMap(({ json }) => Object.keys(objectOf(json.Outputs)));
  expect([...outputs, 'HubDoorArn', 'HubDoorRoleArn'].filter((name) => !text.includes(name))).toEqual([]);
});
