import { BUILT_TIERS, type ImageLocation, locationKey } from '../image/image.ts';
import { isBuiltIn } from '../policy/built-in-policy.ts';
import type { Policy, StreamRule } from '../policy/policy.ts';
import { parseStreamId, streamRulesOf } from './stream.ts';
import { streamPolicy } from './stream-policy.ts';

/** What of a policy has no effect, or none any more: mostly a mistake in a name. */
export interface PolicyGaps {
  /** Ids of stream rules that match no repository which Patchwave has seen, in the order of the policy. */
  readonly unmatchedRules: readonly string[];
  /** Ids of rules about images, or `tags`, whose tiers have no repository that Patchwave has seen. */
  readonly rulesWithoutImages: readonly string[];
  /** Streams whose images run, or that have an open cause, and that no rule names, in order: nothing is done for them. */
  readonly unnamedStreams: readonly string[];
}

/** Notes repositories and streams one by one, and finds what of a policy matches none of them. */
export class PolicyCoverage {
  readonly #policy: Policy;
  readonly #unmatched: Set<StreamRule>;
  readonly #seen = new Set<string>();
  readonly #unnamed = new Set<string>();

  constructor(policy: Policy) {
    this.#policy = policy;
    this.#unmatched = new Set(policy.streams);
  }

  addRepository(location: ImageLocation): void {
    const key = locationKey(location);
    if (this.#seen.has(key)) return;
    this.#seen.add(key);
    for (const rule of streamRulesOf(this.#policy, location)) this.#unmatched.delete(rule);
  }

  /** A stream that Patchwave knows; it may have ended long ago. */
  addKnown(stream: string): void {
    this.addRepository(parseStreamId(stream).location);
  }

  /** A stream whose images run, or that has something to be done. That the built-in policy names none is no gap. */
  addLiving(stream: string): void {
    this.addKnown(stream);
    if (!isBuiltIn(this.#policy) && !streamPolicy(this.#policy, stream).isNamed) this.#unnamed.add(stream);
  }

  gaps(): PolicyGaps {
    const { streams, sourceKnown, nonRoot, systemSupported, tags } = this.#policy;
    const ofTags = tags && { id: tags.id, tiers: BUILT_TIERS.filter((tier) => tags.tiers[tier] !== undefined) };
    const tiers = new Set(streams.flatMap((rule) => (this.#unmatched.has(rule) ? [] : rule.tier)));
    return {
      unmatchedRules: streams.flatMap((rule) => (this.#unmatched.has(rule) ? rule.id : [])),
      rulesWithoutImages: [sourceKnown, nonRoot, systemSupported, ofTags].flatMap((rule) =>
        rule && tiers.isDisjointFrom(new Set(rule.tiers)) ? rule.id : [],
      ),
      unnamedStreams: [...this.#unnamed].sort(),
    };
  }
}

/** Each gap in a sentence, with what is to be done. */
export const gapTexts = ({ unmatchedRules, rulesWithoutImages, unnamedStreams }: PolicyGaps): readonly string[] => [
  ...unmatchedRules.map(
    (id) =>
      `Rule ${id} matches no repository that Patchwave has seen. Check its account, Regions and repositories. The next review finds new repositories.`,
  ),
  ...rulesWithoutImages.map(
    (id) =>
      `Rule ${id} judges no image: no repository that Patchwave has seen belongs to a rule of \`streams\` with one of its tiers. Correct its tiers, or the rules of \`streams\`.`,
  ),
  ...unnamedStreams.map(
    (stream) =>
      `No rule names stream ${stream}, so Patchwave does not rebuild it or the streams built on it. Add its repository and head tag to a rule, or stop the workloads that run its images.`,
  ),
];
