import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { invoking, makeFunction, run } from '../probe-workflows.ts';

const NAMES = ['AWS_EXECUTION_ENV', 'AWS_LAMBDA_INITIALIZATION_TYPE', '_HANDLER', 'AWS_DEFAULT_REGION', 'OWN'];

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const source = `export const handler = async () => [
    ...${JSON.stringify(NAMES)}.map((name) => process.env[name]),
    process.env.AWS_LAMBDA_LOG_GROUP_NAME === '/aws/lambda/' + process.env.AWS_LAMBDA_FUNCTION_NAME,
  ];`;
  const functionArn = await makeFunction(cloud, source, { Environment: { Variables: { OWN: 'set' } } });
  const { output } = await run(cloud, invoking(functionArn));
  assert.deepEqual(output, ['AWS_Lambda_nodejs24.x', 'on-demand', 'index.handler', cloud.config.region, 'set', true]);
}
