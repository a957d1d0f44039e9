import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type DemoResult, demoResultSchema } from '../../../local/demo/result.ts';
import { parse } from '../../../shared/schema.ts';

export interface DemoRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the demo as a person does, in a process of its own. */
export function runDemo(flags: readonly string[], onStart?: (pid: number) => void): Promise<DemoRun> {
  const child = spawn(process.execPath, ['local/demo/main.ts', ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (piece) => {
    stdout += piece;
  });
  child.stderr.on('data', (piece) => {
    stderr += piece;
  });
  if (child.pid !== undefined) onStart?.(child.pid);
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, stdout, stderr }));
  });
}

type Work<T> = (result: DemoResult, kept: NonNullable<DemoResult['kept']>, run: DemoRun) => Promise<T>;

/** Runs `work` on a fleet that was reviewed by `demo --json --keep`, and stops the cloud that it left up. */
export async function withReviewedFleet<T>(fleet: unknown, flags: readonly string[], work: Work<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'patchwave-fleet-'));
  const file = join(folder, 'fleet.json');
  await writeFile(file, JSON.stringify(fleet));
  try {
    return await withReviewed(['--fleet', file, ...flags], work);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The same on what `demo --json --keep` makes with these flags. */
export async function withReviewed<T>(flags: readonly string[], work: Work<T>): Promise<T> {
  const run = await runDemo(['--json', '--keep', ...flags]);
  const lastLine = run.stdout.trimEnd().split('\n').at(-1) ?? '';
  if (!lastLine.startsWith('{')) throw new Error(`The demo printed no result (exit code ${run.code}):\n${run.stderr}`);
  const result = parse(demoResultSchema, JSON.parse(lastLine));
  const { kept } = result;
  if (!kept) throw new Error('The demo did not say where the cloud is');
  try {
    return await work(result, kept, run);
  } finally {
    process.kill(kept.pid, 'SIGTERM');
  }
}
