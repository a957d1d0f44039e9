import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { locationKey, registryKey } from '../../shared/domain/image/image.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import { policyInForce } from '../../shared/review/policy-in-force.ts';
import { type CheckRepositoryPorts, checkRepository } from './check-repository.ts';
import { ProtectionIncompleteError, UsedImagesUnreadableError } from './errors.ts';
import { failingRepositories } from './failing-repositories.ts';
import { checksByPlace, forgetUnused, inCheckOrder, knownAsOurs } from './order-repositories.ts';
import { type ReadUsedPorts, readUsed } from './read-used.ts';

/** A repository is listed as a whole, so this bounds the number of lists in memory. */
const REPOSITORIES_AT_ONCE = 8;

export interface CheckRepositoriesPorts extends ReadUsedPorts, CheckRepositoryPorts {
  readonly policies: Pick<PolicyStore, 'current'>;
  readonly clock: Clock;
}

export interface CheckLimits {
  readonly horizonMs: number;
  /** No repository check starts after this time. */
  readonly endsAtEpochMs: number;
}

export interface CheckResult {
  readonly repositories: number;
  readonly images: number;
  readonly expiries: number;
  /** Why no tag was added: the policy in force is unreadable. */
  readonly withoutPolicy?: string;
}

/**
 * Checks the lifecycle policy of each repository with images in use, and records which images expire and when. A failed
 * repository is recorded and stops no other. The least recently checked come first, so a run that times out resumes at
 * the next. Without a readable policy expiries are still recorded, but no tag is added or removed. If the item of an
 * image in use is unreadable, its ancestors are unknown, and no tag is removed.
 * @throws ProtectionIncompleteError, UsedImagesUnreadableError after everything else is done
 */
export async function checkRepositories(ports: CheckRepositoriesPorts, limits: CheckLimits): Promise<CheckResult> {
  const [{ repositories: inUse, unreadable: unread }, before] = await Promise.all([
    readUsed(ports),
    checksByPlace(ports.expiries),
  ]);
  // No policy exists before the first review either.
  if (inUse.length === 0 && before.size === 0) return { repositories: 0, images: 0, expiries: 0 };
  const { policy, unreadable } = await policyInForce(ports.policies);
  const turns = inCheckOrder(policy, inUse, before);
  const used = unreadable ? knownAsOurs(turns, before, await scopesOf(ports)) : turns;
  const checks = await mapConcurrently(used, REPOSITORIES_AT_ONCE, async ({ location, images, streams }) => {
    const checked = { location, used: images, nowEpochMs: ports.clock(), horizonMs: limits.horizonMs };
    const isOver = checked.nowEpochMs > limits.endsAtEpochMs;
    return checkRepository(ports, checked, {
      ...{ policy, streams, before: before.get(locationKey(location)), isOver },
      ...{ mayRemoveTags: unread.length === 0 },
    });
  });
  const failed = checks.flatMap((check) => (check.failed ? [{ location: check.location, ...check.failed }] : []));
  const unforgotten = await forgetUnused(ports.expiries, used, before);
  const failures = [...(await failingRepositories(ports, policy, failed)), ...unforgotten];
  const [first] = failures;
  if (first) throw new ProtectionIncompleteError(failures.length, locationKey(first.location), first.error);
  const [image] = unread;
  if (image) throw new UsedImagesUnreadableError(unread.length, image);
  return {
    repositories: checks.length,
    images: checks.reduce((sum, { images }) => sum + images, 0),
    expiries: checks.reduce((sum, { expiries }) => sum + expiries, 0),
    ...(unreadable && { withoutPolicy: unreadable.message }),
  };
}

const scopesOf = async ({ scopes }: CheckRepositoriesPorts): Promise<ReadonlySet<string>> =>
  new Set((await collect(scopes.all())).map(({ scope }) => registryKey(scope)));
