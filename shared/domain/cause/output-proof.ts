import { compareTexts } from '../common/compare-texts.ts';
import { instant, MINUTE_MS } from '../common/time.ts';
import { type Artifact, type Digest, type ImageLocation, locationKey, type Platform } from '../image/image.ts';
import { unionOfTags } from '../image/image-properties.ts';
import { CANDIDATE, matchesHeadTag } from '../policy/head-tag.ts';
import { begunAtEpochMs, REBUILD_LABEL, type Rebuild, type RefusedClaim } from './rebuild.ts';

/*
 * Which digest a build made, and what proves it. A digest that the pipeline claims counts if it was pushed since the
 * build began and has a head tag, a candidate tag or the rebuild's label. It also counts if it is the previous head,
 * made once more. Without a claim that counts, a push since then with the label is the output. A claim that does not
 * count blocks no other one.
 */

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
 * Whether a claimed digest counts, by its pushes and tags. The previous head counts without a push.
 * @param headTag the pattern of the stream's head tags; without one no tag proves anything
 */
export function judgedClaim(
  digest: Digest,
  pushed: PushedDigest,
  rebuild: Rebuild,
  headTag: string | undefined,
): CountedClaim | RefusedClaim {
  if (digest === rebuild.headBefore) return { digest, tags: [] };
  const reason = claimProblem(pushed, rebuild, headTag);
  if (reason !== undefined) return { digest, reason };
  const {
    firstPushedAtEpochMs,
    lastPushedAtEpochMs: pushedAtEpochMs = firstPushedAtEpochMs,
    tags,
    pushedTags,
  } = pushed;
  return {
    digest,
    ...(pushedAtEpochMs !== undefined && { pushedAtEpochMs }),
    tags: tags ? unionOfTags(tags, pushedTags) : pushedTags,
  };
}

/**
 * Why pushes and tags disprove that a claimed digest is the output of a rebuild; `undefined` if they do not. The output
 * was pushed since the build began, and has or had a head tag or candidate tag (`<tag>-candidate`) of the stream. For
 * an image that existed before, only its current tags count, because tags of earlier pushes prove nothing.
 */
function claimProblem(pushed: PushedDigest, rebuild: Rebuild, headTag: string | undefined): string | undefined {
  const sinceEpochMs = pushesSinceEpochMs(rebuild);
  const { firstPushedAtEpochMs, lastPushedAtEpochMs = firstPushedAtEpochMs, tags = [], pushedTags } = pushed;
  if (lastPushedAtEpochMs === undefined) return 'the ledger has no push of this image';
  if (lastPushedAtEpochMs < sinceEpochMs)
    return `the image was pushed at ${instant(lastPushedAtEpochMs)}, before the build began at ${instant(begunAtEpochMs(rebuild))}`;
  const isNew = firstPushedAtEpochMs !== undefined && firstPushedAtEpochMs >= sinceEpochMs;
  const bears = isNew ? [...tags, ...pushedTags] : tags;
  if (headTag !== undefined && bears.some((tag) => isTagOf(headTag, tag))) return undefined;
  return 'the image has neither a head tag nor a candidate tag of the stream';
}

const isTagOf = (headTag: string, tag: string): boolean =>
  matchesHeadTag(headTag, tag.endsWith(CANDIDATE) ? tag.slice(0, -CANDIDATE.length) : tag);

export type OutputProof = (
  | { readonly outcome: 'found'; readonly digest: Digest; readonly tags: readonly string[] }
  | { readonly outcome: 'missing'; readonly reason: string }
) & {
  /** Claims that do not count. */
  readonly refused: readonly RefusedClaim[];
};

/** What was pushed to the repository of a stream since a build began. */
export interface PushedSince {
  readonly location: ImageLocation;
  /** The pattern of the stream's head tags; without one no tag proves anything. */
  readonly headTag: string | undefined;
  /** The tags and times of the pushed manifests, as far as the registry reports them. */
  readonly pushed: ReadonlyMap<Digest, { readonly tags: readonly string[]; readonly pushedAtEpochMs?: number }>;
  /** The pushed manifests. */
  readonly artifacts: readonly Artifact[];
  /** The readable configs of their images, children of indexes included. */
  readonly configs: ReadonlyMap<
    Digest,
    { readonly labels: Readonly<Record<string, string>>; readonly platform?: Platform }
  >;
}

/** An index of attestations alone cannot be a build's output. */
export const canRun = (artifact: Artifact): boolean => artifact.kind === 'image' || artifact.children.length > 0;

/**
 * The output by the label of its rebuild: a claim that has the label, or the tagged index that contains the claim;
 * otherwise the last push with the label.
 * @param refused the claims that do not count by their tags
 */
export function labelledOutput(seen: PushedSince, rebuild: Rebuild, refused: readonly RefusedClaim[]): OutputProof {
  const { location, pushed, artifacts, configs } = seen;
  const ids = [rebuild.rebuildId, rebuild.takenOverFrom];
  const isOurs = ({ digest }: { readonly digest: Digest }): boolean =>
    ids.includes(configs.get(digest)?.labels[REBUILD_LABEL] ?? '');
  const found = (digest: Digest, others: readonly RefusedClaim[]): OutputProof => ({
    ...{ outcome: 'found', digest, tags: pushed.get(digest)?.tags ?? [], refused: others },
  });
  const indexes = artifacts.filter((one) => one.kind === 'index' && canRun(one));
  const ownIndexes = indexes.filter((one) => one.kind === 'index' && one.children.every(isOurs));
  const own = [...ownIndexes, ...artifacts.filter((one) => one.kind === 'image' && isOurs(one))];
  for (const { digest: claim } of refused) {
    const output = own.some(({ digest }) => digest === claim) ? claim : indexWith(claim, indexes, seen, rebuild);
    if (output !== undefined)
      return found(
        output,
        refused.filter(({ digest }) => digest !== claim),
      );
  }
  const made = ownIndexes.length > 0 ? ownIndexes : own;
  const [latest] = made.map(({ digest }) => digest).sort(latestFirst(pushed));
  const label = `label ${REBUILD_LABEL}=${rebuild.rebuildId}`;
  if (latest === undefined) {
    const nothing = `no image with ${label} has been pushed to ${locationKey(location)} since ${instant(begunAtEpochMs(rebuild))}`;
    const claimed = refused.map(
      ({ digest, reason }) => `the pipeline reported ${digest}, which does not count: ${reason}`,
    );
    return { outcome: 'missing', reason: [...claimed, nothing].join('; '), refused };
  }
  const readable = made.flatMap(({ digest }) => configs.get(digest) ?? []);
  const platforms = [...new Set(readable.map(({ platform = 'an unnamed platform' }) => platform))].sort();
  if (ownIndexes.length > 0 || platforms.length === 1) return found(latest, refused);
  const reason = `images for ${platforms.join(', ')} have ${label}, but no index contains them all. Let the pipeline push one index for all platforms`;
  return { outcome: 'missing', reason, refused };
}

/** Images of an index have no tags of their own: if one is claimed, the pushed index is the output. */
function indexWith(
  claim: Digest,
  indexes: readonly Artifact[],
  { pushed, headTag }: Pick<PushedSince, 'pushed' | 'headTag'>,
  rebuild: Rebuild,
): Digest | undefined {
  const withClaim = indexes.filter(
    (one) => one.kind === 'index' && one.children.some(({ digest }) => digest === claim),
  );
  const [latest] = withClaim
    .map(({ digest }) => digest)
    .filter((digest) => {
      const { tags = [], pushedAtEpochMs } = pushed.get(digest) ?? {};
      const at = pushedAtEpochMs === undefined ? {} : { firstPushedAtEpochMs: pushedAtEpochMs };
      return claimProblem({ ...at, tags, pushedTags: [] }, rebuild, headTag) === undefined;
    })
    .sort(latestFirst(pushed));
  return latest;
}

const latestFirst =
  (pushed: PushedSince['pushed']) =>
  (one: Digest, other: Digest): number =>
    (pushed.get(other)?.pushedAtEpochMs ?? 0) - (pushed.get(one)?.pushedAtEpochMs ?? 0) || compareTexts(one, other);
