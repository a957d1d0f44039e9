import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import type { LocationRecord } from '../../shared/domain/image/image-properties.ts';
import { CANDIDATE, matchesHeadTag } from '../../shared/domain/policy/head-tag.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import { ImageGoneError } from '../../shared/ports/acting-errors.ts';
import type { RegistryImage } from '../../shared/ports/registry.ts';
import { NothingToPromoteError, TagTakenError } from './errors.ts';
import type { VerifyStepInput } from './input.ts';
import { listingOf } from './output-images.ts';
import { provenOutput, type Verification, type VerifyLimits, type VerifyPorts, verificationOf } from './ports.ts';
import { type Promotion, postponePromotion } from './postpone.ts';

export type { Promotion } from './postpone.ts';

/**
 * Moves parent tags to a verified output, from `<tag>-candidate` to `<tag>`. A repetition changes nothing. A newer push
 * that took the candidate tag is unverified and does not block. A tag that another party moved during the rebuild
 * stays, because that push is newer and a tag never moves back. While Patchwave is paused no tag moves.
 * @throws NothingToPromoteError, TagTakenError, TaggerUnreachableError, ImageGoneError, TagImmutableError
 */
export async function promote(ports: VerifyPorts, limits: VerifyLimits, step: VerifyStepInput): Promise<Promotion> {
  const verification = await verificationOf(ports, step);
  const { rebuild } = verification;
  if (rebuild.outcome?.result !== 'fixed')
    throw new InvalidInputError([`rebuildId: rebuild ${step.rebuildId} is not verified`]);
  if (rebuild.promotedAtEpochMs === undefined) {
    const postponed = await postponePromotion(ports, limits, verification);
    if (postponed) return postponed;
    await moveTags(ports, verification);
    const promotedAtEpochMs = ports.clock();
    await ports.rebuilds.record(step.stream, step.rebuildId, (before) =>
      before && before.promotedAtEpochMs === undefined ? { ...before, promotedAtEpochMs } : undefined,
    );
  }
  // The event of this push may be lost although the head has moved.
  await ports.refreshes.send([{ kind: 'refresh', stream: step.stream }]);
  return { decision: 'ended', waitSeconds: limits.pollSeconds };
}

async function moveTags(ports: VerifyPorts, { rebuild, policy: { headTag } }: Verification): Promise<void> {
  const { stream, reservedAtEpochMs, outputTags = [] } = rebuild;
  const output = provenOutput(rebuild);
  const { location } = parseStreamId(stream);
  const listing = await listingOf(ports, stream);
  const image = listing.find(({ digest }) => digest === output);
  if (!image) throw new ImageGoneError(location, output, 'it was deleted after verification');
  const pushed = (await placeOf(ports, output, stream))?.tags ?? [];
  const tags = promotedTags([...image.tags, ...outputTags, ...pushed], headTag);
  if (tags.length === 0) throw new NothingToPromoteError(stream, output);
  const owners = tags.map((tag) => ({ tag, holder: listing.find((image) => image.tags.includes(tag)) }));
  for (const { tag, holder } of owners) {
    if (!holder || holder.digest === output) continue;
    const pushedAtEpochMs = await lastPushOf(ports, holder, stream);
    if (pushedAtEpochMs >= reservedAtEpochMs) throw new TagTakenError(stream, tag, holder.digest);
  }
  for (const tag of tags) await ports.tagger.tag(location, output, tag);
}

/** An output with the tag and without a candidate tag was promoted before. */
const promotedTags = (tags: readonly string[], headTag: string | undefined): readonly string[] =>
  [...new Set(tags.map((tag) => (tag.endsWith(CANDIDATE) ? tag.slice(0, -CANDIDATE.length) : tag)))]
    .filter((tag) => headTag !== undefined && matchesHeadTag(headTag, tag))
    .sort();

/** The registry shows the first push of an old image that got the tag again; our history has the last one. */
async function lastPushOf(
  ports: Pick<VerifyPorts, 'places'>,
  { digest, pushedAtEpochMs = 0 }: RegistryImage,
  stream: string,
): Promise<number> {
  const seen = await placeOf(ports, digest, stream);
  return Math.max(pushedAtEpochMs, seen?.lastPushSeenAtEpochMs ?? 0);
}

/** The push history of an image in the repository of a stream. */
async function placeOf(
  { places }: Pick<VerifyPorts, 'places'>,
  digest: Digest,
  stream: string,
): Promise<LocationRecord | undefined> {
  const key = locationKey(parseStreamId(stream).location);
  return (await places.locations(digest)).find(({ location }) => locationKey(location) === key);
}
