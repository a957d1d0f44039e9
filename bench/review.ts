import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LambdaClient } from '@aws-sdk/client-lambda';
import { generateFleet } from '../local/fleet/generate.ts';
import { install } from '../local/installation.ts';
import { NODE, ROOT } from '../scripts/setup.mjs';
import { functionsOf } from './functions.ts';
import { ReviewFailedError } from './measured-days.ts';
import type { BenchReport, Row } from './report.ts';
import { type WorkerUse, watchWorkers } from './workers.ts';

const FEW = 1000;
const MANY = 10_000;
/** Ten times the tasks may take ten times as long, and half more memory: the inventory streams. */
const MOST_TIME = MANY / FEW;
const MOST_MEMORY = 1.5;
const TASKS_PER_IMAGE = 10;
const TASKS_PER_WORKLOAD = 12;
/** On a machine with much memory Node.js keeps garbage for long; in so small a heap it cannot. */
const HEAP = { NODE_OPTIONS: '--max-old-space-size=64 --max-semi-space-size=8' };
const MIB = 1024 * 1024;

/** How time and memory of a review grow from 1,000 to 10,000 tasks. */
export async function reviewBenchmark(): Promise<BenchReport> {
  const few = await reviewOf(FEW);
  const many = await reviewOf(MANY);
  return {
    benchmark: 'review',
    question: `a first review of ${MANY} tasks, compared with one of ${FEW}`,
    rows: [
      { figure: 'time', measured: many.seconds, unit: 's', reference: few.seconds, budget: MOST_TIME },
      ...memoryRows(few.workers, many.workers),
      await heapRow('reachable heap of the inventory', 'task', TASKS_PER_WORKLOAD),
      await heapRow('the same, each task its own workload', 'task', 1),
      await heapRow('the same, each pod its own workload', 'pod', 1),
    ],
    notes: [
      'one image for each ten tasks, in the embedded cloud on this machine, whose own work counts',
      'memory of a function: high-water mark of its largest process (Linux only), with Node.js and a heap of 64 MiB',
      'reachable heap: both inventory steps in one process, ledger and files on the disk, after a garbage collection at ' +
        'each page, file and call; three reviews: all new, unchanged, all replaced',
      'each pod has two containers; a workload of its own has images of its own',
    ],
  };
}

interface Reviewed {
  readonly seconds: number;
  readonly workers: ReadonlyMap<string, WorkerUse>;
}

async function reviewOf(tasks: number): Promise<Reviewed> {
  const fleet = generateFleet({ seed: 5, images: tasks / TASKS_PER_IMAGE, tasks });
  await using installation = await install(fleet, { build: true, parameters: { ScansPerSecond: '1000' } });
  const { account, region } = fleet.hub;
  const lambda = new LambdaClient(installation.cloud.clients(account, region));
  for await (const { FunctionName = '' } of functionsOf(lambda))
    await installation.cloud.admin.setVariables(FunctionName, HEAP);
  const watch = await watchWorkers(installation.cloud.pid);
  const startedAtMs = performance.now();
  const execution = await installation.review();
  const seconds = (performance.now() - startedAtMs) / 1000;
  const workers = await watch.stop();
  if (execution.status !== 'SUCCEEDED') throw new ReviewFailedError(execution);
  return { seconds, workers };
}

const memoryRows = (few: Reviewed['workers'], many: Reviewed['workers']): Row[] =>
  [...many].sort().map(([name, { peakBytes }]) => ({
    figure: `memory of ${name}`,
    measured: peakBytes / MIB,
    unit: 'MiB',
    reference: (few.get(name)?.peakBytes ?? 0) / MIB,
    budget: MOST_MEMORY,
  }));

async function heapRow(figure: string, kind: 'task' | 'pod', perWorkload: number): Promise<Row> {
  const [few, many] = [await heapOf(kind, FEW, perWorkload), await heapOf(kind, MANY, perWorkload)];
  return { figure, measured: many, unit: 'MiB', reference: few, budget: MOST_MEMORY };
}

/** In a process of its own: what another measurement left behind must not count. */
async function heapOf(kind: 'task' | 'pod', count: number, perWorkload: number): Promise<number> {
  const script = join(ROOT, 'bench', 'inventory-memory.ts');
  const values = [kind, `${count}`, `${perWorkload}`];
  const { stdout } = await promisify(execFile)(NODE, ['--expose-gc', script, ...values]);
  return (JSON.parse(stdout) as { readonly peakHeapBytes: number }).peakHeapBytes / MIB;
}
