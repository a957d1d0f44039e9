import { inProcesses } from './processes.ts';
import type { Options } from './story.ts';
import type { Order } from './teller.ts';
import { added, NOTHING, type Sum } from './telling.ts';

/**
 * Tells many seeds in processes of their own.
 * @param onResult is called after each seed, with the sum so far and with what came of the seed
 */
export async function tellApart(
  seeds: readonly number[],
  options: Options,
  onResult: (sum: Sum, result: Sum) => void = () => {},
): Promise<Sum> {
  let sum = NOTHING;
  const orders = seeds.map((seed): Order => ({ seed, options }));
  await inProcesses(new URL('teller.ts', import.meta.url), orders, (result: Sum) => {
    sum = added(sum, result);
    onResult(sum, result);
  });
  return { ...sum, failed: sum.failed.toSorted((one, other) => one.seed - other.seed) };
}
