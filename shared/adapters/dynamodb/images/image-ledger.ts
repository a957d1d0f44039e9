import type { LineageChange } from '../../../domain/age/image-lineage.ts';
import type { Digest } from '../../../domain/image/image.ts';
import { type ImageProperties, UNREADABLE_ITEM } from '../../../domain/image/image-properties.ts';
import type { ImageRecord, Judgement } from '../../../domain/verdict/image-record.ts';
import {
  withChangedJudgement,
  withGuess,
  withJudgement,
  withLineage,
  withProperties,
  withReconfirmation,
  withUnreadResult,
} from '../../../domain/verdict/image-updates.ts';
import { ImageNotRecordedError } from '../../../ports/errors.ts';
import type { ImageLedger, Reconfirmations, ScanClaim } from '../../../ports/ledger.ts';
import type { Item } from '../table/item.ts';
import { IMAGE_PREFIX, type ImageState, imageContent, imageState } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { orUnreadable } from '../table/readable.ts';
import type { LedgerTable } from '../table/table.ts';

/**
 * The substitute for an image with an unreadable item: it may run and may be a head, and its findings are unknown. So
 * nothing that depends on it is closed, settled or built.
 */
function unknownImage({ PK, stream }: Item): ImageRecord {
  return {
    digest: PK.slice(IMAGE_PREFIX.length) as Digest,
    tier: 'unmanaged',
    ...(typeof stream === 'string' && { stream }),
    birth: { known: false, rejected: [] },
    locations: [],
    unresolved: {
      code: UNREADABLE_ITEM,
      detail: 'The ledger item of the image cannot be read. Correct or delete the item.',
    },
    ...{ inUse: true, isHead: false },
    scan: { state: 'failed', coverage: [] },
  };
}

/** Images by digest, for functions that record none. */
export class DynamoImages implements Pick<ImageLedger, 'get'> {
  protected readonly table: LedgerTable;

  constructor(table: LedgerTable) {
    this.table = table;
  }

  async get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageRecord>> {
    const items = await this.table.getAll(digests.map(keys.image));
    const records = items.flatMap(
      (item) =>
        orUnreadable(
          this.table,
          item,
          () => imageState(item).record,
          () => unknownImage(item),
        ) ?? [],
    );
    return new Map(records.map((record) => [record.digest, record]));
  }
}

/** Images as items `IMAGE#<digest>` / `IMAGE`; every change updates their places in the indexes. */
export class DynamoImageLedger extends DynamoImages implements ImageLedger, Reconfirmations {
  async recordProperties(properties: ImageProperties, over?: (known: ImageRecord) => ImageProperties): Promise<void> {
    await this.table.change(keys.image(properties.digest), (item) => {
      const before = item && imageState(item);
      return imageContent({ ...before, record: withProperties(before?.record, properties, over) });
    });
  }

  async recordPresence(
    digest: Digest,
    presence: { readonly inUse?: boolean; readonly isHead?: boolean },
  ): Promise<void> {
    await this.#changeRecord(digest, (record) => ({ ...record, ...presence }));
  }

  async recordGuess(digest: Digest, scope: string, workload: string | undefined): Promise<void> {
    await this.#changeRecord(digest, (record) => withGuess(record, scope, workload));
  }

  async recordLineage(digest: Digest, lineage: LineageChange): Promise<void> {
    await this.#changeRecord(digest, (record) => withLineage(record, lineage));
  }

  async recordReconfirmation(digest: Digest, builtAtEpochMs: number): Promise<void> {
    await this.#changeRecord(digest, (record) => withReconfirmation(record, builtAtEpochMs));
  }

  async claimScan(digest: Digest, claim: ScanClaim): Promise<boolean> {
    return this.#change(digest, (state) => (mayAsk(state, claim) ? asked(state, claim) : undefined));
  }

  async markUnread(digest: Digest): Promise<void> {
    await this.#changeRecord(digest, withUnreadResult);
  }

  async recordJudgement(judgement: Judgement): Promise<boolean> {
    return this.#changeRecord(judgement.digest, (record) => withJudgement(record, judgement));
  }

  async changeJudgement(digest: Digest, decide: (known: ImageRecord) => Judgement | undefined): Promise<boolean> {
    return this.#changeRecord(digest, (record) => withChangedJudgement(record, decide));
  }

  #changeRecord(digest: Digest, decide: (record: ImageRecord) => ImageRecord | undefined): Promise<boolean> {
    return this.#change(digest, (state) => {
      const record = decide(state.record);
      return record && { ...state, record };
    });
  }

  /** `false` if nothing changes. @throws ImageNotRecordedError */
  async #change(digest: Digest, decide: (state: ImageState) => ImageState | undefined): Promise<boolean> {
    let isDecided = false;
    await this.table.change(keys.image(digest), (item) => {
      if (!item) throw new ImageNotRecordedError(digest);
      const decided = decide(imageState(item));
      isDecided = decided !== undefined;
      return decided && imageContent(decided);
    });
    return isDecided;
  }
}

function mayAsk({ record: { scan }, scanAskedBy }: ImageState, { runId, notSinceEpochMs }: ScanClaim): boolean {
  const isRecent = (atEpochMs: number | undefined) => atEpochMs !== undefined && atEpochMs >= notSinceEpochMs;
  return scanAskedBy === runId || !(isRecent(scan.requestedAtEpochMs) || isRecent(scan.completedAtEpochMs));
}

const asked = ({ record }: ImageState, { runId, atEpochMs }: ScanClaim): ImageState => ({
  scanAskedBy: runId,
  record: { ...record, scan: { ...record.scan, requestedAtEpochMs: atEpochMs } },
});
