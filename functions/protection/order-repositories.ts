import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { type ImageLocation, locationKey, registryKey } from '../../shared/domain/image/image.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { RepositoryCheck } from '../../shared/domain/retention/image-expiry.ts';
import type { UsedRepository } from '../../shared/domain/retention/used-images.ts';
import type { ExpiryLedger } from '../../shared/ports/expiries.ts';
import type { FailedRepository } from './failing-repositories.ts';

const FORGOTTEN_AT_ONCE = 8;

/** Earlier checks by `locationKey`. */
export type ChecksByPlace = ReadonlyMap<string, RepositoryCheck>;

export async function checksByPlace(expiries: ExpiryLedger): Promise<ChecksByPlace> {
  const checks = await collect(expiries.checks());
  return new Map(checks.map((check) => [locationKey(check.location), check]));
}

/** Repositories to check, the least recently checked first. */
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
 * Repositories to check without a policy, which would tell the foreign registries: those checked before, and those in a
 * scope.
 * @param scopes their `registryKey`
 */
export const knownAsOurs = (
  used: readonly UsedRepository[],
  before: ChecksByPlace,
  scopes: ReadonlySet<string>,
): readonly UsedRepository[] =>
  used.filter(({ location }) => before.has(locationKey(location)) || scopes.has(registryKey(location)));

/** AWS's own registries are skipped, because no user can change their policies. */
const isAws = ({ awsManaged }: Policy, { account }: ImageLocation): boolean => awsManaged.accounts.includes(account);

/** Repositories without images in use that still have protecting tags to remove. */
function stillTagged(inUse: readonly UsedRepository[], before: ChecksByPlace): readonly UsedRepository[] {
  const places = new Set(inUse.map(({ location }) => locationKey(location)));
  return [...before.values()].flatMap(({ location, tagged = 0 }) =>
    tagged > 0 && !places.has(locationKey(location)) ? [{ location, images: [], streams: new Set<string>() }] : [],
  );
}

/** Repositories whose images neither run nor are ancestors of running images. */
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
