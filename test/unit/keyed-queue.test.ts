import { keyedQueue } from '../../shared/keyed-queue.ts';

test('tasks of one key never overlap and keep their order; those of others run meanwhile', async () => {
  const take = keyedQueue();
  const log: string[] = [];
  const task = (name: string, turns: number) => async () => {
    log.push(`${name} begins`);
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    log.push(`${name} ends`);
    return name;
  };
  const all = [take('a', task('a1', 9)), take('a', task('a2', 0)), take('b', task('b1', 2))];
  expect(await Promise.all(all)).toEqual(['a1', 'a2', 'b1']);
  expect(log.filter((line) => line.startsWith('a'))).toEqual(['a1 begins', 'a1 ends', 'a2 begins', 'a2 ends']);
  expect(log.indexOf('b1 ends')).toBeLessThan(log.indexOf('a1 ends'));
});

test('a task that fails says so to its caller, and the next one has its turn', async () => {
  const take = keyedQueue();
  const failing = take('a', () => Promise.reject(new Error('no')));
  const next = take('a', async () => 'done');
  await expect(failing).rejects.toThrow('no');
  expect(await next).toBe('done');
});
