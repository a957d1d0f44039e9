import { byKey, compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { type ImageLocation, locationKey } from '../../shared/domain/image/image.ts';
import { readImageReference } from '../../shared/domain/image/reference.ts';
import { isProof, type Observation, referencesOf, type Usage, workloadText } from '../../shared/domain/image/usage.ts';
import type { Unidentified } from '../../shared/domain/rollout/closure.ts';

/** Beyond this number of tags, any image of the repository counts: one ledger item holds them all. */
const MOST_TAGS = 20;

type Observed = Pick<Unidentified, 'workload' | 'isPossible'>;
/** By requested tag; `undefined`: the container may run any image of the repository, so tags exclude nothing. */
type Workloads = ReadonlyMap<string | undefined, Observed>;

/**
 * Containers without a proven image: the image is unknown, or known only by tag. One workload for each tag of a
 * repository, the first in sort order, is enough to keep closures open; one that runs before one that may start.
 */
export class UnidentifiedContainers {
  readonly #repositories = new Map<string, Workloads>();

  addUnresolved(observation: Observation): void {
    this.#add(observation.location, tagAsked(observation.reference), observedIn(observation));
  }

  addUsage(usage: Usage): void {
    if (isProof(usage)) return;
    for (const reference of referencesOf(usage))
      this.#add(readImageReference(reference)?.location, tagAsked(reference), observedIn(usage));
  }

  list(): readonly Unidentified[] {
    return [...this.#repositories]
      .sort(byKey)
      .flatMap(([repository, workloads]) => byTag(workloads).map((observed) => ({ repository, ...observed })));
  }

  #add(location: ImageLocation | undefined, tag: string | undefined, observed: Observed): void {
    if (!location) return;
    const repository = locationKey(location);
    this.#repositories.set(repository, withWorkload(this.#repositories.get(repository) ?? new Map(), tag, observed));
  }
}

const observedIn = (one: Observation | Usage): Observed => ({
  workload: workloadText(one),
  ...(one.isPossible && { isPossible: true }),
});

function withWorkload(workloads: Workloads, asked: string | undefined, observed: Observed): Workloads {
  const tag = workloads.has(undefined) ? undefined : asked;
  const added = new Map(workloads).set(tag, firstOf([workloads.get(tag) ?? observed, observed]));
  return tag === undefined || added.size > MOST_TAGS ? new Map([[undefined, firstOf(added.values())]]) : added;
}

const firstOf = (all: Iterable<Observed>): Observed =>
  [...all].sort(
    (one, other) =>
      Number(one.isPossible ?? false) - Number(other.isPossible ?? false) || compareTexts(one.workload, other.workload),
  )[0] ?? { workload: '' };

/** If the reference has a digest, its tag has no effect. */
function tagAsked(reference: string | undefined): string | undefined {
  const { tag, digest } = readImageReference(reference) ?? {};
  return digest === undefined ? tag : undefined;
}

const byTag = (workloads: Workloads): readonly Omit<Unidentified, 'repository'>[] =>
  [...workloads]
    .map(([tag, observed]) => ({ ...(tag !== undefined && { tag }), ...observed }))
    .sort((one, other) => compareTexts(one.tag ?? '', other.tag ?? ''));
