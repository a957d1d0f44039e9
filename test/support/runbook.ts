/** What docs/operations.md gives a person to run or to copy. */

import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Installation } from '../../local/installation.ts';
import { inVenv } from '../../scripts/setup.mjs';
import { environmentOf } from './bad-input.ts';
import { hubOf } from './readings.ts';

const OPERATIONS = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');

/** The policy of "A key of your own", for the Region of the tests. */
export function documentedKeyPolicy(region: string): string {
  const [, policy] = /```json\n([\s\S]*?)```/.exec(OPERATIONS) ?? [];
  if (policy === undefined) throw new Error('docs/operations.md has no policy of a key');
  return policy.replaceAll('eu-west-1', region);
}

/**
 * Runs a command for dead-letter queues, as it is written there for scan events, with the AWS CLI.
 * @param command what it begins with, after `aws sqs`
 * @returns what it prints
 */
export async function runDocumented(installation: Installation, command: string): Promise<string> {
  const [, block = ''] = /```sh\n(queue\(\)[\s\S]*?)```/.exec(OPERATIONS) ?? [];
  const [functions = '', commands = ''] = block.split(/^(?=aws sqs receive-message)/m);
  const line = commands.split('\n').find((one) => one.startsWith(`aws sqs ${command}`));
  if (line === undefined) throw new Error(`docs/operations.md has no command aws sqs ${command}`);
  const environment = {
    ...environmentOf(installation),
    AWS_DEFAULT_REGION: hubOf(installation).region,
    AWS_EC2_METADATA_DISABLED: 'true',
    PATH: `${dirname(inVenv('cloud', 'aws'))}:${process.env.PATH}`,
  };
  // For SQS in us-east-1 the AWS CLI does not take its endpoint from the environment.
  const here = 'aws() { command aws --endpoint-url "$AWS_ENDPOINT_URL" "$@"; }';
  const { stdout } = await promisify(execFile)('sh', ['-ec', `${here}\n${functions}\n${line}`], { env: environment });
  return stdout;
}
