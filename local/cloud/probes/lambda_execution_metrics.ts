import assert from 'node:assert/strict';
import { CreateEventSourceMappingCommand, InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeQueue } from '../probe-events.ts';
import { measured } from '../probe-metrics.ts';
import { makeFunction } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const queue = await makeQueue(cloud, []);
  const FunctionName = await makeFunction(cloud, 'export const handler = async () => { throw new Error("no"); };');
  const dimensions = { FunctionName: FunctionName.split(':').at(-1) ?? '' };
  const sumOf = (name: string) => measured(cloud, { namespace: 'AWS/Lambda', name, dimensions }, 'Sum');
  await lambda.send(new InvokeCommand({ FunctionName }));
  assert.deepEqual([await sumOf('Invocations'), await sumOf('Errors')], [1, 1]);
  await lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn: queue.arn }));
  await new SQSClient(cloud.config).send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: 'one' }));
  await eventually(async () => ((await sumOf('Errors')) === 2 ? true : undefined), 'the error of the queue');
}
