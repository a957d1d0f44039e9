import { type Policy, policySchema } from '../../shared/domain/policy.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import { parse } from '../../shared/schema.ts';
import { NOON_EPOCH_MS } from '../support/samples.ts';
import type { Contract } from './contract.ts';

const policy = (limitDays: number): Policy =>
  parse(policySchema, { version: 1, ages: { default: { limitDays } }, streams: [], severities: [] });
const by = { author: 'somebody', atEpochMs: NOON_EPOCH_MS };

export function policyStoreContract({ make }: Pick<Contract<PolicyStore>, 'make'>): void {
  test('before the first policy there is none', async () => {
    await expect((await make()).current()).rejects.toMatchObject({ name: 'NoPolicyError' });
  });

  test('the policy published last is in force; earlier ones can still be loaded', async () => {
    const store = await make();
    const first = await store.publish(policy(30), by);
    const second = await store.publish(policy(14), { ...by, replaces: first });
    expect(await store.current()).toEqual({ version: second, policy: policy(14) });
    expect(await store.load(first)).toEqual({ version: first, policy: policy(30) });
    expect(first).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a version is its content: the order of members does not count, publishing again changes nothing', async () => {
    const store = await make();
    const first = await store.publish(policy(30), by);
    const turned = Object.fromEntries(Object.entries(policy(30)).reverse()) as Policy;
    expect(await store.publish(turned, { ...by, replaces: first })).toBe(first);
    expect(await store.publish(policy(30), by)).toBe(first);
    expect((await store.current()).version).toBe(first);
  });

  test('a change judged against another policy than the one in force is refused', async () => {
    const store = await make();
    const first = await store.publish(policy(30), by);
    const second = await store.publish(policy(14), { ...by, replaces: first });
    const conflict = { name: 'PolicyConflictError' };
    await expect(store.publish(policy(7), { ...by, replaces: first })).rejects.toMatchObject(conflict);
    await expect(store.publish(policy(7), by)).rejects.toMatchObject(conflict);
    expect((await store.current()).version).toBe(second);
  });

  test('of ten that publish at once one is in force', async () => {
    const store = await make();
    const first = await store.publish(policy(30), by);
    const days = Array.from({ length: 10 }, (_, n) => n + 1);
    const published = await Promise.allSettled(days.map((n) => store.publish(policy(n), { ...by, replaces: first })));
    const versions = published.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(versions).toEqual([(await store.current()).version]);
  });

  test('a version that nobody published cannot be loaded', async () => {
    await expect((await make()).load('0'.repeat(64))).rejects.toMatchObject({ name: 'PolicyUnreadableError' });
  });
}
