import { collect } from '../../shared/concurrency.ts';
import type { UsageLedger } from '../../shared/ports/ledger.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS, usage } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const NOW = NOON_EPOCH_MS;
const SCOPE = { account: '111122223333', region: 'eu-west-1' };

export function usageLedgerContract({ make }: Contract<UsageLedger>): void {
  test('live usages are those of their own account and Region', async () => {
    const ledger = await make();
    const { reference: _, ...sidecar } = usage('sidecar', { container: 'agent' });
    const elsewhere = [usage('a', { region: 'us-east-1' }), usage('a', { account: '444455556666' })];
    await ledger.record([usage('a'), sidecar, ...elsewhere], NOW);
    const live = await collect(ledger.live(SCOPE));
    expect(live).toHaveLength(2);
    expect(live).toEqual(expect.arrayContaining([usage('a'), sidecar]));
    expect(await ledger.ofImage(digestOf('a'))).toHaveLength(3);
    expect(await collect(ledger.live({ account: '999999999999', region: 'eu-west-1' }))).toEqual([]);
  });

  test('a usage in an EKS cluster is live in the scope of that cluster alone', async () => {
    const ledger = await make();
    const pod = usage('a', { cluster: 'main', workloadKind: 'eks-deployment', workload: 'shop/web' });
    const others = [usage('a', { cluster: 'main' }), { ...pod, cluster: 'other' }, { ...pod, workload: 'other/web' }];
    await ledger.record([pod, ...others], NOW);
    const cluster = { ...SCOPE, eksCluster: 'main' };
    expect(await collect(ledger.live(SCOPE))).toEqual([usage('a', { cluster: 'main' })]);
    expect(await collect(ledger.live(cluster))).toHaveLength(2);
    expect(await ledger.ofImage(digestOf('a'))).toHaveLength(4);
    await ledger.leave([pod], NOW);
    expect(await collect(ledger.left(cluster))).toEqual([pod]);
    expect(await ledger.leftOfImage(digestOf('a'))).toEqual([pod]);
    await ledger.end([pod], NOW);
    expect(await collect(ledger.left(cluster))).toEqual([]);
  });

  test('a usage is one container of one workload on one image: recording it again replaces it', async () => {
    const ledger = await make();
    await ledger.record([usage('a', { count: 1 })], NOW);
    await ledger.record([usage('a', { count: 7 })], NOW + DAY_MS);
    await ledger.record([usage('a', { workloadKind: 'ecs-task' }), usage('b')], NOW + DAY_MS);
    expect((await collect(ledger.live(SCOPE))).map(({ count }) => count).sort()).toEqual([2, 2, 7]);
  });

  test('an ended usage is no longer live, and lives again when it is recorded again', async () => {
    const ledger = await make();
    await ledger.record([usage('a'), usage('b')], NOW);
    await ledger.end([usage('a')], NOW + DAY_MS);
    expect(await collect(ledger.live(SCOPE))).toEqual([usage('b')]);
    expect(await ledger.ofImage(digestOf('a'))).toEqual([]);
    await ledger.record([usage('a')], NOW + 2 * DAY_MS);
    expect(await ledger.ofImage(digestOf('a'))).toEqual([usage('a')]);
  });

  test('what runs and what may start by the same container of a workload are two usages, each with its own end', async () => {
    const ledger = await make();
    const possible = usage('a', { isPossible: true });
    await ledger.record([usage('a'), possible], NOW);
    const live = await collect(ledger.live(SCOPE));
    expect(live).toHaveLength(2);
    expect(live).toEqual(expect.arrayContaining([usage('a'), possible]));
    await ledger.end([usage('a')], NOW + DAY_MS);
    expect(await collect(ledger.live(SCOPE))).toEqual([possible]);
    expect(await ledger.ofImage(digestOf('a'))).toEqual([possible]);
  });

  test('usages that ended at an instant or later are listed, those that ended before or live again are not', async () => {
    const ledger = await make();
    const pod = usage('d', { cluster: 'main', workloadKind: 'eks-deployment', workload: 'shop/web' });
    await ledger.record([usage('a'), usage('b'), usage('c'), pod, usage('e')], NOW - 30 * DAY_MS);
    await ledger.end([usage('a')], NOW - 14 * DAY_MS - 1);
    await ledger.end([usage('b')], NOW - 14 * DAY_MS);
    await ledger.end([usage('c'), pod], NOW);
    await ledger.end([usage('e')], NOW);
    await ledger.record([usage('e')], NOW);
    const ended = await collect(ledger.endedSince(NOW - 14 * DAY_MS, NOW));
    expect(ended).toHaveLength(3);
    const [then, now] = [{ endedAtEpochMs: NOW - 14 * DAY_MS }, { endedAtEpochMs: NOW }];
    const expected = [
      { ...usage('b'), ...then },
      { ...usage('c'), ...now },
      { ...pod, ...now },
    ];
    expect(ended).toEqual(expect.arrayContaining(expected));
  });

  test('a usage whose scope left is neither live nor ended, until it is recorded or ended', async () => {
    const ledger = await make();
    await ledger.record([usage('a'), usage('b')], NOW);
    await ledger.leave([usage('a')], NOW + DAY_MS);
    expect(await collect(ledger.live(SCOPE))).toEqual([usage('b')]);
    expect(await collect(ledger.left(SCOPE))).toEqual([usage('a')]);
    expect(await collect(ledger.digests(SCOPE, 'live'))).toEqual([digestOf('b')]);
    expect(await collect(ledger.digests(SCOPE, 'left'))).toEqual([digestOf('a')]);
    expect(await collect(ledger.all(SCOPE, 'live'))).toEqual([usage('b')]);
    expect(await collect(ledger.all(SCOPE, 'left'))).toEqual([usage('a')]);
    expect(await collect(ledger.left({ ...SCOPE, region: 'us-east-1' }))).toEqual([]);
    expect([await ledger.ofImage(digestOf('a')), await ledger.leftOfImage(digestOf('a'))]).toEqual([[], [usage('a')]]);
    expect([await ledger.ofImage(digestOf('b')), await ledger.leftOfImage(digestOf('b'))]).toEqual([[usage('b')], []]);
    await ledger.record([usage('a')], NOW + 2 * DAY_MS);
    expect(await ledger.ofImage(digestOf('a'))).toEqual([usage('a')]);
    expect(await collect(ledger.left(SCOPE))).toEqual([]);
    await ledger.leave([usage('a')], NOW + 3 * DAY_MS);
    await ledger.end([usage('a')], NOW + 4 * DAY_MS);
    expect([await ledger.ofImage(digestOf('a')), await ledger.leftOfImage(digestOf('a'))]).toEqual([[], []]);
  });

  test('hundreds of usages at once, none at all', async () => {
    const ledger = await make();
    const many = Array.from({ length: 260 }, (_, n) => usage('a', { workload: `service-${n}` }));
    await ledger.record(many, NOW);
    await ledger.record([], NOW);
    await ledger.end(many.slice(0, 60), NOW);
    expect(await collect(ledger.live(SCOPE))).toHaveLength(200);
  });
}
