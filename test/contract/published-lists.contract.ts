import {
  type AllowedImagesList,
  CONSTRAINT_NAMES,
  MOST_DIGESTS,
} from '../../shared/domain/admission/allowed-images.ts';
import type { Cluster } from '../../shared/domain/image/usage.ts';
import type { ClusterLists, ListsByName, PublishedLists } from '../../shared/ports/allowed-images.ts';

/** A publisher of lists, and a cluster of it. */
export interface PublishedListsWorld {
  readonly lists: PublishedLists;
  /** It has the definition of lists. */
  readonly cluster: Cluster;
  /** As a person makes the first lists, with no other field. */
  createFirst(name: string): Promise<void>;
  specOf(name: string): Promise<unknown>;
  /** As Gatekeeper has them, and as gatekeeper.yaml makes them. */
  readonly constraints: ConstraintsWorld;
}

export interface ConstraintsWorld {
  /** Makes the constraint, without a list. */
  create(name: string): Promise<void>;
  remove(name: string): Promise<void>;
  /** `parameters` of the constraint. */
  parametersOf(name: string): Promise<unknown>;
}

/** Clusters to which nothing can be published. */
export interface MissingListsWorld {
  readonly lists: PublishedLists;
  /** It has no definition of lists. */
  readonly undefinedCluster: Cluster;
  readonly deletedCluster: Cluster;
  readonly unreachable: Cluster;
}

const digits = (at: number): string => at.toString(16).padStart(64, '0');
const listOf = (changes: Partial<AllowedImagesList> = {}): AllowedImagesList => ({
  ...{ notAfter: '2026-11-30T00:00:00.000Z', readAt: '2026-11-29T00:00:00.000Z', policyVersion: 'f'.repeat(64) },
  ...{ digests: { [digits(1)]: '' }, running: {} },
  ...changes,
});
const entry = { namespaces: ['shop'], until: '2026-12-01T00:00:00.000Z', rule: 'age-limit' };

/** What the publisher relies on. The fake and the adapter both hold it, the latter also on the real API server. */
export function publishedListsContract(world: () => PublishedListsWorld): void {
  const inCluster = async <Result>(work: (lists: ClusterLists) => Promise<Result>) =>
    world().lists.inCluster(world().cluster, AbortSignal.timeout(30_000), work);

  test('a list is there once it was written', async () => {
    await inCluster(async (lists) => {
      expect(await lists.read('all')).toBeUndefined();
      expect(await lists.write('all', listOf(), undefined)).toBe(true);
      expect(await lists.names()).toContain('all');
      const stored = await lists.read('all');
      expect(stored).toMatchObject({ readAt: '2026-11-29T00:00:00.000Z', version: expect.stringMatching(/./) });
    });
    expect(await world().specOf('all')).toEqual(listOf());
  });

  test('one that somebody made is read without an instant, and is replaced as a whole', async () => {
    await world().createFirst('digests-1');
    await inCluster(async (lists) => {
      const before = await lists.read('digests-1');
      expect(before?.readAt).toBeUndefined();
      expect(await lists.write('digests-1', listOf({ running: { [digits(2)]: entry } }), before)).toBe(true);
    });
    expect(await world().specOf('digests-1')).toEqual(listOf({ running: { [digits(2)]: entry } }));
  });

  test('what a list no longer has is gone, also of its first version', async () => {
    await inCluster(async (lists) => {
      const full = listOf({ running: { [digits(2)]: entry, [digits(3)]: entry } });
      expect(await lists.write('digests-2', full, undefined)).toBe(true);
      for (const running of [{ [digits(3)]: entry }, {}]) {
        const digests = { [digits(4)]: '' as const };
        expect(await lists.write('digests-2', listOf({ digests, running }), await lists.read('digests-2'))).toBe(true);
        expect(await world().specOf('digests-2')).toEqual(listOf({ digests, running }));
      }
    });
  });

  test('of two writers with the same version one is refused', async () => {
    await inCluster(async (lists) => {
      expect(await lists.write('digests-3', listOf(), undefined)).toBe(true);
      expect(await lists.write('digests-3', listOf(), undefined)).toBe(false);
      const before = await lists.read('digests-3');
      expect(await lists.write('digests-3', listOf({ policyVersion: 'a' }), before)).toBe(true);
      expect(await lists.write('digests-3', listOf({ policyVersion: 'b' }), before)).toBe(false);
    });
    expect(await world().specOf('digests-3')).toMatchObject({ policyVersion: 'a' });
  });

  test('only the end of a list changes, unless it changed since it was read, and the next publication replaces it', async () => {
    const notAfter = '2026-11-29T01:00:00.000Z';
    await inCluster(async (lists) => {
      expect(await lists.write('digests-5', listOf(), undefined)).toBe(true);
      const before = await lists.read('digests-5');
      if (!before) throw new Error('the list was written');
      expect(before.notAfter).toBe('2026-11-30T00:00:00.000Z');
      expect(await lists.end('digests-5', notAfter, before)).toBe(true);
      expect(await lists.end('digests-5', '2026-11-29T02:00:00.000Z', before)).toBe(false);
      expect(await world().specOf('digests-5')).toEqual(listOf({ notAfter }));
      expect(await lists.write('digests-5', listOf({ digests: {} }), await lists.read('digests-5'))).toBe(true);
    });
    expect(await world().specOf('digests-5')).toEqual(listOf({ digests: {} }));
  });

  test('as many digests as a list may have are written', async () => {
    const digests = Object.fromEntries(Array.from({ length: MOST_DIGESTS }, (_, at) => [digits(at), '' as const]));
    await inCluster(async (lists) => {
      expect(await lists.write('digests-4', listOf({ digests }), undefined)).toBe(true);
      expect(await lists.write('digests-4', listOf({ digests }), await lists.read('digests-4'))).toBe(true);
    });
    expect(await world().specOf('digests-4')).toEqual(listOf({ digests }));
  });
}

/** What the publisher relies on where Gatekeeper decides. */
export function constraintsContract(world: () => PublishedListsWorld): void {
  const [DENY, WARN] = CONSTRAINT_NAMES;
  const inConstraints = async <Result>(work: (lists: ListsByName) => Promise<Result>) =>
    world().lists.inCluster(world().cluster, AbortSignal.timeout(30_000), ({ constraints }) => work(constraints));

  test('a constraint that is absent has no list, and none is made', async () => {
    await inConstraints(async (lists) => {
      expect(await lists.read(DENY)).toBeUndefined();
      expect(await lists.write(DENY, listOf(), undefined)).toBe(false);
      expect(await lists.read(DENY)).toBeUndefined();
    });
  });

  test('a constraint gets a list, and what else it says stays', async () => {
    await world().constraints.create(DENY);
    await inConstraints(async (lists) => {
      const first = await lists.read(DENY);
      expect([first?.readAt, first?.notAfter]).toEqual([undefined, undefined]);
      expect(await lists.write(DENY, listOf({ running: { [digits(2)]: entry } }), first)).toBe(true);
      expect(await lists.read(DENY)).toMatchObject({ readAt: '2026-11-29T00:00:00.000Z' });
      expect(await lists.write(DENY, listOf({ policyVersion: 'older' }), first)).toBe(false);
      expect(await world().constraints.parametersOf(DENY)).toMatchObject({
        severity: 'deny',
        allowed: listOf({ running: { [digits(2)]: entry } }),
      });
      const digests = { [digits(4)]: '' as const };
      expect(await lists.write(DENY, listOf({ digests }), await lists.read(DENY))).toBe(true);
      expect(await world().constraints.parametersOf(DENY)).toEqual({ severity: 'deny', allowed: listOf({ digests }) });
    });
  });

  test('only the end of its list changes, unless it changed since it was read', async () => {
    const notAfter = '2026-11-29T01:00:00.000Z';
    await inConstraints(async (lists) => {
      const before = await lists.read(DENY);
      if (!before) throw new Error('the constraint was made');
      expect(await lists.write(DENY, listOf(), before)).toBe(true);
      expect(await lists.end(DENY, notAfter, before)).toBe(false);
      expect(await lists.end(DENY, notAfter, (await lists.read(DENY)) ?? before)).toBe(true);
    });
    const allowed = listOf({ notAfter });
    expect(await world().constraints.parametersOf(DENY)).toEqual({ severity: 'deny', allowed });
  });

  test('a constraint that was deleted since it was read is not made again', async () => {
    await world().constraints.create(WARN);
    await inConstraints(async (lists) => {
      const before = await lists.read(WARN);
      await world().constraints.remove(WARN);
      expect(await lists.write(WARN, listOf(), before)).toBe(false);
      expect(await lists.read(WARN)).toBeUndefined();
    });
  });

  test('a constraint takes as many digests as a list may have', async () => {
    const digests = Object.fromEntries(Array.from({ length: MOST_DIGESTS }, (_, at) => [digits(at), '' as const]));
    await inConstraints(async (lists) => {
      for (let time = 0; time < 2; time += 1)
        expect(await lists.write(DENY, listOf({ digests }), await lists.read(DENY))).toBe(true);
    });
    expect(await world().constraints.parametersOf(DENY)).toEqual({ severity: 'deny', allowed: listOf({ digests }) });
    await world().constraints.remove(DENY);
  });
}

/** How the publisher learns that a cluster cannot have lists. */
export function missingListsContract(world: () => MissingListsWorld): void {
  const namesIn = async (cluster: Cluster) =>
    world().lists.inCluster(cluster, AbortSignal.timeout(30_000), (lists) => lists.names());

  test('a cluster without the definition says so', async () => {
    await expect(namesIn(world().undefinedCluster)).rejects.toMatchObject({
      name: 'ListsUndefinedError',
      message: expect.stringContaining('Apply allowed-images-definition.yaml'),
    });
  });

  test('a cluster without Gatekeeper has no constraint, and that is no failure', async () => {
    const read = world().lists.inCluster(
      world().undefinedCluster,
      AbortSignal.timeout(30_000),
      async ({ constraints }) => [await constraints.read(CONSTRAINT_NAMES[0])],
    );
    expect(await read).toEqual([undefined]);
  });

  test('a cluster that was deleted is none', async () => {
    expect(await namesIn(world().deletedCluster)).toBeUndefined();
  });

  test('a cluster that does not accept the role is unreachable, and says for what', async () => {
    await expect(namesIn(world().unreachable)).rejects.toMatchObject({
      name: 'ClusterUnauthorizedError',
      message: expect.stringMatching(/cannot be published to: .*publish role.*patchwave:publish/),
    });
  });
}
