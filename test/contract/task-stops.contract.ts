import { collect } from '../../shared/concurrency.ts';
import type { TaskStop } from '../../shared/domain/admission/task-stop.ts';
import type { TaskStops } from '../../shared/ports/doors.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const stop = (name: string, changes: Partial<TaskStop> = {}): TaskStop => ({
  ...{ account: '111122223333', region: 'eu-west-1', cluster: 'prod' },
  taskArn: `arn:aws:ecs:eu-west-1:111122223333:task/prod/${name}`,
  deniedAtEpochMs: NOON_EPOCH_MS,
  ...changes,
});

export function taskStopsContract({ make }: Contract<TaskStops>): void {
  const waiting = async (stops: TaskStops) => collect(stops.waiting());

  test('keeps a stop for each task until it is removed; the earliest denial of a task counts', async () => {
    const stops = await make();
    expect(await waiting(stops)).toEqual([]);
    await stops.add(stop('b'));
    await stops.add(stop('a'));
    await stops.add(stop('a', { deniedAtEpochMs: NOON_EPOCH_MS + 1 }));
    expect(await waiting(stops)).toEqual([stop('a'), stop('b')]);
    await stops.add(stop('b', { deniedAtEpochMs: NOON_EPOCH_MS - 1 }));
    expect(await waiting(stops)).toEqual([stop('a'), stop('b', { deniedAtEpochMs: NOON_EPOCH_MS - 1 })]);
    await stops.remove(stop('a'));
    await stops.remove(stop('a'));
    expect(await waiting(stops)).toEqual([stop('b', { deniedAtEpochMs: NOON_EPOCH_MS - 1 })]);
  });

  test('changes a stop only from the state that was read, so one of two attempts gets it', async () => {
    const stops = await make();
    await stops.add(stop('a'));
    const tried = stop('a', { triedAtEpochMs: NOON_EPOCH_MS + 5 });
    const attempts = await Promise.all([stops.change(stop('a'), tried), stops.change(stop('a'), tried)]);
    expect(attempts.toSorted()).toEqual([false, true]);
    const decided = { ...tried, decided: { ruleId: 'age-limit', message: 'too old', container: 'app' } };
    expect(await stops.change(stop('a'), decided)).toBe(false);
    expect(await stops.change(tried, decided)).toBe(true);
    expect(await waiting(stops)).toEqual([decided]);
  });

  test('does not bring a removed stop back', async () => {
    const stops = await make();
    await stops.add(stop('a'));
    await stops.remove(stop('a'));
    expect(await stops.change(stop('a'), stop('a', { triedAtEpochMs: 1 }))).toBe(false);
    expect(await waiting(stops)).toEqual([]);
  });
}
