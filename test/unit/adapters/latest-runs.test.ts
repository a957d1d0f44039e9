import { DynamoLatestRuns, DynamoRunLedger } from '../../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { DiedError, MemoryTable } from '../../support/memory-dynamo.ts';
import { NOON_EPOCH_MS, review } from '../../support/samples.ts';

const ENDED = review('run-2', {
  startedAtEpochMs: NOON_EPOCH_MS + 1,
  state: 'succeeded',
  endedAtEpochMs: NOON_EPOCH_MS + 2,
});

/** The ledger as it is once so many calls of `finish` were done: the process stands still there, or died. */
async function afterCalls(finished: number): Promise<DynamoLatestRuns> {
  const memory = new MemoryTable();
  const tableOf = (next: Parameters<MemoryTable['client']>[0]) =>
    new LedgerTable(memory.client(next), 'ledger', { attempts: 1, wait: async () => {} });
  const whole = new DynamoRunLedger(tableOf(async () => 'done'));
  await whole.begin(review('run-1'));
  await whole.finish(review('run-1', { state: 'succeeded', endedAtEpochMs: NOON_EPOCH_MS }));
  await whole.begin(review('run-2', { startedAtEpochMs: NOON_EPOCH_MS + 1 }));
  let calls = 0;
  const dying = new DynamoRunLedger(
    tableOf(async () => {
      calls += 1;
      return calls > finished ? 'dies-before' : 'done';
    }),
  );
  await dying.finish(ENDED).catch((error) => {
    if (!(error instanceof DiedError)) throw error;
  });
  return new DynamoLatestRuns(tableOf(async () => 'done'));
}

test('a review runs until its end is recorded', async () => {
  expect(await (await afterCalls(0)).latest()).toMatchObject({
    running: { runId: 'run-2' },
    ended: { runId: 'run-1' },
  });
});

// The first write is what the event FleetReviewed comes from: who is woken by it may read before the next one.
test.each([1, 2, 3])('a review whose end is recorded has ended, after %i of its three last writes', async (writes) => {
  expect(await (await afterCalls(writes)).latest()).toEqual({ ended: ENDED });
});

test('after an upgrade the first review of some scopes does not hide the last one of the fleet', async () => {
  const memory = new MemoryTable();
  const ledger = new DynamoRunLedger(new LedgerTable(memory.client(), 'ledger'));
  const fleet = review('run-1', { state: 'succeeded', endedAtEpochMs: NOON_EPOCH_MS });
  await ledger.begin(fleet);
  await ledger.finish(fleet);
  // Version 0.1.0 had no item for it.
  memory.items.delete('RUN#LATEST FLEET');
  const startedAtEpochMs = NOON_EPOCH_MS + 1;
  const scopeKey = '111122223333/eu-west-1';
  const part = review('run-2', { scopeKey, startedAtEpochMs, state: 'succeeded', endedAtEpochMs: startedAtEpochMs });
  await ledger.begin(part);
  await ledger.finish(part);
  await ledger.begin({ ...part, runId: 'run-3' });
  await ledger.finish({ ...part, runId: 'run-3' });
  expect(await ledger.latestOfFleet()).toEqual(fleet);
  expect((await ledger.latest()).ended?.runId).toBe('run-3');
});
