import { spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { jest } from '@jest/globals';
import { buildFunctions } from '../../../scripts/bundle.ts';
import { ROOT } from '../../../scripts/setup.mjs';

/*
 * A function is bundled as `npm run build` bundles all of them, and runs in a process as Lambda runs it: events arrive from
 * outside, so that no invocation descends from the one before. Its segments go to a UDP port, as they go to X-Ray's daemon.
 */

const HANDLER = `
import { GetQueueAttributesCommand } from '@aws-sdk/client-sqs';
import { queueClient } from '../../shared/adapters/clients.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import * as v from '../../shared/schema.ts';

export const handler = lambdaFunction({
  input: v.looseObject({ fails: v.boolean() }),
  compose: () => queueClient(),
  handle: async ({ fails }, queue) => {
    await queue.send(new GetQueueAttributesCommand({ QueueUrl: process.env.QUEUE_URL }));
    if (fails) throw new RangeError('no such stream');
    return { done: true };
  },
});
`;

const RUNTIME = `
import { createInterface } from 'node:readline';
const invocations = createInterface({ input: process.stdin });
let busy = import(process.argv[2]).then(({ handler }) => handler);
invocations.on('line', (line) => {
  const { event, trace } = JSON.parse(line);
  busy = busy.then(async (handler) => {
    process.env._X_AMZN_TRACE_ID = trace;
    await handler(event, { functionName: 'traced', awsRequestId: 'request' }).catch(() => undefined);
    return handler;
  });
});
invocations.on('close', () => busy.then(() => setTimeout(() => process.exit(0), 300)));
`;

interface Segment {
  readonly name: string;
  readonly trace_id: string;
  readonly annotations?: Readonly<Record<string, unknown>>;
  readonly fault?: boolean;
  readonly cause?: { readonly exceptions: readonly { readonly message: string }[] };
  readonly aws?: { readonly operation?: string };
  readonly subsegments?: readonly Segment[];
}

/** A bundle is made and run, beside other tests. */
const LIMIT_MS = 60_000;
jest.setTimeout(LIMIT_MS);

const TRACES = ['1-65000000-000000000000000000000001', '1-65000000-000000000000000000000002'];

let root: string;
let daemon: Socket;
let queue: Server;
let segments: Segment[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'patchwave-traced-'));
  await mkdir(join(root, 'functions', 'traced'), { recursive: true });
  await writeFile(join(root, 'functions', 'traced', 'handler.ts'), HANDLER);
  await writeFile(join(root, 'runtime.mjs'), RUNTIME);
  await Promise.all(['node_modules', 'shared'].map((name) => symlink(join(ROOT, name), join(root, name), 'junction')));
  await buildFunctions(root);
  daemon = createSocket('udp4', (message) => {
    segments.push(JSON.parse(message.toString().split('\n')[1] ?? '{}') as Segment);
  });
  await new Promise<void>((resolve) => daemon.bind(0, '127.0.0.1', resolve));
  queue = createServer((request, response) => {
    request.resume();
    response.setHeader('content-type', 'application/x-amz-json-1.0').end('{"Attributes":{}}');
  });
  await new Promise<void>((resolve) => queue.listen(0, '127.0.0.1', resolve));
}, LIMIT_MS);

beforeEach(() => {
  segments = [];
});

afterAll(async () => {
  daemon.close();
  queue.close();
  await rm(root, { recursive: true, force: true });
});

/** Invokes the function once for each event, each with a trace of its own, and gives back what it logged. */
async function invoke(enabled: 'true' | 'false', events: readonly { readonly fails: boolean }[]): Promise<string> {
  const bundle = pathToFileURL(join(root, 'dist', 'traced', 'index.mjs')).href;
  const queueUrl = `http://127.0.0.1:${(queue.address() as AddressInfo).port}/1/queue`;
  const runtime = spawn(process.execPath, [join(root, 'runtime.mjs'), bundle], {
    stdio: ['pipe', 'ignore', 'pipe'],
    env: {
      AWS_ACCESS_KEY_ID: 'test',
      AWS_ENDPOINT_URL_SQS: queueUrl,
      AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
      AWS_LAMBDA_FUNCTION_NAME: 'traced',
      AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
      AWS_REGION: 'eu-west-1',
      AWS_SECRET_ACCESS_KEY: 'test',
      AWS_XRAY_DAEMON_ADDRESS: `127.0.0.1:${daemon.address().port}`,
      LAMBDA_TASK_ROOT: join(root, 'dist', 'traced'),
      POWERTOOLS_SERVICE_NAME: 'patchwave',
      POWERTOOLS_TRACE_ENABLED: enabled,
      QUEUE_URL: queueUrl,
    },
  });
  let logged = '';
  runtime.stderr.on('data', (chunk: Buffer) => {
    logged += chunk.toString();
  });
  for (const [index, event] of events.entries()) {
    const trace = `Root=${TRACES[index]};Parent=5300000000000001;Sampled=1`;
    runtime.stdin.write(`${JSON.stringify({ event, trace })}\n`);
  }
  runtime.stdin.end();
  await new Promise((resolve) => runtime.once('exit', resolve));
  return logged;
}

const handlersIn = (found: readonly Segment[]) => found.filter(({ name }) => name === '## handler');

test('with Tracing, each invocation shows its calls to AWS in its own trace', async () => {
  await invoke('true', [{ fails: false }, { fails: false }]);

  const calls = segments.filter(({ name }) => name === 'SQS');
  expect(calls.map(({ trace_id, aws }) => [trace_id, aws?.operation])).toEqual(
    TRACES.map((trace) => [trace, 'GetQueueAttributes']),
  );
  expect(handlersIn(segments).map(({ trace_id, annotations }) => [trace_id, annotations])).toEqual([
    [TRACES[0], { ColdStart: true, Service: 'patchwave' }],
    [TRACES[1], { ColdStart: false, Service: 'patchwave' }],
  ]);
});

test('with Tracing, a failing invocation shows its error', async () => {
  await invoke('true', [{ fails: true }]);

  const [segment] = handlersIn(segments);
  expect(segment).toMatchObject({ fault: true, cause: { exceptions: [{ message: 'no such stream' }] } });
});

test('without Tracing, nothing is sent and the tracer is not loaded', async () => {
  await rm(join(root, 'dist', 'traced', 'tracer.mjs'));
  const logged = await invoke('false', [{ fails: false }]);

  expect(segments).toEqual([]);
  expect(logged).not.toContain('tracer');
});

test('a missing tracer is logged, and the function does its work', async () => {
  await rm(join(root, 'dist', 'traced', 'tracer.mjs'), { force: true });
  const logged = await invoke('true', [{ fails: true }]);

  expect(logged).toContain('the tracer cannot be loaded');
  expect(logged).toContain('no such stream');
});

test('the build leaves the tracer beside the bundle of a function, not in it', async () => {
  await buildFunctions(root);

  const own = await readFile(join(root, 'dist', 'traced', 'index.mjs'), 'utf8');
  expect(existsSync(join(root, 'dist', 'traced', 'tracer.mjs'))).toBe(true);
  expect(own).toContain('import("./tracer.mjs")');
  expect(own).not.toContain('AWS_XRAY_DAEMON_ADDRESS');
});
