import { type Digest, type ImageLocation, type IndexChild, registryKey } from '../../shared/domain/image/image.ts';
import type { TagHistory } from '../../shared/domain/image/tag-history.ts';
import type { Observation, UnresolvedContainer, Usage } from '../../shared/domain/image/usage.ts';
import {
  mergeUsages,
  type Resolvers,
  resolveObservation,
  tagKey,
} from '../../shared/domain/review/resolve-references.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { PlaceLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { observationsDocument, runFileKeys, tagsDocument } from '../../shared/review/documents.ts';
import { readDocument, readDocumentIfAny } from '../../shared/review/read-document.ts';

/** How an image runs here: what is known without its registry. */
export interface InventoriedImage {
  /** One entry for each reference to it. */
  readonly observations: readonly Observation[];
  readonly isEmptyIndex: boolean;
}

export interface ScopeContents {
  /** By `usageKey`. */
  readonly usages: ReadonlyMap<string, Usage>;
  readonly images: ReadonlyMap<Digest, InventoriedImage>;
  readonly unresolved: readonly UnresolvedContainer[];
  /** How many of the containers run. */
  readonly unresolvedContainers: number;
}

interface SeenPorts {
  readonly files: RunFiles;
  readonly places: PlaceLedger;
}

/** Reads the observations of a scope part by part, and resolves what each one runs. */
export async function readSeen(ports: SeenPorts, runId: string, scope: Scope, pieces: number): Promise<ScopeContents> {
  const keys = runFileKeys(runId);
  const tags = new TagMeanings(ports.files, runId);
  const images = new Map<Digest, InventoriedImage>();
  const unresolved: UnresolvedContainer[] = [];
  let usages = new Map<string, Usage>();
  for (let piece = 1; piece <= pieces; piece += 1) {
    const observations = await readDocument(ports.files, keys.observations(scope, piece), observationsDocument);
    await tags.load(observations);
    const indexes = await indexesIn(ports.places, observations, tags.known);
    const found: Usage[] = [];
    for (const observation of observations) {
      const resolution = resolveObservation(observation, { indexes, tags: tags.known });
      if (!resolution.resolved) unresolved.push(resolution.unresolved);
      else {
        found.push(...resolution.usages);
        for (const { digest } of resolution.usages) remember(images, digest, observation, indexes);
      }
    }
    usages = mergeUsages([...usages.values(), ...found]);
  }
  const unresolvedContainers = unresolved.reduce((total, { observation }) => total + observation.count, 0);
  return { usages, images, unresolved, unresolvedContainers };
}

function remember(
  images: Map<Digest, InventoriedImage>,
  digest: Digest,
  observation: Observation,
  indexes: ReadonlyMap<Digest, readonly IndexChild[]>,
): void {
  const { observations = [] } = images.get(digest) ?? {};
  const isNew = !observations.some(({ reference }) => reference === observation.reference);
  // A usage names the index itself only if the index has no child.
  images.set(digest, {
    observations: isNew ? [...observations, observation] : observations,
    isEmptyIndex: indexes.has(digest),
  });
}

/** The requested digests that are indexes. */
async function indexesIn(places: PlaceLedger, observations: readonly Observation[], tags: Resolvers['tags']) {
  const meant = observations.flatMap((observation) => {
    const resolution = resolveObservation(observation, { indexes: new Map(), tags });
    return resolution.resolved ? resolution.usages.map(({ digest }) => digest) : [];
  });
  return places.indexes([...new Set(meant)]);
}

/** Tags as the registries resolved them; an unreadable registry resolved none. */
class TagMeanings {
  readonly #files: RunFiles;
  readonly #runId: string;
  readonly #read = new Set<string>();
  readonly known = new Map<string, TagHistory>();

  constructor(files: RunFiles, runId: string) {
    this.#files = files;
    this.#runId = runId;
  }

  async load(observations: readonly Observation[]): Promise<void> {
    for (const { digest, location } of observations) {
      if (digest || !location || this.#read.has(registryKey(location))) continue;
      this.#read.add(registryKey(location));
      await this.#loadRegistry(location);
    }
  }

  async #loadRegistry({ account, region }: ImageLocation): Promise<void> {
    const key = runFileKeys(this.#runId).tags({ account, region });
    const repositories = (await readDocumentIfAny(this.#files, key, tagsDocument)) ?? {};
    for (const [repository, tags] of Object.entries(repositories)) {
      for (const [tag, history] of Object.entries(tags))
        this.known.set(tagKey({ account, region, repository }, tag), history);
    }
  }
}
