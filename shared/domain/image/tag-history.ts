import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from './image.ts';
import type { DigestSource, Pull } from './usage.ts';

/** The digest that a push gave a tag. */
export interface TagPush {
  readonly digest: Digest;
  readonly atEpochMs: number;
}

/** The known history of one tag of one repository. */
export interface TagHistory {
  /** From events, oldest first; pushes without an event are missing. */
  readonly pushes: readonly TagPush[];
  /** The current digest of the tag; absent if it is gone or was not read. */
  readonly now?: Digest;
  /** The current digest of the tag could not be read, so a push may be missing since the last one. */
  readonly isUnchecked?: true;
}

export interface TagMeaning {
  readonly digest: Digest;
  readonly source: Extract<DigestSource, 'push-history' | 'tag-guess'>;
}

/** The number of pushes kept per tag; older ones are dropped, so pulls before them cannot be resolved. */
export const MOST_PUSHES_KEPT = 100;

/** Adds a push to the history, in any order; returns `pushes` itself if the push is known or too old. */
export function withPush(pushes: readonly TagPush[], push: TagPush): readonly TagPush[] {
  if (pushes.some(({ digest, atEpochMs }) => digest === push.digest && atEpochMs === push.atEpochMs)) return pushes;
  const all = [...pushes, push].sort(
    (one, other) => one.atEpochMs - other.atEpochMs || compareTexts(one.digest, other.digest),
  );
  const kept = all.slice(-MOST_PUSHES_KEPT);
  return kept.includes(push) ? kept : pushes;
}

/** Push events have whole seconds, and ECR and ECS have separate clocks. */
const SKEW_MS = 2_000;

/**
 * The digest of a tag for a task, from its history over the whole time in which the task pulled. If the history does
 * not cover that time, or has a push in it, the current digest is a guess. If the current digest differs from that of
 * the last known push, an event was lost and the history ends at that push. `undefined` if there is not even a guess.
 */
export function meaningAt(history: TagHistory, pull: Pull | undefined): TagMeaning | undefined {
  const { pushes, now } = history;
  const recorded = pull && !isAfterEnd(history, pull) ? meaningBetween(pushes, fromOf(pull), untilOf(pull)) : undefined;
  if (recorded !== undefined) return { digest: recorded, source: 'push-history' };
  const guess = now ?? pushes.at(-1)?.digest;
  return guess && { digest: guess, source: 'tag-guess' };
}

const fromOf = (pull: Pull): number => (pull.beganAtEpochMs ?? pull.endedAtEpochMs) - SKEW_MS;
const untilOf = (pull: Pull): number => pull.endedAtEpochMs + SKEW_MS;

/** Whether the current digest of the tag decides: no push is known after the pull. */
export const isAfterLastPush = ({ pushes }: Pick<TagHistory, 'pushes'>, pull: Pull): boolean =>
  (pushes.at(-1)?.atEpochMs ?? 0) <= untilOf(pull);

function isAfterEnd({ pushes, now, isUnchecked }: TagHistory, pull: Pull): boolean {
  const isOpen = isUnchecked || (now !== undefined && now !== pushes.at(-1)?.digest);
  return isOpen && isAfterLastPush({ pushes }, pull);
}

function meaningBetween(pushes: readonly TagPush[], fromEpochMs: number, untilEpochMs: number): Digest | undefined {
  const before = pushes.filter(({ atEpochMs }) => atEpochMs <= fromEpochMs);
  const last = before.at(-1);
  const meant = new Set([
    // The order of two pushes in one second is unknown.
    ...before.filter(({ atEpochMs }) => atEpochMs === last?.atEpochMs).map(({ digest }) => digest),
    ...pushes
      .filter(({ atEpochMs }) => fromEpochMs < atEpochMs && atEpochMs <= untilEpochMs)
      .map(({ digest }) => digest),
  ]);
  return last && meant.size === 1 ? last.digest : undefined;
}
