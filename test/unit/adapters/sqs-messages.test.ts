import { SendMessageBatchCommand, SQSClient } from '@aws-sdk/client-sqs';
import { mockClient } from 'aws-sdk-client-mock';
import { SqsMessages } from '../../../shared/adapters/sqs-messages.ts';
import { countingBackoff } from './support.ts';

const sqs = mockClient(SQSClient);
beforeEach(() => sqs.reset());

const messages = (attempts = 3) =>
  new SqsMessages<number>(sqs as unknown as SQSClient, 'https://sqs/queue', countingBackoff(attempts));
const sent = () =>
  sqs
    .commandCalls(SendMessageBatchCommand)
    .map(({ args }) => (args[0].input.Entries ?? []).map(({ MessageBody = '' }) => Number(MessageBody)));
const refused = (Id: string, SenderFault = false) => ({ Id, SenderFault, Code: 'InternalError' });

test('ten a call, each by a name of its own; none at all, no call', async () => {
  sqs.on(SendMessageBatchCommand).resolves({});
  await messages().send(Array.from({ length: 23 }, (_, n) => n));
  expect(sent().map((batch) => batch.length)).toEqual([10, 10, 3]);
  for (const { args } of sqs.commandCalls(SendMessageBatchCommand)) {
    const { Entries = [] } = args[0].input;
    expect(new Set(Entries.map(({ Id }) => Id)).size).toBe(Entries.length);
  }
  sqs.resetHistory();
  await messages().send([]);
  expect(sent()).toEqual([]);
});

test('a message that was refused in a successful call is sent again, and no other', async () => {
  sqs
    .on(SendMessageBatchCommand)
    .resolvesOnce({ Failed: [refused('1'), refused('2')] })
    .resolvesOnce({ Failed: [refused('2')] })
    .resolves({});
  await messages().send([0, 1, 2]);
  expect(sent()).toEqual([[0, 1, 2], [1, 2], [2]]);
});

test.each([
  ['to the end', false, 3],
  ['for a fault of ours', true, 1],
])('refused %s it is an error with the code', async (_, senderFault, calls) => {
  sqs.on(SendMessageBatchCommand).resolves({ Failed: [refused('0', senderFault)] });
  await expect(messages().send([0])).rejects.toMatchObject({
    name: 'MessagesNotSentError',
    message: expect.stringContaining('InternalError'),
  });
  expect(sent()).toHaveLength(calls);
});

test('no call is larger than SQS takes, and a message that is larger alone stops no other', async () => {
  sqs.on(SendMessageBatchCommand).resolves({});
  const queue = new SqsMessages<string>(sqs as unknown as SQSClient, 'https://sqs/queue', countingBackoff(3));
  const [large, tooLarge] = ['x'.repeat(400_000), 'x'.repeat(1_048_577)];
  const sending = queue.send([large, large, large, tooLarge, 'small']);
  await expect(sending).rejects.toMatchObject({ message: expect.stringContaining('1 message') });
  const sizes = sqs
    .commandCalls(SendMessageBatchCommand)
    .map(({ args }) => (args[0].input.Entries ?? []).map(({ MessageBody = '' }) => MessageBody.length));
  expect(sizes).toEqual([
    [400_002, 400_002],
    [400_002, 7],
  ]);
});
