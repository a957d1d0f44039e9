import { byKey } from '../common/compare-texts.ts';
import { type ImageLocation, locationKey } from '../image/image.ts';
import type { TagFacts } from '../image/image-properties.ts';
import type { Policy } from '../policy/policy.ts';
import { isCommitAndBuild } from '../policy/tag-scheme.ts';
import { streamRulesOf } from './stream.ts';
import { isReferrerTag } from './tag-rules.ts';

/** Enough for a person to see what is wrong; a tag has at most 128 characters. */
const MOST_TAGS = 50;

/**
 * The tags that decide whether all of an image are unique: those that name no commit and build, at most 50; if there are
 * none, the first one. What is left of a union depends on no order and on no earlier cut.
 */
export function decidingTags(tags: Iterable<string>): readonly string[] {
  const judged = [...new Set(tags)].filter((tag) => !isReferrerTag(tag)).sort();
  const odd = judged.filter((tag) => !isCommitAndBuild(tag));
  return odd.length > 0 ? odd.slice(0, MOST_TAGS) : judged.slice(0, 1);
}

/** Whether the policy judges tags at a place. */
export const judgesTagsAt = (policy: Policy, location: ImageLocation): boolean =>
  policy.tags !== undefined &&
  streamRulesOf(policy, location).some(({ tier }) => tier !== 'mirrored' && policy.tags?.tiers[tier] !== undefined);

/** What a reader knows of the tags of an image at one place. */
export interface SeenTags {
  readonly location: ImageLocation;
  readonly tags: readonly string[];
  /** As in `TagFacts`; absent if the reader compared nothing. */
  readonly unmovedTags?: TagFacts['unmovedTags'];
}

/**
 * What the record of an image keeps of its tags. Tags are added in any order; the last comparison of a place counts.
 * `undefined` if the policy judges none of them.
 */
export function tagFactsOf(
  policy: Policy,
  known: readonly TagFacts[] | undefined,
  seen: readonly SeenTags[],
): readonly TagFacts[] | undefined {
  const facts = new Map<string, TagFacts>();
  for (const { location, tags, unmovedTags } of [...(known ?? []), ...seen]) {
    if (!judgesTagsAt(policy, location)) continue;
    const key = locationKey(location);
    const before = facts.get(key);
    const compared = unmovedTags ?? before?.unmovedTags;
    facts.set(key, {
      location,
      tags: decidingTags([...(before?.tags ?? []), ...tags]),
      ...(compared && { unmovedTags: compared }),
    });
  }
  return facts.size === 0 ? undefined : [...facts].sort(byKey).map(([, one]) => one);
}
