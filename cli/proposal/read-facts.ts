import { mapConcurrently } from '../../shared/concurrency.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { counted } from '../../shared/domain/common/counted.ts';
import { type Digest, type ImageLocation, type Registry, registryKey } from '../../shared/domain/image/image.ts';
import { ImageConfigError, LayerDownloadError } from '../../shared/ports/errors.ts';
import type { ImageConfig, RegistryImage } from '../../shared/ports/registry.ts';
import type { FleetFacts, PipelineFact, RepositoryFact, RepositoryImage, RunFact } from './facts.ts';
import type { ProposalSources, RepositoryRow } from './sources.ts';

/** Manifests that one call gives, and enough to find what the images of the last weeks are built on. */
const IMAGES_READ = 100;
/** ECR allows 20 calls a second for most of its actions, and more for those of images. */
const AT_ONCE = 8;

/**
 * Reads every repository, container and pipeline of some accounts and Regions. What AWS refuses is listed as unread and
 * costs nothing else; any other error is thrown.
 * @param progress gets a line for each account and Region
 */
export async function readFacts(
  sources: ProposalSources,
  places: readonly Registry[],
  progress: (line: string) => void,
): Promise<FleetFacts> {
  const unread = new Unread();
  const facts = {
    repositories: [] as RepositoryFact[],
    runs: [] as RunFact[],
    pipelines: [] as PipelineFact[],
    caches: [] as (Registry & { prefix: string })[],
  };
  let areRunsComplete = true;
  for (const place of places) {
    progress(`Reading ${registryKey(place)}`);
    const listed = await unread.or(`${registryKey(place)}: repositories`, [], () => allOf(sources.repositories(place)));
    const read = await mapConcurrently(listed, AT_ONCE, (one) => readRepository(sources, { ...place, ...one }, unread));
    facts.repositories.push(...read);
    const prefixes = await unread.or(`${registryKey(place)}: pull-through caches`, [], () => sources.caches(place));
    facts.caches.push(...prefixes.map((prefix) => ({ ...place, prefix })));
    const { runs, isComplete } = await readRuns(sources, place, unread);
    facts.runs.push(...runs);
    areRunsComplete &&= isComplete;
    const names = await unread.or(`${registryKey(place)}: pipelines`, [], () => allOf(sources.pipelines(place)));
    facts.pipelines.push(
      ...(await mapConcurrently(names, AT_ONCE, async (name) => ({
        ...{ ...place, name },
        pushed: await unread.or(`${registryKey(place)}: runs of pipelines`, [], () => sources.pushedBy(place, name)),
      }))),
    );
    progress(
      `  ${counted(listed.length, 'repository', 'repositories')}, ${counted(runs.length, 'container')}, ${counted(names.length, 'pipeline')}`,
    );
  }
  return { ...facts, areRunsComplete, unread: unread.reasons() };
}

/** Errors by which AWS or a cluster refuses a read. */
const REFUSAL =
  /^(AccessDenied(Exception)?|RegistryUnreachableError|ScopeUnreachableError|UnrecognizedClientException|OptInRequired|InvalidClientTokenId|RegionDisabledException|Cluster\w+Error)$/;

/** What was refused: each kind once, with the reason of the first. */
class Unread {
  readonly #first = new Map<string, { count: number; readonly reason: string }>();

  async or<Value>(what: string, otherwise: Value, read: () => Promise<Value>): Promise<Value> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof Error) || !REFUSAL.test(error.name)) throw error;
      const known = this.#first.get(what);
      if (known) known.count += 1;
      else this.#first.set(what, { count: 1, reason: `${error.name}: ${error.message}` });
      return otherwise;
    }
  }

  reasons(): readonly string[] {
    return [...this.#first].map(
      ([what, { count, reason }]) => `${what} could not be read${count > 1 ? ` (${count} times)` : ''}: ${reason}`,
    );
  }
}

async function allOf<Item>(pages: AsyncIterable<readonly Item[]>): Promise<readonly Item[]> {
  const all: Item[] = [];
  for await (const page of pages) all.push(...page);
  return all;
}

async function readRepository(
  sources: ProposalSources,
  { repository, createdAtEpochMs, account, region }: Registry & RepositoryRow,
  unread: Unread,
): Promise<RepositoryFact> {
  const location = { account, region, repository };
  const tags = await unread.or<Readonly<Record<string, string>> | undefined>(
    `${registryKey(location)}: tags of repositories`,
    undefined,
    () => sources.resourceTags(location),
  );
  const images = await unread.or(`${registryKey(location)}: images`, [], () => readImages(sources, location));
  return {
    ...location,
    ...(createdAtEpochMs !== undefined && { createdAtEpochMs }),
    ...(tags && { resourceTags: tags }),
    images,
  };
}

/** The newest images with their layers, and the config of the newest one with a tag, which may have labels. */
async function readImages({ registry }: ProposalSources, location: ImageLocation): Promise<readonly RepositoryImage[]> {
  const listed = (await allOf(registry.images(location))).filter(({ archived }) => !archived).sort(newestFirst);
  const newest = listed.slice(0, IMAGES_READ).map(({ digest }) => digest);
  const first = await registry.manifests(location, newest);
  const known = new Set(newest);
  const children = first.found.flatMap((one) => (one.kind === 'index' ? one.children.map(({ digest }) => digest) : []));
  const missing = children.filter((digest) => !known.has(digest));
  const found = [...first.found, ...(await registry.manifests(location, missing)).found];
  const byDigest = new Map(found.map((artifact) => [artifact.digest, artifact]));
  const head = listed.find(({ tags, digest }) => tags.length > 0 && byDigest.has(digest));
  const top = head && byDigest.get(head.digest);
  const ofHead = new Set(top?.kind === 'index' ? top.children.map(({ digest }) => digest) : head ? [head.digest] : []);
  const configs = new Map(
    await mapConcurrently([...ofHead], AT_ONCE, async (digest) => {
      const artifact = byDigest.get(digest);
      return [
        digest,
        artifact?.kind === 'image' ? await configOf(registry, location, artifact.configDigest) : undefined,
      ] as const;
    }),
  );
  const rows = new Map<Digest, RegistryImage | undefined>(listed.map((image) => [image.digest, image]));
  for (const digest of missing) rows.set(digest, rows.get(digest));
  return [...rows].map(([digest, row]): RepositoryImage => {
    const artifact = byDigest.get(digest);
    const { diffIds, history, labels = {} } = configs.get(digest) ?? {};
    return {
      ...{ digest, tags: row?.tags ?? [] },
      ...(row?.pushedAtEpochMs !== undefined && { pushedAtEpochMs: row.pushedAtEpochMs }),
      ...(artifact?.kind === 'index' && { children: artifact.children }),
      ...(artifact?.kind === 'image' && {
        content: {
          layers: artifact.layers,
          labels: { ...labels, ...artifact.annotations },
          ...(diffIds && { diffIds }),
          ...(history && { history }),
        },
      }),
    };
  });
}

const newestFirst = (one: RegistryImage, other: RegistryImage): number =>
  (other.pushedAtEpochMs ?? 0) - (one.pushedAtEpochMs ?? 0) || compareTexts(one.digest, other.digest);

/** `undefined` for a config that cannot be used: its image is compared by its layers alone. */
async function configOf(
  registry: ProposalSources['registry'],
  location: ImageLocation,
  digest: Digest,
): Promise<ImageConfig | undefined> {
  try {
    return await registry.config(location, digest);
  } catch (error) {
    if (error instanceof ImageConfigError || error instanceof LayerDownloadError) return undefined;
    throw error;
  }
}

async function readRuns(
  { workloads }: ProposalSources,
  place: Registry,
  unread: Unread,
): Promise<{ readonly runs: readonly RunFact[]; readonly isComplete: boolean }> {
  const runs: RunFact[] = [];
  let isComplete = true;
  const attempt = (what: string, read: () => Promise<void>) =>
    unread.or(`${registryKey(place)}: ${what}`, undefined, read);
  for (const source of workloads) {
    let isRead = false;
    await attempt('containers', async () => {
      for await (const cluster of source.clusters(place)) {
        let isClusterRead = false;
        await attempt(`containers of the cluster ${cluster.cluster}`, async () => {
          for await (const tasks of source.tasks(cluster))
            for (const { workload, containers } of tasks)
              for (const { image, digest } of containers)
                runs.push({ workload, ...(image !== undefined && { reference: image }), ...(digest && { digest }) });
          isClusterRead = true;
        });
        isComplete &&= isClusterRead;
      }
      isRead = true;
    });
    isComplete &&= isRead;
  }
  return { runs, isComplete };
}
