import { type Digest, type ImageLocation, type IndexChild, registryKey } from '../../shared/domain/image/image.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import type { TagHistory } from '../../shared/domain/image/tag-history.ts';
import { type Observation, type UnresolvedContainer, type Usage, usageKey } from '../../shared/domain/image/usage.ts';
import { mayJudge } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  mergeUsages,
  type Resolvers,
  resolveObservation,
  tagKey,
} from '../../shared/domain/review/resolve-references.ts';
import type { Scope } from '../../shared/domain/review/run.ts';
import type { IndexWithoutImage, InventoriedImage } from '../../shared/inventory/seen-properties.ts';
import type { PlaceLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import {
  type observationsCompleteDocument,
  observationsDocument,
  runFileKeys,
  tagsDocument,
} from '../../shared/review/documents.ts';
import { readDocument, readDocumentIfAny } from '../../shared/review/read-document.ts';
import type * as v from '../../shared/schema.ts';

/** A usage as one observation shows it. */
export interface SeenUsage {
  readonly usage: Usage;
  /** As in `Observation`. */
  readonly location?: ImageLocation;
  /** As in `Observation`. */
  readonly notBeforeEpochMs?: number;
  /** The usage names an index, because no image of it is known to run. */
  readonly index?: IndexWithoutImage;
}

/** What runs of some images of a scope. */
export interface SeenImages {
  /** By `usageKey`. */
  readonly usages: ReadonlyMap<string, Usage>;
  readonly images: ReadonlyMap<Digest, InventoriedImage>;
  /** By `usageKey`, as in `Observation`: no instant says nothing. */
  readonly notBefore: ReadonlyMap<string, number>;
}

interface SeenPorts {
  readonly files: RunFiles;
  readonly places: PlaceLedger;
}

/** The resolved containers of one piece of observations. */
export interface SeenPiece {
  readonly piece: number;
  readonly seen: readonly SeenUsage[];
  readonly unresolved: readonly UnresolvedContainer[];
}

/**
 * Reads the observations of a scope piece by piece, and resolves what each one runs. Where a door may judge, the other images of an
 * index are possible usages: the door refuses an index as long as one of its images is unknown, whatever the node would start.
 */
export async function* readSeen(
  ports: SeenPorts,
  runId: string,
  scope: Scope,
  policy: Pick<Policy, 'doors'>,
  reading: Pick<v.InferOutput<typeof observationsCompleteDocument>, 'beganAtEpochMs' | 'pieces'>,
): AsyncIterable<SeenPiece> {
  const keys = runFileKeys(runId);
  const tags = new TagMeanings(ports.files, runId);
  for (let piece = 1; piece <= reading.pieces; piece += 1) {
    const observations = await readDocument(
      ports.files,
      keys.observations(scope, reading, piece),
      observationsDocument,
    );
    await tags.load(observations);
    const indexes = await indexesIn(ports.places, observations, tags.known);
    const seen: SeenUsage[] = [];
    const unresolved: UnresolvedContainer[] = [];
    for (const observation of observations) {
      const resolution = resolveObservation(observation, { indexes, tags: tags.known });
      if (!resolution.resolved) unresolved.push(resolution.unresolved);
      else {
        const others = otherImages(observation, resolution.usages, { indexes, tags: tags.known });
        for (const usage of [...resolution.usages, ...others.filter((one) => mayJudge(policy, one))])
          seen.push(seenUsage(usage, observation, indexes));
      }
    }
    yield { piece, seen, unresolved };
  }
}

function seenUsage(
  usage: Usage,
  { location, notBeforeEpochMs }: Observation,
  indexes: ReadonlyMap<Digest, readonly IndexChild[]>,
): SeenUsage {
  const children = indexes.get(usage.digest);
  return {
    usage,
    ...(location && { location }),
    ...(notBeforeEpochMs !== undefined && { notBeforeEpochMs }),
    ...(children && { index: children.length === 0 ? 'empty' : 'for-other-nodes' }),
  };
}

/** Merges all that was seen of some images. */
export function mergeSeen(seen: readonly SeenUsage[]): SeenImages {
  const images = new Map<Digest, InventoriedImage>();
  const notBefore = new Map<string, number>();
  for (const { usage, location, index, notBeforeEpochMs = Number.NEGATIVE_INFINITY } of seen) {
    const key = usageKey(usage);
    notBefore.set(key, Math.min(notBefore.get(key) ?? notBeforeEpochMs, notBeforeEpochMs));
    const { digest, reference, container } = usage;
    const { observations = [] } = images.get(digest) ?? {};
    const isNew = !observations.some((known) => known.reference === reference);
    const observed = { container, ...(reference !== undefined && { reference }), ...(location && { location }) };
    images.set(digest, {
      observations: isNew ? [...observations, observed] : observations,
      ...(index && { index }),
    });
  }
  return { usages: mergeUsages(seen.map(({ usage }) => usage)), images, notBefore };
}

/** The digests that an observation names, and what they mean: images or indexes. */
function meantBy(observation: Observation, tags: Resolvers['tags']): readonly Digest[] {
  const resolution = resolveObservation(observation, { indexes: new Map(), tags });
  const meant = resolution.resolved ? resolution.usages.map(({ digest }) => digest) : [];
  // A runtime may report the image, where the workload names the index.
  const named = readImageReference(observation.reference)?.digest;
  return named === undefined ? meant : [...meant, named];
}

const indexesIn = (places: PlaceLedger, observations: readonly Observation[], tags: Resolvers['tags']) =>
  places.indexes([...new Set(observations.flatMap((observation) => meantBy(observation, tags)))]);

/** The images of its index that a workload does not run: a node of another platform would start them. */
function otherImages(
  observation: Observation,
  usages: readonly Usage[],
  { indexes, tags }: Resolvers,
): readonly Usage[] {
  const [usage] = usages;
  if (!usage) return [];
  const own = new Set(usages.map(({ digest }) => digest));
  const children = meantBy(observation, tags).flatMap((digest) => indexes.get(digest) ?? []);
  const others = new Set(children.map(({ digest }) => digest)).difference(own);
  return [...others].map((digest) => ({ ...usage, digest, digestSource: 'reference', isPossible: true }));
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
