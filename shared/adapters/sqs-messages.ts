import { SendMessageBatchCommand, type SendMessageBatchRequestEntry, type SQSClient } from '@aws-sdk/client-sqs';
import { piecesOf } from '../concurrency.ts';
import { MessagesNotSentError } from '../ports/acting-errors.ts';
import type { Messages } from '../ports/messages.ts';
import type { Retry } from '../ports/retry.ts';
import { fullJitter } from './backoff.ts';
import { putEntries } from './put-entries.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html */
const MESSAGES_A_CALL = 10;

/** One queue with JSON messages. A successful call may still have refused some, so each is checked. */
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
    for (const piece of piecesOf(entries, MESSAGES_A_CALL)) {
      const lost = await putEntries(piece, this.#backoff, (left) => this.#put(left));
      if (lost.length > 0) throw new MessagesNotSentError(this.#queueUrl, lost);
    }
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
