import { DynamoCascades } from '../adapters/dynamodb/cascades.ts';
import { DynamoCauseLedger } from '../adapters/dynamodb/cause-ledger.ts';
import { DynamoContentLedger } from '../adapters/dynamodb/content-ledger.ts';
import { DynamoGuardLedger } from '../adapters/dynamodb/guard-ledger.ts';
import { DynamoImageLedger } from '../adapters/dynamodb/image-ledger.ts';
import { DynamoLockLedger } from '../adapters/dynamodb/lock-ledger.ts';
import { DynamoPlaceLedger } from '../adapters/dynamodb/place-ledger.ts';
import { DynamoRebuildLedger } from '../adapters/dynamodb/rebuild-ledger.ts';
import { DynamoRolloutLedger } from '../adapters/dynamodb/rollout-ledger.ts';
import { DynamoSlotLedger } from '../adapters/dynamodb/slot-ledger.ts';
import { DynamoStreamImages } from '../adapters/dynamodb/stream-images.ts';
import { DynamoStreamLedger } from '../adapters/dynamodb/stream-ledger.ts';
import { DynamoSwitchLedger } from '../adapters/dynamodb/switch-ledger.ts';
import type { LedgerTable } from '../adapters/dynamodb/table.ts';

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
