import { statSync } from 'node:fs';
import { join } from 'node:path';
import { BUDGET_BYTES, type Bundle, buildFunctions, TRACER } from '../scripts/bundle.ts';
import { ROOT } from '../scripts/setup.mjs';
import { median } from '../shared/domain/common/median.ts';
import { coldInits, tracerInits } from './cold-init.ts';
import { emptyHandlers } from './empty-handlers.ts';
import type { BenchReport, Row } from './report.ts';

/** Multiple of an empty handler with the same SDK clients. */
const MOST_INIT = 1.5;
const RUNS = 15;

/** Size of each bundle without its SDK clients, and the time in which a new execution environment loads it. */
export async function bundlesBenchmark(): Promise<BenchReport> {
  const bundles = await buildFunctions();
  await using empty = await emptyHandlers(bundles.map(({ name }) => name));
  const rows: Row[] = [];
  for (const bundle of bundles) {
    const inits = await coldInits({ own: bundle.name, empty: empty.root }, RUNS);
    rows.push(...sizeRows(bundle), ...initRows(bundle.name, inits));
  }
  rows.push(...(await tracerRows(bundles)));
  return {
    benchmark: 'bundles',
    question: 'size and cold init of each function',
    rows,
    notes: [
      `cold init: from the start of the process to the end of the import, median of ${RUNS} runs each, taken alternately`,
      'reference: an empty handler that imports the same names of the same SDK packages, bundled in the same way',
      'import alone: the part that a function can change; the budget applies to the whole cold init',
      'tracer: a separate file of each function, loaded at its first invocation, only if the parameter Tracing is on',
    ],
  };
}

const kib = (bytes: number): number => bytes / 1024;

const sizeRows = ({ name, sdkBytes, ownBytes }: Bundle): Row[] => [
  { figure: `${name}: SDK clients`, measured: kib(sdkBytes), unit: 'KiB' },
  { figure: `${name}: everything else`, measured: kib(ownBytes), unit: 'KiB', budget: kib(BUDGET_BYTES) },
];

const initRows = (name: string, { own, empty }: Awaited<ReturnType<typeof coldInits>>): Row[] => [
  {
    figure: `${name}: cold init`,
    measured: median(own.map(({ totalMs }) => totalMs)),
    unit: 'ms',
    reference: median(empty.map(({ totalMs }) => totalMs)),
    budget: MOST_INIT,
  },
  {
    figure: `${name}: import alone`,
    measured: median(own.map(({ importMs }) => importMs)),
    unit: 'ms',
    reference: median(empty.map(({ importMs }) => importMs)),
  },
];

async function tracerRows([bundle]: readonly Bundle[]): Promise<Row[]> {
  if (!bundle) return [];
  const inits = await tracerInits(bundle.name, RUNS);
  return [
    {
      figure: 'with Tracing: the tracer',
      measured: kib(statSync(join(ROOT, 'dist', bundle.name, TRACER.output)).size),
      unit: 'KiB',
    },
    { figure: 'with Tracing: import alone', measured: median(inits.map(({ importMs }) => importMs)), unit: 'ms' },
  ];
}
