import { byKey } from '../common/compare-texts.ts';
import type { Digest, ImageLocation, Platform } from '../image/image.ts';
import { matchesHeadTag } from '../policy/head-tag.ts';
import type { StreamRule } from '../policy/policy.ts';
import { linesOf, makingLineOf, type ReleaseLine, releaseLineOf, streamId } from './stream.ts';
import type { StreamRecord } from './stream-record.ts';

/** One pushed artifact of a repository, with its platforms. */
export interface PushedImage {
  readonly digest: Digest;
  readonly tags: readonly string[];
  readonly pushedAtEpochMs?: number;
  /** When its tags were last pushed, if known: a person may give an old image a head tag. */
  readonly taggedAt?: ReadonlyMap<string, number>;
  /** Present for an index: its runnable children. */
  readonly children?: readonly { readonly digest: Digest; readonly platform: Platform }[];
  /** For an image, not an index; absent if its config could not be read. */
  readonly platform?: Platform;
}

/** Every release line of a repository with its head; lines without a push have none. */
export function findStreams(
  rules: readonly StreamRule[],
  location: ImageLocation,
  pushed: readonly PushedImage[],
): StreamRecord[] {
  const first = new Map(
    linesOf(rules)
      .reverse()
      .map((line) => [line.name, line]),
  );
  return [...first.values()].reverse().map((line) => streamOf(line, location, pushedFor(line, rules, pushed)));
}

/**
 * The `most` images of each release line that were pushed last, candidates included. Images without tags or without a
 * line are never a head.
 */
export function newestTagged(
  rules: readonly StreamRule[],
  images: readonly Pick<PushedImage, 'digest' | 'tags' | 'pushedAtEpochMs'>[],
  most: number,
): ReadonlySet<Digest> {
  const lines = Map.groupBy(images, ({ tags }) => tags.length > 0 && makingLineOf(rules, tags)?.name);
  lines.delete(false);
  lines.delete(undefined);
  return new Set(
    [...lines.values()].flatMap((line) =>
      line
        .toSorted(latestFirst)
        .slice(0, most)
        .map(({ digest }) => digest),
    ),
  );
}

/**
 * An image with head tags of two lines is the head of the line that its least specific tag names. An image without tags
 * is no head, because its tags have moved.
 */
const pushedFor = ({ headTag, name }: ReleaseLine, rules: readonly StreamRule[], pushed: readonly PushedImage[]) =>
  pushed
    .filter(({ tags }) => tags.length > 0 && releaseLineOf(rules, tags)?.name === name)
    .map((image) => ({ ...image, pushedAtEpochMs: headSince(image, headTag) }));

/** The last push of one of its head tags, which may be much later than its own push. */
function headSince({ tags, taggedAt, pushedAtEpochMs = 0 }: PushedImage, headTag: string): number {
  const instants = tags.flatMap((tag) => (matchesHeadTag(headTag, tag) ? (taggedAt?.get(tag) ?? []) : []));
  return instants.reduce((one, other) => Math.max(one, other), pushedAtEpochMs);
}

function streamOf(
  { rule, headTag, name }: ReleaseLine,
  location: ImageLocation,
  pushed: readonly PushedImage[],
): StreamRecord {
  const head = headOf(pushed);
  const { tier, owner } = rule;
  return { stream: streamId(location, name), tier, owner, location, headTag, ...(head && { head }) };
}

/**
 * The last push of an image or of its head tag decides. An index is the head on all its platforms; platforms that are
 * pushed one by one each keep their own last image.
 */
export function headOf(pushed: readonly PushedImage[]): StreamRecord['head'] {
  const [latest, ...earlier] = [...pushed].sort(latestFirst);
  if (!latest) return undefined;
  if (latest.children) return { index: latest.digest, images: platformsOf(latest) };
  const images: Record<Platform, Digest> = {};
  for (const image of [latest, ...earlier])
    for (const [platform, digest] of Object.entries(platformsOf(image)) as [Platform, Digest][])
      images[platform] ??= digest;
  return { images };
}

function platformsOf({ digest, children, platform }: PushedImage): Record<Platform, Digest> {
  // Of two images of one platform nodes start the first.
  if (children) return Object.fromEntries(children.toReversed().map((child) => [child.platform, child.digest]));
  return { [platform ?? UNREADABLE_PLATFORM]: digest };
}

type Pushed = Pick<PushedImage, 'digest' | 'pushedAtEpochMs'>;

/** The platform of an image with an unreadable config. */
const UNREADABLE_PLATFORM: Platform = 'unknown/unreadable';

const latestFirst = (one: Pushed, other: Pushed): number =>
  (other.pushedAtEpochMs ?? 0) - (one.pushedAtEpochMs ?? 0) || (one.digest < other.digest ? -1 : 1);

/**
 * One digest for a whole head: its index or its only image. Platforms that were pushed one by one share no digest; then
 * the first platform by name decides.
 */
export function headDigestOf(head: StreamRecord['head']): Digest | undefined {
  if (!head) return undefined;
  const [first] = Object.entries(head.images).sort(byKey);
  return head.index ?? first?.[1];
}
