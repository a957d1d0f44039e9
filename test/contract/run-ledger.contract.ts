import { collect } from '../../shared/concurrency.ts';
import type { RunPart } from '../../shared/domain/review/run.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import { HOUR_MS, NOON_EPOCH_MS, review } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const NOW = NOON_EPOCH_MS;
const registryPart = (key: string, images = 1): RunPart => ({
  kind: 'registry',
  key,
  status: 'complete',
  images,
  missing: 0,
});

export function runLedgerContract({ make }: Contract<RunLedger>): void {
  test('one review runs at a time; the next learns which', async () => {
    const ledger = await make();
    expect(await ledger.begin(review('run-1'))).toEqual({ begun: true });
    const second = review('run-2', { startedAtEpochMs: NOW + HOUR_MS });
    expect(await ledger.begin(second)).toEqual({ begun: false, running: review('run-1') });
    expect(await ledger.get('run-2')).toBeUndefined();
  });

  test('a review that begins twice has begun', async () => {
    const ledger = await make();
    await ledger.begin(review('run-1'));
    expect(await ledger.begin(review('run-1'))).toEqual({ begun: true });
    expect(await ledger.get('run-1')).toEqual(review('run-1'));
  });

  test('a lapsed lease blocks no review', async () => {
    const ledger = await make();
    await ledger.begin(review('run-1', { leaseUntilEpochMs: NOW + HOUR_MS }));
    const second = review('run-2', { startedAtEpochMs: NOW + HOUR_MS });
    expect(await ledger.begin(second)).toEqual({ begun: true });
    expect(await ledger.latest()).toEqual({ running: second });
  });

  test('ten reviews start at the same time: one begins', async () => {
    const ledger = await make();
    const begun = await Promise.all(Array.from({ length: 10 }, (_, n) => ledger.begin(review(`run-${n}`))));
    expect(begun.filter((answer) => answer.begun)).toHaveLength(1);
  });

  test('a finished review releases the lease and is the latest', async () => {
    const ledger = await make();
    await ledger.begin(review('run-1'));
    const ended = review('run-1', { state: 'succeeded', endedAtEpochMs: NOW + 5 });
    await ledger.finish(ended);
    expect(await ledger.get('run-1')).toEqual(ended);
    expect(await ledger.latest()).toEqual({ ended });
    expect(await ledger.begin(review('run-2', { startedAtEpochMs: NOW + 10 }))).toEqual({ begun: true });
  });

  test('a review of some scopes is the latest, and never that of the fleet', async () => {
    const ledger = await make();
    const end = async (runId: string, atEpochMs: number, scopeKey?: string) => {
      const changes = { startedAtEpochMs: atEpochMs, ...(scopeKey !== undefined && { scopeKey }) };
      await ledger.begin(review(runId, changes));
      const ended = review(runId, { ...changes, state: 'succeeded', endedAtEpochMs: atEpochMs + 1 });
      await ledger.finish(ended);
      return ended;
    };
    expect(await ledger.latestOfFleet()).toBeUndefined();
    const early = await end('run-0', NOW - 20, '111122223333/eu-west-1');
    expect([await ledger.latestOfFleet(), await ledger.latest()]).toEqual([undefined, { ended: early }]);
    const fleet = await end('run-1', NOW);
    expect(await ledger.latestOfFleet()).toEqual(fleet);
    const part = await end('run-2', NOW + 20, '111122223333/eu-west-1');
    expect([await ledger.latestOfFleet(), await ledger.latest()]).toEqual([fleet, { ended: part }]);
    const next = await end('run-3', NOW + 40);
    expect(await ledger.latestOfFleet()).toEqual(next);
  });

  test('a review that lost its lease frees no other and is not the latest', async () => {
    const ledger = await make();
    await ledger.begin(review('run-1', { leaseUntilEpochMs: NOW + 1 }));
    const second = review('run-2', { startedAtEpochMs: NOW + 2 });
    await ledger.begin(second);
    const ended = review('run-2', { startedAtEpochMs: NOW + 2, state: 'succeeded', endedAtEpochMs: NOW + 3 });
    await ledger.finish(ended);
    await ledger.begin(review('run-3', { startedAtEpochMs: NOW + 4 }));
    await ledger.finish(review('run-1', { state: 'failed', endedAtEpochMs: NOW + 5 }));
    expect((await ledger.get('run-1'))?.state).toBe('failed');
    expect(await ledger.latest()).toEqual({ ended, running: review('run-3', { startedAtEpochMs: NOW + 4 }) });
  });

  const stopped = { error: 'ABORTED', detail: 'stopped by a person', atEpochMs: NOW + 1 };

  test('an abandoned run never begins, and blocks no review', async () => {
    const ledger = await make();
    await ledger.abandon('run-1', stopped);
    await ledger.abandon('run-1', { ...stopped, error: 'TIMED_OUT' });
    expect(await ledger.begin(review('run-1'))).toEqual({ begun: false, abandoned: stopped });
    expect(await ledger.latest()).not.toHaveProperty('running');
    expect(await ledger.begin(review('run-2'))).toEqual({ begun: true });
  });

  test('a mark ends nothing by itself, and another run is not concerned', async () => {
    const ledger = await make();
    await ledger.begin(review('run-1'));
    await ledger.abandon('run-1', stopped);
    await ledger.abandon('run-2', stopped);
    expect(await ledger.get('run-1')).toEqual(review('run-1'));
    expect(await ledger.latest()).toEqual({ running: review('run-1') });
    expect(await collect(ledger.parts('run-1'))).toEqual([]);
  });

  test('before any review there is none', async () => {
    const ledger = await make();
    expect(await ledger.latest()).toEqual({});
    expect(await ledger.get('run-1')).toBeUndefined();
    expect(await collect(ledger.parts('run-1'))).toEqual([]);
  });

  test('a part that is written several times counts once and belongs to its run', async () => {
    const ledger = await make();
    const scope: RunPart = {
      kind: 'scope',
      key: 'a',
      result: { scope: { account: '111122223333', region: 'eu-west-1' }, status: 'failed', error: 'E', detail: 'd' },
    };
    await ledger.recordPart('run-1', registryPart('a'));
    await ledger.recordPart('run-1', registryPart('a', 2));
    await ledger.recordPart('run-1', scope);
    await ledger.recordPart('run-2', registryPart('b'));
    await ledger.begin(review('run-1'));
    const parts = await collect(ledger.parts('run-1'));
    expect(parts).toHaveLength(2);
    expect(parts).toEqual(expect.arrayContaining([registryPart('a', 2), scope]));
  });
}
