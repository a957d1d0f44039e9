import { type Presence, STANDINGS } from '../../../domain/admission/standing.ts';
import type { Digest } from '../../../domain/image/image.ts';
import type { DoorPlace } from '../../../domain/policy/doors.ts';
import type { PlacedPresence, PresencesOfImages, RunningLedger, RunningReads } from '../../../ports/admission.ts';
import type { Item } from '../table/item.ts';
import * as keys from '../table/keys.ts';
import { below, type LedgerTable } from '../table/table.ts';

const KEPT_AFTER_END_SECONDS = 90 * 24 * 3600;

/** Presences as items beside the image, so that one batch reads both. */
export class DynamoRunningReads implements RunningReads, PresencesOfImages {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async presencesIn(digests: readonly Digest[], place: DoorPlace): Promise<ReadonlyMap<Digest, Presence>> {
    const items = await this.table.getAll(digests.map((digest) => keys.runningImage(digest, place)));
    return new Map(items.map((item) => [digestIn(item.PK), presenceIn(item)]));
  }

  async presencesOf(digest: Digest): Promise<readonly PlacedPresence[]> {
    const found: PlacedPresence[] = [];
    const { PK, SK } = keys.presencesOf(digest);
    for await (const item of this.table.items({ ...below(PK, SK), consistent: true }))
      found.push({ digest, place: keys.placeOfRunning(item), presence: presenceIn(item) });
    return found;
  }
}

/** The same, for the functions that record what runs. */
export class DynamoRunningLedger extends DynamoRunningReads implements RunningLedger {
  async record(presences: readonly PlacedPresence[]): Promise<void> {
    await this.table.putAll(
      presences.map(({ digest, place, presence }) => ({
        ...keys.runningImage(digest, place),
        kind: 'running',
        ...presence,
        // DynamoDB's time to live counts in seconds.
        ...(presence.endedAtEpochMs !== undefined && {
          expiresAt: Math.floor(presence.endedAtEpochMs / 1000) + KEPT_AFTER_END_SECONDS,
        }),
      })),
    );
  }
}

/** An item that a person damaged gives no standing. */
function presenceIn({ beganAtEpochMs, endedAtEpochMs, standing, countsFromEpochMs }: Item): Presence {
  const known = STANDINGS.find((one) => one === standing);
  return {
    ...(typeof beganAtEpochMs === 'number' && { beganAtEpochMs }),
    ...(endedAtEpochMs !== undefined && { endedAtEpochMs: typeof endedAtEpochMs === 'number' ? endedAtEpochMs : 0 }),
    ...(standing !== undefined && { standing: known ?? 'forbidden' }),
    ...(typeof countsFromEpochMs === 'number' && { countsFromEpochMs }),
  };
}

const IMAGE_PREFIX = keys.image('' as Digest).PK;

const digestIn = (partition: string): Digest => partition.slice(IMAGE_PREFIX.length) as Digest;
