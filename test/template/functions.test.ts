import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { functionNames, hubFunctionNames } from '../../scripts/bundle.ts';
import * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import { redeliverySeconds } from '../../shared/domain/common/redelivery.ts';
import {
  doorPublisher,
  doors,
  ecsDoor,
  ecsGate,
  hub,
  isObject,
  type Json,
  type JsonObject,
  listOf,
  memberVpc,
  objectOf,
  ofType,
  type Resource,
  ROOT,
  refersTo,
  resourceOf,
  statementsOf,
  textOf,
} from './template.ts';

const functions = ofType(hub, 'AWS::Serverless::Function');
const nameOf = ({ properties }: Resource): string => textOf(properties.CodeUri).replace('dist/', '');
const variablesOf = (properties: JsonObject): string[] =>
  Object.keys(objectOf(objectOf(objectOf(properties.Environment ?? { Variables: {} }).Variables)));
const resource = (id: string): Resource => {
  const found = hub.resources.find((candidate) => candidate.id === id);
  if (!found) throw new Error(`template.yaml has no resource ${id}`);
  return found;
};
const eventsOf = ({ properties }: Resource): JsonObject[] =>
  Object.values(objectOf(properties.Events ?? {})).map(objectOf);

const table = functions.map((declared) => ({ name: nameOf(declared), declared }));

test('every folder of functions/ is deployed, and nothing else', () => {
  expect(functions.map(nameOf).sort()).toEqual(hubFunctionNames(ROOT));
  const ofOthers = [memberVpc, doors, ecsDoor, ecsGate, doorPublisher].flatMap((other) =>
    ofType(other, 'AWS::Serverless::Function').map(nameOf),
  );
  expect([...hubFunctionNames(ROOT), ...ofOthers].sort()).toEqual(functionNames(ROOT));
});

test.each(table)('$name: the environment has exactly the keys its schema reads', async ({ name, declared }) => {
  const { environment } = await import(`../../functions/${name}/env.ts`);
  const globals = variablesOf(objectOf(objectOf(hub.json.Globals).Function));
  const read = Object.keys(environment.entries).filter((key) => !globals.includes(key));
  expect(variablesOf(declared.properties).sort()).toEqual(read.sort());
});

test.each(table)('$name: every value of the environment is text, as Lambda takes it', ({ declared }) => {
  const { Variables } = objectOf(declared.properties.Environment);
  const values = Object.values(objectOf(Variables));
  expect(values.filter((value) => typeof value === 'number' || typeof value === 'boolean')).toEqual([]);
});

test('functions load the tracer where Tracing is on, and nowhere else', () => {
  const globals = objectOf(objectOf(hub.json.Globals).Function);
  expect(objectOf(objectOf(globals.Environment).Variables).POWERTOOLS_TRACE_ENABLED).toEqual({
    'Fn::If': ['IsTraced', 'true', 'false'],
  });
});

test('the role of what sends traces names the right to, because AWS asks for it when it creates a function or a machine', () => {
  const made = [...functions, ...ofType(hub, 'AWS::Serverless::StateMachine')];
  const traced = { 'Fn::If': ['IsTraced', [{ Ref: 'TracesPolicy' }], { Ref: 'AWS::NoValue' }] };
  for (const { properties } of made)
    expect(resource(refersTo(properties.Role)).properties.ManagedPolicyArns).toEqual(traced);
});

/**
 * What Lambda asks of the role when it creates a function in a VPC or a mapping.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html#configuration-vpc-permissions,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions,
 * https://docs.aws.amazon.com/lambda/latest/dg/services-ddb.html#events-dynamodb-permissions
 */
const ASKED: Readonly<Record<string, readonly string[]>> = {
  vpc: ['ec2:CreateNetworkInterface', 'ec2:DescribeNetworkInterfaces', 'ec2:DeleteNetworkInterface'],
  SQS: ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'],
  DynamoDB: ['dynamodb:DescribeStream', 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:ListStreams'],
};

test('a role has in itself what Lambda asks for when it creates a function: a policy that names the role may come later', () => {
  const asked = [hub, doors, doorPublisher, ecsDoor, ecsGate, memberVpc].flatMap((template) =>
    ofType(template, 'AWS::Serverless::Function').map(({ id, properties }) => {
      const own = listOf(resourceOf(template, refersTo(properties.Role)).Policies)
        .flatMap((policy) => statementsOf(objectOf(policy).PolicyDocument))
        .filter(({ Effect }) => Effect === 'Allow')
        .flatMap(({ Action }) => listOf(Action).map(textOf));
      const kinds = Object.values(objectOf(properties.Events ?? {})).map((event) => textOf(objectOf(event).Type));
      const needed = [...kinds, ...('VpcConfig' in properties ? ['vpc'] : [])].flatMap((kind) => ASKED[kind] ?? []);
      return { id, needed, missing: needed.filter((action) => !own.includes(action)) };
    }),
  );
  expect(asked.filter(({ needed }) => needed.length > 0).length).toBeGreaterThan(10);
  expect(asked.filter(({ missing }) => missing.length > 0)).toEqual([]);
});

test.each(table)('$name: a role and a log group of its own, with a retention', ({ name, declared }) => {
  const logs = resource(refersTo(objectOf(declared.properties.LoggingConfig).LogGroup));
  expect(logs.properties.LogGroupName).toEqual({ 'Fn::Sub': `/aws/lambda/\${AWS::StackName}-${name}` });
  expect(logs.properties.RetentionInDays).toEqual({ Ref: 'LogRetentionDays' });
  const role = refersTo(declared.properties.Role);
  expect(functions.filter(({ properties }) => refersTo(properties.Role) === role)).toHaveLength(1);
});

test.each(table)('$name: batch failures are returned exactly where the mapping asks for them', ({ name, declared }) => {
  const folder = `${ROOT}functions/${name}`;
  const sources = existsSync(folder) ? readdirSync(folder) : [];
  const returnsThem = sources.some((file) =>
    readFileSync(`${folder}/${file}`, 'utf8').match(/batchItemFailures|queueReply/),
  );
  const mappings = eventsOf(declared).map(({ Properties }) => listOf(objectOf(Properties).FunctionResponseTypes));
  const types = new Set(mappings.flat());
  expect([...types]).toEqual(returnsThem ? ['ReportBatchItemFailures'] : []);
  expect(mappings.every((each) => each.length === types.size)).toBe(true);
});

const parameters = objectOf(hub.json.Parameters);

/** The parameters of which a part of the template has the values; a condition stands for its parameter. */
function parametersIn(value: Json): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((inner: Json) => parametersIn(inner));
  if (!isObject(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    if (key === 'Ref') return textOf(inner) in parameters ? [textOf(inner)] : [];
    if (key === 'Fn::Sub') return [...textOf(inner).matchAll(/\$\{(\w+)\}/g)].map(([, name = '']) => name);
    const [condition] = key === 'Fn::If' ? listOf(inner) : [];
    const ofCondition =
      condition === undefined ? [] : parametersIn(objectOf(hub.json.Conditions)[textOf(condition)] as Json);
    return [...ofCondition, ...parametersIn(inner)];
  });
}

const unique = (names: readonly string[]) => [...new Set(names.filter((name) => name in parameters))].sort();

describe('each change of a function is a version of its own, and queues call what is live:', () => {
  const globals = objectOf(objectOf(hub.json.Globals).Function);

  test('a change of its text', () => {
    expect(globals.AutoPublishAlias).toBe('live');
    expect(functions.filter(({ properties }) => properties.AutoPublishAliasAllProperties !== true)).toEqual([]);
  });

  // Otherwise a new value of a parameter would reach nothing that queues call.
  // https://github.com/aws/serverless-application-model/issues/3820
  test.each(table)('$name: a new value of a parameter that it is made with, and of no other', ({ declared }) => {
    const { VersionDescription, Events: _events, DeploymentPreference: _steps, ...made } = declared.properties;
    const madeWith = unique([...parametersIn(made), ...parametersIn(globals)]);
    expect(unique(parametersIn(VersionDescription ?? null))).toEqual(madeWith);
    // The version before stays, for executions that began with it.
    expect(declared.json.UpdateReplacePolicy).toBe('Retain');
  });

  // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-version.html
  test.each(table)('$name: the values fit into the description of a version, 256 characters', ({ declared }) => {
    const [, values] = listOf(objectOf(declared.properties.VersionDescription)['Fn::Join']);
    const lengths = listOf(values).map((value) => longestOf(value));
    expect(lengths.reduce((sum, length) => sum + length, lengths.length - 1)).toBeLessThanOrEqual(256);
  });
});

/** The most characters that a parameter may have, or that the id of a key has (`mrk-` and 32 digits). */
function longestOf(value: Json): number {
  const { Ref } = objectOf(value);
  if (Ref === undefined) return 36;
  const { AllowedValues, AllowedPattern, MaxValue } = objectOf(parameters[textOf(Ref)]);
  if (AllowedValues) return Math.max(...listOf(AllowedValues).map((one) => String(one).length));
  if (AllowedPattern) return Number(/,(\d+)\}\$$/.exec(textOf(AllowedPattern))?.[1] ?? Number.NaN);
  return MaxValue === undefined ? 10 : String(MaxValue).length;
}

test('a function is called by the state machine, a queue, a stream or a rule', () => {
  const types = functions.flatMap((declared) => eventsOf(declared).map(({ Type }) => Type));
  expect(types.filter((type) => type !== 'SQS' && type !== 'DynamoDB')).toEqual([]);
});

const rules = ofType(hub, 'AWS::Events::Rule');
const targetsOf = ({ properties }: Resource): string[] =>
  listOf(properties.Targets).map((target) => refersTo(objectOf(target).Arn));
/** Functions that the clock calls, without a queue. */
const scheduled = functions.filter(({ id }) => rules.some((rule) => targetsOf(rule).includes(id)));

test('no rule calls a function directly: its event waits in a queue while the function is busy', () => {
  for (const rule of rules.filter(({ properties }) => 'EventPattern' in properties))
    expect(targetsOf(rule).filter((id) => resource(id).type !== 'AWS::SQS::Queue')).toEqual([]);
});

// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html: an idle queue is polled all day.
test('no queue is polled for the daily check: its rule calls the live alias, and a failed check goes to a queue', () => {
  expect(scheduled.map(nameOf)).toEqual(['protection']);
  expect(functions.filter(({ properties }) => 'EventInvokeConfig' in properties)).toEqual(scheduled);
  for (const declared of scheduled) {
    expect(eventsOf(declared)).toEqual([]);
    const alias = { Ref: `${declared.id}.Alias` };
    const [rule] = rules.filter((one) => targetsOf(one).includes(declared.id));
    expect(listOf(rule?.properties.Targets)).toEqual([expect.objectContaining({ Arn: alias })]);
    const permissions = ofType(hub, 'AWS::Lambda::Permission').map(({ properties }) => properties);
    const source = { 'Fn::GetAtt': [rule?.id, 'Arn'] };
    expect(permissions).toEqual([expect.objectContaining({ FunctionName: alias, SourceArn: source })]);
    const config = objectOf(declared.properties.EventInvokeConfig);
    expect(config).toMatchObject({ MaximumEventAgeInSeconds: 21_600, MaximumRetryAttempts: 2 });
    const queue = refersTo(objectOf(objectOf(config.DestinationConfig).OnFailure).Destination);
    expect(queue).toBe('ProtectionDeadLetters');
    // Lambda sends with the role of the function.
    const granted = listOf(resource(refersTo(declared.properties.Role)).properties.Policies)
      .flatMap((policy) => statementsOf(objectOf(policy).PolicyDocument))
      .filter(({ Action }) => listOf(Action).includes('sqs:SendMessage'));
    expect(granted.map(({ Resource: to }) => refersTo(to))).toEqual([queue]);
  }
});

/** Of seconds that the template has, or that a parameter of it may be set to. */
const longest = (seconds: Json): number =>
  typeof seconds === 'number' ? seconds : Number(objectOf(objectOf(hub.json.Parameters)[refersTo(seconds)]).MaxValue);

describe('a message whose function was throttled or failed', () => {
  const mappings = functions.flatMap((declared) =>
    eventsOf(declared)
      .filter(({ Type }) => Type === 'SQS')
      .map(({ Properties }) => {
        const { Queue, MaximumBatchingWindowInSeconds: window } = objectOf(Properties);
        const { VisibilityTimeout, RedrivePolicy } = resource(refersTo(Queue)).properties;
        const hiddenSeconds = Number(VisibilityTimeout);
        const takenSeconds = Number(declared.properties.Timeout) + longest(window ?? 0);
        const mostReceives = Number(objectOf(RedrivePolicy).maxReceiveCount);
        return { declared, queue: refersTo(Queue), hiddenSeconds, takenSeconds, mostReceives };
      }),
  );

  test.each(mappings)('$queue hides a batch while it is collected and handled, and not longer', (mapping) => {
    const { hiddenSeconds, takenSeconds } = mapping;
    expect(hiddenSeconds).toBeGreaterThanOrEqual(takenSeconds + 10);
    expect(hiddenSeconds).toBeLessThanOrEqual(takenSeconds + 30);
  });

  test('a throttled planner plans its messages within five minutes', () => {
    const planner = mappings.find(({ queue }) => queue === 'PlanQueue');
    expect(planner?.hiddenSeconds).toBeLessThan(5 * 60);
  });

  // A message that was received three times counts no longer in the age of the oldest one.
  test.each(mappings)('$queue: throttling shows in its throttles or its age', ({ queue, hiddenSeconds }) => {
    const { EvaluationPeriods, DatapointsToAlarm } = resource('FunctionThrottlesAlarm').properties;
    const thirdMinute = Math.floor(((Number(DatapointsToAlarm) - 1) * hiddenSeconds) / 60);
    const [stalled] = listOf(resource('QueueStalledAlarm').properties.Metrics).map(objectOf);
    const ages = listOf(resource('QueueStalledAlarm').properties.Metrics).map(objectOf);
    const own = ages.find(({ MetricStat }) => MetricStat !== undefined && JSON.stringify(MetricStat).includes(queue));
    const bound = Number(new RegExp(`FILL\\(${own?.Id}, 0\\) > (\\d+)`).exec(textOf(stalled?.Expression))?.[1]);
    expect(thirdMinute < Number(EvaluationPeriods) || bound < 2 * hiddenSeconds).toBe(true);
  });

  // https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-permissions
  test.each(mappings)('$queue: its function may say when what failed is delivered again', ({ declared, queue }) => {
    const statements = listOf(resource(refersTo(declared.properties.Role)).properties.Policies).flatMap((policy) =>
      statementsOf(objectOf(policy).PolicyDocument),
    );
    const allowed = statements.filter(
      ({ Action, Resource: on }) =>
        listOf(Action).includes('sqs:ChangeMessageVisibility') && listOf(on).some((one) => refersTo(one) === queue),
    );
    const variables = objectOf(objectOf(declared.properties.Environment).Variables);
    expect(allowed).toHaveLength(1);
    expect(Object.values(variables)).toContainEqual({ Ref: queue });
  });

  test.each(mappings)('$queue keeps it through an outage of half an hour', ({ mostReceives }) => {
    const tries = Array.from({ length: mostReceives }, (_, tried) => redeliverySeconds(tried + 1, 0));
    expect(tries.reduce((sum, seconds) => sum + seconds, 0)).toBeGreaterThan(30 * 60);
  });
});

// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
test('functions called by events shift to a new version gradually if the parameter is set, and back on errors', () => {
  const gradual = functions.filter(({ properties }) => 'DeploymentPreference' in properties);
  expect(gradual).toEqual(
    functions.filter((declared) => eventsOf(declared).length > 0 || scheduled.includes(declared)),
  );
  for (const { properties } of gradual)
    expect(properties.DeploymentPreference).toEqual({
      Enabled: { Ref: 'GradualDeployment' },
      Type: { Ref: 'DeploymentType' },
      Role: { 'Fn::GetAtt': ['DeploymentRole', 'Arn'] },
      Alarms: [{ Ref: 'DeploymentErrorsAlarm' }],
    });
  expect(objectOf(parameters.GradualDeployment).Default).toBe('false');
  const alarm = resource('DeploymentErrorsAlarm');
  expect(alarm.json.Condition).toBe('IsGradual');
  const [, ...metrics] = listOf(alarm.properties.Metrics).map(objectOf);
  const watched = metrics.map(({ MetricStat }) => objectOf(objectOf(MetricStat).Metric));
  expect(watched.map(({ MetricName }) => MetricName)).toEqual(gradual.map(() => 'Errors'));
  const dimensions = watched.flatMap(({ Dimensions }) =>
    listOf(Dimensions).map((one) => refersTo(objectOf(one).Value)),
  );
  expect(dimensions).toEqual(gradual.map(({ id }) => id));
  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html: metrics of one alarm.
  expect(metrics.length).toBeLessThanOrEqual(10);
});

describe('functions that wake each other', () => {
  const isFor = (reference: Json, suffix: RegExp) => !suffix.test(refersTo(reference));
  const takesFrom = (declared: Resource): string[] =>
    eventsOf(declared).flatMap(({ Type, Properties }) =>
      Type === 'SQS' ? [refersTo(objectOf(Properties).Queue)] : [],
    );
  const sendsTo = (declared: Resource): string[] =>
    listOf(resource(refersTo(declared.properties.Role)).properties.Policies)
      .flatMap((policy) => statementsOf(objectOf(policy).PolicyDocument))
      .filter(({ Action }) => listOf(Action).includes('sqs:SendMessage'))
      .flatMap(({ Resource: queues }) => listOf(queues).filter((queue) => isFor(queue, /DeadLetters$/)))
      .map((queue) => refersTo(queue));
  const cyclesAmong = (some: readonly Resource[]): readonly string[] => {
    const next = (declared: Resource) =>
      some.filter((other) => takesFrom(other).some((queue) => sendsTo(declared).includes(queue)));
    const reachedFrom = (start: readonly Resource[], seen: readonly Resource[] = []): readonly Resource[] => {
      const found = start.filter((one) => !seen.includes(one));
      return found.length === 0 ? seen : reachedFrom(found.flatMap(next), [...seen, ...found]);
    };
    return some.filter((declared) => reachedFrom(next(declared)).includes(declared)).map(({ id }) => id);
  };
  const inCycles = cyclesAmong(functions);

  // https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
  test('may do so more than 16 times in a chain, and no other function may', () => {
    expect(inCycles.length).toBeGreaterThan(1);
    const allowed = functions.filter(({ properties }) => properties.RecursiveLoop !== undefined).map(({ id }) => id);
    expect(allowed).toEqual(inCycles);
    const inCommercialRegions = { 'Fn::If': ['DetectsRecursion', 'Allow', { Ref: 'AWS::NoValue' }] };
    for (const id of allowed) expect(resourceOf(hub, id).RecursiveLoop).toEqual(inCommercialRegions);
    expect(objectOf(hub.json.Conditions).DetectsRecursion).toEqual({
      'Fn::Equals': [{ Ref: 'AWS::Partition' }, 'aws'],
    });
  });

  test('have an alarm on dropped invocations of one that every chain passes', () => {
    const [alarm] = ofType(hub, 'AWS::CloudWatch::Alarm').filter(
      ({ properties }) => properties.MetricName === 'RecursiveInvocationsDropped',
    );
    const [dimension] = listOf(alarm?.properties.Dimensions).map(objectOf);
    const watched = refersTo(dimension?.Value);
    expect(inCycles).toContain(watched);
    expect(cyclesAmong(functions.filter(({ id }) => id !== watched))).toEqual([]);
  });
});

describe('the outbox', () => {
  const [mapping] = functions.flatMap(eventsOf).filter(({ Type }) => Type === 'DynamoDB');
  const stream = objectOf(mapping?.Properties);

  test('a record that cannot be handled is cut out, tried a bounded number of times and set aside', () => {
    expect(stream.BisectBatchOnFunctionError).toBe(true);
    expect(Number(stream.MaximumRetryAttempts)).toBeGreaterThan(0);
    expect(refersTo(objectOf(objectOf(stream.DestinationConfig).OnFailure).Destination)).toBe(
      'AnnouncementDeadLetters',
    );
  });

  const digest = 'sha256:1111111111111111111111111111111111111111111111111111111111111111';
  const place = { account: '111122223333', region: 'eu-west-1', repository: 'team/app' };
  test.each([
    ['an image', keys.image(digest), true],
    ['a cause', keys.cause('a/b/c:^1$'), true],
    ['a review', keys.run('r1'), true],
    ['the policy pointer', keys.policy, true],
    ['a rebuild', keys.rebuild('a/b/c:^1$', '20261125T030000000Z-0123456789ab'), true],
    ['a closure', keys.closure('0123456789ab-g1', 'a/b/c:^1$'), true],
    ['a loss', keys.expiry(place, digest), true],
    ['an expected denial', keys.expectedDenial({ ...place, cluster: 'main', namespace: 'shop' }, digest), true],
    ['a look', keys.lifecycleCheck(place), false],
    ['a stream', keys.stream('a/b/c:^1$'), true],
    ['rebuild history', keys.rebuildHistory('a/b/c:^1$'), false],
    ['an image of a stream', keys.streamImage('a/b/c:^1$', digest), false],
    ['a lock', keys.lock('a/b/c:^1$'), false],
    ['a node', keys.node('0123456789ab-g1', 'a/b/c:^1$'), false],
    ['a location', keys.location(digest, place), false],
    ['a part of a run', keys.runPart('r1', 'scope', 'k'), false],
    ['a scope', keys.scope(place), false],
  ])('%s reaches ledger-events: %#', (_, key, wanted) => {
    const patterns = listOf(objectOf(stream.FilterCriteria).Filters).map((filter) =>
      JSON.parse(textOf(objectOf(filter).Pattern)),
    );
    expect(patterns.some(({ dynamodb }) => fits(dynamodb.Keys, key))).toBe(wanted);
  });

  type Wanted = Partial<Record<'PK' | 'SK', { readonly S: readonly (string | { readonly prefix: string })[] }>>;
  const fits = (wanted: Wanted, key: { readonly PK: string; readonly SK: string }): boolean =>
    (['PK', 'SK'] as const).every((name) =>
      (wanted[name]?.S ?? [{ prefix: '' }]).some((one) =>
        typeof one === 'string' ? one === key[name] : key[name].startsWith(one.prefix),
      ),
    );
});
