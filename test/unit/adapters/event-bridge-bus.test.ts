import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { mockClient } from 'aws-sdk-client-mock';
import { EventBridgeBus } from '../../../shared/adapters/event-bridge-bus.ts';
import { countingBackoff } from './support.ts';

const events = mockClient(EventBridgeClient);
beforeEach(() => events.reset());

const bus = (attempts = 3) =>
  new EventBridgeBus(events as unknown as EventBridgeClient, 'patchwave', countingBackoff(attempts));
const event = (number: number, bytes = 0) => ({
  detailType: 'ImageVerdictChanged',
  detail: { number, filler: 'x'.repeat(bytes) },
  resources: [],
});
const many = (count: number, bytes = 0) => Array.from({ length: count }, (_, n) => event(n, bytes));
const numbers = () =>
  events
    .commandCalls(PutEventsCommand)
    .map(({ args }) => (args[0].input.Entries ?? []).map(({ Detail }) => JSON.parse(Detail ?? '').number as number));
const taken = { EventId: 'id' };
const passing = { ErrorCode: 'InternalFailure', ErrorMessage: 'later' };
const lasting = { ErrorCode: 'MalformedDetail', ErrorMessage: 'never' };

function takesAll(): void {
  events.on(PutEventsCommand).callsFake(({ Entries }) => ({ FailedEntryCount: 0, Entries: Entries.map(() => taken) }));
}

test('ten entries a call, in order; none at all, no call', async () => {
  takesAll();
  await bus().publish(many(23));
  expect(numbers().map((batch) => batch.length)).toEqual([10, 10, 3]);
  expect(numbers().flat()).toEqual(many(23).map(({ detail }) => detail.number));
  events.resetHistory();
  await bus().publish([]);
  expect(numbers()).toEqual([]);
});

test('256 KB a call', async () => {
  takesAll();
  await bus().publish(many(5, 100 * 1024));
  expect(numbers()).toEqual([[0, 1], [2, 3], [4]]);
});

test('an entry that fails in a successful call is put again, and no other', async () => {
  events
    .on(PutEventsCommand)
    .resolvesOnce({ FailedEntryCount: 2, Entries: [taken, passing, passing] })
    .resolvesOnce({ FailedEntryCount: 1, Entries: [taken, passing] })
    .resolvesOnce({ FailedEntryCount: 0, Entries: [taken] });
  await bus().publish(many(3));
  expect(numbers()).toEqual([[0, 1, 2], [1, 2], [2]]);
});

test.each([
  ['fails to the end', [passing, passing, passing], 3],
  ['can never be taken', [lasting], 1],
])('an entry that %s is named, after all others were put', async (_, answers, calls) => {
  const first = events.on(PutEventsCommand);
  for (const answer of answers) first.resolvesOnce({ FailedEntryCount: 1, Entries: [answer] });
  first.resolves({ FailedEntryCount: 0, Entries: [taken] });
  const big = 200 * 1024;
  await expect(bus().publish([event(0, big), event(1, big)])).rejects.toMatchObject({
    name: 'EventsNotPublishedError',
    message: expect.stringContaining(answers[0]?.ErrorCode ?? ''),
  });
  expect(numbers()).toEqual([...Array.from({ length: calls }, () => [0]), [1]]);
});

test('an entry that no call can carry is named, and the others are published', async () => {
  takesAll();
  await expect(bus().publish([event(0), event(1, 300 * 1024), event(2)])).rejects.toMatchObject({
    message: expect.stringContaining('TooLarge'),
  });
  expect(numbers()).toEqual([[0, 2]]);
});

test('an answer that says nothing of an entry is a failure', async () => {
  events.on(PutEventsCommand).resolves({ FailedEntryCount: 0 });
  await expect(bus().publish(many(1))).rejects.toMatchObject({ name: 'EventsNotPublishedError' });
});
