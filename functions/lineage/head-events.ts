import { headMoved } from '../../shared/events/head-moved.ts';
import { type FailedMessage, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import * as v from '../../shared/schema.ts';
import { type FollowPorts, followHeads } from './follow-heads.ts';
import type { HeadMessage } from './input.ts';

export interface HeadEventPorts extends FollowPorts {
  readonly deadLetters: DeadLetters;
}

/** `FollowRequest`, sent by `registry-events`. */
const followRequest = v.strictObject({ kind: v.literal('follow'), stream: v.text() });
const headMessage = v.union([headMoved.schema, followRequest]);

const streamIn = (message: v.InferOutput<typeof headMessage>): string =>
  'kind' in message ? message.stream : message.detail.stream;

/** Handles all heads of a batch together: of several pushes, and of several streams with one parent. */
export async function handleHeadEvents(
  ports: HeadEventPorts,
  messages: readonly HeadMessage[],
): Promise<readonly FailedMessage[]> {
  const parsed = messages.map((message) => ({ message, ...readBody(message.body, () => headMessage) }));
  const unreadable = parsed.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const lost = await setAside(ports.deadLetters, unreadable);
  const moved = parsed.flatMap(({ message: { messageId }, value }) =>
    value ? [{ messageId, stream: streamIn(value) }] : [],
  );
  if (moved.length === 0) return lost;
  const failed = await failedStreams(ports, [...new Set(moved.map(({ stream }) => stream))]);
  return [
    ...lost,
    ...moved.flatMap(({ messageId, stream }) => (failed.has(stream) ? { messageId, error: failed.get(stream) } : [])),
  ];
}

/** Handles all at once, and one by one only after a failure, so that no stream blocks another. */
async function failedStreams(ports: HeadEventPorts, streams: readonly string[]): Promise<ReadonlyMap<string, unknown>> {
  try {
    await followHeads(ports, streams);
    return new Map();
  } catch (error) {
    const [only, ...others] = streams;
    if (only !== undefined && others.length === 0) return new Map([[only, error]]);
    const failed = new Map<string, unknown>();
    for (const stream of streams)
      for (const [one, cause] of await failedStreams(ports, [stream])) failed.set(one, cause);
    return failed;
  }
}
