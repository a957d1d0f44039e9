import { runningChanges } from '../../../functions/inventory/running-images.ts';
import type { Usage } from '../../../shared/domain/image/usage.ts';
import { compareUsages } from '../../../shared/domain/review/resolve-references.ts';
import { digestOf, usage } from '../../support/samples.ts';

const pod = (workload: string, name = 'web', changes: Partial<Usage> = {}): Usage =>
  usage(name, { cluster: 'main', workloadKind: 'eks-deployment', workload, ...changes });
const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main' };
const SHOP = { digest: digestOf('web'), place: { ...PLACE, namespace: 'shop' } };
const changes = (live: readonly Usage[], seen: readonly Usage[], isMarked = true) =>
  runningChanges(seen, compareUsages(live, seen), isMarked);

describe('the images that begin and end to run in a namespace', () => {
  test.each<[string, Usage[], Usage[], ReturnType<typeof runningChanges>]>([
    ['a new workload', [], [pod('shop/web')], { begin: [SHOP], end: [] }],
    ['two new workloads of one image', [], [pod('shop/web'), pod('shop/api')], { begin: [SHOP], end: [] }],
    ['another count', [pod('shop/web')], [pod('shop/web', 'web', { count: 9 })], { begin: [], end: [] }],
    ['the last workload is gone', [pod('shop/web')], [], { begin: [], end: [SHOP] }],
    ['one of two is gone', [pod('shop/web'), pod('shop/api')], [pod('shop/api')], { begin: [], end: [] }],
    ['a workload has another name', [pod('shop/web')], [pod('shop/web2')], { begin: [SHOP], end: [] }],
    [
      'it moves to another namespace',
      [pod('shop/web')],
      [pod('other/web')],
      { begin: [{ ...SHOP, place: { ...PLACE, namespace: 'other' } }], end: [SHOP] },
    ],
    [
      'a service in an ECS cluster',
      [],
      [usage('web', { cluster: 'main' })],
      { begin: [{ digest: digestOf('web'), place: PLACE }], end: [] },
    ],
  ])('%s', (_, live, seen, expected) => {
    expect(changes(live, seen)).toEqual(expected);
  });

  test('the first reading after an upgrade marks all that runs', () => {
    expect(changes([pod('shop/web')], [pod('shop/web')], false)).toEqual({ begin: [SHOP], end: [] });
  });
});
