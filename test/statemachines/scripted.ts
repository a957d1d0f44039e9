/**
 * A state machine in the embedded cloud whose functions are played by the test: each call comes here with its input,
 * and what the script says is its answer.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CreateBucketCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import {
  paginateGetExecutionHistory,
  SendTaskSuccessCommand,
  SFNClient,
  StartExecutionCommand,
} from '@aws-sdk/client-sfn';
import { probeCloud } from '../../local/cloud/probe.ts';
import { type EndedExecution, endOf, makeFunction, makeMachine } from '../../local/cloud/probe-workflows.ts';
import type { Cloud } from '../../local/cloud.ts';
import { definitionText } from './machine.ts';

export interface Call {
  /** As the definition names it: `RebuildDispatch`. */
  readonly of: string;
  readonly input: Readonly<Record<string, unknown>>;
}

/** Thrown by a script: the function fails with this name. */
export class ScriptedError extends Error {
  constructor(name: string, message: string) {
    super(message);
    this.name = name;
  }
}

export type Script = (call: Call, stage: Stage) => unknown;

export interface Stage {
  readonly calls: readonly Call[];
  /** Writes a document to the machine's bucket. */
  put(key: string, document: unknown): Promise<void>;
  /** Answers a waiting step. */
  succeed(taskToken: unknown, output: object): Promise<void>;
  /** The events of an execution, each as text. */
  history(executionArn: string): Promise<readonly string[]>;
  /** Runs the machine once. */
  run(name: string, input: object): Promise<EndedExecution & { readonly calls: readonly Call[] }>;
}

/** Passes its input to the test and returns or throws what the test sets. */
const forwarding = (port: number, name: string): string => `
export const handler = async (event) => {
  const reply = await fetch('http://127.0.0.1:${port}/${name}', { method: 'POST', body: JSON.stringify(event) });
  const { answer, error } = await reply.json();
  if (error) throw Object.assign(new Error(error.message), { name: error.name });
  return answer;
};`;

/** @param script  what the functions of this machine answer; replaced by each test. */
export async function stageOf(cloud: Cloud, machine: string, script: () => Script): Promise<Stage & AsyncDisposable> {
  const probe = probeCloud(cloud);
  const s3 = new S3Client({ ...probe.config, forcePathStyle: true });
  const sfn = new SFNClient(probe.config);
  const RunBucket = probe.unique('runs');
  await s3.send(new CreateBucketCommand({ Bucket: RunBucket }));
  let calls: Call[] = [];
  const server = await listen(async (of, input) => {
    const call = { of, input };
    calls.push(call);
    return script()(call, stage);
  });
  const { port } = server.address() as AddressInfo;
  const text = definitionText(machine);
  const values: Record<string, string> = { Partition: 'aws', RunBucket };
  for (const [, name = ''] of text.matchAll(/\$\{(\w+)FunctionArn\}/g))
    values[`${name}FunctionArn`] ??= await makeFunction(probe, forwarding(port, name));
  const definition = JSON.parse(text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? ''));
  const stateMachineArn = await makeMachine(probe, definition);
  const stage: Stage = {
    get calls() {
      return calls;
    },
    put: async (key, document) => {
      await s3.send(new PutObjectCommand({ Bucket: RunBucket, Key: key, Body: JSON.stringify(document) }));
    },
    succeed: async (taskToken, output) => {
      await sfn.send(new SendTaskSuccessCommand({ taskToken: String(taskToken), output: JSON.stringify(output) }));
    },
    history: async (executionArn) => {
      const events: string[] = [];
      for await (const page of paginateGetExecutionHistory({ client: sfn }, { executionArn }))
        events.push(...(page.events ?? []).map((event) => JSON.stringify(event)));
      return events;
    },
    run: async (name, input) => {
      calls = [];
      const started = new StartExecutionCommand({ stateMachineArn, name, input: JSON.stringify(input) });
      const { executionArn = '' } = await sfn.send(started);
      return { ...(await endOf(probe, executionArn)), calls };
    },
  };
  return { ...stage, [Symbol.asyncDispose]: () => closed(server) };
}

async function listen(answer: (name: string, input: Call['input']) => Promise<unknown>): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', async () => {
      const input = JSON.parse(Buffer.concat(chunks).toString());
      const reply = await answer((request.url ?? '').slice(1), input).then(
        (value) => ({ answer: value ?? null }),
        (error: Error) => ({ error: { name: error.name, message: error.message } }),
      );
      response.end(JSON.stringify(reply));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const closed = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.closeAllConnections();
    server.close(() => resolve());
  });
