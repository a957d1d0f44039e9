/** Functions, roles and state machines as a probe makes them: small, and with names of their own. */

import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { crc32 } from 'node:zlib';
import { CreateRoleCommand, IAMClient, PutRolePolicyCommand } from '@aws-sdk/client-iam';
import { CreateFunctionCommand, type CreateFunctionCommandInput, LambdaClient } from '@aws-sdk/client-lambda';
import {
  CreateStateMachineCommand,
  DescribeExecutionCommand,
  type DescribeExecutionCommandOutput,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { build } from 'esbuild';
import type { ClientConfig } from '../cloud.ts';
import type { ProbeCloud } from './probe.ts';

export interface Statement {
  readonly Effect?: 'Allow' | 'Deny';
  readonly Action: string | readonly string[];
  readonly Resource: string | readonly string[];
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string | readonly string[]>>>>;
}

const EVERYTHING: readonly Statement[] = [{ Action: '*', Resource: '*' }];

const documentOf = (statements: readonly object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement: statements.map((each) => ({ Effect: 'Allow', ...each })) });

/** Makes a role that a service may take, or another principal; returns its ARN. */
export async function makeRole(
  cloud: ProbeCloud,
  trusted: string | object,
  statements: readonly Statement[] = EVERYTHING,
  config: ClientConfig = cloud.config,
): Promise<string> {
  const iam = new IAMClient(config);
  const RoleName = cloud.unique('role');
  const trust = typeof trusted === 'string' ? { Principal: { Service: trusted } } : trusted;
  const { Role } = await iam.send(
    new CreateRoleCommand({
      RoleName,
      AssumeRolePolicyDocument: documentOf([{ Action: 'sts:AssumeRole', ...trust }]),
    }),
  );
  assert.ok(Role?.Arn);
  if (statements.length > 0) {
    await iam.send(
      new PutRolePolicyCommand({ RoleName, PolicyName: 'allowed', PolicyDocument: documentOf(statements) }),
    );
  }
  return Role.Arn;
}

/** An uncompressed zip archive of one file. */
export function zipOf(name: string, text: string): Buffer {
  const content = Buffer.from(text);
  const file = Buffer.from(name);
  const common = Buffer.alloc(26);
  common.writeUInt16LE(20, 0);
  common.writeUInt32LE(crc32(content), 10);
  common.writeUInt32LE(content.length, 14);
  common.writeUInt32LE(content.length, 18);
  common.writeUInt16LE(file.length, 22);
  const local = Buffer.concat([Buffer.from('PK\x03\x04'), common, file, content]);
  const made = Buffer.alloc(2);
  made.writeUInt16LE(20);
  const central = Buffer.concat([Buffer.from('PK\x01\x02'), made, common, Buffer.alloc(14), file]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(central.length, 12);
  end.writeUInt32LE(local.length, 16);
  return Buffer.concat([local, central, end]);
}

/** Makes a Node.js function from the text of its module, which exports `handler`; returns its ARN. */
export async function makeFunction(
  cloud: ProbeCloud,
  source: string,
  settings: Partial<CreateFunctionCommandInput> = {},
  config: ClientConfig = cloud.config,
): Promise<string> {
  const Role = settings.Role ?? (await makeRole(cloud, 'lambda.amazonaws.com', EVERYTHING, config));
  const { FunctionArn } = await new LambdaClient(config).send(
    new CreateFunctionCommand({
      FunctionName: cloud.unique('function'),
      Runtime: 'nodejs24.x' as CreateFunctionCommandInput['Runtime'],
      Handler: 'index.handler',
      Timeout: 10,
      Code: { ZipFile: zipOf('index.mjs', source) },
      ...settings,
      Role,
    }),
  );
  assert.ok(FunctionArn);
  return FunctionArn;
}

/** Makes a state machine whose role allows the statements; returns its ARN. */
export async function makeMachine(
  cloud: ProbeCloud,
  definition: object,
  statements: readonly Statement[] = EVERYTHING,
): Promise<string> {
  const { stateMachineArn } = await new SFNClient(cloud.config).send(
    new CreateStateMachineCommand({
      name: cloud.unique('machine'),
      definition: JSON.stringify(definition),
      roleArn: await makeRole(cloud, 'states.amazonaws.com', statements),
    }),
  );
  assert.ok(stateMachineArn);
  return stateMachineArn;
}

export interface EndedExecution {
  readonly status: string | undefined;
  readonly output: unknown;
  readonly error: string | undefined;
  readonly cause: string | undefined;
  readonly executionArn: string;
}

/** Starts an execution and waits for its end. */
export async function execute(
  cloud: ProbeCloud,
  stateMachineArn: string,
  input: unknown = {},
): Promise<EndedExecution> {
  const sfn = new SFNClient(cloud.config);
  const { executionArn } = await sfn.send(new StartExecutionCommand({ stateMachineArn, input: JSON.stringify(input) }));
  assert.ok(executionArn);
  return await endOf(cloud, executionArn);
}

/** Waits for the end of an execution, for at most 15 s. */
export async function endOf(cloud: ProbeCloud, executionArn: string): Promise<EndedExecution> {
  const sfn = new SFNClient(cloud.config);
  for (let asked = 0; ; asked += 1) {
    const found: DescribeExecutionCommandOutput = await sfn.send(new DescribeExecutionCommand({ executionArn }));
    if (found.status !== 'RUNNING') {
      const output = found.output === undefined || found.output === null ? undefined : JSON.parse(found.output);
      return { status: found.status, output, error: found.error, cause: found.cause, executionArn };
    }
    if (asked > 500) throw new Error(`${executionArn} still runs after 15 s`);
    await sleep(30);
  }
}

/** Makes a machine from the definition and runs it once. */
export async function run(cloud: ProbeCloud, definition: object, input: unknown = {}): Promise<EndedExecution> {
  return await execute(cloud, await makeMachine(cloud, definition), input);
}

/** A JSONata machine of one task that invokes a function, with further fields of the task. */
export function invoking(functionArn: string, fields: object = {}): object {
  return {
    QueryLanguage: 'JSONata',
    StartAt: 'Invoke',
    States: {
      Invoke: {
        Type: 'Task',
        Resource: 'arn:aws:states:::lambda:invoke',
        Arguments: { FunctionName: functionArn, Payload: '{% $states.input %}' },
        Output: '{% $states.result.Payload %}',
        End: true,
        ...fields,
      },
    },
  };
}

/** The text of a module bundled with the SDK clients that it imports, as a function's code. */
export async function bundled(source: string): Promise<string> {
  const { outputFiles } = await build({
    stdin: { contents: source, loader: 'js', resolveDir: fileURLToPath(new URL('../..', import.meta.url)) },
    bundle: true,
    minify: true,
    keepNames: true,
    platform: 'node',
    format: 'esm',
    write: false,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  const [file] = outputFiles;
  assert.ok(file);
  return file.text;
}
