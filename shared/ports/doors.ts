import type { DoorQuestion, GateAnswer } from '../domain/admission/door-question.ts';
import type { ContainerImage } from '../domain/admission/ecs-images.ts';
import type { TaskStop } from '../domain/admission/task-stop.ts';
import type { Cluster, RunningContainer } from '../domain/image/usage.ts';
import type { DoorMode } from '../domain/policy/doors.ts';

/** Service revisions of ECS, in the account and Region of the caller. */
export interface ServiceRevisions {
  /**
   * The images that the revision starts; never empty.
   * @throws ServiceRevisionUnreadableError
   */
  imagesOf(serviceRevisionArn: string): Promise<readonly ContainerImage[]>;
}

/** The door of the hub, as a member account asks it. */
export interface HubDoor {
  /** @throws HubDoorError if the hub cannot be called or gives no valid answer */
  ask(question: DoorQuestion): Promise<GateAnswer>;
}

/** The mode of a door, as the hub answered it. */
export interface KnownMode {
  readonly mode: DoorMode;
  /** When the gate asked. */
  readonly askedAtEpochMs: number;
}

/** What a gate remembers of the answers of the hub, in the account of the gate. */
export interface GateModes {
  /** Of the door at a cluster of the account and Region; `undefined` if the hub never answered about it. */
  of(cluster: string): Promise<DoorMode | undefined>;
  /** The answer to the latest question stays. */
  remember(cluster: string, known: KnownMode): Promise<void>;
}

/** Single tasks of ECS in any account. */
export interface RunningTasks {
  /**
   * What the task runs; `undefined` if it has ended or is about to.
   * @throws TaskNotOursError, TaskUnreadableError
   */
  containersOf(cluster: Cluster, taskArn: string): Promise<readonly RunningContainer[] | undefined>;
  /**
   * Stops the task; one that is over stays so.
   * @param reason one line that ECS shows, cut to 255 characters
   * @throws TaskNotOursError
   */
  stop(cluster: Cluster, taskArn: string, reason: string): Promise<void>;
}

/** Denied tasks that are to be stopped later. */
export interface TaskStops {
  /** Once for each task; the earliest denial counts. */
  add(stop: TaskStop): Promise<void>;
  /** By the ARNs of the tasks. */
  waiting(): AsyncIterable<TaskStop>;
  /** Changes a stop from the state that was read. @returns `false` if another attempt changed or removed it since */
  change(before: TaskStop, after: TaskStop): Promise<boolean>;
  remove(stop: TaskStop): Promise<void>;
}

/** The account does not let Patchwave stop the task. */
export class TaskNotOursError extends Error {
  override readonly name = 'TaskNotOursError';
  constructor(taskArn: string, cause: Error) {
    super(
      `Patchwave may not stop ${taskArn}: ${cause.name}: ${cause.message}. If it should, list the tasks of the cluster in ` +
        'StoppableTaskArns of member-account.yaml in that account.',
      { cause },
    );
  }
}

export class TaskUnreadableError extends Error {
  override readonly name = 'TaskUnreadableError';
  constructor(taskArn: string, problem: string) {
    super(`ECS does not tell what ${taskArn} runs: ${problem}. Patchwave asks again.`);
  }
}

/** ECS does not tell what a service revision starts. */
export class ServiceRevisionUnreadableError extends Error {
  override readonly name = 'ServiceRevisionUnreadableError';
  constructor(serviceRevisionArn: string, problem: string, cause?: unknown) {
    super(
      `The images of ${serviceRevisionArn} cannot be read: ${problem}. Check that the task definition exists and that the ` +
        'role of ecs-gate may read it, then deploy again.',
      { cause },
    );
  }
}

/** The hub gives no decision. */
export class HubDoorError extends Error {
  override readonly name = 'HubDoorError';
  constructor(functionArn: string, problem: string, cause?: unknown) {
    super(
      `The door of the hub (${functionArn}) ${problem}. Check that the hub trusts this account and that HubDoorArn and ` +
        'HubDoorRoleArn of ecs-door.yaml are the outputs of its stack, then deploy again.',
      { cause },
    );
  }
}
