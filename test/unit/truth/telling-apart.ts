import { type ChildProcess, fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { Options } from './story.ts';
import type { Order } from './teller.ts';
import { added, NOTHING, type Sum } from './telling.ts';

const TELLER = fileURLToPath(new URL('teller.ts', import.meta.url));

/**
 * Runs many seeds, one process for each core. Each process gets its next seed when it has ended the one before, so that a
 * slow seed delays no other.
 * @param onResult is called after each seed, with the sum so far and with what came of the seed
 */
export async function tellApart(
  seeds: readonly number[],
  options: Options,
  onResult: (sum: Sum, result: Sum) => void = () => {},
): Promise<Sum> {
  const left = [...seeds];
  let sum = NOTHING;
  const work = async (): Promise<void> => {
    const teller = fork(TELLER, [], { execArgv: ['--disable-warning=ExperimentalWarning'] });
    try {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
        const result = await answerTo({ seed, options }, teller);
        sum = added(sum, result);
        onResult(sum, result);
      }
    } finally {
      teller.kill();
    }
  };
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), seeds.length) }, work));
  return { ...sum, failed: sum.failed.toSorted((one, other) => one.seed - other.seed) };
}

/** @throws where the process ends without an answer */
function answerTo(order: Order, teller: ChildProcess): Promise<Sum> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void =>
      reject(new Error(`The process that ran seed ${order.seed} ended with ${code} before it answered.`));
    teller.once('exit', ended);
    teller.once('message', (sum) => {
      teller.off('exit', ended);
      resolve(sum as Sum);
    });
    teller.send(order);
  });
}
