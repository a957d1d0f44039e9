import { collect } from '../../shared/concurrency.ts';
import type { LockLedger } from '../../shared/ports/rebuilds.ts';
import { lock, STREAM } from '../support/rebuild-samples.ts';
import type { Contract } from './contract.ts';

export function lockLedgerContract({ make }: Contract<LockLedger>): void {
  test('ten rebuilds take the lock at the same time: one gets it, and all learn which', async () => {
    const ledger = await make();
    const taken = await Promise.all(Array.from({ length: 10 }, (_, n) => ledger.take(lock(`r${n}`))));
    const stands = await ledger.get(STREAM);
    expect(taken.map(({ rebuildId }) => rebuildId)).toEqual(Array(10).fill(stands?.rebuildId));
  });

  test('a lock that is taken twice keeps its task token', async () => {
    const ledger = await make();
    await ledger.take(lock('r1'));
    expect(await ledger.adopt(STREAM, 'r1', 'token-1')).toBe(true);
    expect(await ledger.take(lock('r1'))).toEqual(lock('r1', { taskToken: 'token-1' }));
    expect(await ledger.adopt(STREAM, 'r1', 'token-2')).toBe(true);
    expect(await ledger.adopt(STREAM, 'r2', 'token-3')).toBe(false);
    expect(await ledger.get(STREAM)).toEqual(lock('r1', { taskToken: 'token-2' }));
  });

  test('a missing lock is never adopted', async () => {
    const ledger = await make();
    expect(await ledger.adopt(STREAM, 'r1', 'token')).toBe(false);
    expect(await ledger.get(STREAM)).toBeUndefined();
  });

  test('a stale lock is taken over once, by one of many', async () => {
    const ledger = await make();
    const stale = await ledger.take(lock('r1'));
    const taken = await Promise.all(['r2', 'r3', 'r4'].map((id) => ledger.take(lock(id), stale)));
    const stands = await ledger.get(STREAM);
    expect(['r2', 'r3', 'r4']).toContain(stands?.rebuildId);
    expect(taken).toEqual([stands, stands, stands]);
  });

  test('a lock whose owner renewed it after the read is not taken over', async () => {
    const ledger = await make();
    const looked = await ledger.take(lock('r1'));
    await ledger.adopt(STREAM, 'r1', 'token');
    expect(await ledger.take(lock('r2'), looked)).toEqual(lock('r1', { taskToken: 'token' }));
    expect(await ledger.take(lock('r2'), lock('r0'))).toEqual(lock('r1', { taskToken: 'token' }));
    const found = await ledger.get(STREAM);
    expect(found && (await ledger.take(lock('r2'), found))).toEqual(lock('r2'));
  });

  test('a rebuild that another cascade resumes keeps the lock, and one of many cascades gets it', async () => {
    const ledger = await make();
    await ledger.take(lock('r1', { cascadeId: 'c1' }));
    await ledger.adopt(STREAM, 'r1', 'token');
    const held = await ledger.get(STREAM);
    const taken = await Promise.all(['c2', 'c3'].map((cascadeId) => ledger.take(lock('r1', { cascadeId }), held)));
    const stands = await ledger.get(STREAM);
    expect(['c2', 'c3']).toContain(stands?.cascadeId);
    expect(taken).toEqual([stands, stands]);
    expect(stands).not.toHaveProperty('taskToken');
    expect(await ledger.take(lock('r1', { cascadeId: 'c4' }))).toEqual(stands);
  });

  test('only its owner releases a lock', async () => {
    const ledger = await make();
    await ledger.take(lock('r1'));
    await ledger.release(STREAM, 'r2');
    expect(await ledger.get(STREAM)).toEqual(lock('r1'));
    await ledger.release(STREAM, 'r1');
    await ledger.release(STREAM, 'r1');
    expect(await ledger.get(STREAM)).toBeUndefined();
    expect(await ledger.take(lock('r2'))).toEqual(lock('r2'));
  });

  test('all taken locks are listed, each once', async () => {
    const ledger = await make();
    const streams = Array.from({ length: 30 }, (_, n) => `stream-${n}`);
    for (const stream of streams) await ledger.take(lock('r1', { stream }));
    await ledger.adopt('stream-3', 'r1', 'token');
    await ledger.release('stream-4', 'r1');
    const held = (await collect(ledger.all())).flat();
    expect(held.map(({ stream }) => stream).sort()).toEqual(streams.filter((name) => name !== 'stream-4').sort());
    expect(held.find(({ stream }) => stream === 'stream-3')?.taskToken).toBe('token');
  });
}
