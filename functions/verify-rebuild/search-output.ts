import { mapConcurrently } from '../../shared/concurrency.ts';
import {
  type CountedClaim,
  chosenClaim,
  claimProblem,
  claimsOf,
  type PushedDigest,
  pushesSinceEpochMs,
} from '../../shared/domain/cause/output-claim.ts';
import { begunAtEpochMs, REBUILD_LABEL, type Rebuild, type RefusedClaim } from '../../shared/domain/cause/rebuild.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { instant } from '../../shared/domain/common/time.ts';
import type { Artifact, Digest, ImageLocation, Platform } from '../../shared/domain/image/image.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import { type LocationRecord, unionOfTags } from '../../shared/domain/image/image-facts.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { ImageConfigError, RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { PlaceLedger } from '../../shared/ports/ledger.ts';
import type { ImageConfig, ImageRegistry, RegistryImage } from '../../shared/ports/registry.ts';

const CONFIGS_AT_ONCE = 8;

export interface SearchPorts {
  readonly registry: ImageRegistry;
  readonly places: Pick<PlaceLedger, 'locations'>;
}

export type OutputSearch = (
  | { readonly outcome: 'found'; readonly digest: Digest; readonly tags: readonly string[] }
  | { readonly outcome: 'missing' | 'unreachable'; readonly reason: string }
) & {
  /** Reported digests that are not accepted. */
  readonly refused: readonly RefusedClaim[];
};

/**
 * Finds the output of a build. A digest that the pipeline reports is accepted if it was pushed since the build started
 * and has a head tag, a candidate tag or the rebuild's label. It is also accepted if it is the previous head, made once
 * more. Without a report, a push since then with the label is accepted. An unaccepted digest blocks no other one.
 */
export async function searchOutput(ports: SearchPorts, rebuild: Rebuild): Promise<OutputSearch> {
  const { location } = parseStreamId(rebuild.stream);
  try {
    return await search(ports, location, rebuild);
  } catch (error) {
    if (error instanceof RegistryUnreachableError)
      return { outcome: 'unreachable', reason: error.message, refused: [] };
    throw error;
  }
}

async function search(ports: SearchPorts, location: ImageLocation, rebuild: Rebuild): Promise<OutputSearch> {
  const claims = claimsOf(rebuild);
  const { found } = claims.length > 0 ? await ports.registry.manifests(location, claims) : { found: [] };
  const runnable = new Set(found.filter(canRun).map(({ digest }) => digest));
  let listed: Listing | undefined;
  const list = async () => {
    listed ??= await listRepository(ports.registry, location, pushesSinceEpochMs(rebuild), claims);
    return listed;
  };
  const counted: CountedClaim[] = [];
  const refused: RefusedClaim[] = [];
  for (const digest of claims) {
    const judged = runnable.has(digest)
      ? await judgeClaim(ports, location, rebuild, digest, list)
      : { digest, reason: `${locationKey(location)} has no such image` };
    if ('reason' in judged) refused.push(judged);
    else counted.push(judged);
  }
  const chosen = chosenClaim(counted, rebuild);
  if (chosen) return { outcome: 'found', digest: chosen.digest, tags: chosen.tags, refused };
  return searchPushed(ports, location, rebuild, (await list()).pushed, refused);
}

/** An index of attestations alone cannot be a build's output. */
const canRun = (artifact: Artifact): boolean => artifact.kind === 'image' || artifact.children.length > 0;

/**
 * Whether a reported digest is accepted, by its pushes and tags. The ledger's push history is read first: it has tags
 * that a later push took since, and the last push of an existing image. The registry has pushes whose event has not
 * arrived.
 */
async function judgeClaim(
  { places }: SearchPorts,
  location: ImageLocation,
  rebuild: Rebuild,
  digest: Digest,
  list: () => Promise<Listing>,
): Promise<CountedClaim | RefusedClaim> {
  if (digest === rebuild.headBefore) return { digest, tags: [] };
  const key = locationKey(location);
  const known = (await places.locations(digest)).find((record) => locationKey(record.location) === key);
  const pushed = pushedBy(known);
  if (claimProblem(pushed, rebuild) === undefined) return { digest, ...lastPushOf(pushed), tags: pushed.pushedTags };
  const image = (await list()).claimed.get(digest);
  const { pushedAtEpochMs } = image ?? {};
  const seen = {
    ...(pushedAtEpochMs !== undefined && { firstPushedAtEpochMs: pushedAtEpochMs }),
    ...pushed,
    tags: image?.tags ?? [],
  };
  const reason = claimProblem(seen, rebuild);
  if (reason !== undefined) return { digest, reason };
  return { digest, ...lastPushOf(seen), tags: unionOfTags(seen.tags, seen.pushedTags) };
}

const lastPushOf = ({ firstPushedAtEpochMs, lastPushedAtEpochMs = firstPushedAtEpochMs }: PushedDigest) =>
  lastPushedAtEpochMs === undefined ? {} : { pushedAtEpochMs: lastPushedAtEpochMs };

const pushedBy = (known: LocationRecord | undefined): PushedDigest => ({
  ...(known?.firstPushSeenAtEpochMs !== undefined && { firstPushedAtEpochMs: known.firstPushSeenAtEpochMs }),
  ...(known?.lastPushSeenAtEpochMs !== undefined && { lastPushedAtEpochMs: known.lastPushSeenAtEpochMs }),
  pushedTags: known?.tags ?? [],
});

/**
 * Pushed since: a reported digest with the label, or the tagged index that contains it; else the last push with the
 * label.
 */
async function searchPushed(
  { registry }: SearchPorts,
  location: ImageLocation,
  rebuild: Rebuild,
  pushed: ReadonlyMap<Digest, RegistryImage>,
  refused: readonly RefusedClaim[],
): Promise<OutputSearch> {
  const [artifacts, images] = await readPushed(registry, location, [...pushed.keys()]);
  const ids = [rebuild.rebuildId, rebuild.takenOverFrom];
  const labelled = new Map([...images].filter(([, { labels }]) => ids.includes(labels[REBUILD_LABEL] ?? '')));
  const found = (digest: Digest, others: readonly RefusedClaim[]): OutputSearch => ({
    ...{ outcome: 'found', digest, tags: pushed.get(digest)?.tags ?? [], refused: others },
  });
  const isOurs = ({ digest }: { readonly digest: Digest }): boolean => labelled.has(digest);
  const indexes = artifacts.filter((one) => one.kind === 'index' && canRun(one));
  const ownIndexes = indexes.filter((one) => one.kind === 'index' && one.children.every(isOurs));
  const own = [...ownIndexes, ...artifacts.filter((one) => one.kind === 'image' && isOurs(one))];
  for (const { digest: claim } of refused) {
    const output = own.some(({ digest }) => digest === claim) ? claim : indexWith(claim, indexes, pushed, rebuild);
    if (output !== undefined)
      return found(
        output,
        refused.filter(({ digest }) => digest !== claim),
      );
  }
  const made = ownIndexes.length > 0 ? ownIndexes : own;
  const [latest] = made.map(({ digest }) => digest).sort(latestFirst(pushed));
  const label = `label ${REBUILD_LABEL}=${rebuild.rebuildId}`;
  if (latest === undefined) {
    const nothing = `no image with ${label} was pushed to ${locationKey(location)} since ${instant(begunAtEpochMs(rebuild))}`;
    const claimed = refused.map(
      ({ digest, reason }) => `the pipeline reported ${digest}, which does not count: ${reason}`,
    );
    return { outcome: 'missing', reason: [...claimed, nothing].join('; '), refused };
  }
  const platforms = platformsOf(made, labelled);
  if (ownIndexes.length > 0 || platforms.length === 1) return found(latest, refused);
  const reason = `images for ${platforms.join(', ')} have ${label}, but no index contains them all. Let the pipeline push one index for all platforms`;
  return { outcome: 'missing', reason, refused };
}

/** Images of an index have no tags of their own: if one is reported, the pushed index is the output. */
function indexWith(
  claim: Digest,
  indexes: readonly Artifact[],
  pushed: ReadonlyMap<Digest, RegistryImage>,
  rebuild: Rebuild,
): Digest | undefined {
  const withClaim = indexes.filter(
    (one) => one.kind === 'index' && one.children.some(({ digest }) => digest === claim),
  );
  const [latest] = withClaim
    .map(({ digest }) => digest)
    .filter((digest) => {
      const { tags = [], pushedAtEpochMs } = pushed.get(digest) ?? {};
      const at = pushedAtEpochMs === undefined ? {} : { firstPushedAtEpochMs: pushedAtEpochMs };
      return claimProblem({ ...at, tags, pushedTags: [] }, rebuild) === undefined;
    })
    .sort(latestFirst(pushed));
  return latest;
}

interface Listing {
  /** Pushed since, also if the registry does not report the time. */
  readonly pushed: ReadonlyMap<Digest, RegistryImage>;
  readonly claimed: ReadonlyMap<Digest, RegistryImage>;
}

async function listRepository(
  registry: ImageRegistry,
  location: ImageLocation,
  sinceEpochMs: number,
  claims: readonly Digest[],
): Promise<Listing> {
  const pushed = new Map<Digest, RegistryImage>();
  const claimed = new Map<Digest, RegistryImage>();
  for await (const page of registry.images(location)) {
    for (const image of page) {
      if ((image.pushedAtEpochMs ?? Number.POSITIVE_INFINITY) >= sinceEpochMs) pushed.set(image.digest, image);
      if (claims.includes(image.digest)) claimed.set(image.digest, image);
    }
  }
  return { pushed, claimed };
}

/** The pushed manifest and the configs of all its images; children of an index may be older. */
async function readPushed(
  registry: ImageRegistry,
  location: ImageLocation,
  digests: readonly Digest[],
): Promise<readonly [readonly Artifact[], ReadonlyMap<Digest, ImageConfig>]> {
  const pushed = digests.length > 0 ? (await registry.manifests(location, digests)).found : [];
  const known = new Set(digests);
  const older = [
    ...new Set(pushed.flatMap((one) => (one.kind === 'index' ? one.children.map(({ digest }) => digest) : []))),
  ].filter((digest) => !known.has(digest));
  const children = older.length > 0 ? (await registry.manifests(location, older)).found : [];
  const images = [...pushed, ...children].filter((artifact) => artifact.kind === 'image');
  const configs = await mapConcurrently(images, CONFIGS_AT_ONCE, async ({ digest, configDigest }) => {
    const config = await usableConfig(registry, location, configDigest);
    return config ? [[digest, config] as const] : [];
  });
  return [pushed, new Map(configs.flat())];
}

/** A broken config proves nothing. One that could not be read now is read again at the next check. */
async function usableConfig(
  registry: ImageRegistry,
  location: ImageLocation,
  configDigest: Digest,
): Promise<ImageConfig | undefined> {
  try {
    return await registry.config(location, configDigest);
  } catch (error) {
    if (error instanceof ImageConfigError) return undefined;
    throw error;
  }
}

const platformsOf = (made: readonly Artifact[], configs: ReadonlyMap<Digest, ImageConfig>): readonly Platform[] =>
  [...new Set(made.flatMap(({ digest }) => configs.get(digest)?.platform ?? []))].sort();

const latestFirst =
  (pushed: ReadonlyMap<Digest, RegistryImage>) =>
  (one: Digest, other: Digest): number =>
    (pushed.get(other)?.pushedAtEpochMs ?? 0) - (pushed.get(one)?.pushedAtEpochMs ?? 0) || compareTexts(one, other);
