import { BUILT_IN_POLICY, BUILT_IN_VERSION } from '../../shared/domain/policy/built-in-policy.ts';
import { type Policy, policySchema } from '../../shared/domain/policy/policy.ts';
import type { Policies, PolicyStore } from '../../shared/ports/policies.ts';
import { parse } from '../../shared/schema.ts';
import { DAY_MS, NOON_EPOCH_MS } from '../support/samples.ts';

/** A store as functions have it, whose role may read documents and not list them, and what may become of one. */
export interface StoredPolicies {
  readonly store: PolicyStore;
  /** The same policies, as a door in another Region reads them. */
  readonly door: Pick<Policies, 'current'>;
  /** Somebody deletes a document. */
  lose(version: string): void | Promise<void>;
  /** What lies under a version is another text from now on. */
  replace(version: string, text: string): void | Promise<void>;
  /** The item that says which policy is in force is damaged. */
  damagePointer(): void | Promise<void>;
  /** That item is gone. */
  losePointer(): void | Promise<void>;
}

const policy = (limitDays: number): Policy =>
  parse(policySchema, { version: 1, ages: { default: { limitDays } }, streams: [], severities: [] });
const by = { author: 'somebody', atEpochMs: NOON_EPOCH_MS };
const UNREADABLE = { name: 'PolicyUnreadableError' };

export function policyStoreContract(make: () => StoredPolicies | Promise<StoredPolicies>): void {
  const storeOf = async () => (await make()).store;

  test('before the first policy there is none', async () => {
    const store = await storeOf();
    await expect(store.current()).rejects.toMatchObject({ name: 'NoPolicyError' });
    expect(await store.inForce()).toBeUndefined();
  });

  test('the policy published last is in force; earlier ones can still be loaded', async () => {
    const store = await storeOf();
    const first = await store.publish(policy(30), by);
    const second = await store.publish(policy(14), { ...by, replaces: first });
    expect(await store.current()).toMatchObject({ version: second, policy: policy(14) });
    expect(await store.inForce()).toBe(second);
    expect(await store.load(first)).toEqual({ version: first, policy: policy(30) });
    expect(first).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a policy whose pointer is lost is unreadable, and not one that was never applied', async () => {
    const { store, door, losePointer } = await make();
    await store.publish(policy(30), by);
    await losePointer();
    await expect(store.current()).rejects.toMatchObject(UNREADABLE);
    await expect(door.current()).rejects.toMatchObject(UNREADABLE);
    const version = await store.publish(policy(14), by);
    expect(await door.current()).toMatchObject({ version });
  });

  test('a door reads the policy in force while the bucket is down', async () => {
    const { store, door, lose } = await make();
    const version = await store.publish(policy(30), by);
    await lose(version);
    expect(await door.current()).toMatchObject({ version, policy: policy(30) });
  });

  describe('the policies that were in force before', () => {
    const day = (n: number) => ({ author: 'somebody', atEpochMs: NOON_EPOCH_MS + n * DAY_MS });
    const namesOf = (host: string): Policy => ({
      ...policy(30),
      approvedRegistries: { id: 'approved', allow: [host] },
    });

    async function changedTwice(): Promise<StoredPolicies & { readonly versions: readonly [string, string] }> {
      const made = await make();
      const first = await made.store.publish(namesOf('a.example/*'), day(0));
      const second = await made.store.publish(namesOf('b.example/*'), { ...day(3), replaces: first });
      await made.store.publish(namesOf('a.example/*'), { ...day(5), replaces: second });
      return { ...made, versions: [first, second] };
    }

    test('are known with what doors need of them, also while the bucket is down', async () => {
      const { store, door, lose, versions } = await changedTwice();
      for (const version of versions) await lose(version);
      const { applied } = await door.current();
      expect(applied.map(({ version, fromEpochMs, untilEpochMs }) => [version, fromEpochMs, untilEpochMs])).toEqual([
        [versions[0], day(5).atEpochMs, undefined],
        [versions[1], day(3).atEpochMs, day(5).atEpochMs],
        [versions[0], day(0).atEpochMs, day(3).atEpochMs],
      ]);
      expect(applied.map((one) => one.policy.approvedRegistries?.allow)).toEqual([
        ['a.example/*'],
        ['b.example/*'],
        ['a.example/*'],
      ]);
      expect(await store.history()).toEqual({ applied: [], unreadable: [...versions] });
    });

    test('are known with their documents; one that is lost is named', async () => {
      const { store, versions } = await changedTwice();
      const spans = async () =>
        (await store.history()).applied.map(({ version, fromEpochMs }) => [version, fromEpochMs]);
      const [newest, between, oldest] = await spans();
      expect([newest, between, oldest]).toEqual([
        [versions[0], day(5).atEpochMs],
        [versions[1], day(3).atEpochMs],
        [versions[0], day(0).atEpochMs],
      ]);
      expect((await store.history()).applied[1]?.policy).toEqual(namesOf('b.example/*'));
      const unread = await changedTwice();
      await unread.lose(unread.versions[1]);
      const { applied, unreadable } = await unread.store.history();
      expect(applied.map(({ version }) => version)).toEqual([newest?.[0], oldest?.[0]]);
      expect(unreadable).toEqual([between?.[0]]);
    });

    test('none is added by the same text, also where its document was lost', async () => {
      const { store, lose, versions } = await changedTwice();
      const before = await store.current();
      await store.publish(namesOf('a.example/*'), { ...day(8), replaces: versions[0] });
      await lose(versions[0]);
      await store.publish(namesOf('a.example/*'), { ...day(9), replaces: versions[0] });
      expect(await store.current()).toEqual(before);
    });

    test('there is none before the first policy', async () => {
      const store = await storeOf();
      expect(await store.history()).toEqual({ applied: [], unreadable: [] });
      await store.publish(policy(30), day(0));
      expect((await store.current()).applied.map(({ fromEpochMs }) => fromEpochMs)).toEqual([day(0).atEpochMs]);
    });
  });

  test('a version is its content: the order of members does not count, publishing again changes nothing', async () => {
    const store = await storeOf();
    const first = await store.publish(policy(30), by);
    const turned = Object.fromEntries(Object.entries(policy(30)).reverse()) as Policy;
    expect(await store.publish(turned, { ...by, replaces: first })).toBe(first);
    expect(await store.publish(policy(30), by)).toBe(first);
    expect((await store.current()).version).toBe(first);
  });

  test('a change judged against another policy than the one in force is refused', async () => {
    const store = await storeOf();
    const first = await store.publish(policy(30), by);
    const second = await store.publish(policy(14), { ...by, replaces: first });
    const conflict = { name: 'PolicyConflictError' };
    await expect(store.publish(policy(7), { ...by, replaces: first })).rejects.toMatchObject(conflict);
    await expect(store.publish(policy(7), by)).rejects.toMatchObject(conflict);
    expect((await store.current()).version).toBe(second);
  });

  test('ten concurrent publications: one is in force', async () => {
    const store = await storeOf();
    const first = await store.publish(policy(30), by);
    const days = Array.from({ length: 10 }, (_, n) => n + 1);
    const published = await Promise.allSettled(days.map((n) => store.publish(policy(n), { ...by, replaces: first })));
    const versions = published.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(versions).toEqual([(await store.current()).version]);
  });

  test('an unpublished version cannot be loaded; the built-in one always can', async () => {
    const store = await storeOf();
    await expect(store.load('0'.repeat(64))).rejects.toMatchObject(UNREADABLE);
    expect((await store.load(BUILT_IN_VERSION)).policy).toBe(BUILT_IN_POLICY);
  });

  describe('a document in force', () => {
    test.each<[string, (stored: StoredPolicies, version: string) => unknown]>([
      ['that is lost', ({ lose }, version) => lose(version)],
      ['that is no JSON', ({ replace }, version) => replace(version, '{"version": 1,')],
      ['of a form of tomorrow', ({ replace }, version) => replace(version, '{"version": 2}')],
    ])(
      '%s is unreadable, and known by its version; it is repaired by the same policy and by another one',
      async (_, harm) => {
        const stored = await make();
        const { store } = stored;
        const version = await store.publish(policy(30), by);
        await harm(stored, version);
        // A reader of an earlier version may have it cached, so the test reads a version that was never read.
        await expect(store.current()).rejects.toMatchObject({ ...UNREADABLE, version });
        expect(await store.inForce()).toBe(version);
        await store.publish(policy(30), { ...by, replaces: version });
        expect(await store.current()).toMatchObject({ version, policy: policy(30) });
        const other = await store.publish(policy(14), { ...by, replaces: version });
        await harm(stored, other);
        await store.publish(policy(7), { ...by, replaces: other });
        expect((await store.current()).policy).toEqual(policy(7));
      },
    );

    test('without a version in the damaged ledger, the policy is unreadable, and another one can replace it', async () => {
      const { store, damagePointer } = await make();
      await store.publish(policy(30), by);
      await damagePointer();
      await expect(store.current()).rejects.toMatchObject(UNREADABLE);
      expect(await store.inForce()).toBeUndefined();
      const version = await store.publish(policy(14), by);
      expect(await store.current()).toMatchObject({ version, policy: policy(14) });
    });
  });
}
