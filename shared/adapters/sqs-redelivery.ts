import { ChangeMessageVisibilityBatchCommand, type SQSClient } from '@aws-sdk/client-sqs';
import { piecesOf } from '../concurrency.ts';
import { isSameQueue } from '../domain/common/queue-name.ts';
import type { Delivery, Redelivery } from '../ports/redelivery.ts';

/** https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html */
const MESSAGES_A_CALL = 10;

/** The messages of the queues of one function. A successful call may still have refused some, so each is checked. */
export class SqsRedelivery implements Redelivery {
  readonly #client: SQSClient;
  readonly #queueUrls: readonly string[];

  constructor(client: SQSClient, queueUrls: readonly string[]) {
    this.#client = client;
    this.#queueUrls = queueUrls;
  }

  async hide(hidden: Parameters<Redelivery['hide']>[0]): Promise<readonly Delivery[]> {
    const ofQueue = (queueUrl: string) => hidden.filter(({ delivery }) => isSameQueue(queueUrl, delivery.queue));
    const own = this.#queueUrls.map((queueUrl) => ({ queueUrl, messages: ofQueue(queueUrl) }));
    const known = new Set(own.flatMap(({ messages }) => messages));
    const unchanged = hidden.flatMap((one) => (known.has(one) ? [] : [one.delivery]));
    for (const { queueUrl, messages } of own) unchanged.push(...(await this.#hide(queueUrl, messages)));
    return unchanged;
  }

  async #hide(queueUrl: string, hidden: Parameters<Redelivery['hide']>[0]): Promise<readonly Delivery[]> {
    const unchanged: Delivery[] = [];
    for (const piece of piecesOf([...hidden], MESSAGES_A_CALL)) {
      const { Failed = [] } = await this.#client.send(
        new ChangeMessageVisibilityBatchCommand({
          QueueUrl: queueUrl,
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
