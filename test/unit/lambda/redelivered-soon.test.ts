import { jest } from '@jest/globals';
import type { Context, SQSBatchResponse } from 'aws-lambda';
import { MessagesFailedError } from '../../../shared/lambda/errors.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { queueReply } from '../../../shared/lambda/queue-messages.ts';
import { redeliveredSoon } from '../../../shared/lambda/redelivered-soon.ts';
import { lambdaFunction } from '../../../shared/lambda/stack.ts';
import type { Delivery, Redelivery } from '../../../shared/ports/redelivery.ts';
import * as v from '../../../shared/schema.ts';

const context = { functionName: 'cascade-plan', awsRequestId: 'request', memoryLimitInMB: '512' } as Context;
const input = v.object({ Records: v.array(v.object({ messageId: v.text() })) });

interface Hidden {
  readonly delivery: Delivery;
  readonly seconds: number;
}

class Queue implements Redelivery {
  readonly hidden: Hidden[] = [];
  left: readonly Delivery[] = [];
  async hide(hidden: readonly Hidden[]): Promise<readonly Delivery[]> {
    this.hidden.push(...hidden);
    return this.left;
  }
}

const QUEUE = 'arn:aws:sqs:eu-west-1:111122223333:plan';

const message = (id: number, receives = 1) => ({
  messageId: `m${id}`,
  eventSourceARN: QUEUE,
  receiptHandle: `r${id}`,
  attributes: { ApproximateReceiveCount: String(receives) },
});

/** A function that takes from a queue and answers or fails as `handle` does. */
const taking = (redelivery: () => Redelivery, handle: () => Promise<SQSBatchResponse>) =>
  lambdaFunction({ input, compose: () => ({}), handle, redelivery });
const failing =
  (...ids: number[]) =>
  async (): Promise<SQSBatchResponse> => ({
    batchItemFailures: ids.map((id) => ({ itemIdentifier: `m${id}` })),
  });

let warned: jest.SpiedFunction<typeof logger.warn>;
beforeEach(() => {
  warned = jest.spyOn(logger, 'warn').mockImplementation(() => undefined);
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('failed messages are redelivered soon, later after each failure', async () => {
  const queue = new Queue();
  const Records = [message(0), message(1, 1), message(2, 5)];
  await taking(() => queue, failing(1, 2))({ Records }, context);
  const [first, later] = queue.hidden;
  expect(queue.hidden.map(({ delivery }) => delivery)).toMatchObject([
    { receipt: 'r1', queue: QUEUE },
    { receipt: 'r2', queue: QUEUE },
  ]);
  expect(first?.seconds).toBeLessThanOrEqual(15);
  expect(later?.seconds).toBeGreaterThanOrEqual(90);
});

test('where a function fails as a whole all messages are delivered again soon', async () => {
  const queue = new Queue();
  const broken = async (): Promise<SQSBatchResponse> => Promise.reject(new Error('no key'));
  await expect(taking(() => queue, broken)({ Records: [message(0), message(1)] }, context)).rejects.toThrow('no key');
  expect(queue.hidden.map(({ delivery }) => delivery.messageId)).toEqual(['m0', 'm1']);
});

test('an input that is refused is delivered again soon too', async () => {
  const queue = new Queue();
  const refusing = lambdaFunction({
    input: v.strictObject({ other: v.text() }),
    compose: () => ({}),
    handle: failing(),
    redelivery: () => queue,
  });
  await expect(refusing({ Records: [message(0)] }, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
  expect(queue.hidden).toHaveLength(1);
});

test('without a failure no queue is requested', async () => {
  const compose = jest.fn(() => new Queue());
  await taking(compose, failing())({ Records: [message(0)] }, context);
  expect(compose).not.toHaveBeenCalled();
});

test('messages that come in no queue keep what they have', async () => {
  const compose = jest.fn(() => new Queue());
  await taking(compose, failing(0))({ Records: [{ messageId: 'm0' }] }, context);
  expect(compose).not.toHaveBeenCalled();
});

test('where the queue refuses, the reply stays as it is, and the log says so', async () => {
  const refusing: Redelivery = { hide: () => Promise.reject(new Error('denied')) };
  const reply = await taking(() => refusing, failing(0))({ Records: [message(0)] }, context);
  expect(reply).toEqual({ batchItemFailures: [{ itemIdentifier: 'm0' }] });
  expect(warned).toHaveBeenCalledWith(expect.stringContaining('could not be retried early'), expect.any(Error));
});

test('the log counts what a queue did not take', async () => {
  const queue = new Queue();
  queue.left = [{ messageId: 'm0', queue: QUEUE, receipt: 'r0', receives: 1 }];
  await taking(() => queue, failing(0))({ Records: [message(0)] }, context);
  expect(warned).toHaveBeenCalledWith(expect.stringMatching(/^1 failed message could not be retried early/));
});

test('messages that failed together are spread by chance', async () => {
  const queue = new Queue();
  let draws = 0;
  const chance = () => {
    draws += 1;
    return draws % 2 === 0 ? 0.9 : 0;
  };
  const { after } = redeliveredSoon(() => queue, chance);
  const request = {
    event: { Records: [message(0), message(1)] },
    response: await failing(0, 1)(),
    context,
    error: null,
  };
  await after?.({ ...request, internal: {} } as unknown as Parameters<NonNullable<typeof after>>[0]);
  expect(new Set(queue.hidden.map(({ seconds }) => seconds)).size).toBe(2);
});

describe('the reply to a queue', () => {
  const failed = (messageId: string) => ({ messageId, error: new Error('full') });

  test('names what failed, where something was done', () => {
    expect(queueReply([failed('m1')], 2)).toEqual({ batchItemFailures: [{ itemIdentifier: 'm1' }] });
    expect(queueReply([], 2)).toEqual({ batchItemFailures: [] });
  });

  // Lambda counts no error for an invocation that names its failures, so an alarm on errors would not see them.
  test('is an error where nothing was done', () => {
    expect(() => queueReply([failed('m0'), failed('m1')], 2)).toThrow(MessagesFailedError);
    expect(() => queueReply([failed('m0')], 1)).toThrow(/Error: full/);
  });
});
