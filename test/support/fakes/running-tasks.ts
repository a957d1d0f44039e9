import type { Cluster, RunningContainer } from '../../../shared/domain/image/usage.ts';
import { type RunningTasks, TaskNotOursError } from '../../../shared/ports/doors.ts';

/** Tasks of ECS in memory. */
export class FakeRunningTasks implements RunningTasks {
  readonly #tasks = new Map<string, readonly RunningContainer[]>();
  /** Each task that was stopped, with its reason. */
  readonly stopped: { readonly taskArn: string; readonly reason: string }[] = [];
  /** Whether the account lets Patchwave stop its tasks. */
  isAllowed = true;

  start(taskArn: string, containers: readonly RunningContainer[]): void {
    this.#tasks.set(taskArn, containers);
  }

  async containersOf(_: Cluster, taskArn: string): Promise<readonly RunningContainer[] | undefined> {
    this.#check(taskArn);
    return this.#tasks.get(taskArn);
  }

  async stop(_: Cluster, taskArn: string, reason: string): Promise<void> {
    this.#check(taskArn);
    if (this.#tasks.delete(taskArn)) this.stopped.push({ taskArn, reason });
  }

  #check(taskArn: string): void {
    if (!this.isAllowed) throw new TaskNotOursError(taskArn, new Error('AccessDenied'));
  }
}
