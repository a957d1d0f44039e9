import { counted } from '../../shared/domain/common/counted.ts';
import { locationKey, type StreamTier } from '../../shared/domain/image/image.ts';
import { type Conclusion, type Decided, isDecided, type RepositoryFact } from './facts.ts';
import type { FleetLineage } from './lineage.ts';

export type ProposedTier = Exclude<StreamTier, 'mirrored'>;

/** What is known of a repository beside its images. */
export interface TierFacts {
  readonly lineage: FleetLineage;
  /** Keys of the repositories whose images run. */
  readonly running: ReadonlySet<string>;
  /** Whether a repository that is not among them does not run. */
  readonly areRunsComplete: boolean;
  /** Keys of the repositories that a pipeline pushes to, or bears the name of. */
  readonly built: ReadonlySet<string>;
}

/** On how many others that run an image that does not run is a platform for sure: two may be variants of an application. */
const CHILDREN = 3;

/** How many decided neighbours have to agree before a name decides. */
const NEIGHBOURS = 3;

/** The tier of each repository, by its key: by lineage and use first, then by the neighbours of its name. */
export function tiersOf(
  repositories: readonly RepositoryFact[],
  facts: TierFacts,
): ReadonlyMap<string, Conclusion<ProposedTier>> {
  const byStructure = new Map(
    repositories.map((repository) => [
      locationKey(repository),
      tierByStructure(locationKey(repository), repository, facts),
    ]),
  );
  const neighbours = Map.groupBy(repositories, folderOf);
  return new Map(
    repositories.map((repository) => {
      const key = locationKey(repository);
      const decision = byStructure.get(key) ?? { reason: 'nothing is known of it' };
      // What runs and bears nothing is an application, whatever its name.
      if (isDecided(decision) && decision.certainty === 'certain' && decision.value === 'application')
        return [key, decision];
      const folder = folderOf(repository);
      const others = (folder === undefined ? [] : (neighbours.get(folder) ?? []))
        .filter((one) => one !== repository)
        .flatMap((one) => {
          const other = byStructure.get(locationKey(one));
          return other && isDecided(other) && other.certainty === 'certain' ? [other.value] : [];
        });
      // The name of a copy of a vendor image says nothing about who builds it.
      const isOurs = facts.built.has(key) || [...facts.lineage.parentsOf(key).values()].some(({ isShown }) => isShown);
      return [key, isOurs ? withNeighbours(decision, folder ?? '', others) : decision];
    }),
  );
}

/** The first part of the name, if it has several. */
const folderOf = ({ account, region, repository }: RepositoryFact): string | undefined => {
  const slash = repository.indexOf('/');
  return slash < 0 ? undefined : `${account}/${region}/${repository.slice(0, slash)}/`;
};

/** Neighbours that contradict weak evidence leave the question open. */
function withNeighbours(
  decision: Conclusion<ProposedTier>,
  folder: string,
  others: readonly ProposedTier[],
): Conclusion<ProposedTier> {
  const [tier] = others;
  if (tier === undefined || others.length < NEIGHBOURS || others.some((other) => other !== tier)) return decision;
  const evidence = `${counted(others.length, 'repository', 'repositories')} under ${folder} ${others.length === 1 ? 'is' : 'are all'} ${tier}`;
  if (!isDecided(decision)) return { value: tier, certainty: 'likely', evidence };
  if (decision.value === tier) return { ...decision, evidence: `${decision.evidence}; ${evidence}` };
  return { reason: `${decision.evidence}, which speaks for ${decision.value}; but ${evidence}` };
}

function tierByStructure(
  key: string,
  { repository, images }: RepositoryFact,
  { lineage, running, areRunsComplete, built }: TierFacts,
): Conclusion<ProposedTier> {
  if (images.length === 0) return { reason: 'it has no image' };
  const children = [...lineage.childrenOf(key)];
  const parents = [...lineage.parentsOf(key)];
  const runs = running.has(key);
  const [parent] = parents.filter(([, on]) => on.isShown);
  const builtOn = parent && `built on ${repositoryIn(parent[0])}`;
  if (children.length > 0) {
    const names = namesOf(children.map(([child]) => child));
    if (runs && parents.length > 0)
      return {
        reason: `its images run, and ${names} ${children.length === 1 ? 'is' : 'are'} built on it: application or platform`,
      };
    if (parents.length > 0) {
      const shown = children.filter(([child, on]) => on.isShown && leadsToRunning(child, lineage, running));
      const certainty = builtOn !== undefined && shown.length >= CHILDREN && areRunsComplete ? 'certain' : 'likely';
      return {
        value: 'platform',
        certainty,
        evidence: `${builtOn ?? `said to be built on ${repositoryIn(parents[0]?.[0] ?? '')}`}; ${names} built on it`,
      };
    }
    const isNamedBase = /(^|[/_-])base([/_-]|$)/.test(repository);
    if (!isNamedBase && images.some(({ content }) => content?.layers.length === 1))
      return { reason: `one layer hides what its images are built on, and ${names} built on it: base or platform` };
    if (built.has(key) || isNamedBase)
      return { value: 'base', certainty: 'likely', evidence: `no known parent; ${names} built on it` };
    return {
      reason: `no known parent, and ${names} built on it, but no pipeline is known to build it: base, or a mirrored import`,
    };
  }
  if (runs && builtOn !== undefined)
    return application('certain', `its images run; ${builtOn}; nothing is built on it`);
  if (runs && built.has(key)) return application('likely', 'its images run, and a pipeline builds it');
  if (runs && parents.length > 0)
    return application('likely', `its images run; said to be built on ${repositoryIn(parents[0]?.[0] ?? '')}`);
  if (runs)
    return {
      reason: 'its images run, but neither a parent nor a pipeline is known: application, or a copy of a vendor image',
    };
  return { reason: 'nothing runs its images, and nothing is built on it: application or platform' };
}

const application = (certainty: Decided<ProposedTier>['certainty'], evidence: string): Decided<ProposedTier> => ({
  ...{ value: 'application', certainty, evidence },
});

/** Whether images of a repository run, or of one that is built on it, over any number of steps. */
function leadsToRunning(key: string, lineage: FleetLineage, running: ReadonlySet<string>): boolean {
  const reached = new Set([key]);
  // The loop also visits elements added during it.
  for (const each of reached) {
    if (running.has(each)) return true;
    for (const child of lineage.childrenOf(each).keys()) reached.add(child);
  }
  return false;
}

const MOST_NAMED = 3;

/** `111122223333/eu-west-1/apps/web` is `apps/web` in a sentence. */
export const repositoryIn = (key: string): string => key.split('/').slice(2).join('/');

function namesOf(keys: readonly string[]): string {
  const names = keys.map(repositoryIn).sort();
  if (names.length <= MOST_NAMED) return names.join(', ');
  return `${names.slice(0, MOST_NAMED).join(', ')} and ${names.length - MOST_NAMED} more`;
}
