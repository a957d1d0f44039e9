import { mapConcurrently, piecesOf } from '../concurrency.ts';
import { movedHeads } from '../domain/attribution/parent-heads.ts';
import { violatedFacts } from '../domain/cause/cause.ts';
import { compareTexts } from '../domain/common/compare-texts.ts';
import type { Digest } from '../domain/image/image.ts';
import type { Candidate } from '../domain/plan/plan-model.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { ImageLedger } from '../ports/ledger.ts';
import type { FleetTrace } from './fleet-trace.ts';
import { type IsRelevant, RECORDS_AT_ONCE, readImage, relevantTo } from './read-images.ts';

const READS_AT_ONCE = 4;

type Images = Pick<ImageLedger, 'get'>;
type Headed = Pick<Candidate, 'stream' | 'heads'>;

/**
 * Reads the data that decides whether streams may be built on the current heads of their parents. Earlier reads kept
 * only the reasons that the causes need, but a parent may violate something without an open cause. So the heads of such
 * parents are read again, in full, and then the heads of the streams built on them. For a stream without a head its
 * substitute images are read.
 * @param tells what was kept of all images
 * @returns the streams, with heads that have all violations of their parents
 */
export async function readParents<Stream extends Headed>(
  images: Images,
  streams: readonly Stream[],
  trace: FleetTrace,
  isRelevant: IsRelevant,
): Promise<readonly Stream[]> {
  const moved = new Map(streams.map((one) => [one.stream, movedHeads(one, trace)]));
  const heads = [...moved.values()].flatMap((parents) => [...parents.values()].flatMap((one) => one ?? []));
  const suspects = heads.filter((digest) => trace.images.get(digest)?.verdict?.status === 'violating');
  const furtherFacts = new Map(
    (await readAll(images, suspects)).map((image) => {
      const { verdict } = image;
      const reasons = verdict?.reasons.filter((reason) => reason.effect === 'violates' && !isRelevant(reason)) ?? [];
      return [image.digest, { image, facts: verdict ? violatedFacts({ ...verdict, reasons }) : [] }] as const;
    }),
  );
  const withFurtherFacts = (parents: ReturnType<typeof movedHeads>): readonly Digest[] =>
    [...parents.values()].flatMap((one) => one ?? []).filter((digest) => furtherFacts.get(digest)?.facts.length);
  const concerned = streams.filter(({ stream }) => withFurtherFacts(moved.get(stream) ?? new Map()).length > 0);
  if (concerned.length === 0) return streams;
  const more = relevantTo([...furtherFacts.values()].flatMap(({ facts }) => facts));
  const all: IsRelevant = (reason) => isRelevant(reason) || more(reason);
  for (const { image } of furtherFacts.values()) trace.retell(readImage(image, all));
  const substitutes = concerned.flatMap(({ stream }) => trace.lastBuilt.get(stream)?.images ?? []);
  for (const image of await readAll(images, substitutes)) trace.retell(readImage(image, all));
  const own = concerned.flatMap((one) => one.heads?.map(({ digest }) => digest) ?? []);
  const byDigest = new Map((await readAll(images, own)).map((image) => [image.digest, readImage(image, all)]));
  return streams.map((one) =>
    concerned.includes(one) && one.heads
      ? { ...one, heads: one.heads.map((head) => byDigest.get(head.digest) ?? head) }
      : one,
  );
}

async function readAll(images: Images, digests: readonly Digest[]): Promise<readonly ImageRecord[]> {
  const pieces = piecesOf([...new Set(digests)].sort(compareTexts), RECORDS_AT_ONCE);
  const read = await mapConcurrently(pieces, READS_AT_ONCE, (piece) => images.get(piece));
  return read.flatMap((piece) => [...piece.values()]);
}
