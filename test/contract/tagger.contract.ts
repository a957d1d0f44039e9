import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import type { Tagger } from '../../shared/ports/rollouts.ts';
import { digestOf } from '../support/samples.ts';

/** A tagger, and a registry to tag in. */
export interface TaggerWorld {
  readonly tagger: Tagger;
  newRepository(settings?: { readonly immutable?: boolean }): Promise<ImageLocation>;
  push(
    location: ImageLocation,
    image: { readonly name: string; readonly tags: readonly string[]; readonly index?: 'images' },
  ): Promise<Digest>;
  resolve(location: ImageLocation, tag: string): Promise<Digest | undefined>;
  readonly unreachable: ImageLocation;
}

export function taggerContract(world: () => TaggerWorld): void {
  test.each([
    ['an image', {}],
    ['an index', { index: 'images' }],
  ] as const)('%s gets a tag that another had, and keeps its own', async (_, kind) => {
    const location = await world().newRepository();
    await world().push(location, { name: 'old', tags: ['latest'] });
    const young = await world().push(location, { name: 'young', tags: ['latest-candidate'], ...kind });
    await world().tagger.tag(location, young, 'latest');
    expect(await world().resolve(location, 'latest')).toBe(young);
    expect(await world().resolve(location, 'latest-candidate')).toBe(young);
  });

  test('a tag that means the digest already is done, also where tags are immutable', async () => {
    const location = await world().newRepository({ immutable: true });
    const digest = await world().push(location, { name: 'a', tags: ['v1'] });
    await world().tagger.tag(location, digest, 'v1');
    await world().tagger.tag(location, digest, 'v2');
    expect(await world().resolve(location, 'v2')).toBe(digest);
  });

  test('an immutable tag stays where it is, and says so', async () => {
    const location = await world().newRepository({ immutable: true });
    const old = await world().push(location, { name: 'old', tags: ['v1'] });
    const young = await world().push(location, { name: 'young', tags: ['v2'] });
    const expected = { name: 'TagImmutableError', message: expect.stringContaining('v1') };
    await expect(world().tagger.tag(location, young, 'v1')).rejects.toMatchObject(expected);
    expect(await world().resolve(location, 'v1')).toBe(old);
  });

  test('an image, and a repository, that is not there is gone', async () => {
    const location = await world().newRepository();
    const digest = digestOf('none');
    for (const place of [location, { ...location, repository: 'team/none' }]) {
      const expected = { name: 'ImageGoneError', message: expect.stringContaining(digest) };
      await expect(world().tagger.tag(place, digest, 'latest')).rejects.toMatchObject(expected);
    }
  });

  test('a registry that we may not write to is unreachable', async () => {
    const { tagger, unreachable } = world();
    const { account, region } = unreachable;
    await expect(tagger.tag(unreachable, digestOf('a'), 'latest')).rejects.toMatchObject({
      name: 'TaggerUnreachableError',
      registry: { account, region },
    });
  });
}
