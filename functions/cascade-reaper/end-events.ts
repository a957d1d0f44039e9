import { isOpen } from '../../shared/domain/cause/cascade.ts';
import { messageIn } from '../../shared/domain/common/failure-text.ts';
import { runIdOf } from '../../shared/domain/review/run-id.ts';
import { type ExecutionEnded, executionEnded } from '../../shared/events/execution-ended.ts';
import { isOwnMessage, readBody } from '../../shared/lambda/queue-messages.ts';
import { unlessUnreadable } from '../../shared/planning/unless-unreadable.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import type { CascadeEnding, ParkedPoll } from '../../shared/ports/messages.ts';
import { mayStillRun } from '../../shared/rebuilding/build.ts';
import { type OrphanedCascadePorts, orphanedBecause } from '../../shared/rebuilding/orphaned-cascade.ts';
import { abandonReview } from '../../shared/review/abandon.ts';
import type * as v from '../../shared/schema.ts';
import type { AbandonPorts } from './abandon-cascade.ts';
import { type EndMessage, plannersMessage } from './input.ts';
import { reapCascade, settleLeft, settleParked } from './reap.ts';
import { wakePlanner } from './wake-planner.ts';

export interface EndEventPorts extends AbandonPorts, OrphanedCascadePorts {
  readonly deadLetters: DeadLetters;
  /** The records of reviews and of previews, by run id. */
  readonly runsOf: (run: { readonly runId: string; readonly mode: 'review' | 'preview' }) => RunLedger;
}

/** State machines by what they run. */
export interface Machines {
  readonly cascadeMachineArn: string;
  readonly reviewMachineArn: string;
}

/** Result of a message; one that failed is delivered again. */
export type HandledEndEvent =
  | 'ended'
  /** Too early, or the work started again since: left unchanged. */
  | 'alive'
  /** An execution without a plan: a person started it. */
  | 'not-ours'
  | 'set-aside'
  | { readonly messageId: string; readonly error: unknown };

/**
 * Ends what dead executions left behind. A batch is small, so its messages run in sequence. A message that fails stops
 * no other.
 */
export async function handleEndEvents(
  ports: EndEventPorts,
  machines: Machines,
  messages: readonly EndMessage[],
): Promise<readonly HandledEndEvent[]> {
  const handled: HandledEndEvent[] = [];
  for (const { messageId, body } of messages) {
    try {
      handled.push(await handle(ports, machines, body));
    } catch (error) {
      handled.push({ messageId, error });
    }
  }
  return handled;
}

async function handle(ports: EndEventPorts, machines: Machines, body: string): Promise<HandledEndEvent> {
  const { value: event, problem } = readBody(body, schemaOf);
  if (!event) return setAside(ports, body, problem);
  if ('kind' in event) return event.kind === 'parked' ? pollParked(ports, event) : endReported(ports, event);
  const machine = event.detail.stateMachineArn;
  if (machine === unqualified(machines.cascadeMachineArn)) return endCascade(ports, event);
  if (machine === unqualified(machines.reviewMachineArn)) return endReview(ports, event);
  return setAside(ports, body, `detail.stateMachineArn: ${machine} is not a state machine of Patchwave`);
}

async function setAside({ deadLetters }: EndEventPorts, body: string, reason: string): Promise<'set-aside'> {
  await deadLetters.put(body, reason);
  return 'set-aside';
}

const schemaOf = (json: unknown): v.GenericSchema<unknown, CascadeEnding | ParkedPoll | ExecutionEnded> =>
  isOwnMessage(json) ? plannersMessage : executionEnded.schema;

/** Without alias or version: events name the unqualified state machine. */
const unqualified = (stateMachineArn: string): string => stateMachineArn.split(':').slice(0, 7).join(':');

/** Includes successful executions: the last step may have failed to record the end. */
async function endCascade(ports: EndEventPorts, { detail }: ExecutionEnded): Promise<HandledEndEvent> {
  const cascade = await ports.cascades.get(detail.executionArn.split(':').at(-1) ?? '');
  if (!cascade) return 'not-ours';
  await reapCascade(ports, cascade, { error: errorOf(detail), detail: messageIn(detail.cause ?? '') });
  await wakePlanner(ports, cascade.cascadeId);
  return 'ended';
}

/** The message may be old, so the execution is read now. */
async function endReported(ports: EndEventPorts, { cascadeId }: CascadeEnding): Promise<HandledEndEvent> {
  const cascade = await ports.cascades.get(cascadeId);
  if (!cascade) return 'not-ours';
  if (isOpen(cascade)) {
    const orphanedReason = await orphanedBecause(ports, cascade);
    if (orphanedReason === undefined) return 'alive';
    await reapCascade(ports, cascade, { error: 'ExecutionEnded', detail: orphanedReason });
  } else await settleLeft(ports, cascade);
  await wakePlanner(ports, cascade.cascadeId);
  return 'ended';
}

/** If it still waits for a person, there is nothing to end; the planner asks again later. */
async function pollParked(ports: EndEventPorts, parked: ParkedPoll): Promise<HandledEndEvent> {
  const { cascadeId, stream, rebuildId } = parked;
  const cascade = await ports.cascades.get(cascadeId);
  if (!cascade) return 'not-ours';
  const node = await unlessUnreadable(ports.cascades.node(cascadeId, stream), undefined);
  await settleParked(ports, cascade, parked, node);
  const rebuild = await unlessUnreadable(ports.rebuilds.get(stream, rebuildId), undefined);
  if (!rebuild || mayStillRun(rebuild, ports.clock())) return 'alive';
  await wakePlanner(ports, cascadeId);
  return 'ended';
}

async function endReview(ports: EndEventPorts, { detail }: ExecutionEnded): Promise<HandledEndEvent> {
  if (detail.status === 'SUCCEEDED') return 'ended';
  const { executionArn, startDate: executionStartedAt } = detail;
  const runId = runIdOf(executionArn, executionStartedAt);
  const both = (['review', 'preview'] as const).map((mode) => ports.runsOf({ runId, mode }));
  const error = { Error: errorOf(detail), Cause: detail.cause ?? '' };
  await abandonReview(both, ports.clock, { executionArn, executionStartedAt, error });
  return 'ended';
}

const errorOf = ({ error, status }: ExecutionEnded['detail']): string => error ?? status;
