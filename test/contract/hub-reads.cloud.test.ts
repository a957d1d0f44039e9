import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { SetAlarmStateCommand } from '@aws-sdk/client-cloudwatch';
import { CreateTableCommand, UpdateContinuousBackupsCommand } from '@aws-sdk/client-dynamodb';
import { GetQueueUrlCommand, SendMessageCommand } from '@aws-sdk/client-sqs';
import { beforeAll } from '@jest/globals';
import { AwsHub } from '../../cli/doctor/aws-hub.ts';
import { hubClients } from '../../cli/doctor/connect.ts';
import { createStack } from '../../local/stack.ts';
import { queueClient } from '../../shared/adapters/clients.ts';
import { useCloud } from '../support/cloud.ts';
import { hubReadsContract, STACK } from './hub-reads.contract.ts';

const alarm = (AlarmName: string, changes: Readonly<Record<string, unknown>> = {}) => ({
  Type: 'AWS::CloudWatch::Alarm',
  Properties: {
    ...{ AlarmName, Namespace: 'Contract', MetricName: 'Any', Statistic: 'Sum', Period: 60, EvaluationPeriods: 1 },
    ...{ TreatMissingData: 'ignore', ComparisonOperator: 'GreaterThanThreshold', Threshold: 0 },
    AlarmActions: [STACK.topic],
    ...changes,
  },
});
const queue = (QueueName: string) => ({ Type: 'AWS::SQS::Queue', Properties: { QueueName } });

const rule = (changes: Readonly<Record<string, unknown>>) => ({
  Type: 'AWS::Events::Rule',
  Properties: { EventPattern: { source: ['contract'] }, ...changes },
});

const TEMPLATE = {
  Parameters: { DailyScanQuota: { Type: 'String' } },
  Resources: {
    [STACK.empty]: queue('contract-empty'),
    [STACK.full]: queue('contract-full'),
    Topic: {
      Type: 'AWS::SNS::Topic',
      Properties: {
        TopicName: 'topic',
        Subscription: [
          { Protocol: 'email', Endpoint: 'sre@example.com' },
          // Nothing answers there, so it is not confirmed.
          { Protocol: 'https', Endpoint: 'https://127.0.0.1:9/none' },
        ],
      },
    },
    Loud: alarm(STACK.loud),
    Silent: alarm(STACK.silent, { AlarmActions: [] }),
    Off: alarm(STACK.off, { ActionsEnabled: false }),
    Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'contract' } },
    [STACK.rule]: rule({ EventBusName: { Ref: 'Bus' } }),
    [STACK.disabledRule]: rule({ State: 'DISABLED' }),
  },
  Outputs: { LedgerTable: { Value: STACK.outputs.LedgerTable } },
};

const cloud = useCloud();
let reads: { readonly hub: AwsHub; readonly none: AwsHub };
beforeAll(async () => {
  const config = cloud().clients(STACK.account, STACK.region);
  const cloudFormation = new CloudFormationClient(config);
  const { name, parameters } = STACK;
  await createStack(cloudFormation, { name, template: { body: JSON.stringify(TEMPLATE) }, parameters });
  const sqs = queueClient(config);
  const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'contract-full' }));
  for (const MessageBody of ['one', 'two']) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }));
  const clients = hubClients(config);
  await clients.cloudWatch.send(
    new SetAlarmStateCommand({ AlarmName: STACK.loud, StateValue: 'ALARM', StateReason: 'a test' }),
  );
  reads = {
    hub: new AwsHub(name, clients, Date.now),
    none: new AwsHub('another-stack', clients, Date.now),
  };
});

hubReadsContract(() => reads);

test('the table of the ledger: gone, without point-in-time recovery, and with it', async () => {
  const { dynamo } = hubClients(cloud().clients(STACK.account, STACK.region));
  const TableName = 'contract-table';
  expect(await reads.hub.table(TableName)).toEqual({ name: TableName, isRestorable: false });
  await dynamo.send(
    new CreateTableCommand({
      ...{ TableName, BillingMode: 'PAY_PER_REQUEST', KeySchema: [{ AttributeName: 'PK', KeyType: 'HASH' }] },
      AttributeDefinitions: [{ AttributeName: 'PK', AttributeType: 'S' }],
    }),
  );
  const there = { name: TableName, status: 'ACTIVE' };
  expect(await reads.hub.table(TableName)).toEqual({ ...there, isRestorable: false });
  const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: true };
  await dynamo.send(new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification }));
  expect(await reads.hub.table(TableName)).toEqual({ ...there, isRestorable: true });
});
