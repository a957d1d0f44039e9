import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { type ImageLocation, locationKey, registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { RepositoryCheck } from '../../shared/domain/retention/image-expiry.ts';
import type { UsedRepository } from '../../shared/domain/retention/used-images.ts';
import type { ExpiryLedger } from '../../shared/ports/expiries.ts';
import type { FailedRepository } from './failures.ts';

const FORGOTTEN_AT_ONCE = 8;

/** By `locationKey` what was looked at before. */
export type ChecksByPlace = ReadonlyMap<string, RepositoryCheck>;

export async function checksByPlace(expiries: ExpiryLedger): Promise<ChecksByPlace> {
  const checks = await collect(expiries.checks());
  return new Map(checks.map((check) => [locationKey(check.location), check]));
}

/** Repositories to look at, those first that were looked at longest ago. */
export function inCheckOrder(
  policy: Policy,
  inUse: readonly UsedRepository[],
  before: ChecksByPlace,
): readonly UsedRepository[] {
  const lastAt = ({ location }: UsedRepository) => before.get(locationKey(location))?.checkedAtEpochMs ?? 0;
  return [...inUse, ...stillTagged(inUse, before)]
    .filter(({ location }) => !isAws(policy, location))
    .sort((one, other) => lastAt(one) - lastAt(other));
}

/**
 * What may be looked at without a policy, which says which registries are not ours: what was looked at before, and what
 * is in a scope.
 * @param scopes their `registryKey`
 */
export const knownAsOurs = (
  used: readonly UsedRepository[],
  before: ChecksByPlace,
  scopes: ReadonlySet<string>,
): readonly UsedRepository[] =>
  used.filter(({ location }) => before.has(locationKey(location)) || scopes.has(registryKey(location)));

/** Nobody of ours can change what AWS's own registries keep. */
const isAws = ({ awsManaged }: Policy, { account }: ImageLocation): boolean => awsManaged.accounts.includes(account);

/** Where nothing is used any more, and tags of ours are to be taken back. */
function stillTagged(inUse: readonly UsedRepository[], before: ChecksByPlace): readonly UsedRepository[] {
  const places = new Set(inUse.map(({ location }) => locationKey(location)));
  return [...before.values()].flatMap(({ location, tagged = 0 }) =>
    tagged > 0 && !places.has(locationKey(location)) ? [{ location, images: [], streams: new Set<string>() }] : [],
  );
}

/** What nothing runs from any more, and nothing that runs is built on. */
export async function forgetUnused(
  expiries: ExpiryLedger,
  used: readonly UsedRepository[],
  before: ChecksByPlace,
): Promise<readonly FailedRepository[]> {
  const inUse = new Set(used.map(({ location }) => locationKey(location)));
  const unused = [...before.values()].filter(({ location }) => !inUse.has(locationKey(location)));
  const failures = await mapConcurrently(unused, FORGOTTEN_AT_ONCE, async ({ location }) => {
    try {
      await expiries.forget(location);
      return [];
    } catch (error) {
      return [{ location, error }];
    }
  });
  return failures.flat();
}
