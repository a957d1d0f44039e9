import { emptyHistory, type SurvivedFact } from '../../shared/domain/cause/rebuild.ts';
import type { GuardLedger } from '../../shared/ports/rebuilds.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const survived = (n: number): SurvivedFact => ({
  fact: 'finding',
  vulnerability: `CVE-2026-${n}`,
  package: `libexample${n % 300}`,
  version: `1.${n}`,
  kind: 'trial',
  atEpochMs: NOON_EPOCH_MS + n,
});

export function guardLedgerContract({ make }: Contract<GuardLedger>): void {
  test('a memory begins fresh and is changed over what it was', async () => {
    const ledger = await make();
    expect(await ledger.get(['one'])).toEqual(new Map());
    await ledger.change('one', (before) => {
      expect(before).toEqual(emptyHistory('one'));
      return { ...before, failuresInARow: 1 };
    });
    await ledger.change('one', (before) => ({ ...before, generation: before.generation + 1 }));
    expect(await ledger.get(['one', 'two'])).toEqual(
      new Map([['one', { ...emptyHistory('one'), failuresInARow: 1, generation: 2 }]]),
    );
  });

  test('concurrent changes of a history: none is lost and none counts twice', async () => {
    const ledger = await make();
    const remember = (fact: SurvivedFact) =>
      ledger.change('one', (before) =>
        before.survived.some(({ atEpochMs }) => atEpochMs === fact.atEpochMs)
          ? before
          : { ...before, survived: [...before.survived, fact], failuresInARow: before.failuresInARow + 1 },
      );
    const facts = [survived(1), survived(2), survived(3), survived(4)];
    await Promise.all([...facts, ...facts.slice(0, 2)].map(remember));
    const history = (await ledger.get(['one'])).get('one');
    expect(history?.failuresInARow).toBe(4);
    expect(history?.survived.toSorted((one, other) => one.atEpochMs - other.atEpochMs)).toEqual(facts);
  });

  test('a deleted history is gone, and streams share none', async () => {
    const ledger = await make();
    const startUnknown = { rebuildId: 'r1', untilEpochMs: NOON_EPOCH_MS };
    await ledger.change('one', (before) => ({ ...before, startUnknown }));
    await ledger.change('two', (before) => ({ ...before, failuresInARow: 2 }));
    await ledger.change('one', ({ startUnknown: _, ...before }) => before);
    expect(await ledger.get(['one', 'two'])).toEqual(
      new Map([
        ['one', emptyHistory('one')],
        ['two', { ...emptyHistory('two'), failuresInARow: 2 }],
      ]),
    );
  });

  test('a history keeps thousands of facts that rebuilds did not fix', async () => {
    const ledger = await make();
    const many = Array.from({ length: 5000 }, (_, n) => survived(n));
    await ledger.change('one', (before) => ({ ...before, survived: many }));
    expect((await ledger.get(['one'])).get('one')?.survived).toEqual(many);
  });
}
