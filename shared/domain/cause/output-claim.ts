import { compareTexts } from '../common/compare-texts.ts';
import { instant, MINUTE_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { CANDIDATE, matchesHeadTag } from '../policy/head-tag.ts';
import { parseStreamId } from '../stream/stream.ts';
import { begunAtEpochMs, type Rebuild } from './rebuild.ts';

/** The tolerated difference between a registry's clock and ours. */
export const CLOCK_SKEW_MS = MINUTE_MS;

/** From this instant on, by the registry's clock, a push may belong to this rebuild. */
export const pushesSinceEpochMs = (rebuild: Rebuild): number => begunAtEpochMs(rebuild) - CLOCK_SKEW_MS;

/** The known pushes of one digest to the repository of a stream. */
export interface PushedDigest {
  readonly firstPushedAtEpochMs?: number;
  readonly lastPushedAtEpochMs?: number;
  /** Its current tags; absent if the registry was not read. */
  readonly tags?: readonly string[];
  /** Every tag that a push ever gave it. */
  readonly pushedTags: readonly string[];
}

/**
 * The digests that a rebuild is claimed to have made, by its pipeline's output variable, by reports, and by the output
 * of an earlier version; each once.
 */
export const claimsOf = ({ build, reported = [], output }: Rebuild): readonly Digest[] => [
  ...new Set([
    ...(build?.outputDigest === undefined ? [] : [build.outputDigest]),
    ...reported,
    ...(output === undefined ? [] : [output]),
  ]),
];

/** The output that is already proven; `undefined` if it is not. */
export const outputFound = ({ output, outputProvenAtEpochMs }: Rebuild): Digest | undefined =>
  outputProvenAtEpochMs === undefined ? undefined : output;

/** A valid claim and the push that proves it; without a push, the claim is the previous head. */
export interface CountedClaim {
  readonly digest: Digest;
  readonly pushedAtEpochMs?: number;
  readonly tags: readonly string[];
}

/**
 * Which of several claims is the output: that of the output variable, otherwise the reported image that was pushed
 * last. The order and number of reports make no difference.
 */
export function chosenClaim(counted: readonly CountedClaim[], { build }: Rebuild): CountedClaim | undefined {
  const ofVariable = counted.find(({ digest }) => digest === build?.outputDigest);
  const [last] = [...counted].sort(
    (one, other) => (other.pushedAtEpochMs ?? 0) - (one.pushedAtEpochMs ?? 0) || compareTexts(one.digest, other.digest),
  );
  return ofVariable ?? last;
}

/**
 * Why pushes and tags disprove that a claimed digest is the output of a rebuild; `undefined` if they do not. The output
 * was pushed since the build began, and has or had a head tag or candidate tag (`<tag>-candidate`) of the stream. For
 * an image that existed before, only its current tags count, because tags of earlier pushes prove nothing.
 */
export function claimProblem(pushed: PushedDigest, rebuild: Rebuild): string | undefined {
  const sinceEpochMs = pushesSinceEpochMs(rebuild);
  const { firstPushedAtEpochMs, lastPushedAtEpochMs = firstPushedAtEpochMs, tags = [], pushedTags } = pushed;
  if (lastPushedAtEpochMs === undefined) return 'the ledger has no push of it';
  if (lastPushedAtEpochMs < sinceEpochMs)
    return `it was pushed at ${instant(lastPushedAtEpochMs)}, before the build began at ${instant(begunAtEpochMs(rebuild))}`;
  const isNew = firstPushedAtEpochMs !== undefined && firstPushedAtEpochMs >= sinceEpochMs;
  const { headTag } = parseStreamId(rebuild.stream);
  const bears = isNew ? [...tags, ...pushedTags] : tags;
  if (bears.some((tag) => isTagOf(headTag, tag))) return undefined;
  return 'it has neither a head tag nor a candidate tag of the stream';
}

const isTagOf = (headTag: string, tag: string): boolean =>
  matchesHeadTag(headTag, tag.endsWith(CANDIDATE) ? tag.slice(0, -CANDIDATE.length) : tag);
