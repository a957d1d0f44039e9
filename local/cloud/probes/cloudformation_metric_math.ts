import assert from 'node:assert/strict';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { CloudWatchClient, DescribeAlarmsCommand, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import { eventually, type ProbeCloud } from '../probe.ts';
import { stateReached } from '../probe-metrics.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const namespace = cloud.unique('Probe');
  const expression = '(FILL(plan, 0) > 600) + (FILL(heads, 0) > 2400)';
  const AlarmName = cloud.unique('alarm');
  assert.equal(await made(cloud, namespace, AlarmName, expression), 'CREATE_COMPLETE');
  const cloudwatch = new CloudWatchClient(cloud.config);
  const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [AlarmName] }));
  assert.equal(MetricAlarms?.[0]?.Metrics?.[0]?.Expression, expression);
  assert.equal(MetricAlarms?.[0]?.MetricName, undefined);
  await stateReached(cloud, AlarmName, 'OK');
  const put = (MetricName: string, Value: number) =>
    cloudwatch.send(new PutMetricDataCommand({ Namespace: namespace, MetricData: [{ MetricName, Value }] }));
  await put('plan', 700);
  await stateReached(cloud, AlarmName, 'ALARM');
  assert.notEqual(
    await made(cloud, namespace, cloud.unique('alarm'), 'ANOMALY_DETECTION_BAND(plan)'),
    'CREATE_COMPLETE',
  );
}

/** The status of a stack that has one alarm on the expression, once it has ended. */
async function made(
  cloud: ProbeCloud,
  Namespace: string,
  AlarmName: string,
  Expression: string,
): Promise<string | undefined> {
  const metric = (Id: string) => ({
    Id,
    ReturnData: false,
    MetricStat: { Metric: { Namespace, MetricName: Id }, Period: 60, Stat: 'Maximum' },
  });
  const Alarm = {
    Type: 'AWS::CloudWatch::Alarm',
    Properties: {
      AlarmName,
      Metrics: [{ Id: 'stalled', Expression, ReturnData: true }, metric('plan'), metric('heads')],
      EvaluationPeriods: 1,
      ComparisonOperator: 'GreaterThanThreshold',
      Threshold: 0,
      TreatMissingData: 'notBreaching',
    },
  };
  const cloudformation = new CloudFormationClient(cloud.config);
  const StackName = cloud.unique('stack');
  await cloudformation.send(
    new CreateStackCommand({ StackName, TemplateBody: JSON.stringify({ Resources: { Alarm } }) }),
  );
  return eventually(async () => {
    const { Stacks } = await cloudformation.send(new DescribeStacksCommand({ StackName }));
    const status = Stacks?.[0]?.StackStatus;
    return status?.endsWith('IN_PROGRESS') ? undefined : status;
  }, 'the end of the creation');
}
