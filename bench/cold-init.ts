import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { TRACER } from '../scripts/bundle.ts';
import { NODE, ROOT } from '../scripts/setup.mjs';

/** Milliseconds from the start of a process to the end of its import, and of the import alone. */
export interface ColdInit {
  readonly totalMs: number;
  readonly importMs: number;
}

const MEASURE = `
  const before = performance.now();
  const { handler, inSubsegment } = await import(process.argv[1]);
  const after = performance.now();
  if (typeof (handler ?? inSubsegment) !== 'function') throw new Error('the bundle exports no handler');
  process.stdout.write(JSON.stringify({ totalMs: after, importMs: after - before }));
`;

/** The environment of a Node.js function on AWS, with invented values. */
const ENVIRONMENT = {
  AWS_REGION: 'us-east-1',
  AWS_DEFAULT_REGION: 'us-east-1',
  AWS_ACCESS_KEY_ID: 'bench',
  AWS_SECRET_ACCESS_KEY: 'bench',
  AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
  AWS_LAMBDA_FUNCTION_NAME: 'bench',
  AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '512',
  AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
  AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
  AWS_EC2_METADATA_DISABLED: 'true',
  POWERTOOLS_SERVICE_NAME: 'patchwave',
  POWERTOOLS_METRICS_NAMESPACE: 'Patchwave',
  POWERTOOLS_LOG_LEVEL: 'INFO',
};

/** Loads a function and its empty counterpart in turns, each time in a new process, so that both have the same noise. */
export async function coldInits(
  { own, empty }: { readonly own: string; readonly empty: string },
  runs: number,
): Promise<{ readonly own: readonly ColdInit[]; readonly empty: readonly ColdInit[] }> {
  const paths = { own: bundleOf(ROOT, own), empty: bundleOf(empty, own) };
  // Warms the disk cache for both files first.
  await coldInit(paths.own);
  await coldInit(paths.empty);
  const found = { own: [] as ColdInit[], empty: [] as ColdInit[] };
  for (let run = 0; run < runs; run += 1) {
    found.own.push(await coldInit(paths.own));
    found.empty.push(await coldInit(paths.empty));
  }
  return found;
}

/** Loads the tracer, each time in a new process. */
export async function tracerInits(name: string, runs: number): Promise<readonly ColdInit[]> {
  const path = pathToFileURL(join(ROOT, 'dist', name, TRACER.output)).href;
  await coldInit(path);
  const found: ColdInit[] = [];
  for (let run = 0; run < runs; run += 1) found.push(await coldInit(path));
  return found;
}

const bundleOf = (root: string, name: string): string => pathToFileURL(join(root, 'dist', name, 'index.mjs')).href;

async function coldInit(bundle: string): Promise<ColdInit> {
  const flags = ['--input-type=module', '--eval', MEASURE, bundle];
  const { stdout } = await promisify(execFile)(NODE, flags, { env: ENVIRONMENT });
  return JSON.parse(stdout) as ColdInit;
}
