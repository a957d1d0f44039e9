import type { JudgedImage } from '../cause/fact-status.ts';
import { compareTexts } from '../common/compare-texts.ts';
import type { Digest, Platform } from '../image/image.ts';
import { ancestorsOf, streamBelow } from '../lineage/find-parents.ts';
import { suited } from '../lineage/layered-image.ts';
import type { Parents } from '../lineage/parent.ts';
import type { StreamRecord } from '../stream/stream-record.ts';
import type { LayersOf } from './layer-evidence.ts';

/** What is known of an image; `stream` only where a stream rule names it. */
export interface AttributedImage extends JudgedImage {
  readonly stream?: string;
  readonly platform?: Platform;
  readonly chainId?: string;
  readonly unpackedId?: string;
}

/** The input of attribution, built once for all images. A missing entry means unknown, never clean. */
export interface AttributionInputs {
  readonly parents: Parents;
  readonly images: ReadonlyMap<Digest, AttributedImage>;
  readonly streams: ReadonlyMap<string, Pick<StreamRecord, 'head'> & Partial<Pick<StreamRecord, 'tier'>>>;
  /**
   * By image of a stream that the policy never lets Patchwave rebuild: that stream. In `images` it has no stream, like
   * an image of a vendor.
   */
  readonly neverBuilt?: ReadonlyMap<Digest, string>;
  /** By stream without a head: the images that show what its next build starts from. */
  readonly lastBuilt?: ReadonlyMap<string, LastBuilt>;
  /** The layers of the images of `imagesInDoubt`; others are not needed. */
  readonly contents?: LayersOf;
}

/** Images of a stream that has no head. */
export interface LastBuilt {
  /** Those pushed last (`LastImages`). */
  readonly images: readonly Digest[];
  /** Those of them that a workload runs. */
  readonly running: readonly Digest[];
}

/** The heads of a stream; without a head, the images that show what its next build starts from. */
export function showing(
  stream: string,
  heads: readonly JudgedImage[],
  known: AttributionInputs,
): readonly JudgedImage[] {
  if (heads.length > 0) return heads;
  return (known.lastBuilt?.get(stream)?.images ?? []).map((digest) => known.images.get(digest) ?? { digest });
}

/** One stream of a lineage. */
export interface Step {
  readonly stream: string;
  /** The image of the lineage that the stream made. */
  readonly digest: Digest;
  /** For the platform of the image. Empty if there is none, absent if it is unknown. */
  readonly heads?: readonly Digest[];
}

/** The streams that an image comes from. */
export interface StreamLineage {
  /** Lowest first. The last one is the image's own stream, if it has one. */
  readonly steps: readonly Step[];
  /** Images whose parent is unknown, so that steps may be missing. */
  readonly unseen: readonly Digest[];
}

/**
 * The same for all facts of the image. Leaves out a stream that a head above is no longer built on, because its rebuild
 * would reach no image.
 */
export function streamLineageOf(digest: Digest, known: AttributionInputs): StreamLineage {
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

/**
 * The image's own stream, then each that `streamBelow` leads to. A stream that appears again lower down is listed once.
 */
function placesOf(digest: Digest, { parents, images }: AttributionInputs) {
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
 * The heads of a stream, as in `Step`: the images that a machine with the platform of one image would get. A head with
 * an unread platform may be one of them; if the image's own platform is unknown, every head may be.
 */
export function headsFor(
  { stream, digest }: Omit<Step, 'heads'>,
  { images, streams }: AttributionInputs,
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

/**
 * Whether all heads are now built on other streams, directly or not; includes streams that the policy never lets
 * Patchwave rebuild.
 */
function haveLeft(
  heads: readonly Digest[],
  below: string,
  { parents, images, neverBuilt }: AttributionInputs,
): boolean {
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
