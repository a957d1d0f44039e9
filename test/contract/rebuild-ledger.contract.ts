import type { RunnerExecution } from '../../shared/domain/cause/rebuild.ts';
import type { RebuildLedger } from '../../shared/ports/rebuilds.ts';
import { manyFacts, PIPELINE, rebuild, STREAM } from '../support/rebuild-samples.ts';
import { digestOf } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const run = (executionId: string, changes: Partial<RunnerExecution> = {}): RunnerExecution => ({
  pipeline: PIPELINE,
  executionId,
  ...changes,
});

export function rebuildLedgerContract({ make }: Contract<RebuildLedger>): void {
  test('a change applies to the stored rebuild, and returns the result', async () => {
    const ledger = await make();
    expect(await ledger.get(STREAM, 'r1')).toBeUndefined();
    expect(await ledger.record(STREAM, 'r1', (before) => before)).toBeUndefined();
    expect(await ledger.record(STREAM, 'r1', (before) => before ?? rebuild('r1'))).toEqual(rebuild('r1'));
    const started = rebuild('r1', { executionId: 'e-1' });
    expect(await ledger.record(STREAM, 'r1', (before) => before && { ...before, executionId: 'e-1' })).toEqual(started);
    expect(await ledger.record(STREAM, 'r1', () => undefined)).toEqual(started);
    expect(await ledger.get(STREAM, 'r1')).toEqual(started);
  });

  test('many concurrent reservations of one rebuild: all get the same one', async () => {
    const ledger = await make();
    const reserve = (attempt: number) =>
      ledger.record(STREAM, 'r1', (before) => (before ? undefined : rebuild('r1', { attempt })));
    const reserved = await Promise.all([1, 2, 3, 4].map(reserve));
    const stands = await ledger.get(STREAM, 'r1');
    expect(reserved).toEqual([stands, stands, stands, stands]);
  });

  test('the latest rebuilds of a stream come newest first, and no others', async () => {
    const ledger = await make();
    const ids = ['20261123T030000Z-b', '20261124T030000Z-a', '20261125T030000Z-c', '20261122T030000Z-d'];
    for (const id of ids) await ledger.record(STREAM, id, () => rebuild(id));
    await ledger.record('other', ids[2] ?? '', () => rebuild('20261126T030000Z-e', { stream: 'other' }));
    expect((await ledger.latest(STREAM, 3)).map(({ rebuildId }) => rebuildId)).toEqual([ids[2], ids[1], ids[0]]);
    expect(await ledger.latest(STREAM, 10)).toHaveLength(4);
    expect(await ledger.latest('unknown', 3)).toEqual([]);
  });

  test('a rebuild for thousands of facts is kept whole, wherever they stand', async () => {
    const ledger = await make();
    const facts = manyFacts();
    const large = rebuild('r1', { facts, outcome: { result: 'ineffective', left: facts.slice(1) } });
    await ledger.record(STREAM, 'r1', () => large);
    expect(await ledger.get(STREAM, 'r1')).toEqual(large);
    expect(await ledger.latest(STREAM, 1)).toEqual([large]);
    const ended = { ...large, output: digestOf('new') };
    expect(await ledger.record(STREAM, 'r1', (before) => before && { ...before, output: digestOf('new') })).toEqual(
      ended,
    );
  });

  test('a run leads to its first recorded rebuild, by its own pipeline only', async () => {
    const ledger = await make();
    expect(await ledger.byExecution(run('e-1'))).toBeUndefined();
    await ledger.recordExecution(run('e-1'), rebuild('r1'));
    await ledger.recordExecution(run('e-1'), rebuild('r2'));
    await ledger.recordExecution(run('e-2'), rebuild('r2'));
    expect(await ledger.byExecution(run('e-1'))).toEqual({ stream: STREAM, rebuildId: 'r1' });
    expect(await ledger.byExecution(run('e-2'))).toEqual({ stream: STREAM, rebuildId: 'r2' });
    const foreign = { ...PIPELINE, account: '444455556666' };
    expect(await ledger.byExecution(run('e-1', { pipeline: foreign }))).toBeUndefined();
  });
}
