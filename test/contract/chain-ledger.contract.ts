import type { Digest } from '../../shared/domain/image/image.ts';
import { chainId } from '../../shared/domain/lineage/chain-id.ts';
import { chainsWithin } from '../../shared/domain/lineage/content-chains.ts';
import type { ChainLedger, ContentLedger, ImageLedger } from '../../shared/ports/ledger.ts';
import { digestOf, imageProperties } from '../support/samples.ts';
import type { Contract } from './contract.ts';

/** The ledgers of one table. */
export interface ChainedImages {
  readonly images: ChainLedger & Pick<ImageLedger, 'recordProperties' | 'recordPresence'>;
  readonly contents: Pick<ContentLedger, 'record' | 'get'>;
}

export function chainLedgerContract({ make }: Contract<ChainedImages>): void {
  test('images that others may be built on are found by their layers', async () => {
    const { images: ledger } = await make();
    const tiers = ['base', 'platform', 'mirrored', 'external', 'application'] as const;
    for (const tier of tiers)
      await ledger.recordProperties(imageProperties(tier, { tier, chainId: digestOf('chain') }));
    await ledger.recordProperties(imageProperties('other', { tier: 'base', chainId: digestOf('other chain') }));
    const bearing = ['base', 'platform', 'mirrored', 'external'].map(digestOf).sort();
    expect([...(await ledger.imagesOf([digestOf('chain')]))].sort()).toEqual(bearing);
    expect([...(await ledger.imagesOf(['chain', 'other chain', 'chain', 'none'].map(digestOf)))].sort()).toEqual(
      [...bearing, digestOf('other')].sort(),
    );
    expect(await ledger.imagesOf([])).toEqual([]);
  });

  test('an image is found by its current layers, before and after other writes', async () => {
    const { images: ledger } = await make();
    const { chainId: _, ...unread } = imageProperties('a', { tier: 'base' });
    await ledger.recordProperties(unread);
    expect(await ledger.imagesOf([digestOf('chain')])).toEqual([]);
    await ledger.recordProperties({ ...unread, chainId: digestOf('chain') });
    await ledger.recordPresence(digestOf('a'), { isHead: true });
    expect(await ledger.imagesOf([digestOf('chain')])).toEqual([digestOf('a')]);
  });

  test('an image with repacked layers is found by the unpacked content', async () => {
    const { images, contents } = await make();
    const content = { digest: digestOf('base'), layers: ['a', 'b'].map(digestOf), diffIds: ['c', 'd'].map(digestOf) };
    await images.recordProperties(imageProperties('base', { tier: 'base', ...chainOf(content.layers) }));
    await contents.record([content, { digest: digestOf('plain'), layers: ['c', 'd'].map(digestOf) }]);
    expect((await contents.get([content.digest])).get(content.digest)).toEqual(content);
    const packedAnew = { layers: ['x', 'y', 'z'].map(digestOf), diffIds: ['c', 'd', 'e'].map(digestOf) };
    expect(await images.imagesOf(chainsWithin(packedAnew))).toEqual([digestOf('base')]);
    expect(await images.imagesOf(chainsWithin({ ...content, diffIds: [] }))).toEqual([digestOf('base')]);
    expect(await images.imagesOf(chainsWithin(content))).toEqual([digestOf('base')]);
  });
}

const chainOf = (layers: readonly Digest[]) => {
  const id = chainId(layers);
  return id === undefined ? {} : { chainId: id };
};
