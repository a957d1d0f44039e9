import type { DoorQuestion, GateAnswer } from '../../shared/domain/admission/door-question.ts';
import { DOOR_RULES } from '../../shared/domain/admission/door-rules.ts';
import { cutText } from '../../shared/domain/common/cut-text.ts';
import { visibleLine } from '../../shared/domain/common/visible-text.ts';
import type { DoorMode } from '../../shared/domain/policy/doors.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { GateModes, HubDoor, KnownDoor, KnownMode, ServiceRevisions } from '../../shared/ports/doors.ts';
import { type HookEvent, revisedService } from './input.ts';

export interface GatePorts {
  readonly revisions: ServiceRevisions;
  readonly door: HubDoor;
  readonly modes: GateModes;
  /** What holds at a cluster about which the hub has never answered. */
  readonly firstMode: DoorMode;
  readonly clock: Clock;
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
 * Decides whether a service revision may start its tasks. Without a decision of the hub the door decides as it was at last: where it
 * denies, none may start, unless the policy lets them start meanwhile; where it warns or is off, all may.
 */
export async function gate(ports: GatePorts, event: HookEvent): Promise<HookAnswer> {
  const { targetServiceRevisionArn } = event.executionDetails;
  if (isRollback(event)) return answered('info', 'SUCCEEDED', 'ECS takes the deployment back, so it starts no image.');
  const question = await asked(ports.revisions, targetServiceRevisionArn);
  const askedAtEpochMs = ports.clock();
  let answer: GateAnswer;
  try {
    answer = await ports.door.ask(question);
  } catch (error) {
    return withoutHub(ports, question, textOf(error));
  }
  const { mode, onUnreachable } = answer;
  if (mode === undefined && answer.decision === 'deny' && answer.ruleId === DOOR_RULES.decided)
    return withoutHub(ports, question, answer.message);
  if (mode !== undefined) await remember(ports, question, { mode, onUnreachable, askedAtEpochMs });
  return answerTo(answer);
}

/** @param problem why the hub does not say what its policy wants */
async function withoutHub(ports: GatePorts, { cluster }: DoorQuestion, problem: string): Promise<HookAnswer> {
  const { mode, onUnreachable } = await lastDoorOf(ports, cluster);
  const isOpen = mode === 'deny' && onUnreachable === 'allow';
  if (mode === 'deny' && !isOpen) return answered('error', 'FAILED', `${problem} (${DOOR_RULES.decided})`);
  const known = isOpen ? 'The policy had onUnreachable: allow' : `The last known mode of the door is ${mode}`;
  return answered('warn', 'SUCCEEDED', `${known}, so the images start. ${problem}`);
}

async function lastDoorOf({ modes, firstMode }: GatePorts, cluster: string): Promise<KnownDoor> {
  try {
    return (await modes.of(cluster)) ?? { mode: firstMode };
  } catch (error) {
    logger.error('the last known mode of the door cannot be read; the first mode of the stack holds', error as Error);
    return { mode: firstMode };
  }
}

/** The decision counts also if it cannot be remembered. */
async function remember({ modes }: GatePorts, { cluster }: DoorQuestion, known: KnownMode): Promise<void> {
  try {
    await modes.remember(cluster, known);
  } catch (error) {
    logger.error('the mode of the door could not be remembered', error as Error);
  }
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

function answerTo(decided: GateAnswer): HookAnswer {
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
