import assert from 'node:assert/strict';
import { CloudFormationClient } from '@aws-sdk/client-cloudformation';
import { LambdaClient, UpdateFunctionConfigurationCommand } from '@aws-sdk/client-lambda';
import { createStack } from '../../stack.ts';
import type { ProbeCloud } from '../probe.ts';
import { makeFunction, makeRole } from '../probe-workflows.ts';

const SOURCE = 'export const handler = async () => {};';
const traced = { TracingConfig: { Mode: 'Active' as const } };
const refused = { name: 'InvalidParameterValueException', message: /PutTraceSegments on XRAY/ };

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const roleThatMay = (Action: string) => makeRole(cloud, 'lambda.amazonaws.com', [{ Action, Resource: '*' }]);
  const silent = await roleThatMay('logs:CreateLogStream');

  await makeFunction(cloud, SOURCE, { Role: await roleThatMay('xray:PutTraceSegments'), ...traced });
  await assert.rejects(makeFunction(cloud, SOURCE, { Role: silent, ...traced }), refused);

  const FunctionName = await makeFunction(cloud, SOURCE, { Role: silent });
  const lambda = new LambdaClient(cloud.config);
  const change = new UpdateFunctionConfigurationCommand({ FunctionName: FunctionName.split(':').at(-1), ...traced });
  await assert.rejects(lambda.send(change), refused);

  const VpcConfig = { SubnetIds: ['subnet-0a1b2c3d4e5f60718'], SecurityGroupIds: ['sg-0a1b2c3d4e5f60718'] };
  await assert.rejects(makeFunction(cloud, SOURCE, { Role: silent, VpcConfig }), /CreateNetworkInterface on EC2/);

  const functionOfTemplate = {
    Type: 'AWS::Lambda::Function',
    Properties: {
      Role: silent,
      Runtime: 'nodejs24.x',
      Handler: 'index.handler',
      Code: { ZipFile: 'exports.handler = async () => {};' },
      ...traced,
    },
  };
  const stack = createStack(new CloudFormationClient(cloud.config), {
    name: cloud.unique('traced'),
    template: { body: JSON.stringify({ Resources: { Function: functionOfTemplate } }) },
    parameters: {},
  });
  await assert.rejects(stack, refused.message);
}
