import { collect, piecesOf } from '../concurrency.ts';
import { LastImages } from '../domain/attribution/last-images.ts';
import type { AttributedImage } from '../domain/attribution/stream-path.ts';
import type { Cause, CauseFact } from '../domain/cause/cause.ts';
import type { JudgedImage, StreamImagesSeen } from '../domain/cause/fact-status.ts';
import { nextUnreadOf, unplacedOf } from '../domain/cause/unplaced.ts';
import type { Digest } from '../domain/image/image.ts';
import type { Parent } from '../domain/lineage/parent.ts';
import type { Candidate } from '../domain/plan/plan-model.ts';
import { headDigestOf } from '../domain/stream/heads.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageLedger, StreamLedger } from '../ports/ledger.ts';
import type { RebuildLedger } from '../ports/rebuilds.ts';
import type { StreamImages } from '../ports/stream-images.ts';

export const RECORDS_AT_ONCE = 100;

export interface ReadImagesPorts {
  readonly streams: Pick<StreamLedger, 'streams'>;
  readonly streamImages: Pick<StreamImages, 'of'>;
  readonly images: Pick<ImageLedger, 'get'>;
  readonly rebuilds: Pick<RebuildLedger, 'latest'>;
}

/** An image, and what it is built on where a review has looked. */
export interface ReadImage extends AttributedImage {
  readonly parent?: Parent;
}

/** The images of one stream that decide on a cause. */
export interface SeenStream extends StreamImagesSeen, Pick<Candidate, 'headDigest' | 'runs'> {
  readonly heads?: readonly ReadImage[];
  readonly inUse: readonly ReadImage[];
  /** Absent where the ledger does not know the stream. */
  readonly record?: StreamRecord;
  /** Only of a stream that has no head: what shows what its next build begins with (`LastImages`). */
  readonly lastBuilt?: SeenLast;
}

export interface SeenLast {
  readonly images: readonly ReadImage[];
  readonly running: readonly Digest[];
}

export interface ImagesAsked extends Pick<Cause, 'stream' | 'facts'> {
  /** Facts of others too that its heads are asked for. */
  readonly asked?: IsRelevant;
  readonly record?: StreamRecord | undefined;
}

/** The images of a stream that decide on its cause; no heads where the ledger does not know the stream. */
export async function readImages(
  ports: ReadImagesPorts,
  { stream, facts, asked = relevantTo(facts), record: told }: ImagesAsked,
): Promise<SeenStream> {
  const [record, listed, [latestRebuild]] = await Promise.all([
    told ?? ports.streams.streams([stream]).then((records) => records.get(stream)),
    collect(ports.streamImages.of(stream)),
    // Only a person's wish is served by a rebuild, whatever that fixed.
    facts.some(({ kind }) => kind === 'person') ? ports.rebuilds.latest(stream, 1) : [],
  ]);
  const heads = new Set(Object.values(record?.head?.images ?? {}));
  const isHeadless = record !== undefined && heads.size === 0;
  // What runs then is asked for all that a head is asked for.
  const isRelevant = isHeadless ? asked : relevantTo(facts);
  const last = new LastImages();
  const inUse: ReadImage[] = [];
  const headImages = new Map([...heads].map((digest) => [digest, { digest } as ReadImage]));
  let runs = false;
  for (const piece of piecesOf([...new Set([...heads, ...listed])], RECORDS_AT_ONCE)) {
    for (const image of (await ports.images.get(piece)).values()) {
      if (image.inUse && image.stream === stream) runs = true;
      if (isHeadless && image.stream === stream) last.add(image);
      if (heads.has(image.digest)) headImages.set(image.digest, readImage(image, asked));
      else if (image.inUse && image.stream === stream) inUse.push(readImage(image, isRelevant));
    }
  }
  const headDigest = headDigestOf(record?.head);
  return {
    ...(record && { record, heads: [...headImages.values()] }),
    ...(isHeadless && { lastBuilt: seenLast(last.images(), asked) }),
    ...(headDigest !== undefined && { headDigest }),
    inUse,
    runs,
    ...(latestRebuild && { latestRebuild }),
  };
}

const seenLast = (images: readonly ImageRecord[], isRelevant: IsRelevant): SeenLast => ({
  images: images.map((image) => readImage(image, isRelevant)),
  running: images.flatMap(({ digest, inUse }) => (inUse ? digest : [])),
});

/** Whether anybody asks after what a reason of a verdict tells. */
export type IsRelevant = (reason: NonNullable<JudgedImage['verdict']>['reasons'][number]) => boolean;

/** A verdict may have thousands of reasons; of all streams at once, only those are kept that the cause asks after. */
export function relevantTo(facts: readonly CauseFact[]): IsRelevant {
  const pairs = new Set(facts.map((fact) => (fact.kind === 'finding' ? pairOf(fact) : fact.kind)));
  return (reason) => reason.kind !== 'finding' || pairs.has(pairOf(reason));
}

const pairOf = ({ vulnerability, package: name }: { readonly vulnerability: string; readonly package: string }) =>
  `${vulnerability}\n${name}`;

function judgedImage(image: ImageRecord, isRelevant: IsRelevant): JudgedImage {
  const { digest, verdict, judgedAtEpochMs, lineage, scan } = image;
  const [unplaced, nextUnread] = [unplacedOf(image), nextUnreadOf(image)];
  return {
    digest,
    ...(verdict && { verdict: { ...verdict, reasons: verdict.reasons.filter(isRelevant) } }),
    ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
    ...(lineage && { lineage }),
    ...(unplaced && { unplaced }),
    ...(nextUnread && { nextUnread }),
    scan,
  };
}

export function readImage(image: ImageRecord, isRelevant: IsRelevant): ReadImage {
  const parent = image.lineage ? image.lineage.parent : image.parentAsBefore;
  return {
    ...judgedImage(image, isRelevant),
    ...(image.stream !== undefined && { stream: image.stream }),
    ...(image.platform !== undefined && { platform: image.platform }),
    ...(image.chainId !== undefined && { chainId: image.chainId }),
    ...(image.unpackedId !== undefined && { unpackedId: image.unpackedId }),
    ...(parent && { parent }),
  };
}
