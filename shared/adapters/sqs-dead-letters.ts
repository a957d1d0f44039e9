import { SendMessageCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { cutText } from '../domain/common/cut-text.ts';
import type { DeadLetters } from '../ports/dead-letters.ts';

const MOST_REASON = 1_000;

/** A queue for messages that can never be processed, with the attribute `reason`. */
export class SqsDeadLetters implements DeadLetters {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(client: SQSClient, queueUrl: string) {
    this.#client = client;
    this.#queueUrl = queueUrl;
  }

  async put(body: string, reason: string): Promise<void> {
    await this.#client.send(
      new SendMessageCommand({
        QueueUrl: this.#queueUrl,
        MessageBody: allowed(body) || '(empty)',
        MessageAttributes: {
          reason: { DataType: 'String', StringValue: cutText(allowed(reason), MOST_REASON) || 'no reason given' },
        },
      }),
    );
  }
}

/** SQS refuses a message with a character that XML 1.0 does not know (SendMessage, `MessageBody`). */
const allowed = (text: string): string =>
  text.toWellFormed().replace(/[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/gu, '\u{FFFD}');
