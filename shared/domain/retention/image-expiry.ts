import { compareTexts } from '../common/compare-texts.ts';
import { DAY_MS } from '../common/time.ts';
import type { Digest, ImageLocation } from '../image/image.ts';
import { type ExpiryState, expiryAtEpochMs } from './expiry.ts';
import type { LifecycleForecast } from './lifecycle.ts';
import type { ProtectionRefusal } from './protection.ts';
import type { UsedImage } from './used-images.ts';

/** An image in use, or one that such an image is built on, that a repository will throw away, as the ledger keeps it. */
export interface ImageExpiry extends Pick<UsedImage, 'digest' | 'use' | 'running' | 'workloads'> {
  readonly location: ImageLocation;
  readonly expiryState: ReportedExpiryState;
  /** Why it was given no tag that would keep it; absent where the policy asks for none. */
  readonly refusal?: ProtectionRefusal;
  /** When it was first told. */
  readonly foundAtEpochMs: number;
}

/** What is told: what is kept need not be. */
export type ReportedExpiryState =
  | Exclude<ExpiryState, { readonly state: 'kept' }>
  /** It runs, and a new task cannot pull it any more. */
  | { readonly state: 'gone'; readonly how: 'deleted' | 'archived' };

/** The last look at the lifecycle policy of one repository; what it found lies beside it. */
export interface RepositoryCheck {
  readonly location: ImageLocation;
  readonly checkedAtEpochMs: number;
  /** So many images were looked at, of which so many will be lost, and of so many nobody can tell. */
  readonly images: number;
  readonly expiries: number;
  readonly unknown: number;
  /** Protecting tags that stand there; absent where there are none. */
  readonly tagged?: number;
  /** It could not be read, and what is known of its images is from before, or nothing; or a tag was not put or taken. */
  readonly failure?: { readonly error: string; readonly detail: string };
}

export interface CheckedRepository {
  readonly location: ImageLocation;
  /** Everything that is used of this repository. */
  readonly used: readonly UsedImage[];
  readonly nowEpochMs: number;
  /** What is lost later is not told yet. */
  readonly horizonMs: number;
}

type Forecast = Pick<LifecycleForecast, 'expiryStateOf' | 'indexesAskedFor' | 'expiryStateThrough' | 'isArchived'>;

/**
 * What will become of the images that are used, as far as it is to be told: in a fixed order. What runs has a fate for
 * each way by which it is asked for, and new tasks need all of them; what is only an ancestor has its own.
 */
export function expiriesIn(checked: CheckedRepository, forecast: Forecast): readonly ImageExpiry[] {
  return expiriesBy(checked, ({ digest, use, isPinned, askedTags, askedAs, unreadable = [] }) => {
    if (use === 'ancestor') return toldOf(forecast.expiryStateOf(digest) ?? KEPT);
    const isNamed = isPinned || askedTags.length + askedAs.length > 0;
    const ways = [
      ...askedAs.map((index) => [index]),
      ...(isNamed ? askedTags : [undefined]).map((tag) => forecast.indexesAskedFor(digest, tag)),
    ];
    const expiryStates = ways
      .filter((indexes) => indexes.length > 0)
      .map((indexes) => expiryStateBy(forecast, indexes));
    // While an index stands, what it holds stands: so what becomes of the index is told first.
    const unread = unreadable.map((item): ReportedExpiryState => ({ state: 'unknown', reason: unreadText(item) }));
    return [...expiryStates, expiryStateAlone(forecast, digest), ...unread].flatMap(toldOf).sort(sooner);
  });
}

/** By which tag or index something pulls it is not known, so neither is whether that is kept. */
const unreadText = (item: string): string =>
  `the ledger item ${item} lacks the tag by which a workload pulls the image. The next review of its account writes the item again; if it stays, delete it.`;

/** What is only an ancestor need not be pulled: one that is gone is nothing to be told. */
const KEPT: ExpiryState = { state: 'kept' };

const toldOf = (expiryState: ExpiryState | ReportedExpiryState): readonly ReportedExpiryState[] =>
  expiryState.state === 'kept' ? [] : [expiryState];

/** An image that runs, for whoever pulls it by its own name. */
function expiryStateAlone(forecast: Forecast, digest: Digest): ExpiryState | ReportedExpiryState {
  if (forecast.isArchived(digest)) return { state: 'gone', how: 'archived' };
  return forecast.expiryStateOf(digest) ?? { state: 'gone', how: 'deleted' };
}

/** One that is pulled through one of these indexes: it needs one that is neither deleted nor archived. */
function expiryStateBy(forecast: Forecast, indexes: readonly Digest[]): ExpiryState | ReportedExpiryState {
  const pullable = indexes.filter((index) => !forecast.isArchived(index));
  if (pullable.length === 0) return { state: 'gone', how: 'archived' };
  return forecast.expiryStateThrough(...pullable) ?? { state: 'gone', how: 'deleted' };
}

/** Of a repository that is gone: everything that runs from it is. */
export const allGone = (checked: CheckedRepository): readonly ImageExpiry[] =>
  expiriesBy(checked, ({ use }) => (use === 'running' ? [{ state: 'gone', how: 'deleted' }] : []));

/** Of a repository whose policy cannot be understood. */
export const allUnknown = (checked: CheckedRepository, reason: string): readonly ImageExpiry[] =>
  expiriesBy(checked, () => [{ state: 'unknown', reason }]);

/** @param expiryStatesOf the first that is to be told is; that something cannot be told comes last */
function expiriesBy(
  { location, used, nowEpochMs, horizonMs }: CheckedRepository,
  expiryStatesOf: (image: UsedImage) => readonly ReportedExpiryState[],
): readonly ImageExpiry[] {
  const isSoon = (expiryState: ReportedExpiryState) =>
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

/** The most pressing first: what is gone, then by the instant, then what nobody can tell. */
export const byUrgency = (one: ImageExpiry, other: ImageExpiry): number =>
  sooner(one.expiryState, other.expiryState) || compareTexts(one.digest, other.digest);

/** Two that are gone differ by nothing, and not by a number that is none. */
const sooner = (one: ReportedExpiryState, other: ReportedExpiryState): number => urgency(one) - urgency(other) || 0;

function urgency(expiryState: ReportedExpiryState): number {
  if (expiryState.state === 'gone') return Number.NEGATIVE_INFINITY;
  return expiryState.state === 'expires' ? expiryAtEpochMs(expiryState.expiry.when) : Number.MAX_VALUE;
}

/** A look that says nothing, or said it too long ago: no answer is no promise. */
export const isUnseen = ({ failure, checkedAtEpochMs }: RepositoryCheck, nowEpochMs: number): boolean =>
  failure !== undefined || nowEpochMs - checkedAtEpochMs > CHECK_COUNTS_MS;

/** A daily look may fail once. */
const CHECK_COUNTS_MS = 2 * DAY_MS;
