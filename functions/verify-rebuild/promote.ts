import type { Rebuild } from '../../shared/domain/cause/rebuild.ts';
import { type Digest, locationKey } from '../../shared/domain/image/image.ts';
import type { LocationRecord } from '../../shared/domain/image/image-facts.ts';
import { CANDIDATE, matchesHeadTag } from '../../shared/domain/policy/head-tag.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import { InvalidInputError } from '../../shared/lambda/errors.ts';
import { ImageGoneError } from '../../shared/ports/acting-errors.ts';
import type { RegistryImage } from '../../shared/ports/registry.ts';
import { NothingToPromoteError, TagTakenError } from './errors.ts';
import type { VerifyStepInput } from './input.ts';
import { listingOf } from './output-images.ts';
import { provenOutput, type VerifyLimits, type VerifyPorts, verificationOf } from './ports.ts';
import { type Promotion, postponePromotion } from './postpone.ts';

export type { Promotion } from './postpone.ts';

/**
 * Moves the tags that others build on to a verified output, each from `<tag>-candidate` to `<tag>`. Moved already they
 * stay. A newer push that has taken the candidate tag meanwhile is not verified, and stands in nobody's way. A tag that
 * somebody moved while the rebuild ran stays: theirs is the newer word, and a tag never moves back. While a person has
 * stopped Patchwave none moves.
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
    await moveTags(ports, rebuild);
    const promotedAtEpochMs = ports.clock();
    await ports.rebuilds.record(step.stream, step.rebuildId, (before) =>
      before && before.promotedAtEpochMs === undefined ? { ...before, promotedAtEpochMs } : undefined,
    );
  }
  // The event of this push may be lost, and the head has moved.
  await ports.refreshes.send([{ kind: 'refresh', stream: step.stream }]);
  return { decision: 'ended', waitSeconds: limits.pollSeconds };
}

async function moveTags(ports: VerifyPorts, rebuild: Rebuild): Promise<void> {
  const { stream, reservedAtEpochMs, outputTags = [] } = rebuild;
  const output = provenOutput(rebuild);
  const { location, headTag } = parseStreamId(stream);
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

/** What bears the tag alone, and no candidate's any more, was promoted before. */
const promotedTags = (tags: readonly string[], headTag: string): readonly string[] =>
  [...new Set(tags.map((tag) => (tag.endsWith(CANDIDATE) ? tag.slice(0, -CANDIDATE.length) : tag)))]
    .filter((tag) => matchesHeadTag(headTag, tag))
    .sort();

/** An old image under which a tag was put again shows its first push in the registry; our history knows the last one. */
async function lastPushOf(
  ports: Pick<VerifyPorts, 'places'>,
  { digest, pushedAtEpochMs = 0 }: RegistryImage,
  stream: string,
): Promise<number> {
  const seen = await placeOf(ports, digest, stream);
  return Math.max(pushedAtEpochMs, seen?.lastPushSeenAtEpochMs ?? 0);
}

/** What our push history tells of an image in the repository of a stream. */
async function placeOf(
  { places }: Pick<VerifyPorts, 'places'>,
  digest: Digest,
  stream: string,
): Promise<LocationRecord | undefined> {
  const key = locationKey(parseStreamId(stream).location);
  return (await places.locations(digest)).find(({ location }) => locationKey(location) === key);
}
