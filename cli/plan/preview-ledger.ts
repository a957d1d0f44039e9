import { collect, piecesOf } from '../../shared/concurrency.ts';
import { factsFor, mergeCause } from '../../shared/domain/cause/cause.ts';
import type { Digest, Platform } from '../../shared/domain/image/image.ts';
import { parseStreamId } from '../../shared/domain/stream/stream.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { ImageRecord } from '../../shared/domain/verdict/image-record.ts';
import { RunFileMissingError } from '../../shared/ports/errors.ts';
import type { CauseLedger, RunLedger, StreamLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { StreamImages } from '../../shared/ports/stream-images.ts';
import { batchesDocument, runFileKeys } from '../../shared/review/documents.ts';
import { previewImages, previewLedgers, previewRuns } from '../../shared/review/preview.ts';
import { readDocument } from '../../shared/review/read-document.ts';
import type { CliContext } from '../command.ts';
import { NotFoundError } from '../errors.ts';

type Streams = Pick<StreamLedger, 'streams' | 'all'>;

/** The ledgers that a preview overlays. */
export interface PreviewLedgers extends Pick<CliContext, 'images' | 'causes'> {
  readonly streams: Streams;
  readonly streamImages: Pick<StreamImages, 'of'>;
  readonly runs: Pick<RunLedger, 'latest'>;
  readonly runId: string;
  /** Number of its images that no review has read: their lineage is unknown, and all facts count as their own. */
  readonly unseen: number;
}

const IMAGES_A_READ = 500;

/**
 * The ledger as if a preview had been recorded: images with verdicts, heads and causes. Usages are not in its files, so
 * the ledger's own are used.
 * @throws NotFoundError if there is no such preview, or its files have expired
 */
export async function previewLedger(context: CliContext, runId: string): Promise<PreviewLedgers> {
  const files: RunFiles = onlyRead(context.runFiles);
  const views = { images: previewImages, runs: previewRuns };
  const { images, runs } = previewLedgers({ images: context.images, runs: context.runs }, views, files, runId);
  const review = await runs.get(runId);
  if (review === undefined) throw new NotFoundError(noPreview(runId));
  const found = await foundImages(files, images, runId);
  const byStream = Map.groupBy(
    found.filter(({ stream }) => stream !== undefined),
    ({ stream = '' }) => stream,
  );
  const seen = await context.images.get(found.map(({ digest }) => digest));
  return {
    images,
    runId,
    unseen: found.length - seen.size,
    streams: foundStreams(context.streams, byStream),
    streamImages: foundStreamImages(context.streamImages, byStream),
    causes: foundCauses(context.causes, found, review.startedAtEpochMs),
    runs: { latest: async () => ({ ended: review }) },
  };
}

const onlyRead = (files: CliContext['runFiles']): RunFiles => ({
  get: (key) => files.get(key),
  list: (prefix) => files.list(prefix),
  put: (key) =>
    Promise.reject(
      new TypeError(`Bug in Patchwave: a read-only plan tried to write ${key}. Nothing was written. Please report it.`),
    ),
});

const noPreview = (runId: string): string =>
  `There is no preview ${runId}, or its files are gone: they are kept for seven days. Start one with: patchwave review --preview`;

async function foundImages(
  files: RunFiles,
  images: CliContext['images'],
  runId: string,
): Promise<readonly ImageRecord[]> {
  const batches = await readDocument(files, runFileKeys(runId).batches, batchesDocument).catch((cause: unknown) => {
    throw cause instanceof RunFileMissingError
      ? new NotFoundError(
          `Preview ${runId} has not listed its images yet. Run the command again when its execution has ended.`,
          { cause },
        )
      : cause;
  });
  const found: ImageRecord[] = [];
  for (const piece of piecesOf(
    batches.flatMap(({ digests }) => digests),
    IMAGES_A_READ,
  ))
    found.push(...(await images.get(piece)).values());
  return found;
}

type ByStream = ReadonlyMap<string, readonly ImageRecord[]>;

/** Streams with a different head in the preview, and new ones. */
function foundStreams(real: Streams, byStream: ByStream): Streams {
  const over = (stream: string, known: StreamRecord | undefined): StreamRecord | undefined => {
    const heads = (byStream.get(stream) ?? []).filter(({ isHead }) => isHead);
    const [first] = heads;
    if (!first) return known;
    const kept = new Set(Object.values(known?.head?.images ?? {}));
    if (known && heads.every(({ digest }) => kept.has(digest))) return known;
    const found = heads.map(({ platform = UNREAD, digest }): [Platform, Digest] => [platform, digest]);
    const head = { images: { ...known?.head?.images, ...Object.fromEntries(found) } };
    return { ...(known ?? recordOf(stream, first)), head };
  };
  return {
    streams: async (ids) => {
      const known = await real.streams(ids);
      return new Map(
        ids.flatMap((id) => {
          const record = over(id, known.get(id));
          return record ? [[id, record] as const] : [];
        }),
      );
    },
    all: async function* () {
      const known = new Set<string>();
      for await (const record of real.all()) {
        known.add(record.stream);
        yield over(record.stream, record) ?? record;
      }
      for (const stream of byStream.keys()) {
        const record = known.has(stream) ? undefined : over(stream, undefined);
        if (record) yield record;
      }
    },
  };
}

/** The inventory's code for unread items. */
const UNREAD: Platform = 'unknown/unreadable';

/** Only images of these tiers have a stream and an owner. */
const recordOf = (stream: string, { tier, owner = '' }: ImageRecord): StreamRecord => {
  const { location, name } = parseStreamId(stream);
  return { stream, tier: tier as StreamRecord['tier'], owner, location, headTag: name };
};

const foundStreamImages = (
  real: PreviewLedgers['streamImages'],
  byStream: ByStream,
): PreviewLedgers['streamImages'] => ({
  of: async function* (stream) {
    const found = new Set((byStream.get(stream) ?? []).map(({ digest }) => digest));
    yield* found;
    for await (const digest of real.of(stream)) if (!found.has(digest)) yield digest;
  },
});

/** A verdict of an earlier run has its cause in the ledger already. */
function foundCauses(real: CauseLedger, found: readonly ImageRecord[], sinceEpochMs: number): CauseLedger {
  const facts = found.flatMap(({ verdict, ...image }) =>
    verdict && (image.judgedAtEpochMs ?? 0) >= sinceEpochMs ? factsFor({ image, verdict }) : [],
  );
  const byStream = Map.groupBy(facts, ({ stream }) => stream);
  return {
    get: (streams) => real.get(streams),
    change: (stream, change) => real.change(stream, change),
    open: async function* () {
      const known = new Map((await collect(real.open())).map((cause) => [cause.stream, cause]));
      const closed = await real.get([...byStream.keys()].filter((stream) => !known.has(stream)));
      for (const stream of new Set([...known.keys(), ...byStream.keys()])) {
        const newFacts = (byStream.get(stream) ?? []).flatMap((one) => one.facts);
        const cause = mergeCause(stream, known.get(stream) ?? closed.get(stream), newFacts);
        if (cause && cause.state !== 'closed') yield cause;
      }
    },
  };
}
