import { mapConcurrently, piecesOf } from '../concurrency.ts';
import type { LayersOf } from '../domain/attribution/layer-evidence.ts';
import type { AttributedImage, AttributionInputs, LastBuilt } from '../domain/attribution/stream-path.ts';
import type { Digest } from '../domain/image/image.ts';
import { cutCycles } from '../domain/lineage/cut-cycles.ts';
import type { Parent } from '../domain/lineage/parent.ts';
import type { StreamRecord } from '../domain/stream/stream-record.ts';
import type { ImageLedger, StreamLedger } from '../ports/ledger.ts';
import { type IsRelevant, RECORDS_AT_ONCE, type ReadImage, readImage, type SeenLast } from './read-images.ts';

export interface TracePorts {
  readonly streams: Pick<StreamLedger, 'streams'>;
  readonly images: Pick<ImageLedger, 'get'>;
}

const READS_AT_ONCE = 4;

/**
 * The maximum number of levels read, each at once. Lower ancestors count as unknown: a stream whose images were built
 * on each other for years is then its own root.
 */
const MOST_LEVELS = 100;

/**
 * Ancestors of images down to the lowest, and their streams with heads: enough to attribute facts. Each image and each
 * stream is read once.
 */
export class FleetTrace implements AttributionInputs {
  readonly images = new Map<Digest, AttributedImage>();
  readonly parents = new Map<Digest, Parent>();
  readonly streams = new Map<string, StreamRecord>();
  readonly neverBuilt = new Map<Digest, string>();
  readonly lastBuilt = new Map<string, LastBuilt>();
  contents: LayersOf = new Map();
  readonly #ports: TracePorts;
  readonly #isRelevant: IsRelevant;
  readonly #builds: (stream: string) => boolean;
  readonly #asked = new Set<string>();
  /** By head: the first by name of the streams with this head that Patchwave rebuilds. */
  readonly #headOf = new Map<Digest, string>();
  /** Images of no stream that Patchwave rebuilds, until a stream with such a head is read. */
  readonly #ofOthers = new Map<Digest, ReadImage>();
  #nextImages: Digest[] = [];
  #nextStreams: string[] = [];

  /**
   * @param tells which reasons of verdicts are kept
   * @param builds whether the policy ever lets Patchwave rebuild a stream; otherwise its images are like a vendor's,
   * with all below, and its children have to fix them. Only its heads are read, which the next build uses
   */
  constructor(ports: TracePorts, isRelevant: IsRelevant, builds: (stream: string) => boolean = () => true) {
    this.#ports = ports;
    this.#isRelevant = isRelevant;
    this.#builds = builds;
  }

  /** Images read already, with the stream of which they are heads. */
  begin(images: readonly ReadImage[], record?: StreamRecord): void {
    if (record) this.#addStream(record);
    for (const image of images) this.#addImage(image);
  }

  /** A stream that has no head, with the images that stand in for one. */
  beginHeadless(stream: string, { images, running }: SeenLast): void {
    this.lastBuilt.set(stream, { images: images.map(({ digest }) => digest), running });
    for (const image of images) this.#addImage(image);
  }

  /** Reads the ancestors of everything added. */
  async down(): Promise<void> {
    for (let level = 0; level < MOST_LEVELS && this.#nextImages.length + this.#nextStreams.length > 0; level += 1) {
      const [digests, streams] = [this.#nextImages.filter((digest) => !this.images.has(digest)), this.#nextStreams];
      [this.#nextImages, this.#nextStreams] = [[], []];
      const [records, pieces] = await Promise.all([
        streams.length > 0 ? this.#ports.streams.streams(streams) : new Map<string, StreamRecord>(),
        mapConcurrently(piecesOf(digests, RECORDS_AT_ONCE), READS_AT_ONCE, (piece) => this.#ports.images.get(piece)),
      ]);
      for (const record of records.values()) this.#addStream(record);
      for (const image of pieces.flatMap((piece) => [...piece.values()]))
        this.#addImage(readImage(image, this.#isRelevant));
    }
    const unread = new Set(this.#nextImages);
    for (const [digest, parent] of this.parents) if (unread.has(parent.digest)) this.parents.delete(digest);
    // Two reviews may have found one half of a cycle each.
    cutCycles(this.parents);
  }

  /** An image that is read again, with more of its verdict. */
  retell({ parent: _, ...image }: ReadImage): void {
    const { stream } = this.images.get(image.digest) ?? {};
    const { stream: __, ...others } = image;
    this.images.set(image.digest, { ...others, ...(stream !== undefined && { stream }) });
  }

  /** Other streams too, with the parents of their heads. */
  async add(streams: AsyncIterable<StreamRecord>): Promise<void> {
    for await (const record of streams) this.#addStream(record);
    await this.down();
  }

  #addStream(record: StreamRecord): void {
    const { stream, head } = record;
    this.#asked.add(stream);
    this.streams.set(stream, record);
    for (const digest of Object.values(head?.images ?? {})) {
      if (this.#builds(stream)) this.#addHead(digest, stream);
      this.#ask(digest);
    }
  }

  #addHead(digest: Digest, stream: string): void {
    const before = this.#headOf.get(digest);
    if (before !== undefined && before <= stream) return;
    this.#headOf.set(digest, stream);
    const image = this.#ofOthers.get(digest);
    if (!image) return;
    this.neverBuilt.delete(digest);
    this.#addImage(image);
  }

  /** The record may name the stream of a copy, as long as the rule of the stream with this head was away. */
  #streamOf({ digest, stream }: ReadImage): string | undefined {
    return stream !== undefined && this.#builds(stream) ? stream : (this.#headOf.get(digest) ?? stream);
  }

  #addImage(read: ReadImage): void {
    const { parent, stream: recorded, ...image } = read;
    this.#asked.add(image.digest);
    if (recorded === undefined || !this.#builds(recorded)) this.#ofOthers.set(image.digest, read);
    const stream = this.#streamOf(read);
    // A fix below does not reach streams above through a stream that is never rebuilt.
    if (stream !== undefined && !this.#builds(stream)) {
      this.images.set(image.digest, image);
      this.neverBuilt.set(image.digest, stream);
      this.#askStream(stream);
      return;
    }
    this.images.set(image.digest, stream === undefined ? image : { ...image, stream });
    if (parent) {
      this.parents.set(image.digest, parent);
      this.#ask(parent.digest);
    }
    if (stream !== undefined) this.#askStream(stream);
  }

  #askStream(stream: string): void {
    if (this.#asked.has(stream)) return;
    this.#asked.add(stream);
    this.#nextStreams.push(stream);
  }

  #ask(digest: Digest): void {
    if (this.#asked.has(digest)) return;
    this.#asked.add(digest);
    this.#nextImages.push(digest);
  }
}
