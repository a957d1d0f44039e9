import { beforeAll } from '@jest/globals';
import { DynamoContentLedger } from '../../shared/adapters/dynamodb/images/content-ledger.ts';
import { DynamoUsageLedger } from '../../shared/adapters/dynamodb/images/usage-ledger.ts';
import { DynamoSwitchLedger } from '../../shared/adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoCascadeLedger } from '../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../../shared/adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoGuardLedger } from '../../shared/adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoLockLedger } from '../../shared/adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuildLedger } from '../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoRolloutLedger } from '../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoSlotLedger } from '../../shared/adapters/dynamodb/rebuilds/slot-ledger.ts';
import { DynamoExpiryLedger } from '../../shared/adapters/dynamodb/retention/expiry-ledger.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoStreamImages } from '../../shared/adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreamLedger } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import type { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { useCloud } from '../support/cloud.ts';
import { chainedImages, IndexedImages } from '../support/indexed-images.ts';
import { ledgerTables } from '../support/ledger-table.ts';
import { ListedPlaces } from '../support/listed-places.ts';
import { cascadeLedgerContract } from './cascade-ledger.contract.ts';
import { causeLedgerContract } from './cause-ledger.contract.ts';
import { chainLedgerContract } from './chain-ledger.contract.ts';
import { contentLedgerContract } from './content-ledger.contract.ts';
import { expiryLedgerContract } from './expiry-ledger.contract.ts';
import { guardLedgerContract } from './guard-ledger.contract.ts';
import { imageLedgerContract } from './image-ledger.contract.ts';
import { lockLedgerContract } from './lock-ledger.contract.ts';
import { placeLedgerContract } from './place-ledger.contract.ts';
import { rebuildLedgerContract } from './rebuild-ledger.contract.ts';
import { rolloutLedgerContract } from './rollout-ledger.contract.ts';
import { runLedgerContract } from './run-ledger.contract.ts';
import { scopeLedgerContract } from './scope-ledger.contract.ts';
import { slotLedgerContract } from './slot-ledger.contract.ts';
import { streamImagesContract } from './stream-images.contract.ts';
import { streamLedgerContract } from './stream-ledger.contract.ts';
import { switchLedgerContract } from './switch-ledger.contract.ts';
import { usageLedgerContract } from './usage-ledger.contract.ts';

const propertyRuns = 5;
const cloud = useCloud();
let newTable: () => Promise<LedgerTable>;
beforeAll(async () => {
  newTable = await ledgerTables(cloud());
});

describe('the DynamoDB ledger of', () => {
  describe('images', () =>
    imageLedgerContract({ make: async () => new IndexedImages(await newTable()), propertyRuns }));
  describe('places', () => placeLedgerContract({ make: async () => new ListedPlaces(await newTable()), propertyRuns }));
  describe('chains', () => chainLedgerContract({ make: async () => chainedImages(await newTable()), propertyRuns }));
  describe('contents', () =>
    contentLedgerContract({ make: async () => new DynamoContentLedger(await newTable()), propertyRuns }));
  describe('usages', () =>
    usageLedgerContract({ make: async () => new DynamoUsageLedger(await newTable()), propertyRuns }));
  describe('streams', () =>
    streamLedgerContract({ make: async () => new DynamoStreamLedger(await newTable()), propertyRuns }));
  describe('causes', () =>
    causeLedgerContract({ make: async () => new DynamoCauseLedger(await newTable()), propertyRuns }));
  describe('runs', () => runLedgerContract({ make: async () => new DynamoRunLedger(await newTable()), propertyRuns }));
  describe('scopes', () =>
    scopeLedgerContract({ make: async () => new DynamoScopeLedger(await newTable()), propertyRuns }));
  describe('expiries', () =>
    expiryLedgerContract({ make: async () => new DynamoExpiryLedger(await newTable()), propertyRuns }));
  describe('rebuilds', () =>
    rebuildLedgerContract({ make: async () => new DynamoRebuildLedger(await newTable()), propertyRuns }));
  describe('locks', () =>
    lockLedgerContract({ make: async () => new DynamoLockLedger(await newTable()), propertyRuns }));
  describe('slots', () =>
    slotLedgerContract({ make: async () => new DynamoSlotLedger(await newTable()), propertyRuns }));
  describe('guards', () =>
    guardLedgerContract({ make: async () => new DynamoGuardLedger(await newTable()), propertyRuns }));
  describe('cascades', () =>
    cascadeLedgerContract({ make: async () => new DynamoCascadeLedger(await newTable()), propertyRuns }));
  describe('rollouts', () =>
    rolloutLedgerContract({ make: async () => new DynamoRolloutLedger(await newTable()), propertyRuns }));
  describe('the kill switch', () =>
    switchLedgerContract({ make: async () => new DynamoSwitchLedger(await newTable()), propertyRuns }));
  describe('images of streams', () =>
    streamImagesContract({ make: async () => new DynamoStreamImages(await newTable()), propertyRuns }));
});
