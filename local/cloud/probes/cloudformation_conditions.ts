import assert from 'node:assert/strict';
import {
  CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  waitUntilStackCreateComplete,
} from '@aws-sdk/client-cloudformation';
import type { ProbeCloud } from '../probe.ts';

const TEMPLATE = {
  Conditions: {
    IsHere: { 'Fn::Equals': [{ Ref: 'AWS::Region' }, 'eu-west-1'] },
    IsElsewhere: { 'Fn::Not': [{ Condition: 'IsHere' }] },
  },
  Resources: {
    Here: { Type: 'AWS::SQS::Queue', Condition: 'IsHere' },
    Elsewhere: { Type: 'AWS::SQS::Queue', Condition: 'IsElsewhere' },
  },
  Outputs: {
    Which: { Value: { 'Fn::If': ['IsHere', 'here', 'elsewhere'] } },
  },
};

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const which = async (region: string) => {
    const client = new CloudFormationClient({ ...cloud.config, region });
    const StackName = cloud.unique('stack');
    await client.send(new CreateStackCommand({ StackName, TemplateBody: JSON.stringify(TEMPLATE) }));
    await waitUntilStackCreateComplete({ client, maxWaitTime: 20, minDelay: 1 }, { StackName });
    const { Stacks = [] } = await client.send(new DescribeStacksCommand({ StackName }));
    return Stacks[0]?.Outputs?.[0]?.OutputValue;
  };
  assert.equal(await which('eu-west-1'), 'here');
  assert.equal(await which('us-east-1'), 'elsewhere');
}
