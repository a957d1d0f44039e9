import type { Digest } from '../../../domain/image/image.ts';
import { unpackedChain } from '../../../domain/lineage/content-chains.ts';
import type { ImageContent } from '../../../domain/lineage/image-content.ts';
import { LedgerItemsRefusedError } from '../../../ports/errors.ts';
import type { ContentLedger } from '../../../ports/ledger.ts';
import { nameOf } from '../table/item-change.ts';
import { chainPartition, packLists, storedRecord } from '../table/items.ts';
import * as keys from '../table/keys.ts';
import { readableOrThrow } from '../table/readable.ts';
import type { LedgerTable } from '../table/table.ts';

/**
 * By its unpacked layers. The image's own item is found by its layers. Images that are no parents, such as
 * applications, are also found here, because their tier is unknown when the content is written.
 */
function chainIndex(content: ImageContent) {
  const chain = unpackedChain(content);
  return chain === undefined ? {} : { openPk: chainPartition(chain), openSk: content.digest };
}

/** Contents of images, as items `IMAGE#<digest>` / `CONTENT`. */
export class DynamoContentLedger implements ContentLedger {
  readonly #table: LedgerTable;

  constructor(table: LedgerTable) {
    this.#table = table;
  }

  async record(contents: readonly ImageContent[]): Promise<readonly Digest[]> {
    const items = contents.map((content) => ({
      ...packLists(content),
      ...keys.content(content.digest),
      kind: 'content',
      ...chainIndex(content),
    }));
    try {
      await this.#table.putAll(items);
      return [];
    } catch (error) {
      if (!(error instanceof LedgerItemsRefusedError)) throw error;
      const refused = new Set(error.items);
      return contents.flatMap(({ digest }) => (refused.has(nameOf(keys.content(digest))) ? digest : []));
    }
  }

  async get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageContent>> {
    const items = await this.#table.getAll(digests.map(keys.content));
    // A missing image would seem to have no parent.
    const contents = items.map((item) => readableOrThrow(this.#table, item, () => storedRecord<ImageContent>(item)));
    return new Map(contents.map((content) => [content.digest, content]));
  }
}
