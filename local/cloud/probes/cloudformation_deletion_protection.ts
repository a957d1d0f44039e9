import assert from 'node:assert/strict';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { eventually, type ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const cloudFormation = new CloudFormationClient(cloud.config);
  const dynamo = new DynamoDBClient(cloud.config);

  /** The end of a creation whose last resource fails, and whether its table is still there. */
  const created = async (DeletionProtectionEnabled: boolean): Promise<[status: string, table: boolean]> => {
    const StackName = cloud.unique('stack');
    const TableName = cloud.unique('table');
    const Table = {
      Type: 'AWS::DynamoDB::Table',
      DeletionPolicy: 'RetainExceptOnCreate',
      Properties: {
        TableName,
        BillingMode: 'PAY_PER_REQUEST',
        DeletionProtectionEnabled,
        AttributeDefinitions: [{ AttributeName: 'PK', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'PK', KeyType: 'HASH' }],
      },
    };
    const Broken = {
      Type: 'AWS::CloudWatch::Alarm',
      DependsOn: 'Table',
      Properties: { Metrics: [{ Id: 'a', Expression: '1' }], EvaluationPeriods: 1, ComparisonOperator: 'x' },
    };
    const TemplateBody = JSON.stringify({ Resources: { Table, Broken } });
    await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody }));
    const status = await eventually(async () => {
      const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
      const found = Stacks?.[0]?.StackStatus ?? '';
      return found.endsWith('_IN_PROGRESS') ? undefined : found;
    }, 'the end of the creation');
    const table = await dynamo.send(new DescribeTableCommand({ TableName })).then(
      () => true,
      () => false,
    );
    return [status, table];
  };
  assert.deepEqual(await created(true), ['ROLLBACK_FAILED', true]);
  assert.deepEqual(await created(false), ['ROLLBACK_COMPLETE', false]);
}
