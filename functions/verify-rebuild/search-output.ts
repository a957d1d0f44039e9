import { mapConcurrently } from '../../shared/concurrency.ts';
import {
  type CountedClaim,
  canRun,
  chosenClaim,
  claimsOf,
  judgedClaim,
  labelledOutput,
  type OutputProof,
  type PushedDigest,
  type PushedSince,
  pushesSinceEpochMs,
} from '../../shared/domain/cause/output-proof.ts';
import type { Rebuild, RefusedClaim } from '../../shared/domain/cause/rebuild.ts';
import { type Digest, type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import type { LocationRecord } from '../../shared/domain/image/image-properties.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { ImageConfigError, RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { PlaceLedger } from '../../shared/ports/ledger.ts';
import type { ImageConfig, ImageRegistry, RegistryImage } from '../../shared/ports/registry.ts';

const CONFIGS_AT_ONCE = 8;

export interface SearchPorts {
  readonly registry: ImageRegistry;
  readonly places: Pick<PlaceLedger, 'locations'>;
}

export type OutputSearch =
  | OutputProof
  | { readonly outcome: 'unreachable'; readonly reason: string; readonly refused: readonly RefusedClaim[] };

/** Reads what proves the output of a build; `shared/domain/cause/output-proof.ts` has the rules. */
export async function searchOutput(
  ports: SearchPorts,
  rebuild: Rebuild,
  headTag: string | undefined,
): Promise<OutputSearch> {
  const { location } = parseStreamId(rebuild.stream);
  try {
    return await search(ports, { location, headTag }, rebuild);
  } catch (error) {
    if (error instanceof RegistryUnreachableError)
      return { outcome: 'unreachable', reason: error.message, refused: [] };
    throw error;
  }
}

/** Where the output of a rebuild is looked for, and the pattern of its head tags. */
interface SearchedPlace {
  readonly location: ImageLocation;
  readonly headTag: string | undefined;
}

async function search(ports: SearchPorts, place: SearchedPlace, rebuild: Rebuild): Promise<OutputSearch> {
  const { location } = place;
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
      ? await readClaim(ports, place, rebuild, digest, list)
      : { digest, reason: `${locationKey(location)} has no such image` };
    if ('reason' in judged) refused.push(judged);
    else counted.push(judged);
  }
  const chosen = chosenClaim(counted, rebuild);
  if (chosen) return { outcome: 'found', digest: chosen.digest, tags: chosen.tags, refused };
  return labelledOutput(await readPushed(ports.registry, place, (await list()).pushed), rebuild, refused);
}

/**
 * Whether a reported digest is accepted, by its pushes and tags. The ledger's push history is read first: it has tags
 * that a later push took since, and the last push of an existing image. The registry has pushes whose event has not
 * arrived.
 */
async function readClaim(
  { places }: SearchPorts,
  { location, headTag }: SearchedPlace,
  rebuild: Rebuild,
  digest: Digest,
  list: () => Promise<Listing>,
): Promise<CountedClaim | RefusedClaim> {
  const key = locationKey(location);
  const known = (await places.locations(digest)).find((record) => locationKey(record.location) === key);
  const pushed = pushedBy(known);
  const byLedger = judgedClaim(digest, pushed, rebuild, headTag);
  if (!('reason' in byLedger)) return byLedger;
  const { pushedAtEpochMs, tags = [] } = (await list()).claimed.get(digest) ?? {};
  const listed = pushedAtEpochMs === undefined ? {} : { firstPushedAtEpochMs: pushedAtEpochMs };
  return judgedClaim(digest, { ...listed, ...pushed, tags }, rebuild, headTag);
}

const pushedBy = (known: LocationRecord | undefined): PushedDigest => ({
  ...(known?.firstPushSeenAtEpochMs !== undefined && { firstPushedAtEpochMs: known.firstPushSeenAtEpochMs }),
  ...(known?.lastPushSeenAtEpochMs !== undefined && { lastPushedAtEpochMs: known.lastPushSeenAtEpochMs }),
  pushedTags: known?.tags ?? [],
});

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

/** The pushed manifests and the configs of all their images; children of an index may be older. */
async function readPushed(
  registry: ImageRegistry,
  place: SearchedPlace,
  pushed: ReadonlyMap<Digest, RegistryImage>,
): Promise<PushedSince> {
  const { location } = place;
  const artifacts = pushed.size > 0 ? (await registry.manifests(location, [...pushed.keys()])).found : [];
  const older = [
    ...new Set(artifacts.flatMap((one) => (one.kind === 'index' ? one.children.map(({ digest }) => digest) : []))),
  ].filter((digest) => !pushed.has(digest));
  const children = older.length > 0 ? (await registry.manifests(location, older)).found : [];
  const images = [...artifacts, ...children].filter((artifact) => artifact.kind === 'image');
  const configs = await mapConcurrently(images, CONFIGS_AT_ONCE, async ({ digest, configDigest }) => {
    const config = await usableConfig(registry, location, configDigest);
    return config ? [[digest, config] as const] : [];
  });
  return { ...place, pushed, artifacts, configs: new Map(configs.flat()) };
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
