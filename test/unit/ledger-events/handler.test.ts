import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { mockClient } from 'aws-sdk-client-mock';
import { handler } from '../../../functions/ledger-events/handler.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { causeItem, change, deploymentItem, digestOf, imageItem } from './support.ts';

const context = { functionName: 'ledger-events', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;
const events = mockClient(EventBridgeClient);
let logged: jest.SpiedFunction<typeof logger.error>;

beforeEach(() => {
  process.env.BUS_NAME = 'patchwave-bus';
  events.reset();
  logged = jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('puts the events of a batch on the bus of its environment', async () => {
  events.on(PutEventsCommand).resolves({ Entries: [{ EventId: '1' }, { EventId: '2' }] });

  const reply = await handler(
    { Records: [change(1, undefined, imageItem(1, 'violating')), change(2, undefined, causeItem('s', 1))] },
    context,
  );

  expect(reply).toEqual({ batchItemFailures: [] });
  const [call] = events.commandCalls(PutEventsCommand);
  expect(call?.args[0].input.Entries).toMatchObject([
    { EventBusName: 'patchwave-bus', Source: 'patchwave', DetailType: 'ImageVerdictChanged', Resources: [digestOf(1)] },
    { EventBusName: 'patchwave-bus', Source: 'patchwave', DetailType: 'RebuildNeeded', Resources: ['s'] },
  ]);
});

test('measures the recorded end of a deployment', async () => {
  const counted = jest.spyOn(metrics, 'addMetric').mockReturnThis();
  const Records = [change(1, deploymentItem('running'), deploymentItem('rolled-back'))];
  expect(await handler({ Records }, context)).toEqual({ batchItemFailures: [] });
  expect(counted.mock.calls).toEqual([['DeploymentsFailed', 'Count', 1]]);
});

test('an entry that the bus refuses in a call that succeeds is delivered again, by its sequence number', async () => {
  events.on(PutEventsCommand).callsFake(({ Entries }: { Entries: { Resources: string[] }[] }) => ({
    Entries: Entries.map(({ Resources: [digest] }) =>
      digest === digestOf(2) ? { ErrorCode: 'NotAuthorized', ErrorMessage: 'no' } : { EventId: '1' },
    ),
  }));
  const records = [1, 2, 3].map((number) => change(number, undefined, imageItem(number, 'unknown')));

  expect(await handler({ Records: records }, context)).toEqual({ batchItemFailures: [{ itemIdentifier: '2' }] });
  expect(logged).toHaveBeenCalledTimes(1);
  expect(logged.mock.calls[0]?.[1]).toMatchObject({ name: 'EventsNotPublishedError' });
});

test('refuses input that is no stream batch, and names the field', async () => {
  await expect(handler({ Records: [{ dynamodb: { Keys: {} } }] }, context)).rejects.toMatchObject({
    name: 'InvalidInputError',
    message: expect.stringContaining('Records[0].dynamodb.SequenceNumber'),
  });
});
