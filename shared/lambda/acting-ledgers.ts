import { DynamoContentLedger } from '../adapters/dynamodb/images/content-ledger.ts';
import { DynamoImageLedger } from '../adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaceLedger } from '../adapters/dynamodb/images/place-ledger.ts';
import { DynamoSwitchLedger } from '../adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoCascades } from '../adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoGuardLedger } from '../adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoLockLedger } from '../adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuildLedger } from '../adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoRolloutLedger } from '../adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoSlotLedger } from '../adapters/dynamodb/rebuilds/slot-ledger.ts';
import { DynamoStreamImages } from '../adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreamLedger } from '../adapters/dynamodb/streams/stream-ledger.ts';
import type { LedgerTable } from '../adapters/dynamodb/table/table.ts';

/** What a cascade is made of and holds, and what may stop it, for those functions that plan or end one. */
export const actingLedgers = (table: LedgerTable) => ({
  cascades: new DynamoCascades(table),
  causes: new DynamoCauseLedger(table),
  guards: new DynamoGuardLedger(table),
  locks: new DynamoLockLedger(table),
  rebuilds: new DynamoRebuildLedger(table),
  rollouts: new DynamoRolloutLedger(table),
  slots: new DynamoSlotLedger(table),
  killSwitch: new DynamoSwitchLedger(table),
});

/** What is known of images, for those functions that read a registry outside of a review. */
export const imageLedgers = (table: LedgerTable) => ({
  images: new DynamoImageLedger(table),
  places: new DynamoPlaceLedger(table),
  contents: new DynamoContentLedger(table),
  streams: new DynamoStreamLedger(table),
  streamImages: new DynamoStreamImages(table),
});
