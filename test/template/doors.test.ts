import { TIMEOUT_SECONDS } from '../../enforcement/build/webhook-configuration.ts';
import { REPORT_MILLISECONDS } from '../../functions/admission-webhook/deadline.ts';
import { environment } from '../../functions/admission-webhook/env.ts';
import { environment as checkEnvironment } from '../../functions/break-glass/env.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import {
  doors,
  hub,
  isObject,
  type Json,
  listOf,
  objectOf,
  ofType,
  refersTo,
  statementsOf,
  textOf,
} from './template.ts';

const [role, checkRole, ...otherRoles] = ofType(doors, 'AWS::IAM::Role');
const [declared, checking, ...otherFunctions] = ofType(doors, 'AWS::Serverless::Function');
const properties = declared?.properties ?? {};
const [policy] = listOf(role?.properties.Policies);
const statements = statementsOf(objectOf(policy).PolicyDocument);
const parameters = objectOf(doors.json.Parameters);
const byId = (id: string) => objectOf(doors.resources.find((resource) => resource.id === id)?.properties);

test('the template has two functions and their roles, on what the functions of the hub run on', () => {
  expect([otherRoles, otherFunctions]).toEqual([[], []]);
  expect(refersTo(properties.Role)).toBe(role?.id);
  expect(refersTo(checking?.properties.Role ?? null)).toBe(checkRole?.id);
  const { Runtime, Architectures, Handler, AutoPublishAlias } = objectOf(objectOf(hub.json.Globals).Function);
  expect(properties).toMatchObject({ Runtime, Architectures, Handler, AutoPublishAlias });
});

test('the environment has exactly the keys that its schema reads, as text', () => {
  const variables = objectOf(objectOf(properties.Environment).Variables);
  const own = Object.keys(variables).filter((name) => !name.startsWith('POWERTOOLS_'));
  expect(own.sort()).toEqual(Object.keys(environment.entries).sort());
  expect(Object.values(variables).filter((value) => typeof value === 'number' || typeof value === 'boolean')).toEqual(
    [],
  );
});

/** The parameters that a part of the template has the values of; a condition stands for its parameter. */
function parametersIn(value: Json): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((inner: Json) => parametersIn(inner));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return textOf(inner) in parameters ? [textOf(inner)] : [];
    const [condition] = key === 'Fn::If' ? listOf(inner) : [];
    const asked =
      condition === undefined ? [] : parametersIn(objectOf(doors.json.Conditions)[textOf(condition)] as Json);
    return [...asked, ...parametersIn(inner)];
  });
}

test('a new value of a parameter of the function is a version of its own, within 256 characters', () => {
  // Both kinds of concurrency belong to the function or its alias, and to no version.
  const { VersionDescription, ProvisionedConcurrencyConfig: _, ReservedConcurrentExecutions: __, ...made } = properties;
  const [separator, values] = listOf(objectOf(VersionDescription)['Fn::Join']);
  const named = listOf(values).map((value) => textOf(objectOf(value).Ref));
  expect(named.toSorted()).toEqual([...new Set(parametersIn(made))].sort());
  const lengths = named.map((name) => {
    const { AllowedValues, AllowedPattern, MaxValue } = objectOf(parameters[name]);
    if (AllowedValues) return Math.max(...listOf(AllowedValues).map((one) => String(one).length));
    if (MaxValue !== undefined) return String(MaxValue).length;
    const longest = [...textOf(AllowedPattern).matchAll(/\{(?:\d+,)?(\d+)\}(=?)/g)].map(
      ([, most, more = '']) => Number(most) + more.length,
    );
    return Math.max(...longest);
  });
  // A rule of the template: one of both is empty.
  const [rule, ...otherRules] = Object.values(objectOf(doors.json.Rules)).map(objectOf);
  const { RuleCondition, Assertions } = rule ?? {};
  expect(otherRules).toEqual([]);
  expect(RuleCondition).toEqual({ 'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'NextPathPublicKey' }, ''] }] });
  expect(listOf(Assertions)).toMatchObject([{ Assert: { 'Fn::Equals': [{ Ref: 'PathSecretHash' }, ''] } }]);
  lengths[named.indexOf('NextPathPublicKey')] = 0;
  const between = textOf(separator).length * (lengths.length - 1);
  expect(lengths.reduce((sum, length) => sum + length, between)).toBeLessThanOrEqual(256);
});

test('keeps executions for the webhook by default, enough for the requests that the API lets through', () => {
  const { ReservedConcurrency, RequestsPerSecond, ProvisionedConcurrency } = parameters;
  expect(properties.ReservedConcurrentExecutions).toEqual({
    'Fn::If': ['IsReserved', { Ref: 'ReservedConcurrency' }, { Ref: 'AWS::NoValue' }],
  });
  expect(objectOf(doors.json.Conditions).IsReserved).toEqual({
    'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'ReservedConcurrency' }, 0] }],
  });
  const reserved = Number(objectOf(ReservedConcurrency).Default);
  expect(reserved).toBeGreaterThanOrEqual(Number(objectOf(RequestsPerSecond).Default) * 0.5);
  expect(reserved).toBeGreaterThanOrEqual(Number(objectOf(ProvisionedConcurrency).MaxValue));
  expect(objectOf(ReservedConcurrency).MinValue).toBe(0);
  // https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html: 1,000, of which 100 must stay unreserved.
  expect(reserved).toBeLessThanOrEqual(1000 - 100);
});

describe('its role', () => {
  const allowing = (action: string) => statements.filter(({ Action }) => listOf(Action).includes(action));
  const leadingKeys = (action: string) =>
    allowing(action).flatMap(({ Condition }) =>
      listOf(objectOf(objectOf(Condition)['ForAllValues:StringLike'])['dynamodb:LeadingKeys']).map(textOf),
    );
  const fits = (patterns: readonly string[], PK: string) =>
    patterns.some((pattern) => (pattern.endsWith('*') ? PK.startsWith(pattern.slice(0, -1)) : PK === pattern));
  const digest = `sha256:${'1'.repeat(64)}` as const;
  const place = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };

  test('may do this, and nothing else', () => {
    const actions = statements.flatMap(({ Action }) => listOf(Action).map(textOf));
    expect([...new Set(actions)].filter((action) => !action.startsWith('kms:')).sort()).toEqual([
      ...['dynamodb:BatchGetItem', 'dynamodb:GetItem', 'dynamodb:PutItem'],
      ...['logs:CreateLogStream', 'logs:PutLogEvents', 's3:GetObject', 'sqs:SendMessage'],
    ]);
    expect(statements.filter(({ Effect }) => Effect !== 'Allow')).toEqual([]);
  });

  test('writes only refusals and who asked, so a review opens nothing, and reads what a decision needs', () => {
    const denial = { door: 'eks-webhook', place, digest, ruleId: 'x', message: 'x', deniedAtEpochMs: 0 } as const;
    const written = allowing('dynamodb:PutItem').map(({ Condition }) => Condition);
    expect(written).toEqual([
      { 'ForAllValues:StringLike': { 'dynamodb:LeadingKeys': ['DENIED#*'] } },
      { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [keys.WEBHOOKS] } },
    ]);
    expect(fits(['DENIED#*'], keys.deniedStart(denial).PK)).toBe(true);
    expect(fits(['DENIED#*'], keys.breakGlass(place).PK)).toBe(false);
    const reads = leadingKeys('dynamodb:GetItem');
    expect(allowing('sqs:SendMessage').map(({ Resource }) => refersTo(Resource as Json))).toEqual(['BreakGlassQueue']);
    const tag = keys.tag({ account: '111122223333', region: 'eu-west-1', repository: 'apps/web' }, 'stable');
    const needed = [keys.image(digest), keys.index(digest), keys.runningImage(digest, place), keys.policy, tag];
    for (const { PK } of [...needed, keys.breakGlass(place)]) expect([PK, fits(reads, PK)]).toEqual([PK, true]);
    for (const { PK } of [keys.lock('s'), keys.killSwitch, keys.cause('s')])
      expect([PK, fits(reads, PK)]).toEqual([PK, false]);
  });

  test('uses keys through the ledger and the bucket only', () => {
    const withKeys = statements.filter(({ Action }) => listOf(Action).some((one) => textOf(one).startsWith('kms:')));
    expect(withKeys).toHaveLength(2);
    for (const { Condition } of withKeys) expect(Condition).toHaveProperty(['StringEquals', 'kms:ViaService']);
  });
});

describe('the function that checks break-glass', () => {
  const { Role: _, Environment, Timeout, Events, Tags, ...runtime } = checking?.properties ?? {};
  const granted = statementsOf(objectOf(listOf(checkRole?.properties.Policies)[0]).PolicyDocument);
  const keysOf = (action: string) =>
    granted
      .filter(({ Action }) => listOf(Action).includes(action))
      .flatMap(({ Condition }) =>
        Object.values(objectOf(Condition)).flatMap((one) => listOf(objectOf(one as Json)['dynamodb:LeadingKeys'])),
      );

  test('runs on what the functions of the hub run on, with the environment that its schema reads', () => {
    const { Runtime, Architectures, Handler } = objectOf(objectOf(hub.json.Globals).Function);
    expect(runtime).toMatchObject({ Runtime, Architectures, Handler, CodeUri: 'dist/break-glass' });
    expect(Tags).toMatchObject(objectOf(properties.Tags));
    const variables = Object.keys(objectOf(objectOf(Environment).Variables));
    const own = variables.filter((name) => !name.startsWith('POWERTOOLS_'));
    expect(own.sort()).toEqual(Object.keys(checkEnvironment.entries).sort());
  });

  test('writes break-glass and nothing else, and reads it, the policy and the accounts', () => {
    expect(keysOf('dynamodb:PutItem')).toEqual(['DOOR#*']);
    expect(keysOf('dynamodb:GetItem')).toEqual(['DOOR#*', 'POLICY', 'SCOPES', 'WEBHOOKS']);
    expect(keysOf('dynamodb:Query')).toEqual(['DOOR#*', 'POLICY', 'SCOPES', 'WEBHOOKS', 'OPEN#BREAK-GLASS']);
  });

  test('reads clusters by the read role of the accounts that the hub trusts, by a path which that role trusts', () => {
    expect(checkRole?.properties.Path).toBe('/patchwave/reader/');
    const [assume, ...others] = granted.filter(({ Action }) => listOf(Action).includes('sts:AssumeRole'));
    expect(others).toEqual([]);
    expect(JSON.stringify(assume?.Resource)).toMatch(/role\/\$\{ReadRoleName\}"/);
    expect(objectOf(objectOf(assume?.Condition).StringEquals)['Fn::If']).toMatchObject([
      'InOrganization',
      { 'aws:ResourceOrgID': { Ref: 'OrganizationId' } },
      { 'aws:ResourceAccount': expect.anything() },
    ]);
  });

  test('has time for what it takes, and only its queue, the webhook and the clock reach it', () => {
    const { VisibilityTimeout, DelaySeconds, RedrivePolicy } = byId('BreakGlassQueue');
    expect(Number(Timeout)).toBeLessThan(Number(VisibilityTimeout));
    expect(Number(DelaySeconds)).toBeLessThan(10);
    expect(Number(objectOf(RedrivePolicy).maxReceiveCount)).toBeGreaterThan(8);
    expect(Object.values(objectOf(Events))).toMatchObject([{ Type: 'SQS' }]);
    expect(JSON.parse(textOf(objectOf(listOf(byId('BreakGlassSweepRule').Targets)[0]).Input))).toEqual({
      kind: 'sweep',
    });
  });
});

describe('the API', () => {
  test('has one route, which calls the live version, and may call nothing else', () => {
    const alias = { Ref: 'AdmissionWebhookFunction.Alias' };
    expect(ofType(doors, 'AWS::ApiGatewayV2::Route').map(({ properties: { RouteKey } }) => RouteKey)).toEqual([
      'POST /{secret}/{account}/{cluster}',
    ]);
    expect(byId('DoorsIntegration')).toMatchObject({ IntegrationUri: alias, PayloadFormatVersion: '2.0' });
    expect(byId('DoorsPermission')).toMatchObject({ FunctionName: alias, Principal: 'apigateway.amazonaws.com' });
    expect(textOf(objectOf(byId('DoorsPermission').SourceArn)['Fn::Sub'])).toMatch(/:\$\{DoorsApi\}\/\*\/POST\/\*$/);
  });

  test('waits longer than the function, and the function longer than its reads', () => {
    const { MaxValue } = objectOf(parameters.ReadMilliseconds);
    // Its reads, and for a refusal the head to deploy and the record.
    expect(Number(MaxValue) + 2 * REPORT_MILLISECONDS).toBeLessThan(Number(properties.Timeout) * 1000);
    expect(Number(properties.Timeout) * 1000).toBeLessThan(Number(byId('DoorsIntegration').TimeoutInMillis));
  });

  test('answers before the API server gives up, whose error would show the secret', () => {
    expect(Number(byId('DoorsIntegration').TimeoutInMillis)).toBeLessThan(TIMEOUT_SECONDS * 1000);
  });

  // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-logging-variables.html
  test('logs each request without its path', () => {
    const format = textOf(objectOf(byId('DoorsStage').AccessLogSettings).Format);
    const used = Object.values(JSON.parse(format) as Record<string, string>);
    expect(used).toContain('$context.status');
    expect(used.filter((one) => /path|authorizer|integrationErrorMessage|error\.message/.test(one))).toEqual([]);
    expect(objectOf(byId('DoorsStage').DefaultRouteSettings).ThrottlingRateLimit).toEqual({ Ref: 'RequestsPerSecond' });
  });
});

test('each alarm says what happened and what to do, and notifies the topic', () => {
  const alarms = ofType(doors, 'AWS::CloudWatch::Alarm');
  expect(alarms.map(({ properties: { MetricName } }) => MetricName).sort()).toEqual([
    ...['5xx', 'ApproximateNumberOfMessagesVisible', 'BreakGlassBegun', 'BreakGlassUnproven', 'DenialsUnreported'],
    ...['Errors', 'Errors', 'Latency', 'ReviewsThrottled', 'ReviewsUnread', 'StartsDenied', 'WebhooksSilent'],
  ]);
  for (const { properties: alarm } of alarms) {
    expect(textOf(alarm.AlarmDescription).split(/[.:] /).length).toBeGreaterThanOrEqual(2);
    expect(alarm.AlarmActions).toEqual({
      'Fn::If': ['HasAlarmTopic', [{ Ref: 'AlarmTopicArn' }], { Ref: 'AWS::NoValue' }],
    });
  }
});

test('requests that the API refuses are counted from the access log, as its lines have them', () => {
  const [filter, ...others] = ofType(doors, 'AWS::Logs::MetricFilter').map(({ properties }) => properties);
  expect(others).toEqual([]);
  const [alarm] = ofType(doors, 'AWS::CloudWatch::Alarm')
    .map(({ properties }) => properties)
    .filter(({ MetricName }) => MetricName === 'ReviewsThrottled');
  const [counted] = listOf(filter?.MetricTransformations).map(objectOf);
  expect(counted).toMatchObject({
    MetricNamespace: alarm?.Namespace,
    MetricName: 'ReviewsThrottled',
    MetricValue: '1',
  });
  expect(filter?.FilterPattern).toBe('{ $.status = "429" }');
  const [{ AccessLogSettings } = {}] = ofType(doors, 'AWS::ApiGatewayV2::Stage').map(({ properties }) => properties);
  expect(textOf(objectOf(AccessLogSettings).Format)).toContain('"status":"$context.status"');
});
