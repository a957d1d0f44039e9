import type { Coverage } from '../../../shared/domain/scan/inspector-coverage.ts';
import type { RegistryScans } from '../../../shared/ports/scanner.ts';
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
  const { runFiles: files, clock } = fakeWorld();
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
  await writeScansOfRun({ files, scans, clock }, 'run-1', LOCATION);
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
