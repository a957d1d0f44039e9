import type { Digest, ImageLocation } from './image.ts';
import type { LifecycleForecast } from './lifecycle.ts';
import { type Fate, lossAtEpochMs } from './loss.ts';
import { compareTexts } from './order.ts';
import type { ProtectionRefusal } from './protection.ts';
import { DAY_MS } from './time.ts';
import type { UsedImage } from './used-images.ts';

/** An image in use, or one that such an image stands on, that a repository will throw away, as the ledger keeps it. */
export interface ImageLoss extends Pick<UsedImage, 'digest' | 'use' | 'running' | 'workloads'> {
  readonly location: ImageLocation;
  readonly fate: ToldFate;
  /** Why it was given no tag that would keep it; absent where the policy asks for none. */
  readonly refusal?: ProtectionRefusal;
  /** When it was first told. */
  readonly foundAtEpochMs: number;
}

/** What is told: what is kept need not be. */
export type ToldFate =
  | Exclude<Fate, { readonly state: 'kept' }>
  /** It runs, and a new task cannot pull it any more. */
  | { readonly state: 'gone'; readonly how: 'deleted' | 'archived' };

/** The last look at the lifecycle policy of one repository; what it found lies beside it. */
export interface RepositoryLook {
  readonly location: ImageLocation;
  readonly lookedAtEpochMs: number;
  /** So many images were looked at, of which so many will be lost, and of so many nobody can tell. */
  readonly images: number;
  readonly losses: number;
  readonly unknown: number;
  /** Protecting tags that stand there; absent where there are none. */
  readonly tagged?: number;
  /** It could not be read, and what is known of its images is from before, or nothing; or a tag was not put or taken. */
  readonly failure?: { readonly error: string; readonly detail: string };
}

export interface Looked {
  readonly location: ImageLocation;
  /** Everything that is used of this repository. */
  readonly used: readonly UsedImage[];
  readonly nowEpochMs: number;
  /** What is lost later is not told yet. */
  readonly horizonMs: number;
}

/** What will become of the images that are used, as far as it is to be told: in a fixed order. */
export function lossesIn(
  looked: Looked,
  forecast: Pick<LifecycleForecast, 'fateOf' | 'fateAsAskedFor' | 'fateThrough' | 'isArchived'>,
): readonly ImageLoss[] {
  const told = (runs: boolean, digest: Digest, fate: Fate | undefined): ToldFate | undefined => {
    if (!fate) return runs ? { state: 'gone', how: 'deleted' } : undefined;
    if (runs && forecast.isArchived(digest)) return { state: 'gone', how: 'archived' };
    return fate.state === 'kept' ? undefined : fate;
  };
  return lossesBy(looked, ({ digest, use, isPinned, askedAs }) => {
    const runs = use === 'running';
    const own = runs && !isPinned ? forecast.fateAsAskedFor(digest) : forecast.fateOf(digest);
    // While an index stands, what it holds stands: so what becomes of the index is told first.
    return [
      ...askedAs.flatMap((index) => told(runs, index, forecast.fateThrough(index)) ?? []).sort(sooner),
      told(runs, digest, own),
    ];
  });
}

/** Of a repository that is gone: everything that runs from it is. */
export const allGone = (looked: Looked): readonly ImageLoss[] =>
  lossesBy(looked, ({ use }) => (use === 'running' ? [{ state: 'gone', how: 'deleted' }] : []));

/** Of a repository whose policy cannot be understood. */
export const allUnknown = (looked: Looked, reason: string): readonly ImageLoss[] =>
  lossesBy(looked, () => [{ state: 'unknown', reason }]);

/** @param fatesOf the first that is to be told is; that something cannot be told comes last */
function lossesBy(
  { location, used, nowEpochMs, horizonMs }: Looked,
  fatesOf: (image: UsedImage) => readonly (ToldFate | undefined)[],
): readonly ImageLoss[] {
  const isSoon = (fate: ToldFate) => fate.state !== 'lost' || lossAtEpochMs(fate.loss.when) <= nowEpochMs + horizonMs;
  return used
    .flatMap((image) => {
      const fates = fatesOf(image).filter((fate) => fate !== undefined && isSoon(fate));
      const fate = fates.find((one) => one?.state !== 'unknown') ?? fates[0];
      if (!fate) return [];
      const { digest, use, running, workloads } = image;
      return [{ digest, location, use, running, workloads, fate, foundAtEpochMs: nowEpochMs }];
    })
    .sort((one, other) => compareTexts(one.digest, other.digest));
}

/** The most pressing first: what is gone, then by the instant, then what nobody can tell. */
export const byUrgency = (one: ImageLoss, other: ImageLoss): number =>
  sooner(one.fate, other.fate) || compareTexts(one.digest, other.digest);

/** Two that are gone differ by nothing, and not by a number that is none. */
const sooner = (one: ToldFate, other: ToldFate): number => urgency(one) - urgency(other) || 0;

function urgency(fate: ToldFate): number {
  if (fate.state === 'gone') return Number.NEGATIVE_INFINITY;
  return fate.state === 'lost' ? lossAtEpochMs(fate.loss.when) : Number.MAX_VALUE;
}

/** A look that says nothing, or said it too long ago: no answer is no promise. */
export const isUnseen = ({ failure, lookedAtEpochMs }: RepositoryLook, nowEpochMs: number): boolean =>
  failure !== undefined || nowEpochMs - lookedAtEpochMs > LOOK_COUNTS_MS;

/** A daily look may fail once. */
const LOOK_COUNTS_MS = 2 * DAY_MS;
