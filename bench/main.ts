/**
 * `npm run bench [-- NAME...] [-- --json]`: runs the benchmarks named, or all, and prints each figure with its ratio and
 * budget. Exit code 1 if a budget is missed or a benchmark could not run; docs/benchmarks.md explains them.
 */

import { counted } from '../shared/domain/common/counted.ts';
import { bundlesBenchmark } from './bundles.ts';
import { callsBenchmark } from './calls.ts';
import { cascadeBenchmark } from './cascade.ts';
import { cliBenchmark } from './cli.ts';
import { costBenchmark } from './cost.ts';
import { doorsBenchmark } from './doors.ts';
import { lineageBenchmark } from './lineage.ts';
import { loopBenchmark } from './loop.ts';
import { policyBenchmark } from './policy.ts';
import { type BenchReport, missedRows, reportJson, reportText } from './report.ts';
import { reviewBenchmark } from './review.ts';

const BENCHMARKS: Readonly<Record<string, () => Promise<BenchReport>>> = {
  bundles: bundlesBenchmark,
  calls: callsBenchmark,
  cascade: cascadeBenchmark,
  cli: cliBenchmark,
  cost: costBenchmark,
  doors: doorsBenchmark,
  lineage: lineageBenchmark,
  loop: loopBenchmark,
  policy: policyBenchmark,
  review: reviewBenchmark,
};

async function main(args: readonly string[]): Promise<number> {
  const isJson = args.includes('--json');
  const named = args.filter((arg) => arg !== '--json');
  const unknown = named.filter((name) => !Object.hasOwn(BENCHMARKS, name));
  if (unknown.length > 0) {
    process.stderr.write(`Unknown benchmark ${unknown.join(', ')}. Use ${Object.keys(BENCHMARKS).join(', ')}.\n`);
    return 1;
  }
  const reports: BenchReport[] = [];
  let failed = 0;
  for (const name of named.length > 0 ? named : Object.keys(BENCHMARKS)) {
    process.stderr.write(`${name} ...\n`);
    try {
      const report = await BENCHMARKS[name]?.();
      if (report === undefined) continue;
      reports.push(report);
      if (!isJson) process.stdout.write(`${reportText(report)}\n`);
    } catch (error) {
      failed += 1;
      process.stderr.write(`${name} could not run: ${error instanceof Error ? error.stack : String(error)}\n`);
    }
  }
  const missed = reports.flatMap(missedRows);
  if (isJson)
    process.stdout.write(`${JSON.stringify({ reports: reports.map(reportJson), missed: missed.length, failed })}\n`);
  else process.stdout.write(`${counted(missed.length, 'budget')} missed, ${counted(failed, 'benchmark')} failed\n`);
  return missed.length + failed > 0 ? 1 : 0;
}

process.exitCode = await main(process.argv.slice(2));
