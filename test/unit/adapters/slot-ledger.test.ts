import { DynamoSlotLedger } from '../../../shared/adapters/dynamodb/rebuilds/slot-ledger.ts';
import { LedgerTable } from '../../../shared/adapters/dynamodb/table/table.ts';
import { slotLedgerContract } from '../../contract/slot-ledger.contract.ts';
import { MemoryTable } from '../../support/memory-dynamo.ts';

/* The contract over the real adapter, without a cloud: how slots are numbered is the adapter's own. */

const newLedger = (): DynamoSlotLedger =>
  new DynamoSlotLedger(
    new LedgerTable(
      new MemoryTable().client(async () => 'done'),
      'ledger',
      { attempts: 1, wait: async () => {} },
    ),
  );

describe('slots of the table', () => slotLedgerContract({ make: newLedger, propertyRuns: 50 }));
