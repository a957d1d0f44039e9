import type { ContainersDecision, DoorQuestion } from '../domain/admission/door-question.ts';
import type { ContainerImage } from '../domain/admission/ecs-images.ts';

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
  ask(question: DoorQuestion): Promise<ContainersDecision>;
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
