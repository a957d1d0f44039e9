import { mapConcurrently } from '../../shared/concurrency.ts';
import { byKey } from '../../shared/domain/common/compare-texts.ts';
import { sameContent } from '../../shared/domain/common/same-content.ts';
import { type Digest, type ImageLocation, type IndexChild, locationKey } from '../../shared/domain/image/image.ts';
import type { ImageProperties, TagFacts } from '../../shared/domain/image/image-properties.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { judgesTagsAt } from '../../shared/domain/stream/tag-facts.ts';
import { propertiesIn } from '../../shared/domain/verdict/image-updates.ts';
import { type ComparedTags, compareTags, isNamedBy, unmovedTagsOf } from '../../shared/inventory/compared-tags.ts';
import type { ImageLedger } from '../../shared/ports/ledger.ts';

const WRITES_AT_ONCE = 8;

interface Compared {
  readonly location: ImageLocation;
  /** The pushed images and the heads before, each with the tags that name it now. */
  readonly listing: readonly { readonly digest: Digest; readonly tags: readonly string[] }[];
  readonly indexes: ReadonlyMap<Digest, readonly IndexChild[]>;
}

/**
 * Compares the tags of pushed images with those of the heads, until the next review compares all tags of the repository.
 * What an earlier comparison found stays while the tag names the same image.
 */
export async function recordComparedTags(
  images: Pick<ImageLedger, 'get' | 'recordProperties'>,
  policy: Policy,
  { location, listing, indexes }: Compared,
): Promise<void> {
  if (!judgesTagsAt(policy, location)) return;
  const compared = compareTags(listing);
  const digests = listing.flatMap(({ digest }) => [
    digest,
    ...(indexes.get(digest) ?? []).map((child) => child.digest),
  ]);
  const known = await images.get([...new Set(digests)]);
  await mapConcurrently([...known.values()], WRITES_AT_ONCE, async (record) => {
    const over = (image: ImageProperties) => withCompared(image, location, { compared, indexes });
    const properties = propertiesIn(record);
    if (!sameContent(properties, over(properties)))
      await images.recordProperties(over(properties), (now) => over(propertiesIn(now)));
  });
}

/** An image without tags at the place is left to the next review. */
function withCompared(
  image: ImageProperties,
  location: ImageLocation,
  { compared, indexes }: { readonly compared: ComparedTags } & Pick<Compared, 'indexes'>,
): ImageProperties {
  const fresh = unmovedTagsOf(image.digest, compared, indexes);
  const tagFacts = image.tagFacts?.map((facts): TagFacts => {
    if (locationKey(facts.location) !== locationKey(location)) return facts;
    const before = Object.entries(facts.unmovedTags ?? {});
    const still = before.filter(([tag]) => isNamedBy(image.digest, tag, compared.named, indexes));
    return { ...facts, unmovedTags: Object.fromEntries([...still, ...Object.entries(fresh)].sort(byKey)) };
  });
  return { ...image, ...(tagFacts && { tagFacts }) };
}
