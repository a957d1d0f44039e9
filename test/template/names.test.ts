import { hub, isObject, type Json, listOf, member, objectOf, ofType, type Template } from './template.ts';

/** Properties by which CloudFormation names a resource in its account and Region; what a stack leaves out is unique anyhow. */
const NAMES: readonly string[] = [
  ...['AlarmName', 'BucketName', 'DashboardName', 'FunctionName', 'GroupName', 'LogGroupName', 'Name', 'QueueName'],
  ...['RoleName', 'RuleName', 'StateMachineName', 'StatementId', 'TableName', 'TopicName'],
];

const namesOf = ({ resources }: Template) =>
  resources.flatMap(({ id, type, properties }) => [
    ...namesIn(id, properties),
    // SAM makes resources of its own from these.
    ...(type === 'AWS::Serverless::StateMachine' ? eventNames(id, properties.Events ?? {}) : []),
  ]);
const namesIn = (id: string, properties: Json) =>
  Object.entries(objectOf(properties))
    .filter(([property]) => NAMES.includes(property))
    .map(([property, value]) => ({ where: `${id}.${property}`, value }));
const eventNames = (id: string, events: Json) =>
  Object.entries(objectOf(events)).flatMap(([event, value]) =>
    namesIn(`${id}.${event}`, objectOf(value).Properties ?? {}),
  );

/** Whether the name differs from stack to stack. */
const hasStack = (value: Json): boolean =>
  isObject(value) && (value.Ref === 'AWS::StackName' || String(value['Fn::Sub'] ?? '').includes(`\${AWS::StackName}`));

/** Whether it names a resource of this template: by an attribute, or by the alias that SAM makes for a function. */
const isOfResource = (value: Json): boolean =>
  isObject(value) && ('Fn::GetAtt' in value || String(value.Ref).endsWith('.Alias'));

test('every name in the hub is of its stack, so that several stacks fit in one account and Region', () => {
  const names = namesOf(hub);
  expect(names.length).toBeGreaterThan(50);
  const others = names.filter(({ value }) => !hasStack(value) && !isOfResource(value));
  expect(others.map(({ where }) => where)).toEqual([]);
});

test('every name in a member account is a parameter, so that two hubs may each have their roles there', () => {
  const names = namesOf(member);
  expect(names.map(({ where }) => where).sort()).toEqual([
    'ActBuildRole.RoleName',
    'ActDoorRole.RoleName',
    'ActProtectRole.RoleName',
    'ActRolloutRole.RoleName',
    'ForwardRole.RoleName',
    'PublishRole.RoleName',
    'ReadRole.RoleName',
    'ReportRole.RoleName',
  ]);
  const parameters = Object.keys(objectOf(member.json.Parameters));
  for (const { where, value } of names)
    expect([where, parameters]).toEqual([where, expect.arrayContaining([objectOf(value).Ref])]);
});

/**
 * AWS's limits are of whole names: the longest suffix says how long the name of the stack may be.
 * https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html#lambda-CreateFunction-request-FunctionName,
 * https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutPermission.html
 */
test('names of at most 64 characters leave 46 for the name of the stack', () => {
  const limited = namesOf(hub).filter(({ where }) => /\.(FunctionName|StatementId|Name)$/.test(where));
  const suffixes = limited.map(({ value }) =>
    String(objectOf(value)['Fn::Sub'] ?? '').replace(`\${AWS::StackName}`, ''),
  );
  expect(suffixes.filter((suffix) => suffix.length > 18)).toEqual([]);
});

test('metrics of two stacks differ by a dimension', () => {
  const stack = { Ref: 'AWS::StackName' };
  const variables = objectOf(objectOf(objectOf(objectOf(hub.json.Globals).Function).Environment).Variables);
  expect(variables.POWERTOOLS_SERVICE_NAME).toEqual(stack);
  const ours = ofType(hub, 'AWS::CloudWatch::Alarm').filter(({ properties }) => properties.Namespace === 'Patchwave');
  expect(ours.length).toBeGreaterThan(0);
  const dimensions = ours.flatMap(({ properties }) => listOf(properties.Dimensions));
  expect(dimensions).toEqual(ours.map(() => ({ Name: 'service', Value: stack })));
  const [dashboard] = ofType(hub, 'AWS::CloudWatch::Dashboard');
  const body = JSON.stringify(dashboard?.properties.DashboardBody);
  const shown = body.match(/"Patchwave\\\\?", |MetricName=/g) ?? [];
  expect(shown.length).toBeGreaterThan(0);
  expect(body).not.toMatch(/patchwave\\*"/);
});
