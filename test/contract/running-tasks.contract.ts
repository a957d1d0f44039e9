import type { Cluster, RunningContainer } from '../../shared/domain/image/usage.ts';
import type { RunningTasks } from '../../shared/ports/doors.ts';

export interface RunningTasksWorld {
  readonly tasks: RunningTasks;
  readonly cluster: Cluster;
  /** A cluster of an account that does not let Patchwave stop its tasks. */
  readonly refused: Cluster;
  /** Starts a task, and gives its ARN and what it runs. */
  start(): Promise<{ readonly taskArn: string; readonly containers: readonly RunningContainer[] }>;
  /** The ARN of a task that there never was. */
  readonly unknown: string;
}

export function runningTasksContract(world: () => RunningTasksWorld): void {
  test('a task tells what it runs, until it is stopped; stopping it again changes nothing', async () => {
    const { tasks, cluster, start } = world();
    const { taskArn, containers } = await start();
    expect(await tasks.containersOf(cluster, taskArn)).toEqual(containers);
    await tasks.stop(cluster, taskArn, `Patchwave: ${'a reason '.repeat(100)}`);
    expect(await tasks.containersOf(cluster, taskArn)).toBeUndefined();
    await tasks.stop(cluster, taskArn, 'again');
  });

  test('a task that there is not has ended', async () => {
    const { tasks, cluster, unknown } = world();
    expect(await tasks.containersOf(cluster, unknown)).toBeUndefined();
    await tasks.stop(cluster, unknown, 'a reason');
  });

  test('an account that does not allow it is told apart', async () => {
    const { tasks, refused, unknown } = world();
    await expect(tasks.containersOf(refused, unknown)).rejects.toMatchObject({ name: 'TaskNotOursError' });
    await expect(tasks.stop(refused, unknown, 'a reason')).rejects.toMatchObject({ name: 'TaskNotOursError' });
  });
}
