import { InternalServerError } from '@aws-sdk/client-dynamodb';
import { DeleteCommand, PutCommand } from '@aws-sdk/lib-dynamodb';
import { DynamoImageLedger } from '../../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaceLedger } from '../../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoCascadeLedger } from '../../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../../../shared/adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoGuardLedger } from '../../../shared/adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoLockLedger } from '../../../shared/adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuildLedger } from '../../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoRolloutLedger } from '../../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoSlotLedger } from '../../../shared/adapters/dynamodb/rebuilds/slot-ledger.ts';
import { DynamoRunLedger } from '../../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoStreamLedger } from '../../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { mergeCause } from '../../../shared/domain/cause/cause.ts';
import { afterOutcome } from '../../../shared/domain/guard/rebuild-history.ts';
import { type CallOutcome, MemoryTable } from '../../support/memory-dynamo.ts';
import { ageFact, cascade, deployment, lock, node, PIPELINE, rebuild, STREAM } from '../../support/rebuild-samples.ts';
import { digestOf, HOUR_MS, imageProperties, NOON_EPOCH_MS, review, stream } from '../../support/samples.ts';

/* A write is done and its answer is lost. The caller gets an error and does all of it again. */

const NOW = { nowEpochMs: NOON_EPOCH_MS, untilEpochMs: NOON_EPOCH_MS + HOUR_MS };
const claim = { runId: 'run-1', atEpochMs: NOON_EPOCH_MS, notSinceEpochMs: NOON_EPOCH_MS - HOUR_MS };
const outcome = { result: 'failed', reason: 'exit code 1' } as const;
const plan = async (cascades: DynamoCascadeLedger) => {
  await cascades.beginPlanning('planner', NOW);
  await cascades.write('planner', cascade('c1'), [node('c1', STREAM), node('c1', 'other')]);
};
const known = async (images: DynamoImageLedger) => images.recordProperties(imageProperties('a'));

const CALLS: Readonly<Record<string, (table: LedgerTable) => Promise<unknown>>> = {
  'takes a lock': (table) => new DynamoLockLedger(table).take(lock('r1')),
  'adopts a lock': async (table) => {
    const locks = new DynamoLockLedger(table);
    await locks.take(lock('r1'));
    return locks.adopt(STREAM, 'r1', 'token');
  },
  'gives a lock back': async (table) => {
    const locks = new DynamoLockLedger(table);
    await locks.take(lock('r1'));
    return locks.release(STREAM, 'r1');
  },
  'takes a slot': (table) => new DynamoSlotLedger(table).take('fleet', 1, 'one', NOW),
  'begins to plan': (table) => new DynamoCascadeLedger(table).beginPlanning('planner', NOW),
  'writes a plan': (table) => plan(new DynamoCascadeLedger(table)),
  'begins a review': (table) => new DynamoRunLedger(table).begin(review('run-1')),
  'moves a head': (table) => new DynamoStreamLedger(table).recordStream(stream(), undefined),
  'claims a scan': async (table) => {
    const images = new DynamoImageLedger(table);
    await known(images);
    return images.claimScan(digestOf('a'), claim);
  },
  'begins a deployment': (table) => new DynamoRolloutLedger(table).beginDeployment(deployment('c1', 'service')),
  'adds a fact to a cause': (table) =>
    new DynamoCauseLedger(table).change(STREAM, (before) => mergeCause(STREAM, before, [ageFact])),
  'counts a failure': (table) =>
    new DynamoGuardLedger(table).change(STREAM, (before) =>
      afterOutcome(before, { rebuild: rebuild('r1'), outcome, atEpochMs: NOON_EPOCH_MS }),
    ),
  'records a rebuild': (table) =>
    new DynamoRebuildLedger(table).record(STREAM, 'r1', (before) => before ?? rebuild('r1')),
  'records whose run it is': (table) =>
    new DynamoRebuildLedger(table).recordExecution({ pipeline: PIPELINE, executionId: 'run' }, rebuild('r1')),
  'records a push': (table) =>
    new DynamoPlaceLedger(table).recordLocation({
      ...{ digest: digestOf('a'), location: stream().location, tags: ['v1'], lastPushSeenAtEpochMs: NOON_EPOCH_MS },
    }),
};

const tableOf = (history: MemoryTable, next: (command: unknown) => CallOutcome): LedgerTable =>
  new LedgerTable(
    history.client(async (command) => next(command)),
    'ledger',
    { attempts: 5, wait: async () => {} },
  );
const isWrite = (command: unknown): boolean => command instanceof PutCommand || command instanceof DeleteCommand;
const stored = ({ items }: MemoryTable) => [...items].sort().map(([key, { rev: _, ...item }]) => [key, item]);

test.each(Object.keys(CALLS))('a caller that loses the answer of any write and tries again: %s once', async (name) => {
  const call = CALLS[name] as (table: LedgerTable) => Promise<unknown>;
  const calm = new MemoryTable();
  let writes = 0;
  const reply = await call(
    tableOf(calm, (command) => {
      if (isWrite(command)) writes += 1;
      return 'done';
    }),
  );
  expect(writes).toBeGreaterThan(0);
  for (let lost = 1; lost <= writes; lost += 1) {
    const history = new MemoryTable();
    let written = 0;
    const first = call(
      tableOf(history, (command) => (isWrite(command) && ++written === lost ? 'fails-after' : 'done')),
    );
    await expect(first).rejects.toBeInstanceOf(InternalServerError);
    expect(await call(tableOf(history, () => 'done'))).toEqual(reply);
    expect(stored(history)).toEqual(stored(calm));
  }
});
