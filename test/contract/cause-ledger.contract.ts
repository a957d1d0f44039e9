import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { type Cause, type CauseFact, mergeCause, settleFacts, takeCause } from '../../shared/domain/cause/cause.ts';
import type { CauseLedger } from '../../shared/ports/ledger.ts';
import { cause, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const fact = (number: number): CauseFact => ({
  kind: 'finding',
  ruleId: 'critical',
  sinceEpochMs: NOON_EPOCH_MS + number,
  vulnerability: `CVE-2026-${String(number).padStart(5, '0')}`,
  package: `libexample${number % 300}`,
  version: '1.0-1',
  fix: 'unknown',
});
const adding =
  (stream: string, ...facts: CauseFact[]) =>
  (before: Cause | undefined): Cause | undefined =>
    mergeCause(stream, before, facts);

export function causeLedgerContract({ make }: Contract<CauseLedger>): void {
  const current = async (ledger: CauseLedger, stream: string) => (await ledger.get([stream])).get(stream);

  test('a change gets the stored cause, and its result is stored', async () => {
    const ledger = await make();
    // Asked several times, what it saw last counts.
    const changed = async (after: Cause | undefined) => {
      let saw: Cause | undefined;
      const stands = await ledger.change('a', (before) => {
        saw = before;
        return after;
      });
      return { saw, stands };
    };
    expect(await changed(undefined)).toEqual({ saw: undefined, stands: undefined });
    expect(await changed(cause('a'))).toEqual({ saw: undefined, stands: cause('a') });
    expect(await changed(undefined)).toEqual({ saw: cause('a'), stands: cause('a') });
    const second = cause('a', { version: 2 });
    expect(await changed(second)).toEqual({ saw: cause('a'), stands: second });
    expect(await ledger.get(['a', 'b'])).toEqual(new Map([['a', cause('a', { version: 2 })]]));
  });

  test('five concurrent writers: every fact is kept', async () => {
    const ledger = await make();
    const facts = [1, 2, 3, 4, 5].map(fact);
    await Promise.all(facts.map((one) => ledger.change('a', adding('a', one))));
    expect(await current(ledger, 'a')).toEqual(mergeCause('a', undefined, facts));
  });

  test('a cause that moved is not taken', async () => {
    const ledger = await make();
    await ledger.change('a', adding('a', fact(1)));
    await ledger.change('a', adding('a', fact(2)));
    await ledger.change('a', (before) => before && takeCause(before, 'c-g1', 1));
    expect(await current(ledger, 'a')).toMatchObject({ state: 'open', version: 2 });
    await ledger.change('a', (before) => before && takeCause(before, 'c-g1', 2));
    expect(await current(ledger, 'a')).toMatchObject({ state: 'taken', takenBy: { cascadeId: 'c-g1' } });
  });

  test('every cause that is open or taken is listed once, none that is closed', async () => {
    const ledger = await make();
    const names = Array.from({ length: 120 }, (_, n) => `stream-${n}`);
    await mapConcurrently(names, 16, (name) => ledger.change(name, adding(name, fact(1))));
    await ledger.change('stream-6', (before) => before && takeCause(before, 'c-g1', 1));
    await ledger.change('stream-7', (before) => before && settleFacts(before, before.facts));
    await ledger.change('stream-8', (before) => before && settleFacts(before, before.facts));
    await ledger.change('stream-8', adding('stream-8', fact(2)));
    const open = await collect(ledger.open());
    expect(open.map(({ stream }) => stream).sort()).toEqual(names.filter((name) => name !== 'stream-7').sort());
    expect(open.find(({ stream }) => stream === 'stream-6')?.state).toBe('taken');
    expect(open.find(({ stream }) => stream === 'stream-8')).toMatchObject({ version: 2, facts: [fact(2)] });
    expect(await current(ledger, 'stream-7')).toMatchObject({ state: 'closed', version: 1, facts: [] });
  });

  test('a cause of 5,000 facts is kept whole', async () => {
    const ledger = await make();
    const facts = Array.from({ length: 5000 }, (_, number) => fact(number));
    await ledger.change('a', () => cause('a', { facts, version: 5000 }));
    expect((await current(ledger, 'a'))?.facts).toEqual(facts);
  });
}
