import type { SQSBatchResponse } from 'aws-lambda';
import { mapConcurrently } from '../concurrency.ts';
import type { DeadLetters } from '../ports/dead-letters.ts';
import * as v from '../schema.ts';
import { MessagesFailedError } from './errors.ts';
import { logger } from './powertools.ts';

const LETTERS_AT_ONCE = 10;

/** The parsed message, or why it can never be understood. */
export type ReadBody<Value> =
  | { readonly value: Value; readonly problem?: undefined }
  | { readonly value?: undefined; readonly problem: string };

/** @param schemaOf the schema of a body */
export function readBody<const Schema extends v.GenericSchema>(
  body: string,
  schemaOf: (json: unknown) => Schema,
): ReadBody<v.InferOutput<Schema>> {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch (error) {
    return { problem: `not JSON: ${error instanceof Error ? error.message : String(error)}` };
  }
  const parsed = v.safeParse(schemaOf(json), json);
  if (parsed.success) return { value: parsed.data };
  return { problem: parsed.problems.map((problem) => v.problemText(problem)).join('; ') };
}

/** Messages that Patchwave sends itself have a `kind`; events have none. */
export const isOwnMessage = (json: unknown): boolean => json instanceof Object && 'kind' in json;

/** A failed message that is delivered again. */
export interface FailedMessage {
  readonly messageId: string;
  readonly error: unknown;
}

export interface UnreadableMessage {
  readonly message: { readonly messageId: string; readonly body: string };
  readonly problem: string;
}

/** Stores unreadable messages for a person. @returns the messages that could not even be stored */
export async function setAside(
  deadLetters: DeadLetters,
  unreadable: readonly UnreadableMessage[],
): Promise<readonly FailedMessage[]> {
  const results = await mapConcurrently(unreadable, LETTERS_AT_ONCE, async ({ message, problem }) => {
    try {
      await deadLetters.put(message.body, problem);
      return [];
    } catch (error) {
      return [{ messageId: message.messageId, error }];
    }
  });
  return results.flat();
}

/**
 * The reply to a queue for a batch: only failed messages are delivered again. If all failed, the invocation fails,
 * because Lambda counts no error for a reply that names its failures, and an alarm watches the errors. The batch
 * processor of Powertools handles each message by itself; most functions here take a batch together, such as all pushes
 * to one repository.
 * https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 * @param messages how many the batch has
 * @throws MessagesFailedError if all of them failed
 */
export function queueReply(failed: readonly FailedMessage[], messages: number): SQSBatchResponse {
  for (const { messageId, error } of failed) {
    logger.error(`message ${messageId} failed and will be delivered again`, error as Error);
  }
  const [first] = failed;
  if (first && failed.length === messages) throw new MessagesFailedError(messages, first.error);
  return { batchItemFailures: failed.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
