import { DAY_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { type ExpiryInstant, expiryAtEpochMs, type ImageForecast, type ScheduledExpiry } from './image-forecast.ts';
import { type LifecycleRule, type SelectableArtifact, selects, selectsOne } from './lifecycle-policy.ts';

/** An artifact of a repository: an image, an index, or a referrer. */
export interface ListedArtifact extends SelectableArtifact {
  readonly digest: Digest;
  readonly pushedAtEpochMs?: number;
  /** The last pull that ECR recorded; absent if there was none. */
  readonly pulledAtEpochMs?: number;
  readonly archivedAtEpochMs?: number;
  /** When it was last restored from the archive: this then counts instead of the push. */
  readonly restoredAtEpochMs?: number;
  readonly isIndex: boolean;
}

/** One repository, as input of its lifecycle policy. */
export interface ForecastInputs {
  readonly rules: readonly LifecycleRule[];
  readonly images: readonly ListedArtifact[];
  /** By image: the indexes of this repository that contain it. */
  readonly holders: ReadonlyMap<Digest, readonly Digest[]>;
  /** Whether the next build moves a tag. */
  readonly moves: (tag: string) => boolean;
  readonly nowEpochMs: number;
}

const KEPT: ImageForecast = { state: 'kept' };

/** The number of moving tags of which each subset is tried; images rarely have more, and further ones move together. */
const MOST_VARIED_TAGS = 6;

/**
 * Forecasts what the lifecycle policy of a repository will do, by the rules of ECR: all rules see all images; an image
 * belongs to the first rule that selects its tags in its storage, even if that rule keeps it; a rule with an image
 * count also counts images of other rules; an image in an index goes after the last of its indexes, and an archived
 * index keeps nothing. For pushes at the same time the worse order counts. Any moving tag may be taken by the next
 * push, and then other rules may select the image.
 * https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html
 */
export class LifecycleForecast {
  readonly #repository: ForecastInputs;
  readonly #images: ReadonlyMap<Digest, ListedArtifact>;
  readonly #counted = new Map<LifecycleRule, Counted | undefined>();
  readonly #forecasts = new Map<Digest, ImageForecast>();

  constructor(repository: ForecastInputs) {
    this.#repository = repository;
    this.#images = new Map(repository.images.map((image) => [image.digest, image]));
  }

  /** The expiry of a digest itself; `undefined` if the repository does not have it. */
  forecastOf(digest: Digest): ImageForecast | undefined {
    const known = this.#forecasts.get(digest);
    const image = this.#images.get(digest);
    if (known || !image) return known;
    // An index that contains itself, directly or not, does not keep itself.
    this.#forecasts.set(digest, KEPT);
    const own = this.#ownForecast(image);
    const holders = this.#holdersOf(digest).filter((index) => !this.isArchived(index));
    const forecast = own.state === 'kept' || holders.length === 0 ? own : latest([own, ...this.#forecastsOf(holders)]);
    this.#forecasts.set(digest, forecast);
    return forecast;
  }

  /**
   * The indexes through one of which an image is pulled: none if the image itself has the requested tag, otherwise the
   * index with it. If no index has it either, because it moved after the pull, any index that contains the image may be
   * the one.
   * @param tag the requested tag; absent if the reference is unknown
   */
  indexesAskedFor(digest: Digest, tag?: string): readonly Digest[] {
    const hasTag = (one: Digest) => tag !== undefined && this.#images.get(one)?.tags.includes(tag) === true;
    if (hasTag(digest)) return [];
    const holders = this.#holdersOf(digest);
    const named = holders.filter(hasTag);
    return named.length > 0 ? named : holders;
  }

  /**
   * The expiry of an image pulled through an index, or the last of several: it expires with the index, and its own tags
   * do not count. `undefined` if the repository has none of them.
   */
  forecastThrough(...indexes: readonly Digest[]): ImageForecast | undefined {
    const forecasts = this.#forecastsOf(indexes);
    return forecasts.length === 0 ? undefined : latest(forecasts);
  }

  /** The expiry of an image if it had these tags; `undefined` if the repository does not have it. */
  forecastWithTags(digest: Digest, tags: readonly string[]): ImageForecast | undefined {
    const image = this.#images.get(digest);
    return image && this.#forecastByRules({ ...image, tags });
  }

  /** The forecast with one more tag on an image, which also changes what counting rules do to other images. */
  withTag(digest: Digest, tag: string): LifecycleForecast {
    const images = this.#repository.images.map((image) =>
      image.digest === digest && !image.tags.includes(tag) ? { ...image, tags: [...image.tags, tag] } : image,
    );
    return new LifecycleForecast({ ...this.#repository, images });
  }

  isArchived(digest: Digest): boolean {
    return this.#images.get(digest)?.archived === true;
  }

  #holdersOf(digest: Digest): readonly Digest[] {
    return (this.#repository.holders.get(digest) ?? []).filter((index) => this.#images.has(index));
  }

  #forecastsOf(indexes: readonly Digest[]): readonly ImageForecast[] {
    return indexes.flatMap((index) => {
      const forecast = this.forecastOf(index);
      return forecast ? [forecast.state === 'expires' ? expiryThrough(index, forecast.expiry) : forecast] : [];
    });
  }

  /** The earliest expiry of an image: with its current tags, or after pushes moved some of them. */
  #ownForecast(image: ListedArtifact): ImageForecast {
    const now = this.#forecastByRules(image);
    if (now.state !== 'kept' && !isLater(now, this.#repository.nowEpochMs)) return now;
    return this.#tagsLeftOf(image).reduce(
      (forecast, tags) => earliest(forecast, this.#forecastAfterPushes(image, tags)),
      now,
    );
  }

  /** The tag sets that pushes may leave: fixed tags stay, and any subset of the moving ones. */
  #tagsLeftOf({ tags }: ListedArtifact): readonly (readonly string[])[] {
    const { moves } = this.#repository;
    const fixed = tags.filter((tag) => !moves(tag));
    const varied = tags.filter(moves).slice(0, MOST_VARIED_TAGS);
    return subsetsOf(varied)
      .filter((left) => fixed.length + left.length < tags.length)
      .map((left) => [...fixed, ...left]);
  }

  #forecastByRules(image: ListedArtifact): ImageForecast {
    for (const rule of this.#repository.rules) {
      if (!rule.selection) return { state: 'unknown', reason: rule.problem ?? `rule ${rule.priority} cannot be read` };
      if (selects(rule.selection, image)) return this.#forecastByRule(rule, image);
    }
    return KEPT;
  }

  #forecastByRule(rule: LifecycleRule, image: ListedArtifact): ImageForecast {
    const { effect, priority } = rule;
    if (!effect) return { state: 'unknown', reason: rule.problem ?? `rule ${priority} cannot be read` };
    const { leaves, action } = effect;
    if (leaves.by === 'count' && rule.selection && selectsOne(rule.selection)) return KEPT;
    const when =
      leaves.by === 'count' ? this.#byCount(rule, leaves.images, image) : byAge(leaves.by, leaves.days, image);
    if (when) return { state: 'expires', expiry: { rule: priority, action, when } };
    return {
      state: 'unknown',
      reason: `rule ${priority}: ECR reports no push time for an image that the rule selects`,
    };
  }

  #byCount(rule: LifecycleRule, leaves: number, image: ListedArtifact): ExpiryInstant | undefined {
    const counted = this.#countedBy(rule);
    const at = countsFrom(image);
    if (at === undefined || !counted) return undefined;
    const stored = this.#images.get(image.digest);
    // By its current tags; a query for other tags is about an additional image.
    const isCounted = stored !== undefined && rule.selection !== undefined && selects(rule.selection, stored);
    const younger = notOlder(counted, at) - Number(isCounted);
    const outgrownAtEpochMs = counted[younger - leaves];
    if (outgrownAtEpochMs !== undefined) return { by: 'count', expiresAtEpochMs: outgrownAtEpochMs };
    const afterPushes = leaves - younger;
    const pace = { since: Math.min(at, counted.at(-1) ?? at), pushes: counted.length + Number(!isCounted) };
    return { by: 'pushes', afterPushes, expectedAtEpochMs: this.#expected(pace, afterPushes) };
  }

  #countedBy(rule: LifecycleRule): Counted | undefined {
    if (!this.#counted.has(rule)) {
      const selected = this.#repository.images.filter((image) => rule.selection && selects(rule.selection, image));
      this.#counted.set(rule, countedIn(selected));
    }
    return this.#counted.get(rule);
  }

  #forecastAfterPushes(image: ListedArtifact, tags: readonly string[]): ImageForecast {
    const forecast = this.#forecastByRules({ ...image, tags });
    const pushed = countedIn(this.#repository.images.filter((one) => one.tags.length > 0));
    if (forecast.state !== 'expires' || !pushed) return forecast;
    const { when } = forecast.expiry;
    // Each push that moves a tag leaves one more image without it.
    const afterPushes = when.by === 'pushes' ? when.afterPushes : 1;
    const pace = { since: pushed.at(-1) ?? this.#repository.nowEpochMs, pushes: pushed.length };
    const expected = this.#expected(pace, afterPushes);
    const expectedAtEpochMs = when.by === 'pushes' ? expected : Math.max(expected, expiryAtEpochMs(when));
    return {
      state: 'expires',
      expiry: { ...forecast.expiry, when: { by: 'untagging', afterPushes, expectedAtEpochMs } },
    };
  }

  /** At the rate of past pushes up to now; an inactive repository is not expected to wake up. */
  #expected({ since, pushes }: { readonly since: number; readonly pushes: number }, further: number): number {
    const { nowEpochMs } = this.#repository;
    const interval = Math.max(nowEpochMs - since, 0) / Math.max(pushes - 1, 1);
    return Math.round(nowEpochMs + interval * further);
  }
}

/** Push times, newest first. */
type Counted = readonly number[];

/** `undefined` if ECR does not report one of them. */
function countedIn(images: readonly ListedArtifact[]): Counted | undefined {
  const atEpochMs = images.map(countsFrom);
  if (!atEpochMs.every((at) => at !== undefined)) return undefined;
  return atEpochMs.sort((one, other) => other - one);
}

/** The number of them at or after an instant. */
function notOlder(counted: Counted, atEpochMs: number): number {
  let [from, to] = [0, counted.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if ((counted[middle] ?? 0) >= atEpochMs) from = middle + 1;
    else to = middle;
  }
  return from;
}

const countsFrom = ({ pushedAtEpochMs, restoredAtEpochMs }: ListedArtifact): number | undefined =>
  restoredAtEpochMs ?? pushedAtEpochMs;

function byAge(
  since: 'pushed' | 'pulled' | 'archived',
  days: number,
  image: ListedArtifact,
): ExpiryInstant | undefined {
  const from = agesFrom(since, image);
  return from === undefined ? undefined : { by: 'age', expiresAtEpochMs: from + days * DAY_MS };
}

/** An image not pulled since its restore ages from the restore; one never pulled ages from its push. */
function agesFrom(since: 'pushed' | 'pulled' | 'archived', image: ListedArtifact): number | undefined {
  const { pulledAtEpochMs, restoredAtEpochMs, archivedAtEpochMs } = image;
  if (since === 'archived') return archivedAtEpochMs;
  if (since === 'pushed' || pulledAtEpochMs === undefined) return countsFrom(image);
  return Math.max(pulledAtEpochMs, restoredAtEpochMs ?? pulledAtEpochMs);
}

const isLater = (forecast: ImageForecast, nowEpochMs: number): boolean =>
  forecast.state === 'expires' && expiryAtEpochMs(forecast.expiry.when) > nowEpochMs;

function subsetsOf<Item>(items: readonly Item[]): readonly (readonly Item[])[] {
  const [first, ...others] = items;
  if (first === undefined) return [[]];
  return subsetsOf(others).flatMap((subset) => [subset, [first, ...subset]]);
}

const expiryThrough = (through: Digest, expiry: ScheduledExpiry): ImageForecast => ({
  state: 'expires',
  expiry: { ...expiry, through: expiry.through ?? through },
});

/** It expires when all of them are gone; one kept index keeps it, and an unknown one may keep it. */
function latest(forecasts: readonly ImageForecast[]): ImageForecast {
  const unsure = forecasts.find(({ state }) => state === 'kept') ?? forecasts.find(({ state }) => state === 'unknown');
  return unsure ?? forecasts.reduce((last, forecast) => (atOf(forecast) > atOf(last) ? forecast : last));
}

/** The earlier of two expiries; an unknown one counts if the other does not expire. */
function earliest(one: ImageForecast, other: ImageForecast): ImageForecast {
  if (one.state === 'expires' && other.state === 'expires') return atOf(other) < atOf(one) ? other : one;
  return [one, other].find(({ state }) => state === 'expires') ?? (one.state === 'kept' ? other : one);
}

const atOf = (forecast: ImageForecast): number =>
  forecast.state === 'expires' ? expiryAtEpochMs(forecast.expiry.when) : Number.POSITIVE_INFINITY;
