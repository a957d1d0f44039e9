import {
  type ContainerDraft,
  type DraftScope,
  type ImageDraft,
  place,
  type RegistryDraft,
  type RepositoryDraft,
  type WorkloadDraft,
} from './draft.ts';
import type { Random } from './random.ts';

/** A difficult fleet while it is put together: each case adds to it. */
export interface Mixture {
  readonly random: Random;
  readonly scopes: readonly DraftScope[];
  readonly hub: DraftScope;
  /** What applications are built on; the first is the older one. */
  readonly platforms: ImageDraft[];
  readonly images: ImageDraft[];
  readonly workloads: WorkloadDraft[];
  readonly registries: RegistryDraft[];
  readonly repositories: Map<string, RepositoryDraft>;
}

/** Ages around the limit of 30 days and its warning at 24, and far from both. */
export const AGES = [0.2, 3, 23.9, 24.1, 29.9, 30.1, 41, 200] as const;

/** An application image on some platform in a repository of its own, with what the case changes. */
export function draftImage(mixture: Mixture, changes: Partial<ImageDraft> = {}): ImageDraft {
  const { random, images, platforms, repositories, scopes } = mixture;
  const parent = random.pick(platforms);
  const age = Math.min(random.pick(AGES), parent.pushedDaysAgo);
  const name = `app-${images.length}`;
  const { account, region, repository } = changes;
  const home =
    account !== undefined && region !== undefined && repository !== undefined
      ? { account, region, repository }
      : place(repositories, random.pick(scopes), `apps/${name}`);
  return {
    name,
    ...home,
    tags: [`${random.hex(7)}-${images.length}`],
    parent: parent.name,
    platforms: ['linux/amd64'],
    createdDaysAgo: age,
    pushedDaysAgo: age,
    ...changes,
  };
}

/** An image that is built on nothing. */
export function draftRoot(mixture: Mixture, changes: Partial<ImageDraft> & Pick<ImageDraft, 'os'>): ImageDraft {
  const { parent: _none, ...image } = draftImage(mixture, changes);
  return image;
}

export function addImage(mixture: Mixture, image: ImageDraft): ImageDraft {
  mixture.images.push(image);
  return image;
}

export function addWorkload(
  mixture: Mixture,
  containers: ContainerDraft[],
  changes: Partial<WorkloadDraft> = {},
): void {
  const { random, scopes, workloads } = mixture;
  workloads.push({
    name: `workload-${workloads.length}`,
    ...random.pick(scopes),
    cluster: 'main',
    kind: random.pick(['service', 'service', 'standalone', 'daemon']),
    count: random.int(1, 3),
    containers,
    ...changes,
  });
}

/** Adds the image and something that runs it, by tag or by digest. */
export function run(mixture: Mixture, image: ImageDraft, changes: Partial<WorkloadDraft> = {}): ImageDraft {
  const hasTag = (image.tags ?? []).length > 0;
  const reference = hasTag && mixture.random.chance(0.6) ? 'tag' : 'digest';
  addWorkload(mixture, [{ name: 'main', image: image.name, reference }], changes);
  return mixture.images.includes(image) ? image : addImage(mixture, image);
}
