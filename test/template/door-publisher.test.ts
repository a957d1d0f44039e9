import { readFileSync } from 'node:fs';
import { environment } from '../../functions/door-publisher/env.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import { fleetReviewed } from '../../shared/events/fleet-reviewed.ts';
import { imageVerdictChanged } from '../../shared/events/image-verdict-changed.ts';
import { policyChanged } from '../../shared/events/policy-changed.ts';
import { safeParse } from '../../shared/schema.ts';
import {
  doorPublisher,
  ecsDoor,
  ecsGate,
  hub,
  listOf,
  member,
  objectOf,
  ofType,
  ROOT,
  refersTo,
  resourceOf,
  statementsOf,
  textOf,
} from './template.ts';

const own = (id: string) => resourceOf(doorPublisher, id);
const statements = listOf(own('DoorPublisherRole').Policies).flatMap((policy) =>
  statementsOf(objectOf(policy).PolicyDocument),
);
const declared = own('DoorPublisherFunction');
const parameters = objectOf(doorPublisher.json.Parameters);

test('the function runs on what the functions of the hub run on, with the environment that it reads', () => {
  const { Runtime, Architectures, Handler } = objectOf(objectOf(hub.json.Globals).Function);
  expect(declared).toMatchObject({ Runtime, Architectures, Handler, CodeUri: 'dist/door-publisher' });
  const variables = objectOf(objectOf(declared.Environment).Variables);
  const read = Object.keys(variables).filter((key) => !key.startsWith('POWERTOOLS_'));
  expect(read.sort()).toEqual(Object.keys(environment.entries).sort());
  expect(Object.values(variables).filter((value) => typeof value === 'number')).toEqual([]);
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  expect(declared.Tags).toMatchObject({ 'patchwave-version': version });
});

describe('a publication', () => {
  test('follows each event that changes what may start, and a clock', () => {
    expect(own('ChangeRule').EventPattern).toEqual({
      source: ['patchwave'],
      'detail-type': [imageVerdictChanged, fleetReviewed, policyChanged].map(({ detailType }) => detailType),
    });
    expect(own('ScheduleRule').ScheduleExpression).toEqual({ 'Fn::Sub': `rate(\${PublishMinutes} minutes)` });
    for (const rule of ['ChangeRule', 'ScheduleRule'])
      expect(listOf(own(rule).Targets)).toMatchObject([{ Input: '{"kind":"publish"}' }]);
  });

  test('is one for many messages, and at most two run at the same time', () => {
    const { Properties } = objectOf(objectOf(declared.Events).Changes);
    expect(Properties).toMatchObject({
      BatchSize: 10_000,
      MaximumBatchingWindowInSeconds: { Ref: 'PublishWindowSeconds' },
      ScalingConfig: { MaximumConcurrency: 2 },
    });
  });

  // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
  test('that failed is tried again by the clock, not by its own messages', () => {
    const hidden = Number(own('PublishQueue').VisibilityTimeout);
    const { MaxValue: longestWindow } = objectOf(parameters.PublishWindowSeconds);
    const { Default: minutes } = objectOf(parameters.PublishMinutes);
    expect(hidden).toBeGreaterThan(Number(declared.Timeout) + Number(longestWindow));
    expect(hidden).toBeGreaterThan(Number(minutes) * 60);
    expect(own('PublishQueue').RedrivePolicy).toMatchObject({ maxReceiveCount: 3 });
    expect(statements.flatMap(({ Action }) => listOf(Action))).not.toContain('sqs:ChangeMessageVisibility');
  });

  test('is late before a list is too old, also at the slowest settings', () => {
    const { Period, EvaluationPeriods, TreatMissingData } = own('PublicationsLateAlarm');
    // AWS says that the range is larger than the periods, and shows 5 for 3.
    const lateSeconds = Number(Period) * (Number(EvaluationPeriods) + 2);
    const { MaxValue: slowestMinutes } = objectOf(parameters.PublishMinutes);
    const { MaxValue: longestWindow } = objectOf(parameters.PublishWindowSeconds);
    const { MinValue: shortestHours } = objectOf(parameters.ListHours);
    expect(TreatMissingData).toBe('breaching');
    expect(Number(slowestMinutes) * 60 + Number(longestWindow)).toBeLessThan(lateSeconds);
    expect(lateSeconds).toBeLessThan(Number(shortestHours) * 3600);
  });
});

test('the queues take messages of its two rules only', () => {
  const [allowed, ...others] = statementsOf(own('PublishQueuePolicy').PolicyDocument);
  expect(others).toEqual([]);
  const sources = objectOf(objectOf(objectOf(allowed?.Condition).ArnEquals))['aws:SourceArn'];
  expect(listOf(sources).map((one) => refersTo(one))).toEqual(['ChangeRule', 'ScheduleRule']);
  expect(listOf(allowed?.Resource).map((one) => refersTo(one))).toEqual(['PublishQueue', 'DeadLetters']);
});

describe('its role', () => {
  test('may do this, and nothing else', () => {
    const actions = statements.flatMap(({ Action }) => listOf(Action).map(textOf));
    expect([...new Set(actions)].filter((action) => !action.startsWith('kms:')).sort()).toEqual([
      ...['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:Query', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      ...['s3:GetObject', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes', 'sqs:ReceiveMessage', 'sts:AssumeRole'],
    ]);
  });

  test('reads with the key of the hub through its services only', () => {
    const [key, ...others] = statements.filter(({ Action }) => JSON.stringify(Action).includes('kms:'));
    expect(others).toEqual([]);
    expect(key?.Action).toBe('kms:Decrypt');
    const services = ['dynamodb', 's3', 'sqs'].map((service) => ({
      'Fn::Sub': `${service}.\${AWS::Region}.\${AWS::URLSuffix}`,
    }));
    expect(key?.Condition).toEqual({ StringEquals: { 'kms:ViaService': services } });
  });

  test('reads no lock', () => {
    const [read] = statements.filter(({ Sid }) => Sid === 'ReadLedger');
    const patterns = listOf(objectOf(objectOf(read?.Condition)['ForAllValues:StringLike'])['dynamodb:LeadingKeys']);
    const fits = (PK: string) =>
      patterns.map(textOf).some((one) => (one.endsWith('*') ? PK.startsWith(one.slice(0, -1)) : PK === one));
    const digest = `sha256:${'1'.repeat(64)}` as const;
    const scope = { account: '111122223333', region: 'eu-west-1', eksCluster: 'prod' };
    for (const { PK } of [keys.image(digest), keys.index(digest), keys.policy, keys.scope(scope)])
      expect([PK, fits(PK)]).toEqual([PK, true]);
    for (const { PK } of [keys.lock('s'), keys.killSwitch, keys.cause('s')])
      expect([PK, fits(PK)]).toEqual([PK, false]);
  });

  test('has the path that the publish role of members trusts, and no other role has it', () => {
    expect(own('DoorPublisherRole').Path).toBe('/patchwave/publisher/');
    const [trust, ...others] = statementsOf(resourceOf(member, 'PublishRole').AssumeRolePolicyDocument);
    expect(others).toEqual([]);
    expect(objectOf(trust?.Condition).ArnLike).toEqual({
      'aws:PrincipalArn': {
        'Fn::Sub': `arn:\${AWS::Partition}:iam::\${HubAccountId}:role/patchwave/publisher/*`,
      },
    });
    const paths = [hub, member, ecsDoor, ecsGate, doorPublisher]
      .flatMap((template) => ofType(template, 'AWS::IAM::Role'))
      .filter(({ properties }) => properties.Path === '/patchwave/publisher/');
    expect(paths.map(({ id }) => id)).toEqual(['DoorPublisherRole']);
  });
});

describe('a member account', () => {
  test('lets Patchwave find its clusters for lists only where a parameter says so', () => {
    expect(objectOf(objectOf(member.json.Parameters).PublishToEks).Default).toBe('false');
    expect(member.resources.find(({ id }) => id === 'PublishRole')?.json.Condition).toBe('Publishes');
    const [policy] = listOf(resourceOf(member, 'PublishRole').Policies);
    expect(statementsOf(objectOf(policy).PolicyDocument).map(({ Action }) => Action)).toEqual(['eks:DescribeCluster']);
  });

  test('is also that of the hub', () => {
    const [nested] = ofType(hub, 'AWS::CloudFormation::Stack');
    expect(objectOf(nested?.properties.Parameters)).toMatchObject({
      PublishToEks: { Ref: 'PublishToEks' },
      PublishRoleName: { Ref: 'PublishRoleName' },
    });
  });
});

test.each([
  ['111122223333/eu-west-1/prod', true],
  ['*/*/*', true],
  ['111122223333/eu-*/prod-*, 444455556666/us-gov-west-1/a_b', true],
  ['', false],
  ['prod', false],
  ['111122223333/eu-west-1/prod/more', false],
  ['111122223333/eu-west-1/pr od', false],
])('Clusters=%j is taken by template and function alike: %j', (CLUSTERS, isTaken) => {
  const { AllowedPattern } = objectOf(parameters.Clusters);
  expect(new RegExp(textOf(AllowedPattern)).test(CLUSTERS)).toBe(isTaken);
  const { CLUSTERS: schema } = environment.entries;
  const parsed = safeParse(schema, CLUSTERS);
  expect(parsed.success && parsed.data.length > 0).toBe(isTaken);
});

test('each alarm says what to do, and notifies the topic', () => {
  const alarms = ofType(doorPublisher, 'AWS::CloudWatch::Alarm');
  expect(alarms.map(({ properties: { MetricName } }) => MetricName)).toEqual([
    ...['ClustersFailing', 'Publications', 'ApproximateNumberOfMessagesVisible'],
  ]);
  for (const { properties: alarm } of alarms) {
    expect(textOf(alarm.AlarmDescription).split(/[.:] /).length).toBeGreaterThanOrEqual(2);
    expect(alarm.AlarmActions).toEqual({
      'Fn::If': ['HasAlarmTopic', [{ Ref: 'AlarmTopicArn' }], { Ref: 'AWS::NoValue' }],
    });
  }
});
