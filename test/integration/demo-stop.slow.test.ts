import { execFile, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const GONE_WITHIN_MS = 15_000;

/** Every process below one, however deep. */
async function descendantsOf(pid: number): Promise<number[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'pid=,ppid=']);
  const pairs = stdout
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    pairs.flatMap(([child = 0, ppid]) => (ppid === parent ? [child, ...below(child)] : []));
  return below(pid);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function survivors(pids: readonly number[]): Promise<number[]> {
  const giveUpAt = Date.now() + GONE_WITHIN_MS;
  while (Date.now() < giveUpAt && pids.some(isAlive)) await sleep(100);
  return pids.filter(isAlive);
}

/** Waits for a text in what the demo prints, then asks it to stop as Ctrl-C does. */
async function stoppedAt(text: string): Promise<{ code: number | null; left: number[] }> {
  const demo = spawn(process.execPath, ['local/demo/main.ts'], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise<number | null>((resolve) => demo.once('close', resolve));
  // Read to its end: a demo without a reader of its output fails before it is stopped.
  const isPrinted = new Promise<void>((resolve) => {
    let printed = '';
    demo.stdout.on('data', (piece) => {
      printed += piece;
      if (printed.includes(text)) resolve();
    });
    demo.once('close', () => resolve());
  });
  demo.stderr.resume();
  await isPrinted;
  const pids = await descendantsOf(demo.pid ?? 0);
  demo.kill('SIGINT');
  return { code: await ended, left: await survivors(pids) };
}

test.each(['Deploys', 'First review'])(
  'stopped at "%s", the demo leaves no process behind',
  async (text) => {
    const { code, left } = await stoppedAt(text);
    expect(code).toBe(130);
    expect(left).toEqual([]);
  },
  90_000,
);
