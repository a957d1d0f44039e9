import type { Cluster, RunningContainer } from '../../../shared/domain/image/usage.ts';
import { type RunningTasks, TaskNotOursError } from '../../../shared/ports/doors.ts';

/** Tasks of ECS in memory. */
export class FakeRunningTasks implements RunningTasks {
  readonly #tasks = new Map<string, readonly RunningContainer[]>();
  /** Each task that was stopped, with its reason. */
  readonly stopped: { readonly taskArn: string; readonly reason: string }[] = [];
  readonly #refused = new Set<string>();

  /** The account does not let Patchwave stop its tasks. */
  refuse(account: string): void {
    this.#refused.add(account);
  }

  start(taskArn: string, containers: readonly RunningContainer[]): void {
    this.#tasks.set(taskArn, containers);
  }

  /** It ends by itself. */
  end(taskArn: string): void {
    this.#tasks.delete(taskArn);
  }

  async containersOf({ account }: Cluster, taskArn: string): Promise<readonly RunningContainer[] | undefined> {
    this.#check(account, taskArn);
    return this.#tasks.get(taskArn);
  }

  async stop({ account }: Cluster, taskArn: string, reason: string): Promise<void> {
    this.#check(account, taskArn);
    if (this.#tasks.delete(taskArn)) this.stopped.push({ taskArn, reason });
  }

  #check(account: string, taskArn: string): void {
    if (this.#refused.has(account)) throw new TaskNotOursError(taskArn, new Error('AccessDenied'));
  }
}
