import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { buildCommand, COMMAND } from '../scripts/bundle.ts';
import { NODE, ROOT } from '../scripts/setup.mjs';
import { median } from '../shared/domain/common/median.ts';
import { emptyCommand } from './empty-handlers.ts';
import type { BenchReport } from './report.ts';

/** Multiple of an empty process that imports the same SDK clients. */
const MOST_START = 1.5;
const RUNS = 15;

/** How long the bundled command takes to start: until help is printed, and until its first request to AWS. */
export async function cliBenchmark(): Promise<BenchReport> {
  const bytes = await buildCommand();
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-bench-'));
  const aws = createServer();
  try {
    const own = join(ROOT, COMMAND.bin);
    const empty = await emptyCommand(folder);
    aws.listen(0, '127.0.0.1');
    await once(aws, 'listening');
    const measured = { help: [] as number[], request: [] as number[], empty: [] as number[] };
    // The first round warms the disk cache, and the compile cache of Node.
    for (let run = -1; run < RUNS; run += 1) {
      const times = {
        help: await wholeMs(own, 'help'),
        request: await requestMs(aws, own),
        empty: await wholeMs(empty),
      };
      if (run < 0) continue;
      for (const name of ['help', 'request', 'empty'] as const) measured[name].push(times[name]);
    }
    const compared = { unit: 'ms', reference: median(measured.empty), budget: MOST_START } as const;
    return {
      benchmark: 'cli',
      question: 'start of the command',
      rows: [
        { figure: 'the bundle', measured: bytes / 1024, unit: 'KiB' },
        { figure: 'patchwave help, until it ends', measured: median(measured.help), ...compared },
        { figure: 'patchwave status, until its first request', measured: median(measured.request), ...compared },
      ],
      notes: [
        `from the start of the process, median of ${RUNS} runs each, taken alternately; Node's compile cache is warm`,
        'reference: an empty process that imports the same names of the same SDK packages, bundled in the same way, until it ends',
      ],
    };
  } finally {
    aws.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function wholeMs(file: string, ...words: readonly string[]): Promise<number> {
  const startedAtMs = performance.now();
  await promisify(execFile)(NODE, [file, ...words]);
  return performance.now() - startedAtMs;
}

/** Until a server in place of AWS has the first request. */
async function requestMs(aws: Server, file: string): Promise<number> {
  const { port } = aws.address() as AddressInfo;
  const env = {
    ...{ AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'bench', AWS_SECRET_ACCESS_KEY: 'bench' },
    AWS_ENDPOINT_URL: `http://127.0.0.1:${port}`,
  };
  const startedAtMs = performance.now();
  const child = spawn(NODE, [file, 'status'], { env, stdio: 'ignore' });
  const ended = once(child, 'exit');
  const [, response] = await once(aws, 'request');
  const ms = performance.now() - startedAtMs;
  // It ends by itself, as for a person, so that Node keeps what it compiled.
  response.writeHead(400).end();
  await ended;
  return ms;
}
