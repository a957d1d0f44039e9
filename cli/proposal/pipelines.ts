import type { Digest } from '../../shared/domain/image/image.ts';
import { locationKey } from '../../shared/domain/image/image.ts';
import type { Conclusion, PipelineFact, RepositoryFact } from './facts.ts';

/** Which pipeline builds which repository. */
export class Builders {
  readonly #byDigest = new Map<Digest, PipelineFact[]>();
  readonly #byName: ReadonlyMap<string, readonly PipelineFact[]>;
  /** How many repositories have a last part of the name. */
  readonly #repositories: ReadonlyMap<string, readonly RepositoryFact[]>;

  constructor(pipelines: readonly PipelineFact[], repositories: readonly RepositoryFact[]) {
    for (const pipeline of pipelines)
      for (const digest of new Set(pipeline.pushed)) {
        const known = this.#byDigest.get(digest);
        if (known) known.push(pipeline);
        else this.#byDigest.set(digest, [pipeline]);
      }
    this.#byName = Map.groupBy(pipelines, ({ account, name }) => `${account}/${name}`);
    this.#repositories = Map.groupBy(repositories, ({ account, repository }) => `${account}/${lastPart(repository)}`);
  }

  /**
   * The pipeline of some images of a repository.
   * @param digests images of one release line
   */
  of(repository: RepositoryFact, digests: readonly Digest[]): Conclusion<PipelineFact> {
    const pushed = new Map(
      digests.flatMap((digest) => (this.#byDigest.get(digest) ?? []).map((one) => [keyOf(one), one] as const)),
    );
    const [only, ...others] = pushed.values();
    if (only && others.length === 0)
      return { value: only, certainty: 'certain', evidence: 'a run of it pushed an image that is in the repository' };
    if (only)
      return {
        reason: `several pipelines pushed its images: ${[...pushed.values()].map(({ name }) => name).join(', ')}`,
      };
    const name = `${repository.account}/${lastPart(repository.repository)}`;
    const [named, ...more] = this.#byName.get(name) ?? [];
    const isOne = new Set((this.#repositories.get(name) ?? []).map((one) => one.repository)).size === 1;
    if (!named || more.length > 0 || !isOne || named.pushed.length > 0)
      return { reason: 'no run of a pipeline is known to have pushed its images' };
    return { value: named, certainty: 'likely', evidence: 'it has the name of the repository' };
  }

  /** Keys of the repositories that a pipeline builds. */
  built(repositories: readonly RepositoryFact[]): ReadonlySet<string> {
    return new Set(repositories.filter((one) => 'value' in this.of(one, digestsOf(one))).map(locationKey));
  }
}

const digestsOf = ({ images }: RepositoryFact): readonly Digest[] => images.map(({ digest }) => digest);

const lastPart = (repository: string): string => repository.slice(repository.lastIndexOf('/') + 1);

const keyOf = ({ account, region, name }: PipelineFact): string => `${account}/${region}/${name}`;
