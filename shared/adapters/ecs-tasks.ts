import { DescribeTasksCommand, type ECSClient, InvalidParameterException, StopTaskCommand } from '@aws-sdk/client-ecs';
import { cutText } from '../domain/common/cut-text.ts';
import type { Cluster, RunningContainer } from '../domain/image/usage.ts';
import { type RunningTasks, TaskNotOursError, TaskUnreadableError } from '../ports/doors.ts';
import type { RegionalClients } from './clients.ts';
import { runningContainer } from './ecs-workloads.ts';
import { isNamed, isRefusal } from './refusal.ts';

/** The most that ECS keeps of a reason. */
const LONGEST_REASON = 255;

/** Single tasks of ECS, with the door role of their account. */
export class EcsTasks implements RunningTasks {
  readonly #clients: RegionalClients<ECSClient>;

  constructor(clients: RegionalClients<ECSClient>) {
    this.#clients = clients;
  }

  async containersOf(cluster: Cluster, taskArn: string): Promise<readonly RunningContainer[] | undefined> {
    const described = await this.#allowed(cluster, taskArn, (client) =>
      client.send(new DescribeTasksCommand({ cluster: cluster.cluster, tasks: [taskArn] })),
    );
    if (!described) return undefined;
    const { tasks: [task] = [], failures: [failure] = [] } = described;
    if (task) return task.desiredStatus === 'STOPPED' ? undefined : (task.containers ?? []).map(runningContainer);
    if (failure?.reason === 'MISSING') return undefined;
    throw new TaskUnreadableError(taskArn, failure?.reason ?? 'ECS does not describe it');
  }

  async stop(cluster: Cluster, taskArn: string, reason: string): Promise<void> {
    await this.#allowed(cluster, taskArn, (client) =>
      client.send(
        new StopTaskCommand({ cluster: cluster.cluster, task: taskArn, reason: cutText(reason, LONGEST_REASON) }),
      ),
    );
  }

  /** `undefined` if cluster or task are gone. */
  async #allowed<Answer>(
    cluster: Cluster,
    taskArn: string,
    call: (client: ECSClient) => Promise<Answer>,
  ): Promise<Answer | undefined> {
    try {
      return await call(this.#clients(cluster));
    } catch (error) {
      if (isNamed(error, 'ClusterNotFoundException')) return undefined;
      // StopTask does not know a task that ended more than an hour ago.
      if (error instanceof InvalidParameterException && /not found/i.test(error.message)) return undefined;
      throw isRefusal(error) ? new TaskNotOursError(taskArn, error) : error;
    }
  }
}
