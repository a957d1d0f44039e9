import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { JudgedImage } from '../../shared/domain/cause/fact-status.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Finding } from '../../shared/domain/scan/finding.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { isResolved } from '../../shared/inventory/artifacts.ts';
import { imagesUnder } from '../../shared/inventory/index-images.ts';
import { learnKept } from '../../shared/judging/judge-images.ts';
import type { VerifyPorts } from './ports.ts';

/** One image of an output; without `record` if the ledger does not have it yet. */
export interface OutputImage {
  readonly digest: Digest;
  readonly record?: ImageRecord;
}

/** The images of an index, one per platform, or the image itself. */
export async function imagesOf(
  { places, images }: Pick<VerifyPorts, 'places' | 'images'>,
  digest: Digest,
): Promise<readonly OutputImage[]> {
  // Most outputs are single images.
  const [digests, own] = await Promise.all([imagesUnder(places, digest), images.get([digest])]);
  const others = await images.get(digests.filter((one) => !own.has(one)));
  return digests.map((one) => {
    const record = own.get(one) ?? others.get(one);
    return { digest: one, ...(record && { record }) };
  });
}

export const judgedImage = ({ digest, record }: OutputImage): JudgedImage => ({
  digest,
  ...(record?.verdict && { verdict: record.verdict }),
  ...(record?.judgedAtEpochMs !== undefined && { judgedAtEpochMs: record.judgedAtEpochMs }),
  ...(record?.lineage && { lineage: record.lineage }),
  ...(record && { scan: record.scan }),
});

/**
 * Requests a refresh of the output's images and its repository's heads; after a push event they are recorded already.
 * Each check repeats the request until the deadline.
 */
export async function learnOutput(
  ports: Pick<VerifyPorts, 'refreshes' | 'places' | 'images'>,
  stream: string,
  output: Digest,
): Promise<readonly OutputImage[]> {
  const images = await imagesOf(ports, output);
  if (!images.every(({ record }) => isResolved(record)))
    await ports.refreshes.send([{ kind: 'refresh', stream, digest: output }]);
  return images;
}

/** All facts of a head's images; `undefined` if those of one image are not recorded. */
export async function keptFindingsOf(
  ports: Pick<VerifyPorts, 'evidence'>,
  images: readonly OutputImage[],
): Promise<readonly Finding[] | undefined> {
  const kept = await mapConcurrently(images, 4, async ({ record }) => {
    const learnt = record && (await learnKept(ports.evidence, record));
    return learnt && 'findings' in learnt ? learnt.findings : undefined;
  });
  return kept.every((findings) => findings !== undefined) ? kept.flat() : undefined;
}

/** Everything in a repository now. */
export const listingOf = async ({ registry }: Pick<VerifyPorts, 'registry'>, stream: string) =>
  (await collect(registry.images(parseStreamId(stream).location))).flat();
