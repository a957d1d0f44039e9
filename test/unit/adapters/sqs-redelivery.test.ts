import { ChangeMessageVisibilityBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { SqsRedelivery } from '../../../shared/adapters/sqs-redelivery.ts';

const sqs = mockClient(SQSClient);
beforeEach(() => void sqs.reset());

const URLS = ['pushes', 'requests'].map((name) => `https://sqs.us-gov-west-1.amazonaws.com/111122223333/${name}`);
const failed = (queue: string, n: number) => ({
  delivery: { messageId: `m${n}`, queue: `arn:aws-us-gov:sqs:us-gov-west-1:${queue}`, receipt: `r${n}`, receives: 1 },
  seconds: n,
});
const redelivery = () => new SqsRedelivery(new SQSClient({ region: 'us-gov-west-1' }), URLS);

test('each message is hidden in its own queue, and one of another queue keeps its time', async () => {
  sqs.on(ChangeMessageVisibilityBatchCommand).resolves({});
  const foreign = failed('111122223333:others', 3);
  const account = failed('999999999999:pushes', 4);
  const own = [failed('111122223333:pushes', 1), failed('111122223333:requests', 2)];
  expect(await redelivery().hide([...own, foreign, account])).toEqual([foreign.delivery, account.delivery]);
  expect(
    sqs
      .commandCalls(ChangeMessageVisibilityBatchCommand)
      .map(({ args: [{ input }] }) => [input.QueueUrl, input.Entries?.map(({ ReceiptHandle }) => ReceiptHandle)]),
  ).toEqual([
    [URLS[0], ['r1']],
    [URLS[1], ['r2']],
  ]);
});

test('a message that its queue refuses keeps its time', async () => {
  sqs.on(ChangeMessageVisibilityBatchCommand).resolves({
    Failed: [{ Id: '1', Code: 'InternalError', SenderFault: false }],
  });
  const messages = [1, 2, 3].map((n) => failed('111122223333:requests', n));
  expect(await redelivery().hide(messages)).toEqual([messages[1]?.delivery]);
});
