import type { Digest } from '../../../domain/image/image.ts';
import type { DoorPlace } from '../../../domain/policy/doors.ts';
import type { ImagePresence, RunningLedger, RunningReads } from '../../../ports/admission.ts';
import * as keys from '../table/keys.ts';
import type { LedgerTable } from '../table/table.ts';

const KEPT_AFTER_END_SECONDS = 90 * 24 * 3600;

/** Running images as items beside the image, so that one batch reads both. */
export class DynamoRunningReads implements RunningReads {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async runningIn(digests: readonly Digest[], place: DoorPlace): Promise<ReadonlySet<Digest>> {
    const items = await this.table.getAll(digests.map((digest) => keys.runningImage(digest, place)));
    return new Set(items.filter(({ endedAtEpochMs }) => endedAtEpochMs === undefined).map(({ PK }) => digestIn(PK)));
  }
}

/** The same, for the functions that record what runs. */
export class DynamoRunningLedger extends DynamoRunningReads implements RunningLedger {
  async begin(images: readonly ImagePresence[], atEpochMs: number): Promise<void> {
    await this.table.putAll(images.map((image) => ({ ...itemOf(image), beganAtEpochMs: atEpochMs })));
  }

  async end(images: readonly ImagePresence[], atEpochMs: number): Promise<void> {
    const ended = {
      endedAtEpochMs: atEpochMs,
      // DynamoDB's time to live counts in seconds.
      expiresAt: Math.floor(atEpochMs / 1000) + KEPT_AFTER_END_SECONDS,
    };
    await this.table.putAll(images.map((image) => ({ ...itemOf(image), ...ended })));
  }
}

const itemOf = ({ digest, place }: ImagePresence) => ({ ...keys.runningImage(digest, place), kind: 'running' });

const IMAGE_PREFIX = keys.image('' as Digest).PK;

const digestIn = (partition: string): Digest => partition.slice(IMAGE_PREFIX.length) as Digest;
