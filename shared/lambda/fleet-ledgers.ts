import { DynamoChains } from '../adapters/dynamodb/images/chains.ts';
import { DynamoCascades } from '../adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoBaseReadingLedger } from '../adapters/dynamodb/reviews/base-reading-ledger.ts';
import type { LedgerTable } from '../adapters/dynamodb/table/table.ts';

/** What a look at lineage reads and writes, in a review and between two of them. */
export const fleetLedgers = (table: LedgerTable) => ({
  baseReadings: new DynamoBaseReadingLedger(table),
  cascades: new DynamoCascades(table),
  causes: new DynamoCauseLedger(table),
  chains: new DynamoChains(table),
});
