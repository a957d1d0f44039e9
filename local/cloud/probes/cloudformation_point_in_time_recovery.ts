import assert from 'node:assert/strict';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  UpdateStackCommand,
} from '@aws-sdk/client-cloudformation';
import { DescribeContinuousBackupsCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { eventually, type ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const cloudFormation = new CloudFormationClient(cloud.config);
  const dynamo = new DynamoDBClient(cloud.config);
  const StackName = cloud.unique('stack');
  const TableName = cloud.unique('table');
  const template = (PointInTimeRecoverySpecification?: object): string => {
    const Properties = {
      ...{ TableName, BillingMode: 'PAY_PER_REQUEST', PointInTimeRecoverySpecification },
      AttributeDefinitions: [{ AttributeName: 'PK', AttributeType: 'S' }],
      KeySchema: [{ AttributeName: 'PK', KeyType: 'HASH' }],
    };
    return JSON.stringify({ Resources: { Table: { Type: 'AWS::DynamoDB::Table', Properties } } });
  };
  const ended = (wanted: string): Promise<boolean> =>
    eventually(async () => {
      const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
      return Stacks?.[0]?.StackStatus === wanted || undefined;
    }, `the status ${wanted}`);
  const recovery = async (): Promise<string | undefined> => {
    const { ContinuousBackupsDescription } = await dynamo.send(new DescribeContinuousBackupsCommand({ TableName }));
    return ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus;
  };
  const TemplateBody = template({ PointInTimeRecoveryEnabled: true });
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody }));
  await ended('CREATE_COMPLETE');
  assert.equal(await recovery(), 'ENABLED');
  await cloudFormation.send(new UpdateStackCommand({ StackName, TemplateBody: template() }));
  await ended('UPDATE_COMPLETE');
  assert.equal(await recovery(), 'DISABLED');
}
