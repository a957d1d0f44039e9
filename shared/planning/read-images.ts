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
import { withoutEndedWaivers } from '../domain/verdict/verdict.ts';
import type { Clock } from '../ports/clock.ts';
import type { ImageLedger, StreamLedger } from '../ports/ledger.ts';
import type { RebuildLedger } from '../ports/rebuilds.ts';
import type { StreamImages } from '../ports/stream-images.ts';

export const RECORDS_AT_ONCE = 100;

export interface ReadImagesPorts {
  readonly streams: Pick<StreamLedger, 'streams'>;
  readonly streamImages: Pick<StreamImages, 'of'>;
  readonly images: Pick<ImageLedger, 'get'>;
  readonly rebuilds: Pick<RebuildLedger, 'latest'>;
  readonly clock: Clock;
}

/** An image, with its lineage if a review has resolved it. */
export interface ReadImage extends AttributedImage {
  readonly parent?: Parent;
}

/** The images of one stream that matter for a cause. */
export interface SeenStream extends StreamImagesSeen, Pick<Candidate, 'headDigest' | 'runs'> {
  readonly heads?: readonly ReadImage[];
  readonly inUse: readonly ReadImage[];
  /** Absent if the ledger does not know the stream. */
  readonly record?: StreamRecord;
  /** Only for a stream without a head: the images that show what its next build starts from (`LastImages`). */
  readonly lastBuilt?: SeenLast;
}

export interface SeenLast {
  readonly images: readonly ReadImage[];
  readonly running: readonly Digest[];
}

export interface ImagesAsked extends Pick<Cause, 'stream' | 'facts'> {
  /** Includes facts of others that its heads are checked for. */
  readonly asked?: IsRelevant;
  readonly record?: StreamRecord | undefined;
}

/** The images of a stream that matter for its cause; no heads if the ledger does not know the stream. */
export async function readImages(
  ports: ReadImagesPorts,
  { stream, facts, asked = relevantTo(facts), record: known }: ImagesAsked,
): Promise<SeenStream> {
  const [record, listed, [latestRebuild]] = await Promise.all([
    known ?? ports.streams.streams([stream]).then((records) => records.get(stream)),
    collect(ports.streamImages.of(stream)),
    // A manual request is fulfilled by any rebuild.
    facts.some(({ kind }) => kind === 'person') ? ports.rebuilds.latest(stream, 1) : [],
  ]);
  const heads = new Set(Object.values(record?.head?.images ?? {}));
  const isHeadless = record !== undefined && heads.size === 0;
  // The running images are then checked for everything that a head is checked for.
  const isRelevant = isHeadless ? asked : relevantTo(facts);
  const last = new LastImages();
  const inUse: ReadImage[] = [];
  const headImages = new Map([...heads].map((digest) => [digest, { digest } as ReadImage]));
  let runs = false;
  for (const piece of piecesOf([...new Set([...heads, ...listed])], RECORDS_AT_ONCE)) {
    for (const one of (await ports.images.get(piece)).values()) {
      const image = byNow(one, ports.clock());
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

/** No review judges the head of an application that does not run, so its verdict may be older than the end of a waiver. */
const byNow = (image: ImageRecord, nowEpochMs: number): ImageRecord =>
  image.verdict ? { ...image, verdict: withoutEndedWaivers(image.verdict, nowEpochMs) } : image;

const seenLast = (images: readonly ImageRecord[], isRelevant: IsRelevant): SeenLast => ({
  images: images.map((image) => readImage(image, isRelevant)),
  running: images.flatMap(({ digest, inUse }) => (inUse ? digest : [])),
});

/** Whether a reason of a verdict is needed. */
export type IsRelevant = (reason: NonNullable<JudgedImage['verdict']>['reasons'][number]) => boolean;

/** A verdict may have thousands of reasons, so over all streams only those are kept that the cause needs. */
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
