import { type Digest, type ImageLocation, locationKey, type Registry, registryKey } from '../domain/image/image.ts';
import { type Coverage, weakerCoverage } from '../domain/scan/inspector-coverage.ts';
import type { RegistryScanning } from '../domain/scan/registry-scanning.ts';
import type { ImageInUse } from '../domain/scan/witness.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunFiles } from '../ports/run-files.ts';
import type { CoveredImage, RegistryScans, ReviewedCoverage, ReviewedScans } from '../ports/scanner.ts';
import type { Scratch, ScratchFolder } from '../ports/scratch.ts';
import {
  type CoverageDocument,
  type CoveragePieces,
  coverageDocument,
  coveragePiecesDocument,
  runFileKeys,
  scanningDocument,
} from './documents.ts';
import { readDocumentIfAny } from './read-document.ts';

interface WritePorts {
  readonly files: Pick<RunFiles, 'put'>;
  readonly scans: RegistryScans;
  readonly scratch: Scratch;
  readonly clock: Clock;
}

/**
 * Reads once what a registry says about its scans, for all later steps of the run: how it scans each repository and, if
 * Amazon Inspector does, which images it covers. The coverage counts as of the instant before its first page.
 * @throws RegistryUnreachableError
 */
export async function writeScansOfRun(ports: WritePorts, runId: string, registry: Registry): Promise<void> {
  const { files, scans } = ports;
  const configuration = await scans.configuration(registry);
  if (configuration.type === 'enhanced') await writeCoverage(ports, runId, registry);
  // Written last: a step that sees the configuration finds the coverage too.
  await files.put(runFileKeys(runId).scanning(registry), configuration);
}

/** A batch has digests that begin alike, so it reads few pieces of a large registry. */
async function writeCoverage({ files, scans, scratch, clock }: WritePorts, runId: string, registry: Registry) {
  const keys = runFileKeys(runId);
  const readAtEpochMs = clock();
  const rows = new ScratchRows(scratch);
  const inUse: ImageInUse[] = [];
  try {
    for await (const page of scans.coverage(registry)) {
      for (const { repository, digest, inUse: use } of page)
        if (use) inUse.push({ repository: locationKey({ ...registry, repository }), digest, ...use });
      await rows.add(page);
    }
    await files.put(keys.inUse(registry), inUse);
    const digits = digitsFor(rows.count);
    for (const prefix of prefixes(digits))
      await files.put(keys.coverage(registry, prefix), documentOf(await rows.beginningWith(prefix)));
    await files.put(keys.coveragePieces(registry), { readAtEpochMs, digits } satisfies CoveragePieces);
  } finally {
    await rows.remove();
  }
}

const MOST_DIGITS = 2;
/** A piece has about so many images. */
const PIECE = 500;

/** The number of digits for pieces of that size; a registry with more than 128,000 images has larger ones. */
function digitsFor(images: number): number {
  let digits = 0;
  while (digits < MOST_DIGITS && images > PIECE * 16 ** digits) digits += 1;
  return digits;
}

function prefixes(digits: number): readonly string[] {
  return Array.from({ length: 16 ** digits }, (_, number) =>
    digits === 0 ? '' : number.toString(16).padStart(digits, '0'),
  );
}

const prefixOf = (digest: Digest, digits: number): string => digest.slice('sha256:'.length, 'sha256:'.length + digits);

function documentOf(rows: readonly CoveredImage[]): CoverageDocument {
  const images = new Map<string, Record<string, Coverage>>();
  for (const { repository, digest, coverage } of rows) {
    const ofRepository = images.get(repository) ?? {};
    ofRepository[digest] = weakerCoverage(coverage, ofRepository[digest]);
    images.set(repository, ofRepository);
  }
  return Object.fromEntries(images);
}

/** Rows by the first digits of their digests; many are kept in the scratch, so that memory stays constant. */
class ScratchRows {
  readonly #scratch: Scratch;
  #folder: ScratchFolder | undefined;
  #held: CoveredImage[] = [];
  count = 0;

  constructor(scratch: Scratch) {
    this.#scratch = scratch;
  }

  async add(page: readonly CoveredImage[]): Promise<void> {
    this.#held.push(...page);
    this.count += page.length;
    if (this.#held.length <= this.#scratch.mostHeld) return;
    this.#folder ??= await this.#scratch.open();
    const byPrefix = Map.groupBy(this.#held, ({ digest }) => prefixOf(digest, MOST_DIGITS));
    this.#held = [];
    for (const [prefix, rows] of byPrefix) await this.#folder.append(prefix, rows);
  }

  async beginningWith(prefix: string): Promise<readonly CoveredImage[]> {
    const rows = this.#held.filter(({ digest }) => prefixOf(digest, prefix.length) === prefix);
    const folder = this.#folder;
    if (!folder) return rows;
    for (const rest of prefixes(MOST_DIGITS - prefix.length))
      rows.push(...((await folder.read(`${prefix}${rest}`)) as readonly CoveredImage[]));
    return rows;
  }

  async remove(): Promise<void> {
    await this.#folder?.remove();
  }
}

interface OfRun {
  readonly runId: string;
  readonly configurations: Map<string, Promise<RegistryScanning | undefined>>;
  readonly pieces: Map<string, Promise<CoveragePieces | undefined>>;
  readonly documents: KeptDocuments;
}

/** What the current run read about the scans of its registries; outside a run, nothing. */
export class ScansOfRun implements ReviewedScans {
  readonly #files: Pick<RunFiles, 'get'>;
  readonly #mostKept: number;
  #current: OfRun | undefined;

  /** @param mostKept how many images' coverage it holds in memory */
  constructor(files: Pick<RunFiles, 'get'>, mostKept = MOST_KEPT) {
    this.#files = files;
    this.#mostKept = mostKept;
  }

  /** A function handles one event at a time: from now on the files of this run count, or none. */
  enter(runId: string | undefined): void {
    if (this.#current?.runId === runId) return;
    this.#current =
      runId === undefined
        ? undefined
        : { runId, configurations: new Map(), pieces: new Map(), documents: new KeptDocuments(this.#mostKept) };
  }

  async configuration(registry: Registry): Promise<RegistryScanning | undefined> {
    const run = this.#current;
    if (!run) return undefined;
    const key = runFileKeys(run.runId).scanning(registry);
    return kept(run.configurations, registryKey(registry), () => readDocumentIfAny(this.#files, key, scanningDocument));
  }

  async coverage(location: ImageLocation, digest: Digest): Promise<ReviewedCoverage | undefined> {
    const run = this.#current;
    if (!run || (await this.configuration(location))?.type !== 'enhanced') return undefined;
    const keys = runFileKeys(run.runId);
    const pieces = await kept(run.pieces, registryKey(location), () =>
      readDocumentIfAny(this.#files, keys.coveragePieces(location), coveragePiecesDocument),
    );
    if (!pieces) return undefined;
    const key = keys.coverage(location, prefixOf(digest, pieces.digits));
    const document = await run.documents.of(key, () => readDocumentIfAny(this.#files, key, coverageDocument));
    if (!document) return undefined;
    const coverage = document[location.repository]?.[digest];
    return { readAtEpochMs: pieces.readAtEpochMs, ...(coverage && { coverage }) };
  }
}

/** About 30 MB. */
const MOST_KEPT = 20_000;

/** The documents used last, up to a number of images: a later batch needs other pieces. */
class KeptDocuments {
  readonly #mostKept: number;
  readonly #kept = new Map<string, Promise<CoverageDocument | undefined>>();
  /** Of each kept document, the one used last at the end. */
  readonly #sizes = new Map<string, number>();
  #images = 0;

  constructor(mostKept: number) {
    this.#mostKept = mostKept;
  }

  async of(key: string, read: () => Promise<CoverageDocument | undefined>): Promise<CoverageDocument | undefined> {
    const document = await kept(this.#kept, key, read);
    const size = this.#forget(key) ?? sizeOf(document);
    this.#sizes.set(key, size);
    this.#images += size;
    for (const oldest of this.#sizes.keys()) {
      if (this.#images <= this.#mostKept || oldest === key) break;
      this.#forget(oldest);
      this.#kept.delete(oldest);
    }
    return document;
  }

  #forget(key: string): number | undefined {
    const size = this.#sizes.get(key);
    this.#sizes.delete(key);
    this.#images -= size ?? 0;
    return size;
  }
}

const sizeOf = (document: CoverageDocument = {}): number =>
  Object.values(document).reduce((sum, images) => sum + Object.keys(images).length, 1);

/** One read for each key; a failed one is made again. */
async function kept<Value>(
  values: Map<string, Promise<Value>>,
  key: string,
  read: () => Promise<Value>,
): Promise<Value> {
  const value = values.get(key) ?? read();
  values.set(key, value);
  try {
    return await value;
  } catch (error) {
    values.delete(key);
    throw error;
  }
}
