import assert from 'node:assert/strict';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { GetFunctionConfigurationCommand, LambdaClient } from '@aws-sdk/client-lambda';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const cloudFormation = new CloudFormationClient(cloud.config);
  const StackName = cloud.unique('stack');
  const FunctionName = cloud.unique('function');
  const VpcConfig = { SubnetIds: ['subnet-0a1b2c3d'], SecurityGroupIds: ['sg-0a1b2c3d'] };
  const Properties = {
    ...{ FunctionName, Runtime: 'nodejs24.x', Handler: 'index.handler', VpcConfig },
    Role: await makeRole(cloud, 'lambda.amazonaws.com'),
    Code: { ZipFile: 'export const handler = async () => {};' },
  };
  const TemplateBody = JSON.stringify({ Resources: { Function: { Type: 'AWS::Lambda::Function', Properties } } });
  await cloudFormation.send(new CreateStackCommand({ StackName, TemplateBody }));
  const status = await eventually(async () => {
    const { Stacks } = await cloudFormation.send(new DescribeStacksCommand({ StackName }));
    const found = Stacks?.[0]?.StackStatus ?? '';
    return found.endsWith('_IN_PROGRESS') ? undefined : found;
  }, 'the end of the creation');
  assert.equal(status, 'CREATE_COMPLETE');
  const lambda = new LambdaClient(cloud.config);
  const configuration = await lambda.send(new GetFunctionConfigurationCommand({ FunctionName }));
  assert.deepEqual(configuration.VpcConfig?.SubnetIds, VpcConfig.SubnetIds);
  assert.deepEqual(configuration.VpcConfig?.SecurityGroupIds, VpcConfig.SecurityGroupIds);
}
