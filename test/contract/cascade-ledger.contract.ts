import { collect } from '../../shared/concurrency.ts';
import type { CascadeLedger } from '../../shared/ports/cascades.ts';
import { cascade, manyFacts, node } from '../support/rebuild-samples.ts';
import { digestOf, HOUR_MS, NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const lease = (nowEpochMs = NOON_EPOCH_MS) => ({ nowEpochMs, untilEpochMs: nowEpochMs + HOUR_MS });
const contended = { name: 'LedgerContendedError' };
const missing = { name: 'LedgerItemMissingError' };

export function cascadeLedgerContract(contract: Contract<CascadeLedger>): void {
  describe('the lease of planners', () => planningContract(contract));
  describe('cascades and nodes', () => nodesContract(contract));
}

function planningContract({ make }: Contract<CascadeLedger>): void {
  test('ten concurrent planners: one plans', async () => {
    const ledger = await make();
    const begun = await Promise.all(Array.from({ length: 10 }, (_, n) => ledger.beginPlanning(`p${n}`, lease())));
    expect(begun.filter((answer) => answer !== undefined)).toEqual([{}]);
  });

  test('a planner that begins twice has begun, and one that ended lets the next one in', async () => {
    const ledger = await make();
    await ledger.beginPlanning('one', lease());
    expect(await ledger.beginPlanning('one', lease())).toEqual({});
    await ledger.endPlanning('two');
    expect(await ledger.beginPlanning('two', lease())).toBeUndefined();
    await ledger.endPlanning('one');
    expect(await ledger.beginPlanning('two', lease())).toEqual({});
  });

  test('a lapsed lease is taken over, with what was written and may not have been started', async () => {
    const ledger = await make();
    await ledger.beginPlanning('dead', lease());
    await ledger.write('dead', cascade('c1'), [node('c1', 'a')]);
    expect(await ledger.beginPlanning('dead', lease())).toEqual({ pendingCascadeId: 'c1' });
    expect(await ledger.beginPlanning('two', lease(NOON_EPOCH_MS + HOUR_MS - 1))).toBeUndefined();
    expect(await ledger.beginPlanning('two', lease(NOON_EPOCH_MS + HOUR_MS))).toEqual({ pendingCascadeId: 'c1' });
    await ledger.endPlanning('two');
    expect(await ledger.beginPlanning('three', lease(NOON_EPOCH_MS + HOUR_MS))).toEqual({});
  });

  test('a planner that lost its lease writes nothing and ends nothing', async () => {
    const ledger = await make();
    await ledger.beginPlanning('slow', lease());
    await ledger.beginPlanning('two', lease(NOON_EPOCH_MS + HOUR_MS));
    await expect(ledger.write('slow', cascade('c1'), [node('c1', 'a')])).rejects.toMatchObject(contended);
    await ledger.endPlanning('slow');
    expect(await ledger.get('c1')).toBeUndefined();
    expect(await collect(ledger.nodes('c1'))).toEqual([]);
    expect(await ledger.beginPlanning('three', lease(NOON_EPOCH_MS + HOUR_MS))).toBeUndefined();
  });

  test('an unstarted plan is replaced, a started one stays', async () => {
    const ledger = await make();
    await ledger.beginPlanning('one', lease());
    await ledger.write('one', cascade('c1'), [node('c1', 'a')]);
    const again = cascade('c1', { policyVersion: 'policy-2' });
    await ledger.write('one', again, [node('c1', 'a', { causeVersion: 2 })]);
    expect(await ledger.get('c1')).toEqual(again);
    expect(await ledger.node('c1', 'a')).toEqual(node('c1', 'a', { causeVersion: 2 }));
    await ledger.changeCascade('c1', (before) => ({ ...before, state: 'running' }));
    await ledger.write('one', cascade('c1'), [node('c1', 'a'), node('c1', 'b')]);
    expect(await ledger.get('c1')).toEqual({ ...again, state: 'running' });
    expect(await collect(ledger.nodes('c1'))).toEqual([node('c1', 'a', { causeVersion: 2 })]);
    expect(await ledger.beginPlanning('one', lease())).toEqual({ pendingCascadeId: 'c1' });
  });
}

function nodesContract({ make }: Contract<CascadeLedger>): void {
  const written = async (cascadeId: string, streams: readonly string[]): Promise<CascadeLedger> => {
    const ledger = await make();
    await ledger.beginPlanning('one', lease());
    const nodes = streams.map((stream) => node(cascadeId, stream));
    await ledger.write('one', cascade(cascadeId, { streams: streams.length }), nodes);
    return ledger;
  };

  test('a cascade of 120 streams has each of its nodes once, and no other', async () => {
    const streams = Array.from({ length: 120 }, (_, n) => `stream-${n}`);
    const ledger = await written('c1', streams);
    await ledger.write('one', cascade('c2'), [node('c2', 'other')]);
    const nodes = await collect(ledger.nodes('c1'));
    expect(nodes.map(({ stream }) => stream).sort()).toEqual([...streams].sort());
    expect(await ledger.node('c1', 'other')).toBeUndefined();
    expect(await collect(ledger.nodes('unknown'))).toEqual([]);
  });

  test('changes apply to the stored nodes and cascades, and return the result', async () => {
    const ledger = await written('c1', ['a']);
    const reserved = node('c1', 'a', { state: 'reserved', rebuildId: 'r1' });
    expect(await ledger.changeNode('c1', 'a', (before) => ({ ...before, state: 'reserved', rebuildId: 'r1' }))).toEqual(
      reserved,
    );
    expect(await ledger.changeNode('c1', 'a', () => undefined)).toEqual(reserved);
    expect(await ledger.changeCascade('c1', () => undefined)).toEqual(cascade('c1'));
    await expect(ledger.changeNode('c1', 'b', (before) => before)).rejects.toMatchObject(missing);
    await expect(ledger.changeCascade('c2', (before) => before)).rejects.toMatchObject(missing);
  });

  test('changes at once are all there in the end', async () => {
    const ledger = await written('c1', ['a']);
    const hold = (name: string) =>
      ledger.changeNode('c1', 'a', (before) => ({
        ...before,
        holders: [...new Set([...before.holders, digestOf(name)])],
      }));
    await Promise.all(['x', 'y', 'z'].map(hold));
    const holders = (await ledger.node('c1', 'a'))?.holders ?? [];
    expect([...holders].sort()).toEqual(['old', 'x', 'y', 'z'].map(digestOf).sort());
  });

  test('a node with thousands of facts is kept whole', async () => {
    const ledger = await make();
    await ledger.beginPlanning('one', lease());
    const large = node('c1', 'a', {
      facts: manyFacts(),
      holders: manyFacts(1500).map(({ ruleId }) => digestOf(ruleId)),
    });
    await ledger.write('one', cascade('c1'), [large]);
    expect(await ledger.node('c1', 'a')).toEqual(large);
    expect(await collect(ledger.nodes('c1'))).toEqual([large]);
  });

  test('a cascade is open until it ends', async () => {
    const ledger = await written('c1', ['a']);
    await ledger.write('one', cascade('c2'), [node('c2', 'a')]);
    await ledger.write('one', cascade('c3'), [node('c3', 'a')]);
    const running = await ledger.changeCascade('c2', (before) => ({
      ...before,
      state: 'running',
      executionArn: 'arn',
    }));
    await ledger.changeCascade('c3', (before) => ({ ...before, state: 'incomplete', endedAtEpochMs: NOON_EPOCH_MS }));
    expect(await collect(ledger.open())).toEqual([cascade('c1'), running]);
    await ledger.changeCascade('c2', (before) => ({ ...before, state: 'complete' }));
    expect(await collect(ledger.open())).toEqual([cascade('c1')]);
  });
}
