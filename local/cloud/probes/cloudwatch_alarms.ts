import { CloudWatchClient, PutMetricAlarmCommand, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch';
import type { ProbeCloud } from '../probe.ts';
import { stateReached } from '../probe-metrics.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const cloudwatch = new CloudWatchClient(cloud.config);
  const queue = cloud.unique('queue');
  const put = (name: string, Value: number) =>
    cloudwatch.send(
      new PutMetricDataCommand({
        Namespace: 'Probe',
        MetricData: [{ MetricName: 'Left', Dimensions: [{ Name: 'Queue', Value: name }], Value }],
      }),
    );
  const made = async (TreatMissingData: string, EvaluationPeriods = 1, DatapointsToAlarm = 1) => {
    const AlarmName = cloud.unique('alarm');
    await cloudwatch.send(
      new PutMetricAlarmCommand({
        AlarmName,
        Namespace: 'Probe',
        MetricName: 'Left',
        Dimensions: [{ Name: 'Queue', Value: queue }],
        Statistic: 'Maximum',
        Period: 60,
        EvaluationPeriods,
        DatapointsToAlarm,
        Threshold: 0,
        ComparisonOperator: 'GreaterThanThreshold',
        TreatMissingData,
      }),
    );
    return AlarmName;
  };
  const quiet = await made('notBreaching');
  const silent = await made('breaching');
  const lasting = await made('ignore');
  const often = await made('notBreaching', 5, 2);
  await put(cloud.unique('other'), 7);
  await stateReached(cloud, quiet, 'OK');
  await stateReached(cloud, silent, 'ALARM');
  await put(queue, 7);
  await stateReached(cloud, quiet, 'ALARM');
  await stateReached(cloud, lasting, 'ALARM');
  await stateReached(cloud, often, 'OK');
  await cloud.admin.setClockForward(60);
  await put(queue, 0);
  await put(queue, 7);
  await stateReached(cloud, often, 'ALARM');
  await cloud.admin.setClockForward(3600);
  await stateReached(cloud, quiet, 'OK');
  await stateReached(cloud, often, 'OK');
  await stateReached(cloud, lasting, 'ALARM');
  await put(queue, 0);
  await stateReached(cloud, lasting, 'OK');
}
