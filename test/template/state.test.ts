import { readdirSync, readFileSync } from 'node:fs';
import { OUTPUTS } from '../../cli/doctor/checks/stack.ts';
import { DOOR_TEMPLATES } from '../../cli/doctor/installation.ts';
import { INDEXES } from '../../shared/adapters/dynamodb/table/keys.ts';
import {
  hub,
  type JsonObject,
  listOf,
  loadTemplate,
  member,
  memberVpc,
  objectOf,
  ofType,
  ROOT,
  refersTo,
  textOf,
} from './template.ts';

const machines = ofType(hub, 'AWS::Serverless::StateMachine');
const [ledger] = ofType(hub, 'AWS::DynamoDB::Table');

test('every definition is deployed, and nothing else', () => {
  const deployed = machines.map(({ properties }) => textOf(properties.DefinitionUri).replace('statemachines/', ''));
  const definitions = readdirSync(`${ROOT}statemachines`).filter((file) => file.endsWith('.asl.json'));
  expect(deployed.sort()).toEqual(definitions.sort());
});

describe.each(machines)('$id', ({ properties }) => {
  const substitutions = objectOf(properties.DefinitionSubstitutions);

  test('the definition and the template agree on every substitution', () => {
    const definition = readFileSync(`${ROOT}${textOf(properties.DefinitionUri)}`, 'utf8');
    const asked = new Set([...definition.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name));
    expect(Object.keys(substitutions).sort()).toEqual([...asked].sort());
  });

  test('may call exactly the functions it names, each by the substitution of its name', () => {
    const role = hub.resources.find(({ id }) => id === refersTo(properties.Role));
    const statements = listOf(objectOf(objectOf(listOf(role?.properties.Policies)[0]).PolicyDocument).Statement);
    const [calls] = statements.map(objectOf).filter(({ Action }) => Action === 'lambda:InvokeFunction');
    const named = Object.entries(substitutions).filter(([name]) => name.endsWith('FunctionArn'));
    const callable = listOf(calls?.Resource).map((resource) => textOf(objectOf(resource)['Fn::Sub']));
    expect(callable.sort()).toEqual(named.map(([, value]) => `\${${refersTo(value)}.Arn}:*`).sort());
    // A version, so that an upgrade changes nothing below an execution that runs; older ones stay callable for it.
    for (const [name, value] of named) expect(value).toEqual({ Ref: name.replace('FunctionArn', 'Function.Version') });
  });

  test('may start, watch and redrive children of its own only', () => {
    const role = hub.resources.find(({ id }) => id === refersTo(properties.Role));
    const statements = listOf(objectOf(objectOf(listOf(role?.properties.Policies)[0]).PolicyDocument).Statement);
    const own = textOf(objectOf(properties.Name)['Fn::Sub']);
    const children = statements.map(objectOf).filter(({ Action }) => JSON.stringify(Action).includes('states:'));
    expect(children).toHaveLength(3);
    for (const { Resource } of children) expect(textOf(objectOf(Resource)['Fn::Sub'])).toMatch(`:${own}`);
    // https://docs.aws.amazon.com/step-functions/latest/dg/iam-policies-eg-dist-map.html
    const [redrive] = children.filter(({ Action }) => Action === 'states:RedriveExecution');
    expect(textOf(objectOf(redrive?.Resource)['Fn::Sub'])).toMatch(`:execution:${own}/*`);
  });

  test('executions log their errors, never their data', () => {
    expect(properties.Logging).toMatchObject({ Level: 'ERROR', IncludeExecutionData: false });
  });
});

test('the ledger has the indexes of keys.ts, with their keys', () => {
  const indexes = listOf(ledger?.properties.GlobalSecondaryIndexes).map(objectOf);
  expect(indexes.map(({ IndexName }) => IndexName).sort()).toEqual(Object.values(INDEXES).sort());
  for (const { IndexName, KeySchema } of indexes) {
    const attributes = listOf(KeySchema).map((key) => objectOf(key).AttributeName);
    expect([[`${IndexName}Pk`], [`${IndexName}Pk`, `${IndexName}Sk`]]).toContainEqual(attributes);
  }
});

test('the output that `patchwave doctor` compares is the version of the project', () => {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  expect(objectOf(objectOf(hub.json.Outputs).TemplateVersion).Value).toBe(version);
  const role = member.resources.find(({ id }) => id === 'ReadRole');
  expect(listOf(role?.properties.Tags)).toContainEqual({ Key: 'patchwave-version', Value: version });
  const [inVpc] = ofType(memberVpc, 'AWS::Serverless::Function');
  expect(objectOf(inVpc?.properties.Tags)['patchwave-version']).toBe(version);
});

/**
 * Every property of such a function is in the name of its version. Lambda publishes none where only a tag differs, and the deployment
 * fails: https://docs.aws.amazon.com/lambda/latest/api/API_PublishVersion.html
 */
const publishesAll = ({ AutoPublishAliasAllProperties }: JsonObject): boolean => AutoPublishAliasAllProperties === true;

test('a release that changes no function of an alias can be deployed: its tags do not change with the version', () => {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  const all = readdirSync(ROOT).filter((file) => file.endsWith('.yaml'));
  const published = all.flatMap((file) => {
    const template = loadTemplate(file);
    const { Function: ofAll = {} } = objectOf(template.json.Globals ?? {});
    return ofType(template, 'AWS::Serverless::Function')
      .filter(({ properties }) => publishesAll({ ...objectOf(ofAll), ...properties }))
      .map(({ id, properties }) => ({ id, tags: JSON.stringify([objectOf(ofAll).Tags ?? {}, properties.Tags ?? {}]) }));
  });
  expect(published.length).toBeGreaterThan(15);
  expect(published.filter(({ tags }) => tags.includes(version))).toEqual([]);
});

test.each(DOOR_TEMPLATES)('`patchwave doctor` finds a stack of $template, and its version', (door) => {
  const { version } = JSON.parse(readFileSync(`${ROOT}package.json`, 'utf8')) as { version: string };
  const { json, resources } = loadTemplate(door.template);
  expect(Object.keys(objectOf(json.Parameters))).toEqual(expect.arrayContaining([door.parameter, door.ledger]));
  expect(objectOf(objectOf(json.Outputs).TemplateVersion).Value).toBe(version);
  for (const { type, properties } of resources)
    if (type === 'AWS::Serverless::Function' && !publishesAll(properties))
      expect(objectOf(properties.Tags)['patchwave-version']).toBe(version);
  // No other template has both parameters.
  const others = readdirSync(ROOT).filter((file) => file.endsWith('.yaml') && file !== door.template);
  const parametersOf = (file: string) => objectOf(loadTemplate(file).json.Parameters);
  expect(others.filter((file) => [door.parameter, door.ledger].every((name) => name in parametersOf(file)))).toEqual(
    [],
  );
});

test('`patchwave doctor` checks each output of the template', () => {
  expect([...OUTPUTS].sort()).toEqual(Object.keys(objectOf(hub.json.Outputs)).sort());
});

test('audit data outlives the stack, and can be restored', () => {
  expect(ledger?.properties.PointInTimeRecoverySpecification).toEqual({ PointInTimeRecoveryEnabled: true });
  expect(ledger?.properties.DeletionProtectionEnabled).toEqual({ Ref: 'DeletionProtection' });
  // A first deployment that fails has to be able to delete the table that it made.
  expect(objectOf(objectOf(hub.json.Parameters).DeletionProtection).Default).toBe('false');
  const kept = [...ofType(hub, 'AWS::DynamoDB::Table'), ...ofType(hub, 'AWS::S3::Bucket')];
  for (const { json } of kept)
    expect(json).toMatchObject({ DeletionPolicy: 'RetainExceptOnCreate', UpdateReplacePolicy: 'Retain' });
});

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
describe('the docs on removal and retention', () => {
  const read = (page: string) => readFileSync(`${ROOT}${page}`, 'utf8').replaceAll(/\s+/g, ' ');
  const [operations, readme] = [read('docs/operations.md'), read('README.md')];

  test('the ledger and both buckets stay when the stack is deleted, and nothing else does', () => {
    const kept = hub.resources.filter(({ json }) => 'DeletionPolicy' in json).map(({ id }) => id);
    expect(kept).toEqual(['Ledger', 'EvidenceBucket', 'RunBucket']);
    for (const page of [operations, readme]) expect(page).toContain('The ledger and both buckets stay');
  });

  const templates = readdirSync(ROOT).filter((file) => file.endsWith('.yaml') && file !== 'template.yaml');
  const chapter = (title: string): string => {
    const text = readFileSync(`${ROOT}docs/operations.md`, 'utf8');
    const from = text.indexOf(`\n## ${title}\n`);
    return text.slice(from, text.indexOf('\n## ', from + 1));
  };

  test.each(templates)('%s is upgraded and removed', (template) => {
    for (const title of ['Upgrade', 'Stop and uninstall']) expect(chapter(title)).toContain(template);
  });

  test('doors are taken from clusters and services before what they ask is deleted', () => {
    const text = chapter('Stop and uninstall');
    const steps = [
      'validatingwebhookconfiguration/patchwave mutatingwebhookconfiguration/patchwave',
      ...['admission-policies.yaml', 'allowed-images-definition.yaml', 'Take the hook from each ECS service'],
      ...['ecs-gate.yaml', 'ecs-door.yaml', 'member-account.yaml', 'sam delete --stack-name patchwave'],
    ].map((step) => text.indexOf(step));
    expect(steps).not.toContain(-1);
    expect(steps).toEqual([...steps].sort((one, other) => one - other));
  });

  test('log groups go with the stack, and no function may make one again', () => {
    const actions = ofType(hub, 'AWS::IAM::Role').flatMap(({ properties }) => JSON.stringify(properties));
    expect(actions.filter((role) => role.includes('logs:CreateLogGroup'))).toEqual([]);
    expect(ofType(hub, 'AWS::Logs::LogGroup').length).toBeGreaterThan(15);
    expect(readme).toContain('Log groups go with the stack');
    expect(operations).toContain('the log groups of functions and machines with all logs');
  });

  // https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html
  test('only superseded evidence that is large enough moves to Glacier', () => {
    const [evidence] = ofType(hub, 'AWS::S3::Bucket').filter(({ id }) => id === 'EvidenceBucket');
    const rules = listOf(objectOf(evidence?.properties.LifecycleConfiguration).Rules).map(objectOf);
    const moving = rules.filter((rule) => 'NoncurrentVersionTransitions' in rule);
    expect(moving.map(({ ObjectSizeGreaterThan: size }) => Number(size))).toEqual([128 * 1024]);
    expect(rules.filter((rule) => 'NoncurrentVersionExpiration' in rule)).toEqual([]);
    expect(operations).toContain(
      'Superseded versions of more than 128 KB move to Glacier Instant Retrieval after 30 days',
    );
  });
});

test('evidence can be locked for as long as a parameter says, and is not by default', () => {
  const evidence = hub.resources.find(({ id }) => id === 'EvidenceBucket')?.properties;
  const none = { Ref: 'AWS::NoValue' };
  expect(evidence).toMatchObject({
    VersioningConfiguration: { Status: 'Enabled' },
    ObjectLockEnabled: { 'Fn::If': ['IsLocked', true, none] },
    ObjectLockConfiguration: {
      'Fn::If': [
        'IsLocked',
        {
          ObjectLockEnabled: 'Enabled',
          Rule: { DefaultRetention: { Mode: { Ref: 'EvidenceLockMode' }, Days: { Ref: 'EvidenceLockDays' } } },
        },
        none,
      ],
    },
  });
  expect(objectOf(objectOf(hub.json.Parameters).EvidenceLockDays).Default).toBe(0);
});

// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-encryption-event-bus-dlq.html
test('with a key of the customer the bus sets aside what the key could not be used for, under another key', () => {
  const [bus] = ofType(hub, 'AWS::Events::EventBus');
  const [condition, config] = listOf(objectOf(bus?.properties.DeadLetterConfig)['Fn::If']);
  expect(condition).toBe('HasKey');
  const queue = hub.resources.find(({ id }) => id === refersTo(objectOf(config).Arn));
  expect(queue?.json.Condition).toBe('HasKey');
  expect(queue?.properties).toMatchObject({ SqsManagedSseEnabled: true });
  expect(queue?.properties).not.toHaveProperty('KmsMasterKeyId');
});

test('every bucket refuses plain HTTP and the public', () => {
  const policies = ofType(hub, 'AWS::S3::BucketPolicy');
  for (const { id, properties } of ofType(hub, 'AWS::S3::Bucket')) {
    expect(Object.values(objectOf(properties.PublicAccessBlockConfiguration))).toEqual([true, true, true, true]);
    const policy = policies.find((candidate) => refersTo(candidate.properties.Bucket) === id);
    expect(policy?.properties.PolicyDocument).toMatchObject({
      Statement: [{ Effect: 'Deny', Principal: '*', Condition: { Bool: { 'aws:SecureTransport': 'false' } } }],
    });
  }
});
