import type { Digest } from './image.ts';
import { compareTexts } from './order.ts';
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
  /** What the tag means now; absent where it is gone. */
  readonly now?: Digest;
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
 * reach that time, or has a push in it, what the tag means now is a guess. `undefined` where nobody can guess.
 */
export function meaningAt({ pushes, now }: TagHistory, pull: Pull | undefined): TagMeaning | undefined {
  const told =
    pull && toldOver(pushes, (pull.beganAtEpochMs ?? pull.endedAtEpochMs) - SKEW_MS, pull.endedAtEpochMs + SKEW_MS);
  if (told !== undefined) return { digest: told, source: 'push-history' };
  const guess = now ?? pushes.at(-1)?.digest;
  return guess && { digest: guess, source: 'tag-guess' };
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
