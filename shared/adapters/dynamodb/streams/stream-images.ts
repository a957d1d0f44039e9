import type { Digest } from '../../../domain/image/image.ts';
import type { StreamImages } from '../../../ports/stream-images.ts';
import * as keys from '../table/keys.ts';
import type { StreamImage } from '../table/shapes.ts';
import { StoredRecords } from '../table/stored.ts';
import type { LedgerTable } from '../table/table.ts';

/** Images of each stream, for functions that record none. */
export class DynamoImagesOfStreams implements Pick<StreamImages, 'of'> {
  protected readonly records: StoredRecords<StreamImage>;

  constructor(table: LedgerTable) {
    this.records = new StoredRecords(table, 'stream-image');
  }

  async *of(stream: string): AsyncIterable<Digest> {
    const { PK, SK: prefix } = keys.streamImage(stream, '');
    // The key names the digest, too.
    const byKey = ({ SK }: keys.Key): StreamImage => ({ digest: SK.slice(prefix.length) as Digest });
    for await (const { digest } of this.records.below(PK, prefix, undefined, byKey)) yield digest;
  }
}

/** Images as items of the stream that made them. */
export class DynamoStreamImages extends DynamoImagesOfStreams implements StreamImages {
  /** The earliest push, so that the order in which places of an image are read makes no difference. */
  async record(stream: string, { digest, pushedAtEpochMs }: StreamImage): Promise<void> {
    await this.records.change(keys.streamImage(stream, digest), (before) => {
      const pushes = [before?.pushedAtEpochMs, pushedAtEpochMs].filter((at) => at !== undefined);
      return { digest, ...(pushes.length > 0 && { pushedAtEpochMs: Math.min(...pushes) }) };
    });
  }
}
