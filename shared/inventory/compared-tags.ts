import { byKey } from '../domain/common/compare-texts.ts';
import type { Digest, IndexChild } from '../domain/image/image.ts';
import type { TagFacts } from '../domain/image/image-properties.ts';
import { unmovedTagsIn } from '../domain/stream/tag-rules.ts';

/** The tags of several images of one repository, compared with each other. */
export interface ComparedTags {
  readonly named: ReadonlyMap<string, Digest>;
  /** As `unmovedTagsIn` gives them. */
  readonly unmovedTags: ReadonlyMap<string, string>;
}

type Tagged = { readonly digest: Digest; readonly tags: readonly string[] };

export function compareTags(images: Iterable<Tagged>): ComparedTags {
  const named = new Map<string, Digest>();
  for (const { digest, tags } of images) for (const tag of tags) named.set(tag, digest);
  return { named, unmovedTags: unmovedTagsIn(named) };
}

/** Of the tags left behind, those that name an image or an index with it. */
export function unmovedTagsOf(
  digest: Digest,
  { named, unmovedTags }: ComparedTags,
  indexes: ReadonlyMap<Digest, readonly IndexChild[]>,
): NonNullable<TagFacts['unmovedTags']> {
  return Object.fromEntries([...unmovedTags].filter(([tag]) => isNamedBy(digest, tag, named, indexes)).sort(byKey));
}

/** Whether a tag names an image, or an index with it. */
export function isNamedBy(
  digest: Digest,
  tag: string,
  named: ComparedTags['named'],
  indexes: ReadonlyMap<Digest, readonly IndexChild[]>,
): boolean {
  const holder = named.get(tag);
  if (holder === undefined || holder === digest) return holder === digest;
  return indexes.get(holder)?.some((child) => child.digest === digest) === true;
}
