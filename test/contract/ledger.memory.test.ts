import { DynamoContentLedger } from '../../shared/adapters/dynamodb/images/content-ledger.ts';
import { DynamoUsageLedger } from '../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoAskedWebhooks } from '../../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoBreakGlassLedger } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoDenialLedger } from '../../shared/adapters/dynamodb/policy/denial-ledger.ts';
import { DynamoStartDenials } from '../../shared/adapters/dynamodb/policy/start-denial-ledger.ts';
import { DynamoSwitchLedger } from '../../shared/adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoTaskStops } from '../../shared/adapters/dynamodb/policy/task-stops.ts';
import { DynamoCascadeLedger } from '../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../../shared/adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoGuardLedger } from '../../shared/adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoLockLedger } from '../../shared/adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuildLedger } from '../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoRolloutLedger } from '../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoSlotLedger } from '../../shared/adapters/dynamodb/rebuilds/slot-ledger.ts';
import { DynamoExpiryLedger } from '../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoBaseReadingLedger } from '../../shared/adapters/dynamodb/reviews/base-reading-ledger.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScheduleLedger } from '../../shared/adapters/dynamodb/reviews/schedule-ledger.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoServiceAtZeroLedger } from '../../shared/adapters/dynamodb/reviews/service-at-zero-ledger.ts';
import { DynamoLateHeads } from '../../shared/adapters/dynamodb/streams/late-heads.ts';
import { DynamoStreamImages } from '../../shared/adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreamLedger } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import type { Item } from '../../shared/adapters/dynamodb/table/item.ts';
import { storedRecord } from '../../shared/adapters/dynamodb/table/items.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import type { StartDenial } from '../../shared/domain/admission/start-denial.ts';
import { chainedImages, IndexedImages } from '../support/indexed-images.ts';
import { ListedPlaces } from '../support/listed-places.ts';
import { type Anomalies, allAnomalies, MemoryTable } from '../support/memory-dynamo.ts';
import { SEED } from '../support/seeded.ts';
import { askedWebhooksContract } from './asked-webhooks.contract.ts';
import { baseReadingLedgerContract } from './base-reading-ledger.contract.ts';
import { breakGlassLedgerContract } from './break-glass-ledger.contract.ts';
import { cascadeLedgerContract } from './cascade-ledger.contract.ts';
import { causeLedgerContract } from './cause-ledger.contract.ts';
import { chainLedgerContract } from './chain-ledger.contract.ts';
import { contentLedgerContract } from './content-ledger.contract.ts';
import { denialLedgerContract } from './denial-ledger.contract.ts';
import { expiryLedgerContract } from './expiry-ledger.contract.ts';
import { guardLedgerContract } from './guard-ledger.contract.ts';
import { imageLedgerContract } from './image-ledger.contract.ts';
import { lateHeadsContract } from './late-heads.contract.ts';
import { lockLedgerContract } from './lock-ledger.contract.ts';
import { placeLedgerContract } from './place-ledger.contract.ts';
import { rebuildLedgerContract } from './rebuild-ledger.contract.ts';
import { rolloutLedgerContract } from './rollout-ledger.contract.ts';
import { runLedgerContract } from './run-ledger.contract.ts';
import { scheduleLedgerContract } from './schedule-ledger.contract.ts';
import { scopeLedgerContract } from './scope-ledger.contract.ts';
import { serviceAtZeroLedgerContract } from './service-at-zero-ledger.contract.ts';
import { slotLedgerContract } from './slot-ledger.contract.ts';
import { startDenialLedgerContract } from './start-denial-ledger.contract.ts';
import { streamImagesContract } from './stream-images.contract.ts';
import { streamLedgerContract } from './stream-ledger.contract.ts';
import { switchLedgerContract } from './switch-ledger.contract.ts';
import { taskStopsContract } from './task-stops.contract.ts';
import { usageLedgerContract } from './usage-ledger.contract.ts';

/*
 * The ledger's adapters keep their promises over a table that does all that DynamoDB may do: reads that did not ask for
 * consistency are stale, an index still lists what has left it, batches and pages come in parts, and replies are lost.
 */

const propertyRuns = 30;
const tables: MemoryTable[] = [];
function table(changes: Partial<Anomalies> = {}): LedgerTable {
  const memory = new MemoryTable({ ...allAnomalies(SEED + tables.length), ...changes });
  tables.push(memory);
  return new LedgerTable(memory.client(), 'ledger', { attempts: 200, wait: async () => {} });
}

/** These ledgers answer from an index alone, so their promises hold once the index has caught up. */
const currentIndex = () => table({ staleIndexes: 0 });

describe('over a table with all that DynamoDB may do: the ledger of', () => {
  describe('images', () => imageLedgerContract({ make: () => new IndexedImages(currentIndex()), propertyRuns }));
  describe('chains', () => chainLedgerContract({ make: () => chainedImages(currentIndex()), propertyRuns }));
  describe('usages', () => usageLedgerContract({ make: () => new DynamoUsageLedger(currentIndex()), propertyRuns }));
  describe('places', () => placeLedgerContract({ make: () => new ListedPlaces(table()), propertyRuns }));
  describe('contents', () => contentLedgerContract({ make: () => new DynamoContentLedger(table()), propertyRuns }));
  describe('streams', () => streamLedgerContract({ make: () => new DynamoStreamLedger(table()), propertyRuns }));
  describe('causes', () => causeLedgerContract({ make: () => new DynamoCauseLedger(table()), propertyRuns }));
  describe('runs', () => runLedgerContract({ make: () => new DynamoRunLedger(table()), propertyRuns }));
  describe('scopes', () => scopeLedgerContract({ make: () => new DynamoScopeLedger(table()), propertyRuns }));
  describe('expiries', () => expiryLedgerContract({ make: () => new DynamoExpiryLedger(table()), propertyRuns }));
  describe('rebuilds', () => rebuildLedgerContract({ make: () => new DynamoRebuildLedger(table()), propertyRuns }));
  describe('locks', () => lockLedgerContract({ make: () => new DynamoLockLedger(table()), propertyRuns }));
  describe('slots', () => slotLedgerContract({ make: () => new DynamoSlotLedger(table()), propertyRuns }));
  describe('guards', () => guardLedgerContract({ make: () => new DynamoGuardLedger(table()), propertyRuns }));
  describe('cascades', () => cascadeLedgerContract({ make: () => new DynamoCascadeLedger(table()), propertyRuns }));
  describe('rollouts', () => rolloutLedgerContract({ make: () => new DynamoRolloutLedger(table()), propertyRuns }));
  describe('the kill switch', () =>
    switchLedgerContract({ make: () => new DynamoSwitchLedger(table()), propertyRuns }));
  describe('break-glass', () =>
    breakGlassLedgerContract({ make: () => new DynamoBreakGlassLedger(table()), propertyRuns }));
  describe('asked webhooks', () =>
    askedWebhooksContract({ make: () => new DynamoAskedWebhooks(table()), propertyRuns }));
  describe('denied starts', () =>
    startDenialLedgerContract(() => {
      const memory = new MemoryTable();
      return {
        ledger: () => new DynamoStartDenials(new LedgerTable(memory.client(), 'ledger')),
        recorded: () =>
          [...memory.items.values()].map((item) => {
            const { expiresAt: _, ...record } = storedRecord<StartDenial & { expiresAt: number }>(item as Item);
            return record;
          }),
      };
    }));
  describe('expected denials', () =>
    denialLedgerContract({ make: () => new DynamoDenialLedger(table()), propertyRuns }));
  describe('stops of tasks', () => taskStopsContract({ make: () => new DynamoTaskStops(table()), propertyRuns }));
  describe('schedules', () => scheduleLedgerContract({ make: () => new DynamoScheduleLedger(table()), propertyRuns }));
  describe('services at zero', () =>
    serviceAtZeroLedgerContract({ make: () => new DynamoServiceAtZeroLedger(table()), propertyRuns }));
  describe('late heads', () => lateHeadsContract({ make: () => new DynamoLateHeads(table()), propertyRuns }));
  describe('base readings', () =>
    baseReadingLedgerContract({ make: () => new DynamoBaseReadingLedger(table()), propertyRuns }));
  describe('images of streams', () =>
    streamImagesContract({ make: () => new DynamoStreamImages(table()), propertyRuns }));
});

/** But for stale reads: none of these ledgers reads its own items without asking for consistency. */
test('all of it happened indeed', () => {
  for (const anomaly of ['staleIndexes', 'partialBatches', 'shortPages', 'lostReplies'] as const)
    expect([anomaly, tables.some(({ struck }) => struck[anomaly] > 0)]).toEqual([anomaly, true]);
});
