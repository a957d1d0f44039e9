import { readdirSync, readFileSync } from 'node:fs';
import { functionNames } from '../../scripts/bundle.ts';
import { hub, isObject, listOf, objectOf, ofType, ROOT, refersTo, textOf } from './template.ts';

const alarms = ofType(hub, 'AWS::CloudWatch::Alarm');

test.each(alarms)('$id says what happened and what to do, and tells the topic', ({ properties }) => {
  expect(textOf(properties.AlarmDescription).split(/[.:] /).length).toBeGreaterThanOrEqual(2);
  expect(textOf(properties.AlarmDescription).length).toBeLessThanOrEqual(1024);
  expect(properties.AlarmActions).toEqual({
    'Fn::If': ['HasAlarmTopic', [{ Ref: 'AlarmTopicArn' }], { Ref: 'AWS::NoValue' }],
  });
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

test('what a person can act on has an alarm', () => {
  const metricOf = (name: string) => alarms.filter(({ properties }) => properties.MetricName === name);
  const machines = ofType(hub, 'AWS::Serverless::StateMachine').map(({ id }) => id);
  for (const name of ['ExecutionsFailed', 'ExecutionsTimedOut']) {
    const watched = metricOf(name).flatMap(({ properties }) => listOf(properties.Dimensions).map(objectOf));
    expect(watched.map(({ Value }) => refersTo(Value)).sort()).toEqual(machines.sort());
  }
  for (const name of ['ScopesFailed', 'AttemptsExhausted', 'RebuildsUnverified', 'ClosuresOverdue'])
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

/** What functions measure with: their own files, and what several of them share. */
function sources(): string[] {
  const folders = [...functionNames(ROOT).map((name) => `functions/${name}`), 'shared/lambda'];
  const files = folders.flatMap((folder) => readdirSync(`${ROOT}${folder}`).map((file) => `${folder}/${file}`));
  return [...files, 'shared/domain/measure.ts'].map((file) => readFileSync(`${ROOT}${file}`, 'utf8'));
}

test('there are 30 metrics at most, over all functions', () => {
  const names = new Set(
    sources().flatMap((text) => [...text.matchAll(/(?:addMetric\(|metric: )'(\w+)'/g)].map(([, name]) => name)),
  );
  expect(names.size).toBeGreaterThan(8);
  // Images by outcome and open images by tier and outcome are measured by a name of their own kind: see report/measure.ts.
  expect(names.size + 18).toBeLessThanOrEqual(30);
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
