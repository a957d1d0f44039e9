import assert from 'node:assert/strict';
import { CloudWatchClient, GetMetricStatisticsCommand } from '@aws-sdk/client-cloudwatch';
import type { ProbeCloud } from '../probe.ts';
import { invoking, makeFunction, run } from '../probe-workflows.ts';

const SOURCE = `
const line = (dimensions, names) => JSON.stringify({
  _aws: { Timestamp: Date.now(), CloudWatchMetrics: [{ Namespace: 'Probe', Dimensions: [dimensions], Metrics: names.map((Name) => ({ Name, Unit: 'Count' })) }] },
  tier: 'base', ...Object.fromEntries(names.map((name) => [name, 3])), Values: [1, 2],
});
export const handler = async () => {
  console.log(line(['tier'], ['Violating', 'Values']));
  console.log(line([], Array.from({ length: 101 }, (_, i) => 'TooMany' + i)));
};`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await run(cloud, invoking(await makeFunction(cloud, SOURCE)));
  const sumOf = async (MetricName: string, dimensions: Record<string, string>) => {
    const now = Date.now();
    const { Datapoints = [] } = await new CloudWatchClient(cloud.config).send(
      new GetMetricStatisticsCommand({
        Namespace: 'Probe',
        MetricName,
        Dimensions: Object.entries(dimensions).map(([Name, Value]) => ({ Name, Value })),
        StartTime: new Date(now - 600_000),
        // Another probe of the same cloud may have set its clock forward.
        EndTime: new Date(now + 86_400_000),
        Period: 3600,
        Statistics: ['Sum'],
      }),
    );
    return Datapoints.reduce((sum, point) => sum + (point.Sum ?? 0), 0);
  };
  assert.equal(await sumOf('Violating', { tier: 'base' }), 3);
  assert.equal(await sumOf('Values', { tier: 'base' }), 3);
  assert.equal(await sumOf('TooMany0', {}), 0);
}
