import type { DoorQuestion, GateAnswer } from '../domain/admission/door-question.ts';
import type { ContainerImage } from '../domain/admission/ecs-images.ts';
import type { TaskStop } from '../domain/admission/task-stop.ts';
import type { Registry } from '../domain/image/image.ts';
import type { Cluster, RunningContainer } from '../domain/image/usage.ts';
import type { Door, DoorMode } from '../domain/policy/doors.ts';

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

/** What a door does, as the hub answered it. */
export interface KnownDoor {
  readonly mode: DoorMode;
  /** Absent from a hub of an earlier version, and in what a gate of one remembered: the door refuses. */
  readonly onUnreachable?: Door['onUnreachable'] | undefined;
}

export interface KnownMode extends KnownDoor {
  /** When the gate asked. */
  readonly askedAtEpochMs: number;
}

/** What a gate remembers of the answers of the hub, in the account of the gate. */
export interface GateModes {
  /** Of the door at a cluster of the account and Region; `undefined` if the hub never answered about it. */
  of(cluster: string): Promise<KnownDoor | undefined>;
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

/** A deployment of an ECS service that waits at pause hooks before its first task. */
export interface PausedDeployment {
  readonly deploymentArn: string;
  /** Never empty. */
  readonly hookIds: readonly string[];
  readonly cluster: string;
  readonly service: string;
  /** What it is about to start. */
  readonly revisionArn: string;
}

/** Deployments of ECS services in any account. Each call throws DeploymentsNotOursError where the account does not allow it. */
export interface PausedDeployments {
  /** `undefined` if it does not wait before its first task. */
  waiting(place: Registry, deploymentArn: string): Promise<PausedDeployment | undefined>;
  /** All that wait in an account and Region. A cluster that cannot be read is passed, and its error thrown at the end. */
  all(place: Registry): AsyncIterable<PausedDeployment>;
  /** The images that it is about to start. @throws ServiceRevisionUnreadableError */
  imagesOf(place: Registry, waiting: PausedDeployment): Promise<readonly ContainerImage[]>;
  /** Has it go on or taken back. @returns `false` if it did not wait any more */
  answer(place: Registry, waiting: PausedDeployment, action: 'CONTINUE' | 'ROLLBACK'): Promise<boolean>;
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

/** The account does not let Patchwave answer its deployments. */
export class DeploymentsNotOursError extends Error {
  override readonly name = 'DeploymentsNotOursError';
  constructor({ account, region }: Registry, cause: Error) {
    super(
      `Patchwave may not answer deployments in ${account}/${region}: ${cause.name}: ${cause.message}. If it should, list them in ` +
        'PausedDeploymentArns of member-account.yaml in that account.',
      { cause },
    );
  }
}

export class DeploymentUndecidedError extends Error {
  override readonly name = 'DeploymentUndecidedError';
  constructor(deploymentArn: string, problem: string) {
    super(
      `${deploymentArn} waits and could not be decided: ${problem}. Patchwave asks again; until then the time-out of its hook decides.`,
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
        'role of ecs-gate, or ActDoorRoleName for a pause hook, may read it, then deploy again.',
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
