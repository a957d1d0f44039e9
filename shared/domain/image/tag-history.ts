import { compareTexts } from '../common/compare-texts.ts';
import type { Digest } from './image.ts';
import type { DigestSource, Pull } from './usage.ts';

/** What a push put under a tag. */
export interface TagPush {
  readonly digest: Digest;
  readonly atEpochMs: number;
}

/** What is known of one tag of one repository. */
export interface TagHistory {
  /** As events told of them, the oldest first; one that no event told of is missing. */
  readonly pushes: readonly TagPush[];
  /** What the tag means now; absent where it is gone, and where nobody was asked. */
  readonly now?: Digest;
  /** What the tag means now could not be asked, so that nothing shows whether a push was lost since the last one. */
  readonly isUnchecked?: true;
}

export interface TagMeaning {
  readonly digest: Digest;
  readonly source: Extract<DigestSource, 'push-history' | 'tag-guess'>;
}

/** Of one tag; what was pushed before is forgotten, so that a pull of then is no longer reached. */
export const MOST_PUSHES_KEPT = 100;

/** The history with one push more, in whatever order pushes come; `pushes` itself where it is known or too old. */
export function withPush(pushes: readonly TagPush[], push: TagPush): readonly TagPush[] {
  if (pushes.some(({ digest, atEpochMs }) => digest === push.digest && atEpochMs === push.atEpochMs)) return pushes;
  const all = [...pushes, push].sort(
    (one, other) => one.atEpochMs - other.atEpochMs || compareTexts(one.digest, other.digest),
  );
  const kept = all.slice(-MOST_PUSHES_KEPT);
  return kept.includes(push) ? kept : pushes;
}

/** Events of pushes tell whole seconds, and ECR and ECS have a clock each. */
const SKEW_MS = 2_000;

/**
 * What a tag meant to a task: what its history says of the whole time in which the task pulled. Where the history does not
 * reach that time, or has a push in it, what the tag means now is a guess. A tag that means something else now than its last
 * push put there was pushed again, and that event was lost: the history ends at its last push. `undefined` where nobody can
 * guess.
 */
export function meaningAt(history: TagHistory, pull: Pull | undefined): TagMeaning | undefined {
  const { pushes, now } = history;
  const told = pull && !isAfterEnd(history, pull) ? toldOver(pushes, fromOf(pull), untilOf(pull)) : undefined;
  if (told !== undefined) return { digest: told, source: 'push-history' };
  const guess = now ?? pushes.at(-1)?.digest;
  return guess && { digest: guess, source: 'tag-guess' };
}

const fromOf = (pull: Pull): number => (pull.beganAtEpochMs ?? pull.endedAtEpochMs) - SKEW_MS;
const untilOf = (pull: Pull): number => pull.endedAtEpochMs + SKEW_MS;

/** Whether what the tag means now decides what the history says of a pull: no push is known after it. */
export const isAfterLastPush = ({ pushes }: Pick<TagHistory, 'pushes'>, pull: Pull): boolean =>
  (pushes.at(-1)?.atEpochMs ?? 0) <= untilOf(pull);

function isAfterEnd({ pushes, now, isUnchecked }: TagHistory, pull: Pull): boolean {
  const isOpen = isUnchecked || (now !== undefined && now !== pushes.at(-1)?.digest);
  return isOpen && isAfterLastPush({ pushes }, pull);
}

function toldOver(pushes: readonly TagPush[], fromEpochMs: number, untilEpochMs: number): Digest | undefined {
  const before = pushes.filter(({ atEpochMs }) => atEpochMs <= fromEpochMs);
  const last = before.at(-1);
  const meant = new Set([
    // Of two pushes in one second nobody knows which was the later one.
    ...before.filter(({ atEpochMs }) => atEpochMs === last?.atEpochMs).map(({ digest }) => digest),
    ...pushes
      .filter(({ atEpochMs }) => fromEpochMs < atEpochMs && atEpochMs <= untilEpochMs)
      .map(({ digest }) => digest),
  ]);
  return last && meant.size === 1 ? last.digest : undefined;
}
