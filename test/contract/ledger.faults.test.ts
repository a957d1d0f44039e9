import { beforeAll } from '@jest/globals';
import { DynamoCascadeLedger } from '../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../../shared/adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoGuardLedger } from '../../shared/adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoLockLedger } from '../../shared/adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuildLedger } from '../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoRolloutLedger } from '../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoSlotLedger } from '../../shared/adapters/dynamodb/rebuilds/slot-ledger.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import type { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { useCloud } from '../support/cloud.ts';
import { IndexedImages } from '../support/indexed-images.ts';
import { ledgerTables } from '../support/ledger-table.ts';
import { cascadeLedgerContract } from './cascade-ledger.contract.ts';
import { causeLedgerContract } from './cause-ledger.contract.ts';
import { guardLedgerContract } from './guard-ledger.contract.ts';
import { imageLedgerContract } from './image-ledger.contract.ts';
import { lockLedgerContract } from './lock-ledger.contract.ts';
import { rebuildLedgerContract } from './rebuild-ledger.contract.ts';
import { rolloutLedgerContract } from './rollout-ledger.contract.ts';
import { runLedgerContract } from './run-ledger.contract.ts';
import { slotLedgerContract } from './slot-ledger.contract.ts';

/*
 * The promises of those ledgers whose answers depend on a condition hold where every tenth write is done, its reply is
 * lost, and the SDK writes again: a write that meets itself is not taken for another writer's. More of them would use up
 * what the SDK may retry in one test (500 tokens, 14 for each retry that ends in another error).
 */
const cloud = useCloud();
let newTable: () => Promise<LedgerTable>;
beforeAll(async () => {
  newTable = await ledgerTables(cloud());
  const operations = ['PutItem', 'DeleteItem'];
  await cloud().admin.setFaults({ seed: 7, failureRate: 0.1, afterRate: 1, principals: 'all', operations });
});
describe('although replies are lost:', () => {
  describe('images', () =>
    imageLedgerContract({ make: async () => new IndexedImages(await newTable()), propertyRuns: 2 }));
  describe('causes', () =>
    causeLedgerContract({ make: async () => new DynamoCauseLedger(await newTable()), propertyRuns: 2 }));
  describe('runs', () =>
    runLedgerContract({ make: async () => new DynamoRunLedger(await newTable()), propertyRuns: 2 }));
  describe('rebuilds', () =>
    rebuildLedgerContract({ make: async () => new DynamoRebuildLedger(await newTable()), propertyRuns: 2 }));
  describe('locks', () =>
    lockLedgerContract({ make: async () => new DynamoLockLedger(await newTable()), propertyRuns: 2 }));
  describe('slots', () =>
    slotLedgerContract({ make: async () => new DynamoSlotLedger(await newTable()), propertyRuns: 2 }));
  describe('guards', () =>
    guardLedgerContract({ make: async () => new DynamoGuardLedger(await newTable()), propertyRuns: 2 }));
  describe('cascades', () =>
    cascadeLedgerContract({ make: async () => new DynamoCascadeLedger(await newTable()), propertyRuns: 2 }));
  describe('rollouts', () =>
    rolloutLedgerContract({ make: async () => new DynamoRolloutLedger(await newTable()), propertyRuns: 2 }));
});

test('replies were lost indeed', async () => {
  const calls = await cloud().admin.calls();
  const lost = calls.filter(({ operation }) => operation === 'PutItem').reduce((sum, { failed }) => sum + failed, 0);
  expect(lost).toBeGreaterThan(20);
});
