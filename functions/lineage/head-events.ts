import { digest } from '../../shared/domain/image/digest-schema.ts';
import { headMoved } from '../../shared/events/head-moved.ts';
import { type FailedMessage, readBody, setAside } from '../../shared/lambda/queue-messages.ts';
import type { DeadLetters } from '../../shared/ports/dead-letters.ts';
import * as v from '../../shared/schema.ts';
import { type FollowPorts, followHeads } from './follow-heads.ts';
import type { HeadMessage } from './input.ts';
import { placeImage } from './place-image.ts';

export interface HeadEventPorts extends FollowPorts {
  readonly deadLetters: DeadLetters;
}

/** `FollowRequest` and `PlaceRequest`, sent by `registry-events`. */
const followRequest = v.strictObject({ kind: v.literal('follow'), stream: v.text() });
const placeRequest = v.strictObject({ kind: v.literal('place'), digest });
const headMessage = v.union([headMoved.schema, followRequest, placeRequest]);
type ReceivedMessage = v.InferOutput<typeof headMessage>;

const streamIn = (message: Exclude<ReceivedMessage, { kind: 'place' }>): string =>
  'kind' in message ? message.stream : message.detail.stream;

const isPlace = (message: ReceivedMessage): message is Extract<ReceivedMessage, { kind: 'place' }> =>
  'kind' in message && message.kind === 'place';

/** Handles all heads of a batch together: of several pushes, and of several streams with one parent. */
export async function handleHeadEvents(
  ports: HeadEventPorts,
  messages: readonly HeadMessage[],
): Promise<readonly FailedMessage[]> {
  const parsed = messages.map((message) => ({ message, ...readBody(message.body, () => headMessage) }));
  const unreadable = parsed.flatMap(({ message, problem }) => (problem === undefined ? [] : [{ message, problem }]));
  const lost = await setAside(ports.deadLetters, unreadable);
  const unplaced: FailedMessage[] = [];
  for (const { message, value } of parsed) {
    if (!value || !isPlace(value)) continue;
    await placeImage(ports, value.digest).catch((error) => unplaced.push({ messageId: message.messageId, error }));
  }
  const moved = parsed.flatMap(({ message: { messageId }, value }) =>
    value && !isPlace(value) ? [{ messageId, stream: streamIn(value) }] : [],
  );
  if (moved.length === 0) return [...lost, ...unplaced];
  const failed = await failedStreams(ports, [...new Set(moved.map(({ stream }) => stream))]);
  return [
    ...lost,
    ...unplaced,
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
