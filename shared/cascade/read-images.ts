import { collect, piecesOf } from '../concurrency.ts';
import type { Cause, CauseFact } from '../domain/cause.ts';
import { headDigestOf } from '../domain/heads.ts';
import type { LookedAt, StreamImagesSeen } from '../domain/holding.ts';
import type { PlannedStream } from '../domain/plan.ts';
import type { ImageRecord } from '../domain/records.ts';
import type { ImageLedger, StreamLedger } from '../ports/ledger.ts';
import type { RebuildLedger, StreamImages } from '../ports/rebuilds.ts';

const RECORDS_AT_ONCE = 100;

export interface ReadImagesPorts {
  readonly streams: Pick<StreamLedger, 'streams'>;
  readonly streamImages: Pick<StreamImages, 'of'>;
  readonly images: Pick<ImageLedger, 'get'>;
  readonly rebuilds: Pick<RebuildLedger, 'latest'>;
}

/** The images of a stream that decide on its cause; no heads where the ledger does not know the stream. */
export async function readImages(
  ports: ReadImagesPorts,
  cause: Cause,
): Promise<StreamImagesSeen & Pick<PlannedStream, 'headDigest'>> {
  const { stream, facts } = cause;
  const [records, listed, [latestRebuild]] = await Promise.all([
    ports.streams.streams([stream]),
    collect(ports.streamImages.of(stream)),
    // Only a person's wish is served by a rebuild, whatever that mended.
    facts.some(({ kind }) => kind === 'person') ? ports.rebuilds.latest(stream, 1) : [],
  ]);
  const record = records.get(stream);
  const heads = new Set(Object.values(record?.head?.images ?? {}));
  const tells = relevantTo(facts);
  const inUse: LookedAt[] = [];
  const headImages = new Map([...heads].map((digest) => [digest, { digest } as LookedAt]));
  for (const piece of piecesOf([...new Set([...heads, ...listed])], RECORDS_AT_ONCE)) {
    for (const image of (await ports.images.get(piece)).values()) {
      if (heads.has(image.digest)) headImages.set(image.digest, lookedAt(image, tells));
      else if (image.inUse && image.stream === stream) inUse.push(lookedAt(image, tells));
    }
  }
  const headDigest = headDigestOf(record?.head);
  return {
    ...(record && { heads: [...headImages.values()] }),
    ...(headDigest !== undefined && { headDigest }),
    inUse,
    ...(latestRebuild && { latestRebuild }),
  };
}

type Tells = (reason: NonNullable<LookedAt['verdict']>['reasons'][number]) => boolean;

/** A verdict may have thousands of reasons; of all streams at once, only those are kept that the cause asks after. */
function relevantTo(facts: readonly CauseFact[]): Tells {
  const pairs = new Set(facts.map((fact) => (fact.kind === 'finding' ? pairOf(fact) : fact.kind)));
  return (reason) => reason.kind !== 'finding' || pairs.has(pairOf(reason));
}

const pairOf = ({ vulnerability, package: name }: { readonly vulnerability: string; readonly package: string }) =>
  `${vulnerability}\n${name}`;

function lookedAt({ digest, verdict, judgedAtEpochMs }: ImageRecord, tells: Tells): LookedAt {
  return {
    digest,
    ...(verdict && { verdict: { ...verdict, reasons: verdict.reasons.filter(tells) } }),
    ...(judgedAtEpochMs !== undefined && { judgedAtEpochMs }),
  };
}
