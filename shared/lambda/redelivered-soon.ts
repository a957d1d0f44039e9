import type { MiddlewareObj } from '@middy/core';
import { counted } from '../domain/common/counted.ts';
import { redeliverySeconds } from '../domain/common/redelivery.ts';
import type { Delivery, Redelivery } from '../ports/redelivery.ts';
import * as v from '../schema.ts';
import { logger } from './powertools.ts';

/**
 * The SQS data of each message of a batch. A message without it stays hidden for the visibility time-out of its queue.
 */
const batch = v.object({
  Records: v.array(
    v.object({
      messageId: v.text(),
      eventSourceARN: v.text(),
      receiptHandle: v.text(),
      attributes: v.object({ ApproximateReceiveCount: v.numberFromText() }),
    }),
  ),
});
const reply = v.object({ batchItemFailures: v.array(v.object({ itemIdentifier: v.string() })) });

/**
 * Redelivers failed messages soon, not only after the visibility time-out of the queue, which is as long as the
 * function may run. If that fails, the time-out remains. It also remains for a message whose function was throttled or
 * died, because none of our code ran.
 * @param compose called only once a message has failed
 */
export function redeliveredSoon(compose: () => Redelivery, chance: () => number = Math.random): MiddlewareObj {
  let redelivery: Redelivery | undefined;
  const hide = async (event: unknown, isFailed: (messageId: string) => boolean): Promise<void> => {
    const parsed = v.safeParse(batch, event);
    if (!parsed.success) return;
    const failed = parsed.data.Records.filter(({ messageId }) => isFailed(messageId)).map(
      ({ messageId, eventSourceARN, receiptHandle, attributes }): Delivery => ({
        messageId,
        queue: eventSourceARN,
        receipt: receiptHandle,
        receives: attributes.ApproximateReceiveCount,
      }),
    );
    if (failed.length === 0) return;
    try {
      redelivery ??= compose();
      const left = await redelivery.hide(
        failed.map((delivery) => ({ delivery, seconds: redeliverySeconds(delivery.receives, chance()) })),
      );
      if (left.length > 0)
        logger.warn(
          `${counted(left.length, 'failed message')} could not be retried early; the queue delivers each again after its visibility timeout`,
        );
    } catch (error) {
      logger.warn(
        'failed messages could not be retried early; the queue delivers each again after its visibility timeout',
        error as Error,
      );
    }
  };
  return {
    after: async ({ event, response }) => {
      const parsed = v.safeParse(reply, response);
      if (!parsed.success) return;
      const failed = new Set(parsed.data.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier));
      await hide(event, (messageId) => failed.has(messageId));
    },
    onError: ({ event }) => hide(event, () => true),
  };
}
