import assert from 'node:assert/strict';
import { CloudFormationClient, CreateStackCommand } from '@aws-sdk/client-cloudformation';
import {
  CreateEventSourceMappingCommand,
  GetFunctionRecursionConfigCommand,
  LambdaClient,
  PutFunctionRecursionConfigCommand,
} from '@aws-sdk/client-lambda';
import {
  GetQueueAttributesCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeQueue, received } from '../probe-events.ts';
import { makeOpenRole } from '../probe-kubernetes.ts';
import { measured } from '../probe-metrics.ts';
import { bundled, makeFunction } from '../probe-workflows.ts';

const LOOP = `
import { SQSClient, SendMessageBatchCommand } from '@aws-sdk/client-sqs';
const sqs = new SQSClient({});
export const handler = async ({ Records }) => {
  const [{ body }] = Records;
  const rounds = Number(body) + 1;
  const QueueUrl = rounds < 20 ? process.env.OWN_URL : process.env.END_URL;
  await sqs.send(new SendMessageBatchCommand({ QueueUrl, Entries: [{ Id: '0', MessageBody: String(rounds) }] }));
};`;

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const lambda = new LambdaClient(cloud.config);
  const sqs = new SQSClient(cloud.config);
  const [own, dead, end] = [await makeQueue(cloud, []), await makeQueue(cloud, []), await makeQueue(cloud, [])];
  const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: dead.arn, maxReceiveCount: 1 });
  await sqs.send(
    new SetQueueAttributesCommand({ QueueUrl: own.url, Attributes: { RedrivePolicy, VisibilityTimeout: '10' } }),
  );
  const FunctionName = await makeFunction(cloud, await bundled(LOOP), {
    Environment: { Variables: { OWN_URL: own.url, END_URL: end.url } },
  });
  await lambda.send(new CreateEventSourceMappingCommand({ FunctionName, EventSourceArn: own.arn }));

  const begin = () => sqs.send(new SendMessageCommand({ QueueUrl: own.url, MessageBody: '0' }));
  await begin();
  const dimensions = { FunctionName: FunctionName.split(':').at(-1) ?? '' };
  const metric = { namespace: 'AWS/Lambda', name: 'RecursiveInvocationsDropped', dimensions };
  await eventually(
    async () => (((await measured(cloud, metric, 'Sum')) ?? 0) > 0 ? true : undefined),
    'the refused invocation',
    10_000,
  );
  await cloud.admin.setClockForward(60);
  assert.equal((await received(cloud, dead, cloud.config, 10_000)).Body, '16');
  const { Attributes } = await sqs.send(
    new GetQueueAttributesCommand({ QueueUrl: end.url, AttributeNames: ['ApproximateNumberOfMessages'] }),
  );
  assert.equal(Attributes?.ApproximateNumberOfMessages, '0');

  await lambda.send(new PutFunctionRecursionConfigCommand({ FunctionName, RecursiveLoop: 'Allow' }));
  await begin();
  assert.equal((await received(cloud, end, cloud.config, 10_000)).Body, '20');

  const cloudFormation = new CloudFormationClient(cloud.config);
  const Properties = {
    ...{
      FunctionName: cloud.unique('function'),
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      RecursiveLoop: 'Allow',
    },
    Role: await makeOpenRole(cloud.config, 'InLoop'),
    Code: { ZipFile: 'export const handler = async () => {};' },
  };
  const TemplateBody = JSON.stringify({ Resources: { Function: { Type: 'AWS::Lambda::Function', Properties } } });
  await cloudFormation.send(new CreateStackCommand({ StackName: cloud.unique('stack'), TemplateBody }));
  const ofTemplate = await eventually(
    () =>
      lambda
        .send(new GetFunctionRecursionConfigCommand({ FunctionName: Properties.FunctionName }))
        .catch(() => undefined),
    'the function of the template',
  );
  assert.equal(ofTemplate.RecursiveLoop, 'Allow');
}
