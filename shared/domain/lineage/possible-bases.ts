import { type ImageLocation, locationKey, STREAM_TIERS } from '../image/image.ts';
import type { Policy } from '../policy/policy.ts';
import { streamRulesOf } from '../stream/stream.ts';
import { type BaseRepository, baseRepositoriesOf } from './base-readings.ts';

/**
 * Repositories, or patterns of them, whose images a build of a repository may be built on, bases first. Where all rules of
 * the repository declare parents, these are the repositories of those parents. Otherwise they are all repositories of mirrored
 * and base streams, and unless the repository holds bases only, all those of platform streams. A mirrored image is built
 * on nothing of ours.
 */
export function possibleBasesOf(policy: Policy, location: ImageLocation): readonly BaseRepository[] {
  const own = streamRulesOf(policy, location);
  if (own.length === 0 || own.every(({ tier }) => tier === 'mirrored')) return [];
  const declared = own.flatMap(({ parents }) => (parents ? [parents] : []));
  const ids = new Set(declared.flat());
  const isDeclared = declared.length === own.length;
  const isBase = own.every(({ tier }) => tier === 'base');
  const named = new Set(
    policy.streams
      .filter(({ id }) => ids.has(id))
      .flatMap(({ account, regions, repositories }) =>
        regions.flatMap((region) => repositories.map((repository) => locationKey({ account, region, repository }))),
      ),
  );
  const isPossible = (one: BaseRepository): boolean =>
    isDeclared ? named.has(locationKey(one)) : one.tier !== 'platform' || !isBase;
  const possible = baseRepositoriesOf(policy).filter(isPossible);
  return STREAM_TIERS.flatMap((tier) => possible.filter((one) => one.tier === tier));
}
