import type { KillSwitch } from '../../shared/domain/policy/kill-switch.ts';
import type { SwitchLedger } from '../../shared/ports/kill-switch.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

export function switchLedgerContract({ make }: Contract<SwitchLedger>): void {
  test('the switch is on until somebody pauses, and the last word counts', async () => {
    const ledger = await make();
    expect((await ledger.read()).rebuilding).toBe('active');
    const paused: KillSwitch = { rebuilding: 'paused', by: 'ada', atEpochMs: NOON_EPOCH_MS, reason: 'incident 7' };
    await ledger.set(paused);
    expect(await ledger.read()).toEqual(paused);
    await ledger.set({ ...paused, rebuilding: 'active', by: 'grace' });
    expect(await ledger.read()).toEqual({ ...paused, rebuilding: 'active', by: 'grace' });
  });
}
