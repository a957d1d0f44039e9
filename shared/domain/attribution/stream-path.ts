import type { JudgedImage } from '../cause/fact-status.ts';
import { compareTexts } from '../common/compare-texts.ts';
import type { Digest, Platform } from '../image/image.ts';
import { ancestorsOf, streamBelow } from '../lineage/find-parents.ts';
import { suited } from '../lineage/lineage-facts.ts';
import type { Parents } from '../lineage/parent.ts';
import type { StreamRecord } from '../stream/stream-record.ts';

/** What is known of an image; `stream` only where its tier is base, platform or application. */
export interface AttributedImage extends JudgedImage {
  readonly stream?: string;
  readonly platform?: Platform;
  readonly chainId?: string;
  readonly unpackedId?: string;
}

/** What attribution is decided by; built once for all images. What is missing in it is unknown, never clean. */
export interface AttributionFacts {
  readonly parents: Parents;
  readonly images: ReadonlyMap<Digest, AttributedImage>;
  readonly streams: ReadonlyMap<string, Pick<StreamRecord, 'head'>>;
  /** By image of a stream that the policy never lets be rebuilt: that stream. In `images` it has none, as a vendor's. */
  readonly neverBuilt?: ReadonlyMap<Digest, string>;
  /** By stream without a head: the images that show what its next build begins with. */
  readonly lastBuilt?: ReadonlyMap<string, LastBuilt>;
}

/** Images of a stream that has no head. */
export interface LastBuilt {
  /** Those that were pushed last (`LastImages`). */
  readonly images: readonly Digest[];
  /** Those of them that a workload runs. */
  readonly running: readonly Digest[];
}

/** The heads of a stream; of a stream without a head, the images that show what its next build begins with. */
export function showing(
  stream: string,
  heads: readonly JudgedImage[],
  known: AttributionFacts,
): readonly JudgedImage[] {
  if (heads.length > 0) return heads;
  return (known.lastBuilt?.get(stream)?.images ?? []).map((digest) => known.images.get(digest) ?? { digest });
}

/** One stream of a lineage. */
export interface Step {
  readonly stream: string;
  /** The image of the lineage that the stream made. */
  readonly digest: Digest;
  /** For the platform of the image; empty where there is none, absent where nobody could tell. */
  readonly heads?: readonly Digest[];
}

/** The streams that an image comes from. */
export interface StreamLineage {
  /** The lowest first; the last one is the image's own where it has a stream. */
  readonly steps: readonly Step[];
  /** Images whose place is not known, so that nobody can tell all steps. */
  readonly unseen: readonly Digest[];
}

/** The same for all facts of the image. A stream that a head above no longer is built on is left: its rebuild would reach nobody. */
export function streamLineageOf(digest: Digest, known: AttributionFacts): StreamLineage {
  const { places, unseen } = placesOf(digest, known);
  const steps: Step[] = [];
  for (const place of places.toReversed()) {
    const heads = headsFor(place, known);
    const below = steps.at(-1);
    if (below && haveLeft(heads ?? [], below.stream, known)) steps.length = 0;
    steps.push({ ...place, ...(heads && { heads }) });
  }
  return { steps, unseen };
}

/** The image's own stream, then each that `streamBelow` leads to; a stream that comes again lower down adds nothing. */
function placesOf(digest: Digest, { parents, images }: AttributionFacts) {
  const own = images.get(digest);
  const unseen: Digest[] = own ? [] : [digest];
  const places: Omit<Step, 'heads'>[] = own?.stream === undefined ? [] : [{ stream: own.stream, digest }];
  const streams = new Set(places.map(({ stream }) => stream));
  for (const parent of ancestorsOf(parents, digest)) {
    const image = images.get(parent.digest);
    if (!image) unseen.push(parent.digest);
    else if (image.stream !== undefined && parent.evidence !== 'earliest-push' && !streams.has(image.stream)) {
      streams.add(image.stream);
      places.push({ stream: image.stream, digest: parent.digest });
    }
  }
  return { places, unseen };
}

/**
 * The heads of a stream, as `Step` has them: the image that a machine of the platform of one image would get. One of a platform that nobody could read may be it; where the image's
 * own is not known, any may.
 */
export function headsFor(
  { stream, digest }: Omit<Step, 'heads'>,
  { images, streams }: AttributionFacts,
): readonly Digest[] | undefined {
  const record = streams.get(stream);
  if (!record) return undefined;
  const platform = images.get(digest)?.platform;
  const all = Object.entries(record.head?.images ?? {})
    .map(([of, digest]) => ({ platform: of as Platform, digest }))
    .sort((one, other) => compareTexts(one.platform, other.platform));
  const unread = all.filter((head) => !isRead(head.platform));
  const meant = isRead(platform) ? [...suited({ platform }, all).slice(0, 1), ...unread] : all;
  return [...new Set(meant.map(({ digest }) => digest))];
}

const isRead = (platform: Platform | undefined): platform is Platform =>
  platform !== undefined && !platform.startsWith('unknown/');

/** Whether all heads are built on other streams now, by whatever way; also on streams that the policy never lets be rebuilt. */
function haveLeft(heads: readonly Digest[], below: string, { parents, images, neverBuilt }: AttributionFacts): boolean {
  const streamOf = (digest: Digest) => images.get(digest)?.stream ?? neverBuilt?.get(digest);
  const feet = heads.map((head) => {
    const ancestors = ancestorsOf(parents, head);
    const at = ancestors.findIndex((one) => one.evidence !== 'earliest-push' && streamOf(one.digest) === below);
    const path = [head, ...(at < 0 ? ancestors : ancestors.slice(0, at)).map(({ digest }) => digest)];
    return {
      isElsewhere: at < 0 && streamBelow(parents, head, streamOf) !== undefined,
      isKnown: path.every((digest) => images.has(digest)),
    };
  });
  return feet.length > 0 && feet.every(({ isElsewhere, isKnown }) => isElsewhere && isKnown);
}
