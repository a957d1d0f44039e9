import { packLists } from '../../../shared/adapters/dynamodb/table/items.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { unpackedChain } from '../../../shared/domain/lineage/content-chains.ts';
import type { ImageContent } from '../../../shared/domain/lineage/image-content.ts';
import type { ContentLedger } from '../../../shared/ports/ledger.ts';
import { itemSize, MOST_ITEM_BYTES, mayBeTooLarge } from '../item-size.ts';
import { copied } from './copied.ts';

/** What images are made of, in memory. */
export class FakeContentLedger implements ContentLedger {
  readonly #contents = new Map<Digest, ImageContent>();

  async record(contents: readonly ImageContent[]): Promise<readonly Digest[]> {
    const refused = contents.filter(
      (content) => mayBeTooLarge(content) && itemSize(packLists(content)) > MOST_ITEM_BYTES,
    );
    for (const content of contents) if (!refused.includes(content)) this.#contents.set(content.digest, copied(content));
    return refused.map(({ digest }) => digest);
  }

  async get(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, ImageContent>> {
    return new Map(
      digests.flatMap((digest) => {
        const content = this.#contents.get(digest);
        return content ? [[digest, copied(content)] as const] : [];
      }),
    );
  }

  /** By what their layers unpack to. */
  imagesOf(chains: ReadonlySet<string>): readonly Digest[] {
    return [...this.#contents.values()].flatMap((content) => {
      const chain = unpackedChain(content);
      return chain !== undefined && chains.has(chain) ? content.digest : [];
    });
  }

  /** Everything recorded, for comparing two worlds. */
  dump(): readonly unknown[] {
    return [...this.#contents.values()].map((content) => ({ key: `CONTENT ${content.digest}`, ...content }));
  }
}
