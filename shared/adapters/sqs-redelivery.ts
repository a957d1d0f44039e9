import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { piecesOf } from '../concurrency.ts';
import type { Delivery, Redelivery } from '../ports/redelivery.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
const MESSAGES_A_CALL = 10;

/** The messages of one queue. A successful call may still have refused some, so each is checked. */
export class SqsRedelivery implements Redelivery {
  readonly #client: SQSClient;
  readonly #queueUrl: string;

  constructor(client: SQSClient, queueUrl: string) {
    this.#client = client;
    this.#queueUrl = queueUrl;
  }

  async hide(hidden: Parameters<Redelivery['hide']>[0]): Promise<readonly Delivery[]> {
    const unchanged: Delivery[] = [];
    for (const piece of piecesOf([...hidden], MESSAGES_A_CALL)) {
      const { Failed = [] } = await this.#client.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: this.#queueUrl,
          Entries: piece.map(({ delivery, seconds }, index) => ({
            Id: String(index),
            ReceiptHandle: delivery.receipt,
            VisibilityTimeout: seconds,
          })),
        }),
      );
      unchanged.push(...Failed.flatMap(({ Id }) => piece[Number(Id)]?.delivery ?? []));
    }
    return unchanged;
  }
}
