import { collect } from '../../shared/concurrency.ts';
import type { LateHeadsLedger } from '../../shared/ports/late-heads.ts';
import { LOCATION, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

export function lateHeadsContract({ make }: Contract<LateHeadsLedger>): void {
  test('a repository is late once, since the last time it was added', async () => {
    const ledger = await make();
    expect(await collect(ledger.all())).toEqual([]);
    await ledger.add({ location: LOCATION, atEpochMs: NOON_EPOCH_MS });
    await ledger.add({ location: LOCATION, atEpochMs: NOON_EPOCH_MS + 1 });
    expect(await collect(ledger.all())).toEqual([{ location: LOCATION, atEpochMs: NOON_EPOCH_MS + 1 }]);
  });

  test('a head that was added again after the read is not removed', async () => {
    const ledger = await make();
    const [read, other] = [
      { location: LOCATION, atEpochMs: NOON_EPOCH_MS },
      { ...LOCATION, repository: 'other/one' },
    ];
    await ledger.add(read);
    await ledger.add({ location: other, atEpochMs: NOON_EPOCH_MS });
    await ledger.add({ ...read, atEpochMs: NOON_EPOCH_MS + 1 });
    await ledger.remove(read);
    await ledger.remove({ location: other, atEpochMs: NOON_EPOCH_MS });
    expect(await collect(ledger.all())).toEqual([{ ...read, atEpochMs: NOON_EPOCH_MS + 1 }]);
    await ledger.remove({ ...read, atEpochMs: NOON_EPOCH_MS + 1 });
    expect(await collect(ledger.all())).toEqual([]);
  });
}
