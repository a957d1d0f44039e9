import type { Policy } from './policy.ts';
import { parseStreamId, streamId, streamRulesOf } from './stream.ts';

/**
 * Which streams the policy says that a stream is built from, those of its own Region first; none where it says nothing.
 * Each stream is looked up once, however many images it has.
 */
export function declaredParentsIn(policy: Policy): (stream: string | undefined) => readonly string[] {
  const rules = new Map(policy.streams.map((rule) => [rule.id, rule]));
  const known = new Map<string, readonly string[]>();
  const parentsOf = (stream: string): readonly string[] => {
    const { location, headTag } = parseStreamId(stream);
    const rule = streamRulesOf(policy, location).find(({ headTags }) => headTags.includes(headTag));
    return (rule?.parents ?? []).flatMap((id) => {
      const {
        account = '',
        regions = [],
        repositories: [repository = ''] = [],
        headTags: [tag = ''] = [],
      } = rules.get(id) ?? {};
      const nearest = regions.toSorted(
        (one, other) => Number(other === location.region) - Number(one === location.region),
      );
      return nearest.map((region) => streamId({ account, region, repository }, tag));
    });
  };
  return (stream) => {
    if (stream === undefined) return [];
    const found = known.get(stream) ?? parentsOf(stream);
    known.set(stream, found);
    return found;
  };
}
