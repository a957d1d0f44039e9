import type { ContainersDecision, DoorQuestion } from '../../shared/domain/admission/door-question.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { cutText } from '../../shared/domain/common/cut-text.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { HubDoor, ServiceRevisions } from '../../shared/ports/doors.ts';
import { type HookEvent, revisedService } from './input.ts';

export interface GatePorts {
  readonly revisions: ServiceRevisions;
  readonly door: HubDoor;
}

/**
 * The answer to ECS. Never `IN_PROGRESS`: the service itself may say that a hook without an answer counts as passed
 * (`timeoutConfiguration.action` CONTINUE), and then a door that waits would be open.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html#lambda-hook-timeout
 */
export interface HookAnswer {
  /** FAILED rolls the deployment back. */
  readonly hookStatus: 'SUCCEEDED' | 'FAILED';
  /** One line. */
  readonly reason: string;
}

/**
 * Decides whether a service revision may start its tasks. Without a decision of the hub none may: the gate does not know
 * whether the door denies.
 */
export async function gate({ revisions, door }: GatePorts, event: HookEvent): Promise<HookAnswer> {
  const { targetServiceRevisionArn } = event.executionDetails;
  if (isRollback(event)) return answered('info', 'SUCCEEDED', 'ECS takes the deployment back, so it starts no image.');
  const question = await asked(revisions, targetServiceRevisionArn);
  let decided: ContainersDecision;
  try {
    decided = await door.ask(question);
  } catch (error) {
    return answered('error', 'FAILED', `${textOf(error)} (${DOOR_RULES.decided})`);
  }
  return answerTo(decided);
}

async function asked(revisions: ServiceRevisions, arn: string): Promise<DoorQuestion> {
  const service = { kind: 'deployment', ...revisedService(arn) } as const;
  try {
    const images = await revisions.imagesOf(arn);
    return { ...service, images: [...images] };
  } catch (error) {
    return { ...service, images: [], problem: textOf(error) };
  }
}

function answerTo(decided: ContainersDecision): HookAnswer {
  if (decided.decision === 'allow') return answered('info', 'SUCCEEDED', 'The policy allows every image.');
  const { container, message } = decided;
  const reason = container === undefined ? message : `Container ${container}: ${message}`;
  return decided.decision === 'deny' ? answered('error', 'FAILED', reason) : answered('warn', 'SUCCEEDED', reason);
}

function answered(level: 'info' | 'warn' | 'error', hookStatus: HookAnswer['hookStatus'], text: string): HookAnswer {
  const reason = visibleLine(text);
  logger[level](reason, { hookStatus });
  return { hookStatus, reason };
}

/**
 * ECS calls hooks of two stages again when it takes a deployment back, with the weights as they become. FAILED would end the
 * way back there. A hook belongs at PRE_SCALE_UP alone, and that is not called again.
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/lambda-lifecycle-hooks.html#lifecycle-hooks-during-rollback
 */
function isRollback({ lifecycleStage, executionDetails }: HookEvent): boolean {
  const { targetServiceRevisionArn, testTrafficWeights, productionTrafficWeights } = executionDetails;
  const weights = { TEST_TRAFFIC_SHIFT: testTrafficWeights, PRODUCTION_TRAFFIC_SHIFT: productionTrafficWeights };
  const shifted = Object.hasOwn(weights, lifecycleStage) ? weights[lifecycleStage as keyof typeof weights] : {};
  return shifted[targetServiceRevisionArn] === 0;
}

const LONGEST = 1500;

const textOf = (error: unknown): string =>
  cutText(error instanceof Error ? `${error.name}: ${error.message}` : String(error), LONGEST);
