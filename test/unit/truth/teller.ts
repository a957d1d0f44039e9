import './quiet.ts';
import { type Options, tell } from './story.ts';
import { type Sum, sumOf } from './telling.ts';

/** One seed for a process of its own. */
export interface Order {
  readonly seed: number;
  readonly options: Options;
}

/* A process that tells each seed it is sent and answers with what came of it. `telling-apart.ts` starts it. */
process.on('message', async ({ seed, options }: Order) => {
  const sum: Sum = sumOf(await tell(seed, options));
  process.send?.(sum);
});
