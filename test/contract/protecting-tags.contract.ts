import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import { PROTECTING_PREFIX } from '../../shared/domain/retention/protecting-tag.ts';
import type { ProtectingTags } from '../../shared/ports/protecting-tags.ts';

const KEEP = `${PROTECTING_PREFIX}0123456789abcdef`;
const moves = (tag: string): boolean => tag === '22';

/** Protecting tags, and a registry to put them in. */
export interface ProtectingTagsWorld {
  readonly tags: ProtectingTags;
  newRepository(): Promise<ImageLocation>;
  push(location: ImageLocation, image: { readonly name: string; readonly tags: readonly string[] }): Promise<Digest>;
  /** Tags of an image that is there. */
  tagsOf(location: ImageLocation, digest: Digest): Promise<readonly string[] | undefined>;
  readonly unreachable: ImageLocation;
}

export function protectingTagsContract(world: () => ProtectingTagsWorld): void {
  test('an image gets a tag beside its own, and the tag is removed', async () => {
    const location = await world().newRepository();
    const digest = await world().push(location, { name: 'a', tags: ['v1'] });
    await world().tags.tag(location, digest, KEEP);
    expect(await world().tagsOf(location, digest)).toEqual([KEEP, 'v1']);
    expect(await world().tags.untag(location, KEEP, moves)).toBe(true);
    expect(await world().tagsOf(location, digest)).toEqual(['v1']);
  });

  test('the last tag stays, and its image with it', async () => {
    const location = await world().newRepository();
    const digest = await world().push(location, { name: 'a', tags: [KEEP] });
    expect(await world().tags.untag(location, KEEP, moves)).toBe(false);
    expect(await world().tagsOf(location, digest)).toEqual([KEEP]);
  });

  test('the tag stays beside tags that the next build moves', async () => {
    const location = await world().newRepository();
    const digest = await world().push(location, { name: 'a', tags: ['22', KEEP] });
    expect(await world().tags.untag(location, KEEP, moves)).toBe(false);
    expect(await world().tagsOf(location, digest)).toEqual(['22', KEEP]);
  });

  test('a tag that is gone, or its repository, is nothing to take', async () => {
    const location = await world().newRepository();
    expect(await world().tags.untag(location, KEEP, moves)).toBe(false);
    expect(await world().tags.untag({ ...location, repository: 'team/none' }, KEEP, moves)).toBe(false);
  });

  test('a registry that we may not write to is unreachable', async () => {
    const { tags, unreachable } = world();
    const { account, region } = unreachable;
    await expect(tags.untag(unreachable, KEEP, moves)).rejects.toMatchObject({
      name: 'TaggerUnreachableError',
      registry: { account, region },
    });
  });
}
