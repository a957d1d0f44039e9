import { locationKey } from '../image/image.ts';
import type { ImageProperties, TagFacts } from '../image/image-properties.ts';
import type { Policy } from '../policy/policy.ts';
import type { TagScheme } from '../policy/tag-scheme.ts';
import { isCandidate, streamRulesOf } from '../stream/stream.ts';
import { judgesTagsAt } from '../stream/tag-facts.ts';
import { tagProblem } from '../stream/tag-rules.ts';
import type { Reason } from './verdict.ts';

type TaggedImage = Pick<ImageProperties, 'tier' | 'locations' | 'tagFacts'>;

/**
 * What is wrong with the tags of an image, by the scheme of its tier, at each place that the policy names; one reason for
 * all places with tags that are not known. It reports; no rebuild follows from it.
 */
export function tagReasons(image: TaggedImage, policy: Policy): Reason[] {
  const scheme = schemeOf(image, policy);
  if (scheme === undefined || !policy.tags) return [];
  const ruleId = policy.tags.id;
  const facts = new Map((image.tagFacts ?? []).map((one) => [locationKey(one.location), one]));
  const places = image.locations.filter((location) => judgesTagsAt(policy, location));
  const known = places.map((location) => facts.get(locationKey(location)));
  const isUnknown = known.some((one) => !one || !isKnown[scheme](one));
  const unknown: Reason[] = isUnknown ? [{ ruleId, effect: 'unknown', kind: 'tag' }] : [];
  const violating = known.flatMap((one) => (one ? violationsAt(one, scheme, policy) : []));
  return [...unknown, ...new Map(violating.map((one) => [one.tag, { ruleId, ...one }])).values()];
}

/** By which the policy judges the tags of a tier; `undefined` if it does not. */
export function schemeOf({ tier }: Pick<TaggedImage, 'tier'>, { tags }: Policy): TagScheme | undefined {
  const schemes: { readonly [One in TaggedImage['tier']]?: TagScheme | undefined } = tags?.tiers ?? {};
  return schemes[tier];
}

/** An image without a tag has none that is wrong; that is known only where its repository was listed. */
const isKnown: Readonly<Record<TagScheme, (facts: TagFacts) => boolean>> = {
  versions: ({ unmovedTags }) => unmovedTags !== undefined,
  unique: ({ tags, unmovedTags }) => tags.length > 0 || unmovedTags !== undefined,
};

function violationsAt({ location, tags, unmovedTags = {} }: TagFacts, scheme: TagScheme, policy: Policy) {
  const rules = streamRulesOf(policy, location);
  const judged = scheme === 'versions' ? Object.keys(unmovedTags) : tags;
  return judged.flatMap((tag) => {
    const problem = isCandidate(rules, tag) ? undefined : tagProblem(scheme, tag, unmovedTags[tag]);
    return problem ? [{ effect: 'violates', kind: 'tag', tag, problem } as const] : [];
  });
}
