/** Metrics and alarms as a probe reads them. */

import { CloudWatchClient, DescribeAlarmsCommand, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import { eventually, type ProbeCloud } from './probe.ts';

const DAY_MS = 86_400_000;

/** A statistic of a metric over all that was measured of it; undefined where nothing was. */
export async function measured(
  cloud: ProbeCloud,
  metric: { readonly namespace: string; readonly name: string; readonly dimensions: Readonly<Record<string, string>> },
  statistic: 'Sum' | 'Maximum',
): Promise<number | undefined> {
  const { Datapoints = [] } = await new CloudWatchClient(cloud.config).send(
    new GetMetricStatisticsCommand({
      Namespace: metric.namespace,
      MetricName: metric.name,
      Dimensions: Object.entries(metric.dimensions).map(([Name, Value]) => ({ Name, Value })),
      StartTime: new Date(Date.now() - DAY_MS),
      EndTime: new Date(Date.now() + DAY_MS),
      Period: 172_800,
      Statistics: [statistic],
    }),
  );
  const values = Datapoints.map((point) => point[statistic] ?? 0);
  if (values.length === 0) return undefined;
  return statistic === 'Sum' ? values.reduce((sum, value) => sum + value, 0) : Math.max(...values);
}

/** Waits until an alarm is in a state. */
export async function stateReached(cloud: ProbeCloud, alarm: string, state: 'ALARM' | 'OK'): Promise<void> {
  const cloudwatch = new CloudWatchClient(cloud.config);
  await eventually(async () => {
    const { MetricAlarms } = await cloudwatch.send(new DescribeAlarmsCommand({ AlarmNames: [alarm] }));
    return MetricAlarms?.[0]?.StateValue === state ? true : undefined;
  }, `the state ${state} of ${alarm}`);
}
