import { type ImageLocation, locationKey, TIERS } from '../domain/image/image.ts';
import { type ImageProperties, type LocationRecord, unionOfTags } from '../domain/image/image-properties.ts';
import { isBuiltIn } from '../domain/policy/built-in-policy.ts';
import type { Policy } from '../domain/policy/policy.ts';
import { linesOf, streamId, streamRulesOf } from '../domain/stream/stream.ts';
import { type Classification, classify } from '../domain/stream/tier.ts';

/** Tier, stream and owner, as in the properties of an image. */
export type Origin = Pick<ImageProperties, 'tier' | 'stream' | 'owner'>;

/** A place of an image, with its tags seen there. */
export interface ImagePlace {
  readonly location: ImageLocation;
  readonly tags: readonly string[];
  /** The earliest instant at which the image is known to be there; absent if nothing tells it. */
  readonly sinceEpochMs?: number;
}

/** A place as the ledger has it. */
export const recordedPlace = ({
  location,
  tags,
  askedTags,
  thereSinceEpochMs,
  firstPushSeenAtEpochMs,
}: LocationRecord): ImagePlace => {
  const sinceEpochMs = thereSinceEpochMs ?? firstPushSeenAtEpochMs;
  return { location, tags: unionOfTags(tags, askedTags), ...(sinceEpochMs !== undefined && { sinceEpochMs }) };
};

/**
 * Tier, stream and owner of an image over all its places. A proven release line stays proven while the policy has it:
 * tags move, but the origin of the image does not. Of several places with a stream the one that had the image first counts, so no
 * copy takes an image over; without a stream the lowest tier; then the first by key. So the order of discovery makes no difference.
 */
export function originOf(policy: Policy, places: readonly ImagePlace[], known: Origin | undefined): Origin {
  // Under the built-in policy an unnamed image keeps its origin.
  if (known && isBuiltIn(policy)) return originIn(known);
  const found = places.map((place) => ({
    key: locationKey(place.location),
    ...(place.sinceEpochMs !== undefined && { sinceEpochMs: place.sinceEpochMs }),
    ...originAt(policy, place, known?.stream),
  }));
  return firstOrigin(found);
}

/** Without what else the record has. */
export const originIn = ({ tier, stream, owner }: Origin): Origin => ({
  tier,
  ...(stream !== undefined && { stream }),
  ...(owner !== undefined && { owner }),
});

/** An origin by one place of the image, or by one name of it. */
type Claim = Origin & { readonly key: string } & Pick<ImagePlace, 'sinceEpochMs'>;

/** The one of several that counts, in any order; `key` breaks ties. */
export function firstOrigin(found: readonly Claim[]): Origin {
  const [best] = found.toSorted(
    (one, other) =>
      Number(one.stream === undefined) - Number(other.stream === undefined) ||
      (one.stream === undefined ? 0 : sinceOf(one) - sinceOf(other)) ||
      TIERS.indexOf(one.tier) - TIERS.indexOf(other.tier) ||
      (one.key < other.key ? -1 : Number(one.key > other.key)),
  );
  if (!best) return { tier: 'external' };
  return originIn(best);
}

const sinceOf = ({ sinceEpochMs = Number.MAX_SAFE_INTEGER }: Claim): number => sinceEpochMs;

function originAt(policy: Policy, { location, tags }: ImagePlace, knownStream: string | undefined): Classification {
  const lines = linesOf(streamRulesOf(policy, location));
  const proven = lines.find(({ name }) => streamId(location, name) === knownStream);
  if (!proven || knownStream === undefined) return classify(policy, { location, tags });
  const { tier, id, owner } = proven.rule;
  return { tier, rule: id, owner, stream: knownStream };
}
