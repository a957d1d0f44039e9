import { mapConcurrently } from '../../shared/concurrency.ts';
import type { Artifact, Digest, ImageLocation, Platform } from '../../shared/domain/image.ts';
import { locationKey } from '../../shared/domain/image.ts';
import { compareTexts } from '../../shared/domain/order.ts';
import { REBUILD_LABEL, type Rebuild } from '../../shared/domain/rebuild.ts';
import { parseStreamId } from '../../shared/domain/stream.ts';
import { instant, MINUTE_MS } from '../../shared/domain/time.ts';
import { ImageConfigError, RegistryUnreachableError } from '../../shared/ports/errors.ts';
import type { ImageConfig, ImageRegistry, RegistryImage } from '../../shared/ports/registry.ts';

const CONFIGS_AT_ONCE = 8;

/** The registry's clock and ours may differ; the label proves, the instant only bounds the search. */
const CLOCK_DIFFERENCE_MS = MINUTE_MS;

export type OutputSearch =
  | { readonly outcome: 'found'; readonly digest: Digest }
  | { readonly outcome: 'missing' | 'unreachable'; readonly reason: string };

/**
 * What a build made: the digest that its pipeline's output variable names, or that it reported, where the repository of
 * its stream has it; else what was pushed there since and bears its label.
 */
export async function searchOutput(registry: ImageRegistry, rebuild: Rebuild): Promise<OutputSearch> {
  const { location } = parseStreamId(rebuild.stream);
  try {
    const claimed = [
      ...new Set([rebuild.build?.outputDigest, rebuild.output].filter((digest) => digest !== undefined)),
    ];
    const { found } = claimed.length > 0 ? await registry.manifests(location, claimed) : { found: [] };
    const digest = claimed.find((one) => found.some((artifact) => artifact.digest === one && canRun(artifact)));
    if (digest !== undefined) return { outcome: 'found', digest };
    const search = await searchLabel(registry, location, rebuild);
    if (search.outcome === 'found' || claimed.length === 0) return search;
    const reason = `its pipeline names ${claimed.join(', ')}, which ${locationKey(location)} does not have as an image`;
    return { outcome: 'missing', reason: `${reason}, and ${search.reason}` };
  } catch (error) {
    if (error instanceof RegistryUnreachableError) return { outcome: 'unreachable', reason: error.message };
    throw error;
  }
}

/** An index of attestations alone is nothing that a build could have been asked for. */
const canRun = (artifact: Artifact): boolean => artifact.kind === 'image' || artifact.children.length > 0;

async function searchLabel(registry: ImageRegistry, location: ImageLocation, rebuild: Rebuild): Promise<OutputSearch> {
  const sinceEpochMs = rebuild.startingAtEpochMs ?? rebuild.reservedAtEpochMs;
  const pushed = await pushedSince(registry, location, sinceEpochMs - CLOCK_DIFFERENCE_MS);
  const [artifacts, images] = await readPushed(registry, location, [...pushed.keys()]);
  const labelled = new Map([...images].filter(([, config]) => config.labels[REBUILD_LABEL] === rebuild.rebuildId));
  const isOurs = ({ digest }: { readonly digest: Digest }): boolean => labelled.has(digest);
  const indexes = artifacts.filter((one) => one.kind === 'index' && canRun(one) && one.children.every(isOurs));
  const made = indexes.length > 0 ? indexes : artifacts.filter((one) => one.kind === 'image' && isOurs(one));
  const [latest] = made.map(({ digest }) => digest).sort(latestFirst(pushed));
  const label = `label ${REBUILD_LABEL}=${rebuild.rebuildId}`;
  if (latest === undefined) {
    const reason = `nothing pushed to ${locationKey(location)} since ${instant(sinceEpochMs)} bears ${label}`;
    return { outcome: 'missing', reason };
  }
  const platforms = platformsOf(made, labelled);
  if (indexes.length > 0 || platforms.length === 1) return { outcome: 'found', digest: latest };
  const reason = `images for ${platforms.join(', ')} bear ${label}, and no index holds them all: push one`;
  return { outcome: 'missing', reason };
}

async function pushedSince(
  registry: ImageRegistry,
  location: ImageLocation,
  sinceEpochMs: number,
): Promise<ReadonlyMap<Digest, RegistryImage>> {
  const pushed = new Map<Digest, RegistryImage>();
  for await (const page of registry.images(location)) {
    for (const image of page) {
      if ((image.pushedAtEpochMs ?? Number.POSITIVE_INFINITY) >= sinceEpochMs) pushed.set(image.digest, image);
    }
  }
  return pushed;
}

/** What was pushed, and the configs of all images in it; children of an index may have been there before. */
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

/** A config that is broken proves nothing. One that could not be had this time is asked for again by the next look. */
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
