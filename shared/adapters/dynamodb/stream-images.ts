import type { Digest } from '../../domain/image.ts';
import type { StreamImages } from '../../ports/rebuilds.ts';
import * as keys from './keys.ts';
import { StoredRecords } from './stored.ts';
import type { LedgerTable } from './table.ts';

interface StreamImage {
  readonly digest: Digest;
  readonly pushedAtEpochMs?: number;
}

/** Images as items of the stream that made them. */
export class DynamoStreamImages implements StreamImages {
  readonly #images: StoredRecords<StreamImage>;

  constructor(table: LedgerTable) {
    this.#images = new StoredRecords(table, 'stream-image');
  }

  /** The earliest push, so that the order in which places of an image are read makes no difference. */
  async record(stream: string, { digest, pushedAtEpochMs }: StreamImage): Promise<void> {
    await this.#images.change(keys.streamImage(stream, digest), (before) => {
      const pushes = [before?.pushedAtEpochMs, pushedAtEpochMs].filter((at) => at !== undefined);
      return { digest, ...(pushes.length > 0 && { pushedAtEpochMs: Math.min(...pushes) }) };
    });
  }

  async *of(stream: string): AsyncIterable<Digest> {
    const { PK, SK: prefix } = keys.streamImage(stream, '');
    for await (const { digest } of this.#images.below(PK, prefix)) yield digest;
  }
}
