import { headMoved } from '../../shared/events/head-moved.ts';
import { type FailedMessage, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import { type FollowPorts, followHeads } from './follow-heads.ts';
import type { HeadMessage } from './input.ts';

export interface HeadEventPorts extends FollowPorts {
  readonly deadLetters: DeadLetters;
}

/** All heads of a batch are followed together: those of several pushes, and of several streams that stand on one. */
export async function handleHeadEvents(
  ports: HeadEventPorts,
  messages: readonly HeadMessage[],
): Promise<readonly FailedMessage[]> {
  const parsed = messages.map((message) => ({ message, ...readBody(message.body, () => headMoved.schema) }));
  const unreadable = parsed.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const lost = await setAside(ports.deadLetters, unreadable);
  const told = parsed.flatMap(({ message: { messageId }, value }) =>
    value ? [{ messageId, stream: value.detail.stream }] : [],
  );
  if (told.length === 0) return lost;
  try {
    await followHeads(ports, [...new Set(told.map(({ stream }) => stream))]);
    return lost;
  } catch (error) {
    return [...lost, ...told.map(({ messageId }) => ({ messageId, error }))];
  }
}
