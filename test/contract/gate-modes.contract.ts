import type { GateModes } from '../../shared/ports/doors.ts';

export function gateModesContract(make: () => GateModes | Promise<GateModes>): void {
  test('remembers the mode of each cluster', async () => {
    const modes = await make();
    expect(await modes.of('a')).toBeUndefined();
    await modes.remember('a', { mode: 'warn', askedAtEpochMs: 1 });
    await modes.remember('b', { mode: 'deny', askedAtEpochMs: 1 });
    await modes.remember('b', { mode: 'off', askedAtEpochMs: 2 });
    expect([await modes.of('a'), await modes.of('b'), await modes.of('c')]).toEqual(['warn', 'off', undefined]);
  });

  test('keeps the answer to the later question, whichever arrives last', async () => {
    const modes = await make();
    await modes.remember('late', { mode: 'deny', askedAtEpochMs: 5 });
    await modes.remember('late', { mode: 'warn', askedAtEpochMs: 4 });
    expect(await modes.of('late')).toBe('deny');
  });
}
