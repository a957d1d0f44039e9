import { placeKey, pushesOf } from '../local/fleet/places.ts';
import type { Fleet, FleetImage } from '../local/fleet/schema.ts';
import type { Day } from './day.ts';
import { callsFor, listPages, ROWS_A_PAGE } from './pages.ts';
import { manifestsOf, type Running } from './running.ts';

/** The most that BatchGetImage gives in a call (Amazon ECR API reference). */
const MANIFESTS_A_CALL = 100;

interface Repository {
  /** Handles of manifests that a listing shows. */
  readonly rows: Set<string>;
  /** Manifests to ask for at first, and those that only their index names. */
  readonly asked: Set<string>;
  readonly below: Set<string>;
  readonly configs: Set<string>;
  readonly tags: Set<string>;
}

/** Listings, manifests and configs that repositories take, whether listed or only asked for what runs. */
export function repositoryCalls(
  fleet: Fleet,
  day: Day,
  running: readonly Running[],
  listed: ReadonlySet<string>,
  bringsSystem: (key: string) => boolean,
) {
  const repositories = new Map<string, Repository>();
  const at = (key: string): Repository => {
    const fresh = { rows: new Set<string>(), asked: new Set<string>(), below: new Set<string>() };
    const repository = repositories.get(key) ?? { ...fresh, configs: new Set<string>(), tags: new Set<string>() };
    repositories.set(key, repository);
    return repository;
  };
  for (const key of listed) at(key);
  for (const image of fleet.images) {
    for (const push of pushesOf(image)) if (listed.has(placeKey(push))) addListed(at(placeKey(push)), image, day);
  }
  for (const { place, image, lookedUpTag } of running) {
    const key = placeKey(place);
    if (lookedUpTag !== undefined && !listed.has(key)) at(key).tags.add(lookedUpTag);
    addRunning(at(key), image, day);
  }
  const sum = (count: (repository: Repository, key: string) => number): number =>
    [...repositories].reduce((total, [key, repository]) => total + count(repository, key), 0);
  return {
    describeImages: sum(({ rows, tags }, key) => tags.size + (listed.has(key) ? listPages(rows.size, ROWS_A_PAGE) : 0)),
    batchGetImage: sum(({ asked, below }) => {
      const second = [...below].filter((manifest) => !asked.has(manifest));
      return callsFor(asked.size, MANIFESTS_A_CALL) + callsFor(second.length, MANIFESTS_A_CALL);
    }),
    configs: sum(({ configs }) => configs.size),
    // The lowest layer of each image that others are built on, for its operating system.
    layers: sum(({ configs }, key) => (bringsSystem(key) ? configs.size : 0)),
  };
}

/** A listing shows indexes, images and attestations alike, and does not say which is which: all are asked for. */
function addListed({ rows, asked, configs }: Repository, image: FleetImage, day: Day): void {
  if (image.deleted || image.archived) return;
  const { head, images, attestations } = manifestsOf(image);
  const manifests = [head, ...images.values(), ...attestations];
  for (const manifest of manifests) rows.add(manifest);
  if (day.knows(image)) return;
  for (const manifest of manifests) asked.add(manifest);
  for (const manifest of images.values()) configs.add(manifest);
}

function addRunning({ asked, below, configs }: Repository, image: FleetImage, day: Day): void {
  if (day.knows(image)) return;
  const { head, images } = manifestsOf(image);
  asked.add(head);
  if (image.deleted) return;
  for (const manifest of images.values()) {
    below.add(manifest);
    configs.add(manifest);
  }
}
