import type { LookedAt } from './holding.ts';
import type { Digest, Platform } from './image.ts';
import { ancestorsOf, standsOn } from './lineage.ts';
import type { Parents } from './lineage-evidence.ts';
import { suited } from './lineage-facts.ts';
import { compareTexts } from './order.ts';
import type { StreamRecord } from './records.ts';

/** What is known of an image; `stream` only where its tier is base, platform or application. */
export interface KnownImage extends LookedAt {
  readonly stream?: string;
  readonly platform?: Platform;
  /** Of its manifest, and what they unpack to; both may be named by a scanner. */
  readonly layers?: readonly Digest[];
}

/** What attribution is decided by; built once for all images. What is missing in it is unknown, never clean. */
export interface KnownFleet {
  readonly parents: Parents;
  readonly images: ReadonlyMap<Digest, KnownImage>;
  readonly streams: ReadonlyMap<string, Pick<StreamRecord, 'head'>>;
}

interface Place {
  readonly stream: string;
  /** The image of the lineage that the stream made. */
  readonly digest: Digest;
  /** Images that no stream made between it and the next place below, the nearest first. */
  readonly vendors: Digest[];
}

/** One stream of a lineage. */
export interface Step extends Place {
  /** For the platform of the image; empty where there is none, absent where nobody could tell. */
  readonly heads?: readonly Digest[];
  /** Whether its head has other platforms only. */
  readonly lacksPlatform: boolean;
  /** Whether its heads stand on those of the step below; absent where nothing is below, or nobody could tell. */
  readonly isOnHead?: boolean;
  /** Images that would have to be known to tell. */
  readonly unseen: readonly Digest[];
}

/** The streams that an image comes from. */
export interface Line {
  readonly digest: Digest;
  /** The lowest first; the last one is the image's own where it has a stream. */
  readonly steps: readonly Step[];
  readonly ownStream?: string;
  /** Of an image without a stream: images without one that it stands on, above the first step. */
  readonly vendors: readonly Digest[];
  /** A stream it comes from, which a head above no longer stands on: to rebuild it would reach nobody. */
  readonly left?: string;
  /** Images whose place is not known, so that nobody can tell all steps. */
  readonly unseen: readonly Digest[];
}

/** The same for all facts of the image. */
export function lineOf(digest: Digest, known: KnownFleet): Line {
  const { images } = known;
  const ownStream = images.get(digest)?.stream;
  const { places, vendors, unseen } = placesOf(digest, known);
  const steps: Step[] = [];
  let left: string | undefined;
  for (const place of places.toReversed()) {
    const head = headsOf(place, known);
    const below = steps.at(-1);
    const { hasLeft, ...footing } = below ? footingOf(head, below, known) : LOWEST;
    if (below && hasLeft) {
      left = below.stream;
      steps.length = 0;
    }
    steps.push({ ...place, ...head, ...footing });
  }
  return {
    digest,
    steps,
    vendors,
    unseen,
    ...(ownStream !== undefined && { ownStream }),
    ...(left !== undefined && { left }),
  };
}

/** The image's own stream, then each that `standsOn` leads to; a stream that comes again lower down adds nothing. */
function placesOf(digest: Digest, { parents, images }: KnownFleet) {
  const own = images.get(digest);
  const vendors: Digest[] = [];
  const unseen: Digest[] = own ? [] : [digest];
  const places: Place[] = own?.stream === undefined ? [] : [{ stream: own.stream, digest, vendors: [] }];
  const streams = new Set(places.map(({ stream }) => stream));
  for (const parent of ancestorsOf(parents, digest)) {
    const image = images.get(parent.digest);
    if (!image) unseen.push(parent.digest);
    else if (image.stream === undefined) (places.at(-1)?.vendors ?? vendors).push(parent.digest);
    else if (parent.evidence !== 'earliest-push' && !streams.has(image.stream)) {
      streams.add(image.stream);
      places.push({ stream: image.stream, digest: parent.digest, vendors: [] });
    }
  }
  return { places, vendors, unseen };
}

/**
 * The image a machine of that platform would get. One of a platform that nobody could read may be it; where the image's
 * own is not known, any may.
 */
function headsOf({ stream, digest }: Place, { images, streams }: KnownFleet): Pick<Step, 'heads' | 'lacksPlatform'> {
  const record = streams.get(stream);
  if (!record) return { lacksPlatform: false };
  const platform = images.get(digest)?.platform;
  const all = Object.entries(record.head?.images ?? {})
    .map(([of, digest]) => ({ platform: of as Platform, digest }))
    .sort((one, other) => compareTexts(one.platform, other.platform));
  const unread = all.filter((head) => !isRead(head.platform));
  const meant = isRead(platform) ? [...suited({ platform }, all).slice(0, 1), ...unread] : all;
  return {
    heads: [...new Set(meant.map(({ digest }) => digest))],
    lacksPlatform: all.length > 0 && meant.length === 0,
  };
}

const isRead = (platform: Platform | undefined): platform is Platform =>
  platform !== undefined && !platform.startsWith('unknown/');

interface Footing extends Pick<Step, 'isOnHead' | 'unseen'> {
  /** All heads stand on other streams now, by whatever way. */
  readonly hasLeft: boolean;
}

const LOWEST: Footing = { hasLeft: false, unseen: [] };

function footingOf({ heads = [] }: Pick<Step, 'heads'>, below: Step, known: KnownFleet): Footing {
  const { parents, images } = known;
  const streamOf = (digest: Digest) => images.get(digest)?.stream;
  const feet = heads.map((head) => {
    const ancestors = ancestorsOf(parents, head);
    const at = ancestors.findIndex(
      (each) => each.evidence !== 'earliest-push' && streamOf(each.digest) === below.stream,
    );
    const way = at < 0 ? ancestors : ancestors.slice(0, at);
    const isElsewhere = at < 0 && standsOn(parents, head, streamOf) !== undefined;
    return { on: ancestors[at]?.digest, isElsewhere, way: [head, ...way.map(({ digest }) => digest)] };
  });
  const unseen = feet.flatMap(({ way }) => way.filter((digest) => !images.has(digest)));
  if (unseen.length > 0) return { hasLeft: false, unseen };
  return {
    isOnHead: feet.every(({ on }) => on !== undefined && below.heads?.includes(on) === true),
    hasLeft: feet.length > 0 && feet.every((foot) => foot.isElsewhere),
    unseen,
  };
}
