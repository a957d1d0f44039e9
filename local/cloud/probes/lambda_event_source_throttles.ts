import assert from 'node:assert/strict';
import {
  CreateEventSourceMappingCommand,
  DeleteFunctionConcurrencyCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda';
import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeQueue } from '../probe-events.ts';
import { measured } from '../probe-metrics.ts';
import { makeFunction } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const sqs = new SQSClient(cloud.config);
  const queue = await makeQueue(cloud, []);
  const FunctionName = await makeFunction(cloud, 'export const handler = async () => {};');
  await lambda.send(new PutFunctionConcurrencyCommand({ FunctionName, ReservedConcurrentExecutions: 0 }));
  await lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn: queue.arn }));
  await sqs.send(new SendMessageCommand({ QueueUrl: queue.url, MessageBody: 'one' }));
  const dimensions = { FunctionName: FunctionName.split(':').at(-1) ?? '' };
  const hidden = async () => {
    const { Attributes } = await sqs.send(
      new GetQueueAttributesCommand({ QueueUrl: queue.url, AttributeNames: ['All'] }),
    );
    return Attributes?.ApproximateNumberOfMessagesNotVisible;
  };
  await eventually(async () => {
    const throttles = await measured(cloud, { namespace: 'AWS/Lambda', name: 'Throttles', dimensions }, 'Sum');
    return (throttles ?? 0) > 0 ? true : undefined;
  }, 'the throttle');
  assert.equal(await hidden(), '1');
  await lambda.send(new DeleteFunctionConcurrencyCommand({ FunctionName }));
  await cloud.admin.setClockForward(60);
  await eventually(async () => ((await hidden()) === '0' ? true : undefined), 'the work', 10_000);
}
