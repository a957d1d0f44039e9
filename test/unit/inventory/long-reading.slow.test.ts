import { MINUTE_MS } from '../../../shared/domain/common/time.ts';
import { expectWhole, longWorld, readAsTheMachine, TIMEOUT_MS } from './long-world.ts';

test('60,000 manifests at 160 ms a config are recorded whole, each config downloaded once', async () => {
  const set = await longWorld(60_000);
  const { statuses, longestMs } = await readAsTheMachine(set, 160);
  expect(statuses).toEqual(['unfinished', 'complete']);
  expect(longestMs).toBeLessThan(TIMEOUT_MS - MINUTE_MS);
  await expectWhole(set, 60_000);
}, 600_000);
