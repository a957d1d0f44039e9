import { collect } from '../../shared/concurrency.ts';
import type { Digest, ImageLocation, IndexChild } from '../../shared/domain/image/image.ts';
import {
  allGone,
  allUnknown,
  type CheckedRepository,
  expiriesIn,
  type ImageExpiry,
} from '../../shared/domain/retention/image-expiry.ts';
import { LifecycleForecast, type StoredImage } from '../../shared/domain/retention/lifecycle.ts';
import { type LifecycleRule, readLifecyclePolicy } from '../../shared/domain/retention/lifecycle-policy.ts';
import type { PlaceLedger } from '../../shared/ports/ledger.ts';
import type { Lifecycles } from '../../shared/ports/lifecycles.ts';
import type { ImageRegistry } from '../../shared/ports/registry.ts';

export interface RepositoryForecastPorts {
  readonly lifecycles: Lifecycles;
  readonly registry: Pick<ImageRegistry, 'manifests'>;
  readonly places: Pick<PlaceLedger, 'indexes'>;
}

/** What a repository was found to keep, and what its policy will take of it. */
export interface RepositoryOutlook {
  readonly rules: readonly LifecycleRule[];
  readonly images: readonly StoredImage[];
  readonly holders: ReadonlyMap<Digest, readonly Digest[]>;
  readonly foresight: LifecycleForecast;
  /** Whether the next build takes a tag over. */
  readonly moves: (tag: string) => boolean;
}

export interface RepositoryForecast {
  readonly expiries: readonly ImageExpiry[];
  /** Absent where the repository was not listed. */
  readonly forecast?: RepositoryOutlook;
  /** There is no such repository any more, and no tag in it. */
  readonly isGone?: boolean;
}

/**
 * What the lifecycle policy of one repository will do to the images that are used. Where there is no policy one call
 * tells so, and nothing is listed.
 * @param moves whether a tag of the repository is one that its next build takes over
 * @throws RegistryUnreachableError
 */
export async function forecastRepository(
  ports: RepositoryForecastPorts,
  checked: CheckedRepository,
  moves: (tag: string) => boolean,
): Promise<RepositoryForecast> {
  const policy = await ports.lifecycles.policyOf(checked.location);
  if (policy.found === 'no-repository') return { expiries: allGone(checked), isGone: true };
  if (policy.found === 'no-policy') return { expiries: [] };
  const { rules, problem } = readLifecyclePolicy(policy.text);
  if (!rules) return { expiries: allUnknown(checked, problem) };
  if (rules.length === 0) return { expiries: [] };
  const { location, used, nowEpochMs } = checked;
  const images = (await collect(ports.lifecycles.stored(location))).flat();
  const holders = await holdersOf(ports, location, images, new Set(used.map(({ digest }) => digest)));
  const foresight = new LifecycleForecast({ rules, images, holders, moves, nowEpochMs });
  return { expiries: expiriesIn(checked, foresight), forecast: { rules, images, holders, foresight, moves } };
}

/**
 * Which indexes hold what is used: it is kept with them, and may be asked for through one of them whatever tags it has
 * itself. An index that is not known yet is read. One that cannot be read holds nothing: what may be in it is then told
 * early, not late.
 */
async function holdersOf(
  { places, registry }: RepositoryForecastPorts,
  location: ImageLocation,
  images: readonly StoredImage[],
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
