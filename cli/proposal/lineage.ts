import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import { repositoryName } from '../../shared/domain/image/reference.ts';
import { ancestorsOf, findParents } from '../../shared/domain/lineage/find-parents.ts';
import type { LayeredImage } from '../../shared/domain/lineage/layered-image.ts';
import type { LineageEvidence, Parents } from '../../shared/domain/lineage/parent.ts';
import type { RepositoryFact, RepositoryImage } from './facts.ts';

/** Evidence that only the content of an image gives. */
const SHOWN: readonly LineageEvidence[] = ['layers', 'history', 'diff-ids'];

/** The image of another repository that an image is built on. */
export interface ShownParent {
  /** Key of the repository; absent if several have the image. */
  readonly repository?: string;
  readonly digest: Digest;
  readonly evidence: LineageEvidence;
  readonly isShown: boolean;
}

/** Which repository is built on which, by the images in them. */
export class FleetLineage {
  readonly #parents: Parents;
  readonly #holders = new Map<Digest, Set<string>>();
  readonly #children = new Map<string, Map<string, ShownParent>>();
  readonly #parentsOf = new Map<string, Map<string, ShownParent>>();

  constructor(repositories: readonly RepositoryFact[]) {
    const indexes = new Map(
      repositories.flatMap(({ images }) =>
        images.flatMap(({ digest, children }) => (children ? [[digest, children] as const] : [])),
      ),
    );
    for (const repository of repositories) {
      const key = locationKey(repository);
      for (const { digest, children = [] } of repository.images)
        for (const each of [digest, ...children.map((child) => child.digest)]) this.#hold(each, key);
    }
    this.#parents = findParents(repositories.flatMap(layeredImagesOf), indexes);
    for (const repository of repositories) this.#connect(repository);
  }

  #hold(digest: Digest, key: string): void {
    const holders = this.#holders.get(digest);
    if (holders) holders.add(key);
    else this.#holders.set(digest, new Set([key]));
  }

  #connect(repository: RepositoryFact): void {
    const key = locationKey(repository);
    for (const image of repository.images) {
      const on = this.builtOn(key, image);
      if (on?.repository === undefined) continue;
      link(this.#parentsOf, key, on.repository, on);
      link(this.#children, on.repository, key, on);
    }
  }

  /** The nearest ancestor outside of the image's own repository; `undefined` if none is known. */
  builtOn(key: string, { digest, children }: RepositoryImage): ShownParent | undefined {
    const found = (children?.map((child) => child.digest) ?? [digest]).flatMap((each) => this.#below(key, each) ?? []);
    const [first] = found;
    return found.every((one) => one.repository === first?.repository) ? first : undefined;
  }

  #below(key: string, digest: Digest): ShownParent | undefined {
    for (const parent of ancestorsOf(this.#parents, digest)) {
      const holders = this.#holders.get(parent.digest) ?? new Set();
      // The order of pushes tells two copies apart, not a child from its parent.
      if (holders.has(key) || parent.evidence === 'earliest-push') continue;
      const repository = holderFor(key, [...holders]);
      return { ...(repository && { repository }), ...parent, isShown: SHOWN.includes(parent.evidence) };
    }
    return undefined;
  }

  /** Repositories that are built on this one, each with the strongest evidence. */
  childrenOf(key: string): ReadonlyMap<string, ShownParent> {
    return this.#children.get(key) ?? new Map();
  }

  /** Repositories that this one is or was built on. */
  parentsOf(key: string): ReadonlyMap<string, ShownParent> {
    return this.#parentsOf.get(key) ?? new Map();
  }

  /**
   * Repositories that are built on what an image shows as its parent, over any number of steps: it may be built on an image
   * of theirs that was deleted.
   */
  otherDescendants(child: string, parent: string): readonly string[] {
    const reached = new Set([parent]);
    // The loop also visits elements added during it.
    for (const each of reached) for (const one of this.childrenOf(each).keys()) if (one !== child) reached.add(one);
    reached.delete(parent);
    return [...reached];
  }
}

/** The one repository that has an image; of its replicas that in the Region of the child. */
function holderFor(child: string, holders: readonly string[]): string | undefined {
  const [only] = holders;
  if (holders.length === 1) return only;
  const partsOf = (key: string) => key.split('/');
  const isReplica = new Set(holders.map((key) => partsOf(key).slice(2).join('/'))).size === 1;
  const [account, region] = partsOf(child);
  return isReplica ? holders.find((key) => key.startsWith(`${account}/${region}/`)) : undefined;
}

function link(links: Map<string, Map<string, ShownParent>>, from: string, to: string, on: ShownParent): void {
  const known = links.get(from) ?? new Map<string, ShownParent>();
  links.set(from, known);
  if (known.get(to)?.isShown !== true) known.set(to, on);
}

function layeredImagesOf(repository: RepositoryFact): readonly LayeredImage[] {
  const name = repositoryName(repository);
  const tagsOf = new Map<Digest, string[]>();
  for (const { digest, tags, children = [] } of repository.images)
    for (const each of [digest, ...children.map((child) => child.digest)])
      tagsOf.set(each, [...(tagsOf.get(each) ?? []), ...tags]);
  return repository.images.flatMap(({ digest, content, pushedAtEpochMs }) =>
    content
      ? [
          {
            ...content,
            digest,
            names: (tagsOf.get(digest) ?? []).map((tag) => `${name}:${tag}`),
            ...(pushedAtEpochMs !== undefined && { firstPushedAtEpochMs: pushedAtEpochMs }),
          },
        ]
      : [],
  );
}
