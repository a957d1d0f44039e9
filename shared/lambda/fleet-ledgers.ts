import { DynamoBaseReadingLedger } from '../adapters/dynamodb/base-reading-ledger.ts';
import { DynamoCascades } from '../adapters/dynamodb/cascades.ts';
import { DynamoCauseLedger } from '../adapters/dynamodb/cause-ledger.ts';
import { DynamoChains } from '../adapters/dynamodb/chains.ts';
import type { LedgerTable } from '../adapters/dynamodb/table.ts';

/** What a look at lineage reads and writes, in a review and between two of them. */
export const fleetLedgers = (table: LedgerTable) => ({
  baseReadings: new DynamoBaseReadingLedger(table),
  cascades: new DynamoCascades(table),
  causes: new DynamoCauseLedger(table),
  chains: new DynamoChains(table),
});
