import { readdirSync, readFileSync } from 'node:fs';
import { hubFunctionNames } from '../../scripts/bundle.ts';
import {
  hub,
  isObject,
  type JsonObject,
  listOf,
  objectOf,
  ofType,
  type Resource,
  ROOT,
  refersTo,
  textOf,
} from './template.ts';

const alarms = ofType(hub, 'AWS::CloudWatch::Alarm');

test.each(alarms)('$id says what happened and what to do, and notifies the topic', ({ properties }) => {
  expect(textOf(properties.AlarmDescription).split(/[.:] /).length).toBeGreaterThanOrEqual(2);
  expect(textOf(properties.AlarmDescription).length).toBeLessThanOrEqual(1024);
  expect(properties.AlarmActions).toEqual({
    'Fn::If': [
      'MakesAlarmTopic',
      [{ Ref: 'AlarmTopic' }],
      { 'Fn::If': ['HasAlarmTopic', [{ Ref: 'AlarmTopicArn' }], { Ref: 'AWS::NoValue' }] },
    ],
  });
});

test('an address gets a topic of its own, and only where no topic is given', () => {
  const topic = hub.resources.find(({ id }) => id === 'AlarmTopic');
  expect(topic?.json.Condition).toBe('MakesAlarmTopic');
  expect(topic?.properties.Subscription).toEqual([{ Protocol: 'email', Endpoint: { Ref: 'AlarmEmail' } }]);
  const isEmpty = (parameter: string) => ({ 'Fn::Equals': [{ Ref: parameter }, ''] });
  expect(objectOf(hub.json.Conditions).MakesAlarmTopic).toEqual({ 'Fn::Not': [isEmpty('AlarmEmail')] });
  expect(listOf(objectOf(objectOf(hub.json.Rules).NotifiesByATopicOrAnAddress).Assertions)).toMatchObject([
    { Assert: { 'Fn::Or': [isEmpty('AlarmTopicArn'), isEmpty('AlarmEmail')] } },
  ]);
});

test('an alarm watches for 26 hours without a successful review; silence is alarming', () => {
  const [alarm] = alarms.filter(({ id }) => id === 'NoReviewAlarm');
  const { Period, EvaluationPeriods, TreatMissingData, MetricName } = objectOf(alarm?.properties);
  expect(Number(Period) * Number(EvaluationPeriods)).toBe(26 * 3600);
  expect(TreatMissingData).toBe('breaching');
  expect(MetricName).toBe('ReviewsSucceeded');
});

test('every queue that keeps failures has an alarm', () => {
  const queues = ofType(hub, 'AWS::SQS::Queue').map(({ id }) => id);
  const watched = alarms
    .filter(({ properties }) => properties.MetricName === 'ApproximateNumberOfMessagesVisible')
    .flatMap(({ properties }) => listOf(properties.Dimensions).map((dimension) => refersTo(objectOf(dimension).Value)));
  expect(watched.sort()).toEqual(queues.filter((id) => id.endsWith('DeadLetters')).sort());
});

const functions = ofType(hub, 'AWS::Serverless::Function');
const eventsOf = ({ properties }: Resource) => Object.values(objectOf(properties.Events ?? {})).map(objectOf);
/** Called by a queue, the stream or a schedule: no caller waits for their answer. */
const called = functions.filter(
  (declared) => eventsOf(declared).length > 0 || 'EventInvokeConfig' in declared.properties,
);
const alarmOf = (id: string): JsonObject => objectOf(alarms.find((alarm) => alarm.id === id)?.properties);

interface Watched {
  readonly id: string;
  readonly name: string;
  /** The logical id that the one dimension names. */
  readonly of: string;
  readonly periodSeconds: number;
}

/** The metrics of an alarm on an expression, and the expression itself. */
function mathOf(properties: JsonObject): { readonly expression: string; readonly watched: readonly Watched[] } {
  const queries = listOf(properties.Metrics).map(objectOf);
  const [result, ...others] = queries.filter(({ ReturnData }) => ReturnData === true);
  expect(others).toEqual([]);
  const watched = queries.flatMap(({ Id, MetricStat }) => {
    if (MetricStat === undefined) return [];
    const { Metric, Period } = objectOf(MetricStat);
    const { MetricName, Dimensions } = objectOf(Metric);
    const [of = ''] = listOf(Dimensions).map((dimension) => refersTo(objectOf(dimension).Value));
    return [{ id: textOf(Id), name: textOf(MetricName), of, periodSeconds: Number(Period) }];
  });
  return { expression: textOf(result?.Expression), watched };
}

describe('nothing stalls in silence', () => {
  const onExpressions = alarms.filter(({ properties }) => 'Metrics' in properties);

  // https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-limits.html
  test.each(onExpressions)('$id watches ten metrics at most, each of which counts', ({ properties }) => {
    const { expression, watched } = mathOf(properties);
    expect(watched.length).toBeLessThanOrEqual(10);
    expect([...expression.matchAll(/FILL\((\w+), 0\)/g)].map(([, id]) => id)).toEqual(watched.map(({ id }) => id));
    expect(new Set(watched.map(({ periodSeconds }) => periodSeconds))).toEqual(new Set([60]));
  });

  test('an alarm watches the oldest message of each queue that a function takes from', () => {
    const taken = called.flatMap(eventsOf).filter(({ Type }) => Type === 'SQS');
    const queues = taken.map(({ Properties }) => refersTo(objectOf(Properties).Queue));
    const { expression, watched } = mathOf(alarmOf('QueueStalledAlarm'));
    expect(watched.map(({ of }) => of).sort()).toEqual(queues.sort());
    expect(new Set(watched.map(({ name }) => name))).toEqual(new Set(['ApproximateAgeOfOldestMessage']));
    // The alarm goes off within 15 minutes where the planner does not take what wakes it.
    const bounds = new Map([...expression.matchAll(/FILL\((\w+), 0\) > (\d+)/g)].map(([, id, s]) => [id, Number(s)]));
    expect(bounds.get('plan')).toBeLessThanOrEqual(600);
  });

  test('a queue is called stalled after twice what its function may take, and not before', () => {
    const { expression, watched } = mathOf(alarmOf('QueueStalledAlarm'));
    for (const declared of called) {
      for (const { Type, Properties } of eventsOf(declared)) {
        const { id = '' } =
          watched.find(({ of }) => Type === 'SQS' && of === refersTo(objectOf(Properties).Queue)) ?? {};
        if (id === '') continue;
        const bound = Number(new RegExp(`FILL\\(${id}, 0\\) > (\\d+)`).exec(expression)?.[1]);
        expect([id, bound >= 2 * Number(declared.properties.Timeout)]).toEqual([id, true]);
      }
    }
  });

  test.each([
    ['FunctionErrorsAlarm', 'Errors'],
    ['FunctionThrottlesAlarm', 'Throttles'],
  ])('%s watches each function that is called asynchronously', (id, metric) => {
    const { watched } = mathOf(alarmOf(id));
    expect(watched.map(({ of }) => of)).toEqual(called.map((declared) => declared.id));
    expect(new Set(watched.map(({ name }) => name))).toEqual(new Set([metric]));
    const { EvaluationPeriods, DatapointsToAlarm } = alarmOf(id);
    expect(Number(EvaluationPeriods)).toBeLessThan(15);
    // A single failure raises no alarm.
    expect(Number(DatapointsToAlarm)).toBeGreaterThan(1);
  });

  test('an alarm watches how old the records of the stream are when they are handed over', () => {
    const { MetricName, Threshold, Statistic, Dimensions } = alarmOf('OutboxStalledAlarm');
    const [of] = listOf(Dimensions).map((dimension) => refersTo(objectOf(dimension).Value));
    const [outbox] = called.filter((declared) => eventsOf(declared).some(({ Type }) => Type === 'DynamoDB'));
    expect([MetricName, Statistic, of]).toEqual(['IteratorAge', 'Maximum', outbox?.id]);
    expect(Number(Threshold)).toBeLessThanOrEqual(15 * 60_000);
  });

  test('alarms, dashboard and 30 metrics of ours cost 20 dollars a month at most', () => {
    const { prices } = JSON.parse(readFileSync(`${ROOT}shared/prices.json`, 'utf8'));
    const metrics = alarms.map(({ properties }) => ('Metrics' in properties ? mathOf(properties).watched.length : 1));
    const dashboards = ofType(hub, 'AWS::CloudWatch::Dashboard').length;
    const monthly =
      metrics.reduce((sum, count) => sum + count, 0) * prices['alarm-month'].usd +
      dashboards * prices['dashboard-month'].usd +
      30 * prices['metric-month'].usd;
    expect(monthly).toBeLessThanOrEqual(20);
  });
});

test('every failure that a person can fix has an alarm', () => {
  const metricOf = (name: string) => alarms.filter(({ properties }) => properties.MetricName === name);
  const machines = ofType(hub, 'AWS::Serverless::StateMachine').map(({ id }) => id);
  for (const name of ['ExecutionsFailed', 'ExecutionsTimedOut']) {
    const watched = metricOf(name).flatMap(({ properties }) => listOf(properties.Dimensions).map(objectOf));
    expect(watched.map(({ Value }) => refersTo(Value)).sort()).toEqual(machines.sort());
  }
  for (const name of ['ScopesFailed', 'AttemptsExhausted', 'RebuildsUnverified', 'ClosuresOverdue', 'WitnessDisagrees'])
    expect([name, metricOf(name).length]).toEqual([name, 1]);
});

test('every metric of ours that an alarm or the dashboard shows is measured by a function', () => {
  const measured = sources();
  const ours = alarms.filter(({ properties }) => properties.Namespace === 'Patchwave');
  const shown = [...hub.text.matchAll(/"Patchwave", "(\w+)"|MetricName=\\"(\w+)\\"/g)].map(
    ([, one, other]) => one ?? other,
  );
  const names = new Set([...ours.map(({ properties }) => properties.MetricName), ...shown]);
  expect(names.size).toBeGreaterThanOrEqual(4);
  expect([...names].filter((name) => !measured.some((source) => source.includes(`'${name}'`)))).toEqual([]);
});

/** What functions of the hub measure with: their own files, and what several of them share. */
function sources(): string[] {
  const textsIn = (folder: string): string[] =>
    readdirSync(`${ROOT}${folder}`).map((file) => readFileSync(`${ROOT}${folder}/${file}`, 'utf8'));
  const own = hubFunctionNames(ROOT).flatMap((name) => textsIn(`functions/${name}`));
  // A file that only functions of other stacks import measures nothing in the hub.
  const texts = [...own, ...textsIn('shared/lambda')];
  const ofHub = readdirSync(`${ROOT}shared/lambda`).filter((file) => texts.some((text) => text.includes(`/${file}'`)));
  const shared = [...ofHub.map((file) => `shared/lambda/${file}`), 'shared/domain/outbox/metrics.ts'];
  return [...own, ...shared.map((file) => readFileSync(`${ROOT}${file}`, 'utf8'))];
}

test('there are 30 metrics at most, over all functions of the hub', () => {
  const names = new Set(
    sources().flatMap((text) => [...text.matchAll(/(?:addMetric\(|metric: )'(\w+)'/g)].map(([, name]) => name)),
  );
  expect(names.size).toBeGreaterThan(8);
  // Images by outcome and open images by tier and outcome are measured by a name of their own kind: see report/measure.ts.
  expect(names.size + 18).toBeLessThanOrEqual(30);
});

test('the dashboard shows the errors of each function', () => {
  const [dashboard] = ofType(hub, 'AWS::CloudWatch::Dashboard');
  const body = textOf(objectOf(dashboard?.properties.DashboardBody)['Fn::Sub']);
  const shown = [...body.matchAll(/"AWS\/Lambda", "Errors", "FunctionName", "\$\{(\w+)\}"/g)].map(([, name]) => name);
  const functions = ofType(hub, 'AWS::Serverless::Function').map(({ id }) => id);
  expect([...shown].sort()).toEqual([...functions].sort());
});

test('the dashboard is JSON and shows no resource that is not in the template', () => {
  const [dashboard] = ofType(hub, 'AWS::CloudWatch::Dashboard');
  const body = textOf(objectOf(dashboard?.properties.DashboardBody)['Fn::Sub']);
  const named = [...body.matchAll(/\$\{([\w:]+)(?:\.\w+)?\}/g)].map(([, name]) => name);
  const known = [...hub.resources.map(({ id }) => id), 'AWS::Region', 'AWS::StackName'];
  expect(named.filter((name) => !known.includes(name ?? ''))).toEqual([]);
  const dashboardJson = JSON.parse(body.replaceAll(/\$\{[^}]+\}/g, 'x'));
  expect(isObject(dashboardJson) && listOf(dashboardJson.widgets).length).toBeGreaterThanOrEqual(4);
});
