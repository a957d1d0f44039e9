import { BatchGetCommand } from '@aws-sdk/lib-dynamodb';
import { DynamoImageLedger } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaceLedger } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoRunningLedger } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { fakeWorld } from '../support/fakes/world.ts';
import { MemoryTable } from '../support/memory-dynamo.ts';
import { admissionFactsContract } from './admission-facts.contract.ts';

describe('the ledger in DynamoDB', () =>
  admissionFactsContract({
    make: () => {
      let batches = 0;
      const client = new MemoryTable().client(async (command) => {
        if (command instanceof BatchGetCommand) batches += 1;
        return 'done';
      });
      const table = new LedgerTable(client, 'ledger');
      return {
        images: new DynamoImageLedger(table),
        places: new DynamoPlaceLedger(table),
        running: new DynamoRunningLedger(table),
        batches: () => batches,
      };
    },
  }));

describe('the fake ledger', () => admissionFactsContract({ make: fakeWorld }));
