import { readdir, readFile } from 'node:fs/promises';

const EVERY_MS = 200;
/** Linux counts CPU time in hundredths of a second for all programs (`man 5 proc_pid_stat`, USER_HZ). */
const TICKS_A_SECOND = 100;

/** What the processes that ran one function used while they were watched. */
export interface WorkerUse {
  /** The most memory of one process, Node.js and the bundle included. */
  readonly peakBytes: number;
  /** CPU time of all of them together. */
  readonly cpuSeconds: number;
}

interface Worker {
  readonly name: string;
  readonly cpuSecondsBefore: number;
  cpuSeconds: number;
  peakBytes: number;
}

/** Watches the processes below another one that run functions. */
export interface WorkerWatch {
  /** Looks a last time, then tells each function's use; empty where there is no /proc, as on other systems than Linux. */
  stop(): Promise<ReadonlyMap<string, WorkerUse>>;
}

/**
 * The kernel itself keeps peaks and CPU time, so what happens between two looks is not missed while a process lives.
 * @param parent process id of the embedded cloud
 */
export async function watchWorkers(parent: number): Promise<WorkerWatch> {
  const workers = new Map<string, Worker>();
  await look(parent, workers, true);
  let looking = Promise.resolve();
  const timer = setInterval(() => {
    looking = looking.then(() => look(parent, workers, false));
  }, EVERY_MS);
  return {
    stop: async () => {
      clearInterval(timer);
      await looking;
      await look(parent, workers, false);
      return usesOf([...workers.values()]);
    },
  };
}

async function look(parent: number, workers: Map<string, Worker>, isFirst: boolean): Promise<void> {
  const entries = await readdir('/proc').catch(() => []);
  for (const pid of entries.filter((entry) => /^\d+$/.test(entry))) {
    const status = await readOrNothing(`/proc/${pid}/status`);
    if (numberAfter(status, 'PPid:') !== parent) continue;
    const name = /AWS_LAMBDA_FUNCTION_NAME=([^\0]+)/.exec(await readOrNothing(`/proc/${pid}/environ`))?.[1];
    const cpuSeconds = cpuSecondsIn(await readOrNothing(`/proc/${pid}/stat`));
    if (name === undefined || cpuSeconds === undefined) continue;
    const started = { name, cpuSecondsBefore: isFirst ? cpuSeconds : 0, cpuSeconds, peakBytes: 0 };
    const worker = workers.get(pid) ?? started;
    worker.cpuSeconds = cpuSeconds;
    worker.peakBytes = (numberAfter(status, 'VmHWM:') ?? 0) * 1024;
    workers.set(pid, worker);
  }
}

function usesOf(workers: readonly Worker[]): ReadonlyMap<string, WorkerUse> {
  return new Map(
    [...Map.groupBy(workers, ({ name }) => name)].map(([name, ofName]) => [
      name,
      {
        peakBytes: Math.max(...ofName.map(({ peakBytes }) => peakBytes)),
        cpuSeconds: ofName.reduce((sum, worker) => sum + worker.cpuSeconds - worker.cpuSecondsBefore, 0),
      },
    ]),
  );
}

/** A process may end while it is looked at. */
const readOrNothing = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');

/** A number in /proc/<pid>/status. */
export function numberAfter(text: string, label: string): number | undefined {
  const [, digits] = new RegExp(`^${label}\\s+(\\d+)`, 'm').exec(text) ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** User and system time in /proc/<pid>/stat; the name in it may hold blanks and brackets. */
export function cpuSecondsIn(stat: string): number | undefined {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [user, system] = [Number(fields[11]), Number(fields[12])];
  return Number.isFinite(user + system) && fields.length > 12 ? (user + system) / TICKS_A_SECOND : undefined;
}
