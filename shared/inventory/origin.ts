import { type ImageLocation, locationKey, TIERS } from '../domain/image/image.ts';
import type { ImageFacts } from '../domain/image/image-facts.ts';
import { isBuiltIn } from '../domain/policy/built-in-policy.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { streamId, streamRulesOf } from '../domain/stream/stream.ts';
import { type Classification, classify } from '../domain/stream/tier.ts';

/** Tier, stream and owner, as the facts of an image keep them. */
export type Origin = Pick<ImageFacts, 'tier' | 'stream' | 'owner'>;

/** A place of an image, with the tags it was seen under there. */
export interface ImagePlace {
  readonly location: ImageLocation;
  readonly tags: readonly string[];
}

/**
 * Tier, stream and owner of an image in all its places. A release line that was proven once stays proven while the
 * policy still has it: tags move on, what made the image does not. Of several places the lowest tier counts, then one
 * with a stream, then the first; so whatever order they are found in, the answer is the same.
 */
export function originOf(policy: Policy, places: readonly ImagePlace[], known: Origin | undefined): Origin {
  // What the built-in policy does not name is what it was.
  if (known && isBuiltIn(policy)) return originIn(known);
  const found = places.map((place) => ({
    key: locationKey(place.location),
    ...originAt(policy, place, known?.stream),
  }));
  return lowestOrigin(found);
}

const originIn = ({ tier, stream, owner }: Origin): Origin => ({
  tier,
  ...(stream !== undefined && { stream }),
  ...(owner !== undefined && { owner }),
});

/** The one that counts of several, whatever their order; `key` decides between equals. */
export function lowestOrigin(found: readonly (Origin & { readonly key: string })[]): Origin {
  const [best] = found.toSorted(
    (one, other) =>
      TIERS.indexOf(one.tier) - TIERS.indexOf(other.tier) ||
      Number(one.stream === undefined) - Number(other.stream === undefined) ||
      (one.key < other.key ? -1 : Number(one.key > other.key)),
  );
  if (!best) return { tier: 'external' };
  return originIn(best);
}

function originAt(policy: Policy, { location, tags }: ImagePlace, knownStream: string | undefined): Classification {
  const lines = streamRulesOf(policy, location).flatMap((rule) => rule.headTags.map((headTag) => ({ rule, headTag })));
  const proven = lines.find(({ headTag }) => streamId(location, headTag) === knownStream);
  if (!proven || knownStream === undefined) return classify(policy, { location, tags });
  const { tier, id, owner } = proven.rule;
  return { tier, rule: id, owner, stream: knownStream };
}
