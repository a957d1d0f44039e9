import { DynamoImageLedger } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoCascadeLedger } from '../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoStreamImages } from '../../shared/adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreamLedger } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import type * as keys from '../../shared/adapters/dynamodb/table/keys.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { actingLedgers } from '../../shared/lambda/ledgers.ts';
import type { FakeWorld } from './fakes/world.ts';
import { MemoryTable } from './memory-dynamo.ts';

/** A world whose ledgers are the real ones, over a table in memory whose items a test may damage. */
export function storedWorld<World extends FakeWorld>(
  world: World,
): { readonly world: World; readonly memory: MemoryTable } {
  const memory = new MemoryTable();
  const table = new LedgerTable(memory.client(), 'ledger', { attempts: 20, wait: async () => undefined });
  const inventory = {
    images: new DynamoImageLedger(table),
    streams: new DynamoStreamLedger(table),
    streamImages: new DynamoStreamImages(table),
  };
  const ledgers = { ...actingLedgers(table), ...inventory, cascades: new DynamoCascadeLedger(table) };
  return { world: { ...world, ...ledgers, unreadable: table.unreadable } as unknown as World, memory };
}

/** Damages an item, as a person at the console might; a caller that cached it must read it again. */
export function corrupt(memory: MemoryTable, { PK, SK }: keys.Key, changes: Readonly<Record<string, unknown>>): void {
  const name = `${PK} ${SK}`;
  const before = memory.items.get(name);
  if (!before) throw new Error(`the test wrote no ${name}`);
  memory.items.set(name, { ...before, rev: Math.floor(Number(before.rev)) + 1, ...changes });
}
