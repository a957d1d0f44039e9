import type { ChainLedger, ImageLedger } from '../../shared/ports/ledger.ts';
import { digestOf, facts } from '../support/samples.ts';
import type { Contract } from './contract.ts';

export function chainLedgerContract({
  make,
}: Contract<ChainLedger & Pick<ImageLedger, 'recordFacts' | 'recordPresence'>>): void {
  test('images that others may stand on are found by their layers', async () => {
    const ledger = await make();
    const tiers = ['base', 'platform', 'mirrored', 'external', 'application'] as const;
    for (const tier of tiers) await ledger.recordFacts(facts(tier, { tier, chainId: digestOf('chain') }));
    await ledger.recordFacts(facts('other', { tier: 'base', chainId: digestOf('other chain') }));
    const bearing = ['base', 'platform', 'mirrored', 'external'].map(digestOf).sort();
    expect([...(await ledger.imagesOf([digestOf('chain')]))].sort()).toEqual(bearing);
    expect([...(await ledger.imagesOf(['chain', 'other chain', 'chain', 'none'].map(digestOf)))].sort()).toEqual(
      [...bearing, digestOf('other')].sort(),
    );
    expect(await ledger.imagesOf([])).toEqual([]);
  });

  test('an image is found by the layers that it has now, whatever else is written of it', async () => {
    const ledger = await make();
    const { chainId: _, ...unread } = facts('a', { tier: 'base' });
    await ledger.recordFacts(unread);
    expect(await ledger.imagesOf([digestOf('chain')])).toEqual([]);
    await ledger.recordFacts({ ...unread, chainId: digestOf('chain') });
    await ledger.recordPresence(digestOf('a'), { isHead: true });
    expect(await ledger.imagesOf([digestOf('chain')])).toEqual([digestOf('a')]);
  });
}
