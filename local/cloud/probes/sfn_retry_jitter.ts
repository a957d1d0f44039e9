import assert from 'node:assert/strict';
import { GetExecutionHistoryCommand, SFNClient } from '@aws-sdk/client-sfn';
import type { ProbeCloud } from '../probe.ts';
import { invoking, makeFunction, run } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const functionArn = await makeFunction(cloud, 'export const handler = async () => { throw new Error("no"); };');
  const retry = { ErrorEquals: ['States.ALL'], IntervalSeconds: 1, BackoffRate: 3, MaxAttempts: 2 };
  const definition = invoking(functionArn, { Retry: [{ ...retry, MaxDelaySeconds: 1, JitterStrategy: 'FULL' }] });
  const { executionArn, status } = await run(cloud, definition);
  assert.equal(status, 'FAILED');
  const { events = [] } = await new SFNClient(cloud.config).send(new GetExecutionHistoryCommand({ executionArn }));
  const times = events.filter((event) => event.type === 'TaskScheduled').map((event) => Number(event.timestamp));
  assert.equal(times.length, 3);
  // Delays of 1 and 3 s without a bound; of at most 1 s each, drawn at random, with it.
  assert.ok((times.at(-1) ?? 0) - (times[0] ?? 0) < 3000);
}
