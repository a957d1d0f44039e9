import type { BaseReadingLedger } from '../../shared/ports/ledger.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

export function baseReadingLedgerContract({ make }: Contract<BaseReadingLedger>): void {
  test('nothing counts as read before a review, and the last review counts', async () => {
    const ledger = await make();
    expect(await ledger.read()).toBeUndefined();
    const [key, other] = ['111122223333/eu-west-1/golden/base', '111122223333/eu-west-1/platform/*'];
    const first = { read: { [key]: NOON_EPOCH_MS }, unread: [other] };
    await ledger.record(first);
    expect(await ledger.read()).toEqual(first);
    const second = { read: { [key]: NOON_EPOCH_MS, [other]: NOON_EPOCH_MS + 1 }, unread: [] };
    await ledger.record(second);
    expect(await ledger.read()).toEqual(second);
  });

  test('a repository that cannot be read between two reviews is unread since its pattern was read', async () => {
    const ledger = await make();
    const [pattern, key] = ['111122223333/eu-west-1/platform/*', '111122223333/eu-west-1/platform/node'];
    await ledger.addUnread(key, pattern, NOON_EPOCH_MS + 1);
    expect(await ledger.read()).toBeUndefined();
    await ledger.record({ read: { [pattern]: NOON_EPOCH_MS }, unread: [] });
    await ledger.addUnread(key, pattern, NOON_EPOCH_MS + 1);
    await ledger.addUnread(key, pattern, NOON_EPOCH_MS + 1);
    const unread = { unread: [key], unreadSince: { [key]: NOON_EPOCH_MS + 1 } };
    expect(await ledger.read()).toEqual({ read: { [pattern]: NOON_EPOCH_MS, [key]: NOON_EPOCH_MS }, ...unread });
  });

  test('a read that failed during a review stays unread', async () => {
    const ledger = await make();
    const key = '111122223333/eu-west-1/golden/base';
    const before = { read: { [key]: NOON_EPOCH_MS }, unread: [] };
    await ledger.record(before);
    await ledger.addUnread(key, key, NOON_EPOCH_MS + 2);
    await ledger.record({ read: { [key]: NOON_EPOCH_MS + 1 }, unread: [] }, before);
    const late = { read: { [key]: NOON_EPOCH_MS + 1 }, unread: [key], unreadSince: { [key]: NOON_EPOCH_MS + 2 } };
    expect(await ledger.read()).toEqual(late);
    await ledger.record({ read: { [key]: NOON_EPOCH_MS + 3 }, unread: [] }, late);
    expect((await ledger.read())?.unread).toEqual([]);
  });
}
