import { collect } from '../../shared/concurrency.ts';
import type { Digest, ImageLocation, IndexChild } from '../../shared/domain/image/image.ts';
import {
  allGone,
  allUnknown,
  expiriesIn,
  type ImageExpiry,
  type RepositoryToCheck,
} from '../../shared/domain/retention/image-expiry.ts';
import { LifecycleForecast, type ListedArtifact } from '../../shared/domain/retention/lifecycle-forecast.ts';
import { type LifecycleRule, readLifecyclePolicy } from '../../shared/domain/retention/lifecycle-policy.ts';
import type { PlaceLedger } from '../../shared/ports/ledger.ts';
import type { Lifecycles } from '../../shared/ports/lifecycles.ts';
import type { ImageRegistry } from '../../shared/ports/registry.ts';

export interface RepositoryForecastPorts {
  readonly lifecycles: Lifecycles;
  readonly registry: Pick<ImageRegistry, 'manifests'>;
  readonly places: Pick<PlaceLedger, 'indexes'>;
}

/** The images in use of a repository, and what its lifecycle policy will expire. */
export interface ListedRepository {
  readonly rules: readonly LifecycleRule[];
  readonly images: readonly ListedArtifact[];
  readonly holders: ReadonlyMap<Digest, readonly Digest[]>;
  readonly forecast: LifecycleForecast;
  /** Whether the next build moves the tag. */
  readonly moves: (tag: string) => boolean;
}

export interface RepositoryExpiries {
  readonly expiries: readonly ImageExpiry[];
  /** Absent if the repository was not listed. */
  readonly listed?: ListedRepository;
  /** The repository and its tags no longer exist. */
  readonly isGone?: boolean;
}

/**
 * Forecasts what the lifecycle policy of one repository does to images in use. Without a policy one call is enough, and
 * nothing is listed.
 * @param moves whether the next build moves this tag of the repository
 * @throws RegistryUnreachableError
 */
export async function forecastRepository(
  ports: RepositoryForecastPorts,
  checked: RepositoryToCheck,
  moves: (tag: string) => boolean,
): Promise<RepositoryExpiries> {
  const policy = await ports.lifecycles.policyOf(checked.location);
  if (policy.found === 'no-repository') return { expiries: allGone(checked), isGone: true };
  if (policy.found === 'no-policy') return { expiries: [] };
  const { rules, problem } = readLifecyclePolicy(policy.text);
  if (!rules) return { expiries: allUnknown(checked, problem) };
  if (rules.length === 0) return { expiries: [] };
  const { location, used, nowEpochMs } = checked;
  const images = (await collect(ports.lifecycles.artifacts(location))).flat();
  const holders = await holdersOf(ports, location, images, new Set(used.map(({ digest }) => digest)));
  const forecast = new LifecycleForecast({ rules, images, holders, moves, nowEpochMs });
  return { expiries: expiriesIn(checked, forecast), listed: { rules, images, holders, forecast, moves } };
}

/**
 * Finds the indexes that contain images in use. An image is kept with its index, and may be pulled through it with any
 * tags of its own, or none. An unknown index is read. An unreadable index counts as empty, so that an expiry is reported early
 * rather than late.
 */
async function holdersOf(
  { places, registry }: RepositoryForecastPorts,
  location: ImageLocation,
  images: readonly ListedArtifact[],
  used: ReadonlySet<Digest>,
): Promise<ReadonlyMap<Digest, readonly Digest[]>> {
  const holders = new Map<Digest, Digest[]>();
  const indexes = images.flatMap(({ isIndex, digest }) => (isIndex ? [digest] : []));
  if (indexes.length === 0) return holders;
  const hold = (index: Digest, children: readonly IndexChild[]): void => {
    for (const { digest } of children)
      if (used.has(digest)) holders.set(digest, [...(holders.get(digest) ?? []), index]);
  };
  const known = await places.indexes(indexes);
  for (const [index, children] of known) hold(index, children);
  const { found } = await registry.manifests(
    location,
    indexes.filter((index) => !known.has(index)),
  );
  for (const artifact of found) if (artifact.kind === 'index') hold(artifact.digest, artifact.children);
  return holders;
}
