import { collect } from '../../shared/concurrency.ts';
import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import type { Lifecycles } from '../../shared/ports/lifecycles.ts';
import { DAY_MS, NOON_EPOCH_MS } from '../support/samples.ts';

/** Lifecycle policies, and repositories to give them to. */
export interface LifecyclesWorld {
  readonly lifecycles: Lifecycles;
  newRepository(): Promise<ImageLocation>;
  setPolicy(location: ImageLocation, text: string): Promise<void>;
  push(
    location: ImageLocation,
    push: {
      readonly name: string;
      readonly tags: readonly string[];
      readonly pushedAtEpochMs: number;
      readonly index?: 'images';
    },
  ): Promise<Digest>;
  archive(location: ImageLocation, digest: Digest): Promise<void>;
  readonly unreachable: ImageLocation;
}

const TEXT = JSON.stringify({
  rules: [
    {
      rulePriority: 1,
      selection: { tagStatus: 'any', countType: 'imageCountMoreThan', countNumber: 3 },
      action: { type: 'expire' },
    },
  ],
});
const PUSHED = NOON_EPOCH_MS - 3 * DAY_MS;

export function lifecyclesContract(world: () => LifecyclesWorld): void {
  const storedIn = async (location: ImageLocation) => (await collect(world().lifecycles.artifacts(location))).flat();

  test('a repository has the policy that it was given, or none, or is not there', async () => {
    const { lifecycles } = world();
    const location = await world().newRepository();
    expect(await lifecycles.policyOf(location)).toEqual({ found: 'no-policy' });
    await world().setPolicy(location, TEXT);
    expect(await lifecycles.policyOf(location)).toEqual({ found: 'policy', text: TEXT });
    const gone = { ...location, repository: 'team/none' };
    expect(await lifecycles.policyOf(gone)).toEqual({ found: 'no-repository' });
    expect(await storedIn(gone)).toEqual([]);
  });

  test('all that rules select is listed: untagged and archived images, and indexes as such', async () => {
    const location = await world().newRepository();
    const pushed = { pushedAtEpochMs: PUSHED };
    const old = await world().push(location, { name: 'old', tags: ['stable', 'v1'], ...pushed });
    const young = await world().push(location, { name: 'young', tags: ['stable'], pushedAtEpochMs: PUSHED + DAY_MS });
    const index = await world().push(location, { name: 'index', tags: ['multi'], ...pushed, index: 'images' });
    const archived = await world().push(location, { name: 'archived', tags: [], ...pushed });
    await world().archive(location, archived);
    const found = new Map((await storedIn(location)).map((image) => [image.digest, image]));
    expect(found.get(old)).toEqual({
      digest: old,
      tags: ['v1'],
      pushedAtEpochMs: PUSHED,
      archived: false,
      isIndex: false,
    });
    expect(found.get(young)).toMatchObject({ tags: ['stable'], pushedAtEpochMs: PUSHED + DAY_MS });
    expect(found.get(index)).toMatchObject({ tags: ['multi'], isIndex: true });
    expect(found.get(archived)).toMatchObject({ tags: [], archived: true, isIndex: false });
  });

  test('a registry that may not be read is unreachable', async () => {
    const { lifecycles, unreachable } = world();
    const { account, region } = unreachable;
    const expected = { name: 'RegistryUnreachableError', registry: { account, region } };
    await expect(lifecycles.policyOf(unreachable)).rejects.toMatchObject(expected);
    await expect(storedIn(unreachable)).rejects.toMatchObject(expected);
  });
}
