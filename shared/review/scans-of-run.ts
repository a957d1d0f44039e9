import { type Digest, type ImageLocation, type Registry, registryKey } from '../domain/image/image.ts';
import { type Coverage, weakerCoverage } from '../domain/scan/inspector-coverage.ts';
import type { RegistryScanning } from '../domain/scan/registry-scanning.ts';
import type { Clock } from '../ports/clock.ts';
import type { RunFiles } from '../ports/run-files.ts';
import type { RegistryScans, ReviewedCoverage, ReviewedScans } from '../ports/scanner.ts';
import { type CoverageDocument, coverageDocument, runFileKeys, scanningDocument } from './documents.ts';
import { readDocumentIfAny } from './read-document.ts';

interface WritePorts {
  readonly files: Pick<RunFiles, 'put'>;
  readonly scans: RegistryScans;
  readonly clock: Clock;
}

/**
 * Reads once what a registry says about its scans, for all later steps of the run: how it scans each repository and, if
 * Amazon Inspector does, which images it covers. The coverage counts as of the instant before its first page.
 * @throws RegistryUnreachableError
 */
export async function writeScansOfRun(
  { files, scans, clock }: WritePorts,
  runId: string,
  registry: Registry,
): Promise<void> {
  const keys = runFileKeys(runId);
  const configuration = await scans.configuration(registry);
  if (configuration.type === 'enhanced') {
    const readAtEpochMs = clock();
    const images = new Map<string, Record<string, Coverage>>();
    for await (const page of scans.coverage(registry))
      for (const { repository, digest, coverage } of page) {
        const ofRepository = images.get(repository) ?? {};
        ofRepository[digest] = weakerCoverage(coverage, ofRepository[digest]);
        images.set(repository, ofRepository);
      }
    const document: CoverageDocument = { readAtEpochMs, images: Object.fromEntries(images) };
    await files.put(keys.coverage(registry), document);
  }
  // Written last: a step that sees the configuration finds the coverage too.
  await files.put(keys.scanning(registry), configuration);
}

interface OfRun {
  readonly runId: string;
  readonly configurations: Map<string, Promise<RegistryScanning | undefined>>;
  readonly coverages: Map<string, Promise<CoverageDocument | undefined>>;
}

/** What the current run read about the scans of its registries; outside a run, nothing. */
export class ScansOfRun implements ReviewedScans {
  readonly #files: Pick<RunFiles, 'get'>;
  #current: OfRun | undefined;

  constructor(files: Pick<RunFiles, 'get'>) {
    this.#files = files;
  }

  /** A function handles one event at a time: from now on the files of this run count, or none. */
  enter(runId: string | undefined): void {
    if (this.#current?.runId === runId) return;
    this.#current = runId === undefined ? undefined : { runId, configurations: new Map(), coverages: new Map() };
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
    const key = runFileKeys(run.runId).coverage(location);
    const document = await kept(run.coverages, registryKey(location), () =>
      readDocumentIfAny(this.#files, key, coverageDocument),
    );
    if (!document) return undefined;
    const coverage = document.images[location.repository]?.[digest];
    return { readAtEpochMs: document.readAtEpochMs, ...(coverage && { coverage }) };
  }
}

/** One read for each registry of a run; a failed one is made again. */
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

/**
 * For a function with little memory: the coverage of a registry with 200,000 images takes 270 MB. Without it the scanner
 * asks for each image by name.
 */
export const withoutCoverage = (reviewed: ReviewedScans): ReviewedScans => ({
  configuration: (registry) => reviewed.configuration(registry),
  coverage: async () => undefined,
});
