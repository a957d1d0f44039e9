import { compareTexts } from '../common/compare-texts.ts';
import { DAY_MS, instant } from '../common/time.ts';
import type { Digest, ImageLocation } from '../image/image.ts';
import { expiryAtEpochMs, type ImageForecast, type ScheduledExpiry } from './image-forecast.ts';
import type { LifecycleForecast } from './lifecycle-forecast.ts';
import type { ProtectionRefusal } from './protection.ts';
import type { UsedImage } from './used-images.ts';

/** An image in use, or an ancestor of one, that a repository will expire; the stored record. */
export interface ImageExpiry extends Pick<UsedImage, 'digest' | 'use' | 'running' | 'workloads'> {
  readonly location: ImageLocation;
  readonly expiryState: ExpiryState;
  /** Why it has no protecting tag; absent if the policy requests none. */
  readonly refusal?: ProtectionRefusal;
  /** When it was first reported. */
  readonly foundAtEpochMs: number;
}

/** The reported states; a kept image is not reported. */
export type ExpiryState =
  | Exclude<ImageForecast, { readonly state: 'kept' }>
  /** It runs, but new tasks can no longer pull it. */
  | { readonly state: 'gone'; readonly how: 'deleted' | 'archived' };

/** The last check of one repository's lifecycle policy; its findings are stored beside it. */
export interface RepositoryCheck {
  readonly location: ImageLocation;
  readonly checkedAtEpochMs: number;
  /** The numbers of images that were checked, that will expire, and that are unknown. */
  readonly images: number;
  readonly expiries: number;
  readonly unknown: number;
  /** The protecting tags in the repository; absent if there are none. */
  readonly tagged?: number;
  /**
   * The repository could not be read, so the data on its images is old or missing; or a tag could not be added or
   * removed.
   */
  readonly failure?: { readonly error: string; readonly detail: string };
}

export interface RepositoryToCheck {
  readonly location: ImageLocation;
  /** All images in use of this repository. */
  readonly used: readonly UsedImage[];
  readonly nowEpochMs: number;
  /** Later expiries are not reported yet. */
  readonly horizonMs: number;
}

type Forecast = Pick<LifecycleForecast, 'forecastOf' | 'indexesAskedFor' | 'forecastThrough' | 'isArchived'>;

/**
 * The expiry of images in use, as far as it is reported; sorted. A running image has one for each reference, because
 * new tasks need all of them; an ancestor has its own.
 */
export function expiriesIn(checked: RepositoryToCheck, forecast: Forecast): readonly ImageExpiry[] {
  return expiriesBy(checked, ({ digest, use, isPinned, askedTags, askedAs, unreadable = [] }) => {
    if (use === 'ancestor') return reportedStates(forecast.forecastOf(digest) ?? KEPT);
    const isNamed = isPinned || askedTags.length + askedAs.length > 0;
    const ways = [
      ...askedAs.map((index) => [index]),
      ...(isNamed ? askedTags : [undefined]).map((tag) => forecast.indexesAskedFor(digest, tag)),
    ];
    const expiryStates = ways
      .filter((indexes) => indexes.length > 0)
      .map((indexes) => expiryStateBy(forecast, indexes));
    // An index keeps its images, so the index is reported first.
    const unread = unreadable.map((item): ExpiryState => ({ state: 'unknown', reason: unreadText(item) }));
    return [...expiryStates, expiryStateAlone(forecast, digest), ...unread].flatMap(reportedStates).sort(sooner);
  });
}

/** It is unknown by which tag or index a workload pulls it, so it is unknown whether that is kept. */
const unreadText = (item: string): string =>
  `the ledger item ${item} lacks the tag by which a workload pulls the image. The next review of the account writes the item again. If the problem stays, delete the item.`;

/** An ancestor is never pulled, so one that is gone is not reported. */
const KEPT: ImageForecast = { state: 'kept' };

const reportedStates = (expiryState: ImageForecast | ExpiryState): readonly ExpiryState[] =>
  expiryState.state === 'kept' ? [] : [expiryState];

/** A running image pulled by its own digest. */
function expiryStateAlone(forecast: Forecast, digest: Digest): ImageForecast | ExpiryState {
  if (forecast.isArchived(digest)) return { state: 'gone', how: 'archived' };
  return forecast.forecastOf(digest) ?? { state: 'gone', how: 'deleted' };
}

/** An image pulled through one of these indexes: at least one must be neither deleted nor archived. */
function expiryStateBy(forecast: Forecast, indexes: readonly Digest[]): ImageForecast | ExpiryState {
  const pullable = indexes.filter((index) => !forecast.isArchived(index));
  if (pullable.length === 0) return { state: 'gone', how: 'archived' };
  return forecast.forecastThrough(...pullable) ?? { state: 'gone', how: 'deleted' };
}

/** For a deleted repository: all its running images. */
export const allGone = (checked: RepositoryToCheck): readonly ImageExpiry[] =>
  expiriesBy(checked, ({ use }) => (use === 'running' ? [{ state: 'gone', how: 'deleted' }] : []));

/** For a repository whose policy cannot be parsed. */
export const allUnknown = (checked: RepositoryToCheck, reason: string): readonly ImageExpiry[] =>
  expiriesBy(checked, () => [{ state: 'unknown', reason }]);

/** @param expiryStatesOf the first reported state counts; unknown comes last */
function expiriesBy(
  { location, used, nowEpochMs, horizonMs }: RepositoryToCheck,
  expiryStatesOf: (image: UsedImage) => readonly ExpiryState[],
): readonly ImageExpiry[] {
  const isSoon = (expiryState: ExpiryState) =>
    expiryState.state !== 'expires' || expiryAtEpochMs(expiryState.expiry.when) <= nowEpochMs + horizonMs;
  return used
    .flatMap((image) => {
      const expiryStates = expiryStatesOf(image).filter(isSoon);
      const expiryState = expiryStates.find((one) => one.state !== 'unknown') ?? expiryStates[0];
      if (!expiryState) return [];
      const { digest, use, running, workloads } = image;
      return [{ digest, location, use, running, workloads, expiryState, foundAtEpochMs: nowEpochMs }];
    })
    .sort((one, other) => compareTexts(one.digest, other.digest));
}

/** Most urgent first: gone, then by time, then unknown. */
export const byUrgency = (one: ImageExpiry, other: ImageExpiry): number =>
  sooner(one.expiryState, other.expiryState) || compareTexts(one.digest, other.digest);

/** Two gone images are equal; subtracting their infinite times would give NaN. */
const sooner = (one: ExpiryState, other: ExpiryState): number => urgency(one) - urgency(other) || 0;

function urgency(expiryState: ExpiryState): number {
  if (expiryState.state === 'gone') return Number.NEGATIVE_INFINITY;
  return expiryState.state === 'expires' ? expiryAtEpochMs(expiryState.expiry.when) : Number.MAX_VALUE;
}

/** A check that failed or is too old: no answer is no promise. */
export const isUnseen = ({ failure, checkedAtEpochMs }: RepositoryCheck, nowEpochMs: number): boolean =>
  failure !== undefined || nowEpochMs - checkedAtEpochMs > CHECK_COUNTS_MS;

/** A daily look may fail once. */
const CHECK_COUNTS_MS = 2 * DAY_MS;

/** When an image expires, as short text. */
export function expiryInstantText(expiryState: ExpiryState, nowEpochMs: number): string {
  if (expiryState.state === 'gone') return 'already';
  if (expiryState.state === 'unknown') return 'unknown';
  const { when } = expiryState.expiry;
  const at = expiryAtEpochMs(when);
  if ('expiresAtEpochMs' in when) return at <= nowEpochMs ? 'within 24 hours' : instant(at);
  return `about ${instant(at)}`;
}

/** The rule that expires it, and the condition. */
export function expiryCauseText(expiryState: ExpiryState): string {
  if (expiryState.state === 'gone') return `${expiryState.how}; new tasks cannot pull the image`;
  if (expiryState.state === 'unknown') return expiryState.reason;
  const { expiry } = expiryState;
  const { rule, through, when } = expiry;
  const index = through === undefined ? '' : `, with index ${through.slice(0, 'sha256:'.length + 12)}`;
  return `${expiry.action === 'expire' ? 'deleted' : 'archived'} by rule ${rule}${index}${condition(when)}`;
}

function condition(when: ScheduledExpiry['when']): string {
  if (!('afterPushes' in when)) return when.by === 'count' ? ', because more images match than the rule keeps' : '';
  const pushes = when.afterPushes === 1 ? 'the next push' : `${when.afterPushes} more pushes`;
  return when.by === 'untagging' ? `, when its tag moves, expected after ${pushes}` : `, after ${pushes}`;
}
