import assert from 'node:assert/strict';
import { CloudWatchLogsClient, FilterLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction } from '../probe-workflows.ts';

// More than a pipe holds, so the reader is still busy when the handler returns.
const SOURCE = `
console.log('loaded');
export const handler = async ({ call }) => {
  for (let line = 0; line < 2000; line += 1) console.log('call ' + call + ' line ' + line + ' ' + 'x'.repeat(200));
};`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const FunctionName = await makeFunction(cloud, SOURCE);
  for (const call of [1, 2]) {
    await lambda.send(new InvokeCommand({ FunctionName, Payload: Buffer.from(JSON.stringify({ call })) }));
  }
  const logs = new CloudWatchLogsClient(cloud.config);
  const logGroupName = `/aws/lambda/${FunctionName.split(':').at(-1)}`;
  const messages: string[] = [];
  let nextToken: string | undefined;
  do {
    const page = await logs.send(new FilterLogEventsCommand({ logGroupName, nextToken }));
    messages.push(...(page.events ?? []).map((event) => event.message ?? ''));
    nextToken = page.nextToken;
  } while (nextToken);
  const lines = messages
    .join('\n')
    .split('\n')
    .filter((line) => line.startsWith('call '));
  assert.equal(lines.length, 4000);
  assert.ok(messages.some((message) => message.includes('loaded')));
  assert.ok(!messages.some((message) => message.includes('patchwave') || message.includes('DEP0')));
}
