import type { GateModes } from '../../shared/ports/doors.ts';

export function gateModesContract(make: () => GateModes | Promise<GateModes>): void {
  test('remembers the door of each cluster', async () => {
    const modes = await make();
    expect(await modes.of('a')).toBeUndefined();
    await modes.remember('a', { mode: 'warn', askedAtEpochMs: 1 });
    await modes.remember('b', { mode: 'deny', askedAtEpochMs: 1 });
    await modes.remember('b', { mode: 'deny', onUnreachable: 'allow', askedAtEpochMs: 2 });
    expect(await modes.of('a')).toEqual({ mode: 'warn' });
    expect(await modes.of('b')).toEqual({ mode: 'deny', onUnreachable: 'allow' });
    expect(await modes.of('c')).toBeUndefined();
  });

  test('keeps the answer to the later question, whichever arrives last', async () => {
    const modes = await make();
    await modes.remember('late', { mode: 'deny', askedAtEpochMs: 5 });
    await modes.remember('late', { mode: 'warn', askedAtEpochMs: 4 });
    expect(await modes.of('late')).toEqual({ mode: 'deny' });
  });
}
