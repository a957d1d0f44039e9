import { collect } from '../../shared/concurrency.ts';
import type { AccountDirectory } from '../../shared/ports/accounts.ts';

/** The organization that a world has to hold: 41 active accounts in three pages, one suspended, one without the role. */
export const ORGANIZATION = {
  active: Array.from({ length: 40 }, (_, n) => ({ id: String(555500000000 + n), name: `team-${n}` })),
  suspended: { id: '666600000000', name: 'left' },
  readable: { id: '555500000001', regions: ['eu-central-2', 'eu-west-1', 'us-east-1'] },
  unreachable: '555500000002',
} as const;

export function accountsContract(
  directory: () => AccountDirectory,
  regions: readonly string[] = ORGANIZATION.readable.regions,
): void {
  test('active accounts are listed over all pages, others are not', async () => {
    const accounts = await collect(directory().accounts());
    const ids = accounts.map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(ORGANIZATION.active.map(({ id }) => id)));
    expect(ids).not.toContain(ORGANIZATION.suspended.id);
    expect(accounts).toContainEqual({ id: '555500000007', name: 'team-7' });
    expect(new Set(ids).size).toBe(ids.length);
  });

  test('the enabled Regions of an account, in order', async () => {
    expect(await directory().regions(ORGANIZATION.readable.id)).toEqual(regions);
  });

  test('an account whose role cannot be taken is unreachable, never without Regions', async () => {
    const { unreachable } = ORGANIZATION;
    const expected = { name: 'AccountUnreachableError', account: unreachable };
    await expect(directory().regions(unreachable)).rejects.toMatchObject(expected);
  });
}
