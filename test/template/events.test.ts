import { readdirSync, readFileSync } from 'node:fs';
import { EVENTS } from '../../shared/events/index.ts';
import {
  ecsDoor,
  hub,
  isObject,
  type Json,
  type JsonObject,
  listOf,
  member,
  objectOf,
  ofType,
  ROOT,
  refersTo,
  textOf,
} from './template.ts';

const samples: { file: string; event: JsonObject }[] = readdirSync(`${ROOT}events`)
  .filter((file) => file.endsWith('.json'))
  .map((file) => ({ file, event: JSON.parse(readFileSync(`${ROOT}events/${file}`, 'utf8')) }));

const allRules = [hub, member, ecsDoor].flatMap((template) =>
  ofType(template, 'AWS::Events::Rule').map(({ id, properties }) => ({ id, properties, template })),
);
const rules = allRules.filter(({ properties }) => 'EventPattern' in properties);

/** Rules that listen to what Patchwave itself announces; all others must not. */
const OWN_ANNOUNCEMENTS: readonly string[] = ['HeadEventRule', 'PlanRule'];

/** What `!Ref` gives for a resource that a pattern names, as the samples have it. */
const REFERENCES: Readonly<Record<string, string>> = {
  FleetReviewMachine: 'arn:aws:states:eu-west-1:111122223333:stateMachine:patchwave-fleet-review',
  RebuildCascadeMachine: 'arn:aws:states:eu-west-1:111122223333:stateMachine:patchwave-rebuild-cascade',
};
const literal = (value: Json): Json => (isObject(value) ? (REFERENCES[refersTo(value)] ?? null) : value);

/** The partition of the samples. */
const prefixOf = (wanted: Json): string | undefined => {
  const { prefix } = isObject(wanted) ? wanted : {};
  return prefix === undefined ? undefined : textOf(objectOf(prefix)['Fn::Sub']).replace(/\$\{AWS::Partition\}/, 'aws');
};

/** EventBridge's matching of literal values and prefixes, which is all that our rules use. */
const matchesOne = (wanted: Json, value: Json | undefined): boolean => {
  const prefix = prefixOf(wanted);
  return prefix === undefined
    ? literal(wanted) === (value ?? null)
    : typeof value === 'string' && value.startsWith(prefix);
};

function matches(pattern: JsonObject, event: Json | undefined): boolean {
  if (!isObject(event)) return false;
  return Object.entries(pattern).every(([key, wanted]) =>
    isObject(wanted)
      ? matches(wanted, event[key])
      : listOf(wanted).some((one) => {
          const value = event[key];
          return Array.isArray(value) ? value.some((element) => matchesOne(one, element)) : matchesOne(one, value);
        }),
  );
}

const ruleOf = (id: string) => {
  const found = rules.find((rule) => rule.id === id);
  if (!found) throw new Error(`no template has a rule ${id}`);
  return found;
};

test('there are rules and samples to compare', () => {
  expect(rules.map(({ id }) => id)).toEqual([
    'ScanRule',
    'InspectorRule',
    'RegistryRule',
    'ReplicationRule',
    'PullThroughRule',
    'HeadEventRule',
    'PlanRule',
    'BuildRule',
    'BuildReportRule',
    'DoctorRule',
    'BrokenOffReviewRule',
    'CascadeEndRule',
    'ForwardRule',
    'ForwardInspectorRule',
    'ForwardTasksRule',
    'ForwardHooksRule',
    'TaskRule',
    'HookRule',
  ]);
  expect(samples.length).toBeGreaterThan(0);
});

test.each(rules)(
  '$id matches a sample of what it waits for, and nothing that Patchwave says itself',
  ({ id, properties }) => {
    const matched = samples.filter(({ event }) => matches(objectOf(properties.EventPattern), event));
    expect(matched.length).toBeGreaterThan(0);
    const own = matched.filter(({ event }) => event.source === 'patchwave');
    expect(own).toEqual(OWN_ANNOUNCEMENTS.includes(id) ? matched : []);
  },
);

test.each(EVENTS.filter(({ direction }) => direction === 'consumed'))(
  'a rule takes $detailType of $source to what reads it',
  ({ source, detailType }) => {
    const own = samples.filter(({ event }) => event.source === source && event['detail-type'] === detailType);
    const taking = rules.filter(({ id, properties }) =>
      id.startsWith('Forward') ? false : own.some(({ event }) => matches(objectOf(properties.EventPattern), event)),
    );
    expect(taking).not.toEqual([]);
  },
);

/** Those of Step Functions are about the hub's own executions. */
const ofMembers = EVENTS.filter(
  ({ direction, source }) => direction === 'consumed' && /^aws\.(?!states$)/.test(source),
);

test.each(ofMembers)('each account forwards $detailType of $source, and the bus takes it', ({ source, detailType }) => {
  const own = samples.filter(({ event }) => event.source === source && event['detail-type'] === detailType);
  const forwarding = rules.filter(({ id }) => id.startsWith('Forward'));
  const forwarded = own.filter(({ event }) =>
    forwarding.some(({ properties }) => matches(objectOf(properties.EventPattern), event)),
  );
  expect(own.length).toBeGreaterThan(0);
  expect(forwarded).toEqual(own);
  const taken = ofType(hub, 'AWS::Events::EventBusPolicy').flatMap(({ properties }) => {
    const { Condition } = objectOf(properties.Statement);
    return listOf(objectOf(objectOf(Condition)['ForAllValues:StringEquals'])['events:source']);
  });
  expect(taken).toContain(source);
});

/** A test event that cannot be delivered is what the test is for: its absence says it. */
const settingAside = allRules.filter(({ id }) => id !== 'DoctorRule');

test('the test event of doctor reaches its queue and no other; it comes through the rule that forwards all else', () => {
  const test = samples.find(({ file }) => file.startsWith('patchwave.doctor.'));
  const matching = rules.filter(({ properties }) => matches(objectOf(properties.EventPattern), test?.event));
  expect(matching.map(({ id }) => id)).toEqual(['DoctorRule', 'ForwardRule']);
  const [target] = listOf(matching[0]?.properties.Targets).map(objectOf);
  expect(refersTo(target?.Arn)).toBe('DoctorQueue');
  const reading = ofType(hub, 'AWS::Serverless::Function').filter(({ json }) =>
    JSON.stringify(json).includes('DoctorQueue'),
  );
  expect(reading).toEqual([]);
});

test.each(settingAside)(
  '$id: each target retries, and sets aside in a queue that lets it',
  ({ id, properties, template }) => {
    const targets = listOf(properties.Targets).map(objectOf);
    expect(targets.length).toBeGreaterThan(0);
    for (const target of targets) {
      expect(Object.keys(objectOf(target.RetryPolicy)).sort()).toEqual([
        'MaximumEventAgeInSeconds',
        'MaximumRetryAttempts',
      ]);
      const queue = refersTo(objectOf(target.DeadLetterConfig).Arn);
      const policies = ofType(template, 'AWS::SQS::QueuePolicy').filter((policy) =>
        listOf(policy.properties.Queues).some((reference) => refersTo(reference) === queue),
      );
      expect(policies).toHaveLength(1);
      expect(JSON.stringify(policies)).toContain(JSON.stringify({ 'Fn::GetAtt': [id, 'Arn'] }));
    }
  },
);

test('each event of AWS that the hub consumes is forwarded by each account', () => {
  const { 'detail-type': forwarded } = objectOf(ruleOf('ForwardRule').properties.EventPattern);
  const consumed = rules
    .map(({ properties }) => objectOf(properties.EventPattern))
    .filter(({ source }) => listOf(source).some((name) => name === 'aws.ecr' || name === 'aws.codepipeline'))
    .flatMap((pattern) => listOf(pattern['detail-type']));
  const {
    Description: _,
    EventBusName: _bus,
    Targets: _to,
    Tags: _tags,
    ...inspector
  } = ruleOf('InspectorRule').properties;
  expect(ruleOf('ForwardInspectorRule').properties).toMatchObject(inspector);
  expect(listOf(forwarded)).toEqual(expect.arrayContaining(consumed));
  expect(listOf(forwarded)).toEqual(
    expect.arrayContaining(['ECR Replication Action', 'ECR Pull Through Cache Action', 'ECR Image Action']),
  );
});

test('a rule that forwards waits for the role that it names: an ARN as text orders nothing', () => {
  for (const forward of ofType(member, 'AWS::Events::Rule')) {
    const [target] = listOf(forward.properties.Targets).map(objectOf);
    const [condition, ordered] = listOf(objectOf(target?.RoleArn)['Fn::If']);
    expect(condition).toBe(member.resources.find(({ id }) => id === 'ForwardRole')?.json.Condition);
    expect(ordered).toEqual({ 'Fn::GetAtt': ['ForwardRole', 'Arn'] });
  }
});

describe.each([
  ['BrokenOffReviewRule', 'FleetReviewMachine', ['ABORTED', 'FAILED', 'TIMED_OUT'], ['CascadeEndQueue']],
  ['CascadeEndRule', 'RebuildCascadeMachine', ['ABORTED', 'FAILED', 'SUCCEEDED', 'TIMED_OUT'], ['CascadeEndQueue']],
])('the end of an execution: %s', (rule, machine, ends, queues) => {
  const { properties } = ruleOf(rule);
  const pattern = objectOf(properties.EventPattern);
  const stateMachineArn = REFERENCES[machine] ?? '';
  const endings = samples
    .filter(({ file }) => file.startsWith('aws.states.'))
    .map(({ event }) => ({ ...event, detail: { ...objectOf(event.detail), stateMachineArn } }));
  const changed = (event: JsonObject, change: JsonObject) => ({
    ...event,
    detail: { ...objectOf(event.detail), ...change },
  });

  test('is matched on the default bus, where AWS services publish, unchanged', () => {
    expect(properties).not.toHaveProperty('EventBusName');
    const targets = listOf(properties.Targets).map(objectOf);
    expect(targets.map(({ Arn }) => refersTo(Arn))).toEqual(queues);
    expect(targets.filter((target) => 'InputTransformer' in target || 'Input' in target)).toEqual([]);
  });

  test.each(['ABORTED', 'FAILED', 'RUNNING', 'SUCCEEDED', 'TIMED_OUT', 'PENDING_REDRIVE'])('%s', (status) => {
    expect(endings.length).toBeGreaterThan(0);
    for (const event of endings) expect(matches(pattern, changed(event, { status }))).toBe(ends.includes(status));
  });

  test.each([
    ['another machine', 'arn:aws:states:eu-west-1:111122223333:stateMachine:other'],
    ['a child of a map', `${stateMachineArn}/RunNodes`],
  ])('is not that of %s', (_, other) => {
    for (const event of endings) expect(matches(pattern, changed(event, { stateMachineArn: other }))).toBe(false);
  });
});

test('the planner is woken by each announcement that may change a plan, and by no other', () => {
  const pattern = objectOf(objectOf(ruleOf('PlanRule').properties).EventPattern);
  const waking = samples
    .filter(({ event }) => matches(pattern, event))
    .map(({ event }) => textOf(event['detail-type']));
  expect([...new Set(waking)].sort()).toEqual(['FleetReviewed', 'PolicyChanged', 'RebuildNeeded']);
});

test('the planner is woken by the clock as often as a parameter says', () => {
  const { properties } = hub.resources.find(({ id }) => id === 'PlanScheduleRule') ?? {};
  expect(properties?.ScheduleExpression).toEqual({ 'Fn::Sub': `rate(\${PlanMinutes} minutes)` });
  // AWS takes no plural for 1.
  const { Default, AllowedValues } = objectOf(objectOf(hub.json.Parameters).PlanMinutes);
  expect(Default).toBe(15);
  expect(listOf(AllowedValues)).not.toContain(1);
});

test('every schedule retries and sets aside', () => {
  const machines = ofType(hub, 'AWS::Serverless::StateMachine').map(({ properties }) =>
    objectOf(properties.Events ?? {}),
  );
  const schedules = machines.flatMap((events) => Object.values(events).map(objectOf));
  expect(schedules.map(({ Type }) => Type)).toEqual(['ScheduleV2']);
  for (const { Properties } of schedules) {
    expect(objectOf(Properties)).toHaveProperty('RetryPolicy.MaximumRetryAttempts');
    expect(refersTo(objectOf(objectOf(Properties).DeadLetterConfig).Arn)).toBe('ReviewDeadLetters');
  }
});
