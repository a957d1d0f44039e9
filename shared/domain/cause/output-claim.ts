import { compareTexts } from '../common/compare-texts.ts';
import { instant, MINUTE_MS } from '../common/time.ts';
import type { Digest } from '../image/image.ts';
import { CANDIDATE, matchesHeadTag } from '../policy/head-tag.ts';
import { parseStreamId } from '../stream/stream.ts';
import { begunAtEpochMs, type Rebuild } from './rebuild.ts';

/** The clocks of registries and our own may differ by so much. */
export const CLOCK_SKEW_MS = MINUTE_MS;

/** From this instant on, by the clock of a registry, a push may be one of this rebuild. */
export const pushesSinceEpochMs = (rebuild: Rebuild): number => begunAtEpochMs(rebuild) - CLOCK_SKEW_MS;

/** What is known of the pushes of one digest to the repository of a stream. */
export interface PushedDigest {
  readonly firstPushedAtEpochMs?: number;
  readonly lastPushedAtEpochMs?: number;
  /** What it bears now; absent where the registry was not asked. */
  readonly tags?: readonly string[];
  /** Every tag that a push ever put on it. */
  readonly pushedTags: readonly string[];
}

/**
 * What digests a rebuild is said to have made, by the output variable of its pipeline and by reports, and by what an earlier
 * version took for its output; each once.
 */
export const claimsOf = ({ build, reported = [], output }: Rebuild): readonly Digest[] => [
  ...new Set([
    ...(build?.outputDigest === undefined ? [] : [build.outputDigest]),
    ...reported,
    ...(output === undefined ? [] : [output]),
  ]),
];

/** What was proven to be its output before; `undefined` where it has to be proven yet. */
export const outputFound = ({ output, outputProvenAtEpochMs }: Rebuild): Digest | undefined =>
  outputProvenAtEpochMs === undefined ? undefined : output;

/** A claim that counts, and the push that makes it count; none where it is the head before. */
export interface CountedClaim {
  readonly digest: Digest;
  readonly pushedAtEpochMs?: number;
  readonly tags: readonly string[];
}

/**
 * Which of several claims is the output: that of the output variable, else the report whose image was pushed last. In
 * what order reports came, and how often, makes no difference.
 */
export function chosenClaim(counted: readonly CountedClaim[], { build }: Rebuild): CountedClaim | undefined {
  const ofVariable = counted.find(({ digest }) => digest === build?.outputDigest);
  const [last] = [...counted].sort(
    (one, other) => (other.pushedAtEpochMs ?? 0) - (one.pushedAtEpochMs ?? 0) || compareTexts(one.digest, other.digest),
  );
  return ofVariable ?? last;
}

/**
 * Why a digest that was named is not what a rebuild made, by its pushes and tags alone; `undefined` where it is. It was
 * pushed since the build began, and has or had a tag that makes a head of the stream or will (`<tag>-candidate`). Of an
 * image that was there before, only the tags that it bears now count: those of its earlier pushes say nothing.
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
