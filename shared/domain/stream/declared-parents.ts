import { FOREIGN_TIERS, type ImageLocation, locationKey } from '../image/image.ts';
import { matchesHeadTag } from '../policy/head-tag.ts';
import type { Policy } from '../policy/policy.ts';
import { lineOf, linesOf, parseStreamId, streamId, streamRulesOf } from './stream.ts';
import { classify } from './tier.ts';

/**
 * The declared parent streams of a stream, those of its own Region first; empty without a declaration. Each stream is
 * looked up once, however many images it has.
 */
export function declaredParentsIn(policy: Policy): (stream: string | undefined) => readonly string[] {
  const rules = new Map(policy.streams.map((rule) => [rule.id, rule]));
  const known = new Map<string, readonly string[]>();
  const parentsOf = (stream: string): readonly string[] => {
    const { location } = parseStreamId(stream);
    return (lineOf(policy, stream)?.rule.parents ?? []).flatMap((id) => {
      const rule = rules.get(id);
      const { account = '', regions = [], repositories: [repository = ''] = [] } = rule ?? {};
      const [line] = linesOf(rule ? [rule] : []);
      const nearest = regions.toSorted(
        (one, other) => Number(other === location.region) - Number(one === location.region),
      );
      return nearest.map((region) => streamId({ account, region, repository }, line?.name ?? ''));
    });
  };
  return (stream) => {
    if (stream === undefined) return [];
    const found = known.get(stream) ?? parentsOf(stream);
    known.set(stream, found);
    return found;
  };
}

/**
 * Whether the policy allows an image of a repository to be built on a stream. It allows every stream, unless the
 * repository is not ours, or all of its rules declare parents that do not lead to the stream. A base without a
 * declaration may be built on another base or a mirrored image, but not on a platform. For an image with a head tag, only rules with this
 * tag count. A tag that no rule names proves nothing: the image may be any one of the repository.
 * @param ours our accounts: a repository of another account belongs to a vendor
 * @returns takes a tag of the image, if one is known
 */
export function declaredReachIn(
  policy: Policy,
  ours: ReadonlySet<string>,
): (location: ImageLocation, stream: string, tag?: string) => boolean {
  const rules = new Map(policy.streams.map((rule) => [rule.id, rule]));
  const known = new Map<string, Reach>();
  const reachOf = (location: ImageLocation, tag: string | undefined): Reach => {
    const isForeign = !ours.has(location.account) || FOREIGN_TIERS.includes(classify(policy, { location }).tier);
    if (isForeign) return { ids: new Set(), beyond: 'nothing' };
    const all = streamRulesOf(policy, location);
    const named = all.filter(({ headTags }) => headTags.some((one) => tag !== undefined && matchesHeadTag(one, tag)));
    const own = named.length > 0 ? named : all;
    const ids = new Set(own.map(({ id }) => id));
    let beyond: Reach['beyond'] = own.length > 0 ? 'nothing' : 'anything';
    // The loop also visits elements added during it.
    for (const id of ids) {
      const { tier, parents } = rules.get(id) ?? {};
      for (const parent of parents ?? []) ids.add(parent);
      if (!parents && beyond !== 'anything') beyond = tier === 'base' ? 'bases' : 'anything';
    }
    return { ids, beyond };
  };
  return (location, stream, tag) => {
    const key = tag === undefined ? locationKey(location) : `${locationKey(location)}:${tag}`;
    const reach = known.get(key) ?? reachOf(location, tag);
    known.set(key, reach);
    const { location: place, name } = parseStreamId(stream);
    const asked = linesOf(streamRulesOf(policy, place)).flatMap((line) => (line.name === name ? line.rule : []));
    if (reach.beyond === 'anything' || asked.some(({ id }) => reach.ids.has(id))) return true;
    return (
      reach.beyond === 'bases' &&
      (asked.length === 0 || asked.some(({ tier }) => tier === 'base' || tier === 'mirrored'))
    );
  };
}

interface Reach {
  /** Rules of the repository, and their declared parents, transitively. */
  readonly ids: ReadonlySet<string>;
  /** The additional parents allowed if a rule declares nothing. */
  readonly beyond: 'nothing' | 'bases' | 'anything';
}
