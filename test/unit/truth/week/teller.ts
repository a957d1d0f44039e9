import '../quiet.ts';
import { tellWeek } from './story.ts';

/* A process that simulates the week of each seed it is sent. `week.slow.test.ts` starts it. */
process.on('message', async (seed: number) => {
  const { trace: _, ...result } = await tellWeek(seed);
  process.send?.(result);
});
