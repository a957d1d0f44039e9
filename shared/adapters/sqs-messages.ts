import {
  type BatchResultErrorEntry,
  SendMessageBatchCommand,
  type SendMessageBatchRequestEntry,
  type SQSClient,
} from '@aws-sdk/client-sqs';
import { MessagesNotSentError } from '../ports/acting-errors.ts';
import type { Messages } from '../ports/messages.ts';
import type { Retry } from '../ports/retry.ts';
import { fullJitter } from './backoff.ts';
import { batchesWithin, putEntries } from './put-entries.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html: a message, and all of a call. */
const A_CALL = { entries: 10, bytes: 1024 * 1024 };

/**
 * One queue with JSON messages. A successful call may still have refused some, so each is checked. SQS refuses a whole call for one
 * message that is too large, so such a message is never sent with others.
 */
export class SqsMessages<Message> implements Messages<Message> {
  readonly #client: SQSClient;
  readonly #queueUrl: string;
  readonly #backoff: Retry;

  constructor(client: SQSClient, queueUrl: string, backoff: Retry = fullJitter()) {
    this.#client = client;
    this.#queueUrl = queueUrl;
    this.#backoff = backoff;
  }

  async send(messages: readonly Message[]): Promise<void> {
    const entries = messages.map((message, index) => ({ Id: String(index), MessageBody: JSON.stringify(message) }));
    const tooLarge = entries.filter((entry) => sizeOf(entry) > A_CALL.bytes);
    const lost: BatchResultErrorEntry[] = tooLarge.map(({ Id }) => ({ Id, Code: TOO_LARGE, SenderFault: true }));
    const others = entries.filter((entry) => !tooLarge.includes(entry));
    for (const batch of batchesWithin(others, sizeOf, A_CALL))
      lost.push(...(await putEntries(batch, this.#backoff, (left) => this.#put(left))));
    if (lost.length > 0) throw new MessagesNotSentError(this.#queueUrl, lost);
  }

  async #put<Entry extends SendMessageBatchRequestEntry>(entries: readonly Entry[]) {
    const { Failed = [] } = await this.#client.send(
      new SendMessageBatchCommand({ QueueUrl: this.#queueUrl, Entries: [...entries] }),
    );
    return entries.flatMap((entry) => {
      const failure = Failed.find(({ Id }) => Id === entry.Id);
      return failure ? [{ entry, failure, isPassing: failure.SenderFault !== true }] : [];
    });
  }
}

const TOO_LARGE = 'MessageTooLong';

const sizeOf = ({ MessageBody = '' }: SendMessageBatchRequestEntry): number => Buffer.byteLength(MessageBody);
