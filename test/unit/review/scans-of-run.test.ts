import { locationKey } from '../../../shared/domain/image/image.ts';
import type { Coverage } from '../../../shared/domain/scan/inspector-coverage.ts';
import type { RegistryScans } from '../../../shared/ports/scanner.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { ScansOfRun, writeScansOfRun } from '../../../shared/review/scans-of-run.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, LOCATION } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

const image = digestOf('a');
const active: Coverage = { status: 'ACTIVE', reason: 'SUCCESSFUL', lastScannedAtEpochMs: 2 };
const rowsOf = (...rows: readonly Coverage[]) =>
  rows.map((coverage) => ({ repository: LOCATION.repository, digest: image, coverage }));

/** What a review keeps of pages of one row and empty pages in between. */
async function keptOf(rows: readonly Coverage[]) {
  const { runFiles: files, scratch, clock } = fakeWorld();
  const scans: RegistryScans = {
    configuration: async () => ({ type: 'enhanced', rules: [] }),
    coverage: async function* () {
      for (const row of rowsOf(...rows)) {
        yield [];
        yield [row];
      }
      yield [];
    },
  };
  await writeScansOfRun({ files, scans, scratch, clock }, 'run-1', LOCATION);
  const ofRun = new ScansOfRun(files);
  ofRun.enter('run-1');
  return ofRun.coverage(LOCATION, image);
}

test('rows come one by one over pages, with empty pages in between', async () => {
  expect(await keptOf([active])).toEqual({ readAtEpochMs: fakeWorld().clock(), coverage: active });
  expect(await keptOf([])).toEqual({ readAtEpochMs: fakeWorld().clock() });
});

test('of several rows about one image the one that proves least counts, in any order', async () => {
  const rows: readonly Coverage[] = [
    { status: 'INACTIVE', reason: 'SCAN_ELIGIBILITY_EXPIRED', lastScannedAtEpochMs: 9 },
    { status: 'INACTIVE', reason: 'PENDING_INITIAL_SCAN' },
    { ...active, lastScannedAtEpochMs: 1 },
    active,
  ];
  for (const [index] of rows.entries()) {
    const order = fc.shuffledSubarray(rows.slice(index), { minLength: rows.length - index });
    await fc.assert(
      fc.asyncProperty(order, async (shuffled) =>
        expect(await keptOf(shuffled)).toMatchObject({ coverage: rows[index] }),
      ),
      { numRuns: 10 },
    );
  }
});

describe('a large registry', () => {
  const IMAGES = 4_000;
  /** As hashes are: spread over all first digits. */
  const digests = Array.from({ length: IMAGES }, (_, n) => digestOf(`image ${n}`)).sort();
  const many: RegistryScans = {
    configuration: async () => ({ type: 'enhanced', rules: [] }),
    coverage: async function* () {
      for (let at = 0; at < IMAGES; at += 200)
        yield digests.slice(at, at + 200).map((digest, n) => ({
          repository: LOCATION.repository,
          ...{ digest, coverage: { ...active, lastScannedAtEpochMs: at + n } },
        }));
    },
  };

  async function written() {
    const { runFiles, scratch, clock } = fakeWorld();
    await writeScansOfRun({ files: runFiles, scans: many, scratch, clock }, 'run-1', LOCATION);
    const read: string[] = [];
    const files = {
      get: async (key: string) => {
        read.push(key);
        return runFiles.get(key);
      },
    };
    const ofRun = new ScansOfRun(files, 1_000);
    ofRun.enter('run-1');
    return { ofRun, read, scratch, readAtEpochMs: clock() };
  }

  test('each image has its own coverage, and nothing is left in the scratch', async () => {
    const { ofRun, scratch, readAtEpochMs } = await written();
    for (const [n, digest] of [...digests.entries()].filter(([n]) => n % 997 === 0)) {
      const coverage = { ...active, lastScannedAtEpochMs: n };
      expect(await ofRun.coverage(LOCATION, digest)).toEqual({ readAtEpochMs, coverage });
    }
    expect(await ofRun.coverage(LOCATION, digestOf('not listed'))).toEqual({ readAtEpochMs });
    expect([scratch.opened, scratch.folders.size]).toEqual([1, 0]);
  });

  test('a batch reads only the pieces that its images are in, and a later batch keeps a bounded number', async () => {
    const { ofRun, read } = await written();
    const readFor = async (batch: readonly (typeof image)[]) => {
      const before = read.length;
      for (const digest of batch) await ofRun.coverage(LOCATION, digest);
      return read.length - before;
    };
    const [first, second] = [digests.slice(0, 100), digests.slice(100, 200)];
    // How it scans, the pieces, and the one or two that it needs.
    expect(await readFor(first)).toBeLessThanOrEqual(4);
    expect(await readFor(first)).toBe(0);
    expect(await readFor(second)).toBeLessThanOrEqual(2);
    // Each piece is read once, and those of the first batch are no longer kept then.
    expect(await readFor(digests)).toBeLessThanOrEqual(16);
    expect(await readFor(digests.slice(-100))).toBe(0);
    expect(await readFor(first)).toBeGreaterThan(0);
  });
});

test('of each image that Inspector sees in use, its place and its use are kept', async () => {
  const { runFiles: files, scratch, clock } = fakeWorld();
  const inUse = { count: 2, lastAtEpochMs: 7 };
  const rows = [
    { repository: LOCATION.repository, digest: image, coverage: active, inUse },
    { repository: LOCATION.repository, digest: digestOf('b'), coverage: active },
  ];
  const scans = (type: 'basic' | 'enhanced'): RegistryScans => ({
    configuration: async () => ({ type, rules: [] }),
    coverage: async function* () {
      for (const row of rows) yield [row];
    },
  });
  await writeScansOfRun({ files, scans: scans('enhanced'), scratch, clock }, 'run-1', LOCATION);
  const kept = [{ repository: locationKey(LOCATION), digest: image, ...inUse }];
  expect(await files.get(runFileKeys('run-1').inUse(LOCATION))).toEqual(kept);
  await writeScansOfRun({ files, scans: scans('basic'), scratch, clock }, 'run-2', LOCATION);
  await expect(files.get(runFileKeys('run-2').inUse(LOCATION))).rejects.toThrow('does not exist');
});
