import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../../scripts/setup.mjs';
import { table } from '../../scripts/table.ts';
import { type Checkout, checkOut } from './checkout.ts';
import { readMutants } from './mutant-file.ts';

const mutants = readMutants();
const rows: string[][] = [];
let checkout: Checkout;

beforeAll(async () => {
  checkout = await checkOut();
}, 60_000);

afterAll(async () => {
  process.stderr.write(`\n${table(['defect put back', 'found by', 'test', 'seconds'], rows)}\n`);
  await checkout[Symbol.asyncDispose]();
});

test('without a defect, every test that is to find one passes', async () => {
  const files = [...new Set(mutants.flatMap(({ foundBy }) => foundBy))];
  expect(files.filter((file) => !existsSync(join(ROOT, file)))).toEqual([]);
  const { failed, notLoaded, passed } = await checkout.test(files);
  expect({ failed, notLoaded }).toEqual({ failed: [], notLoaded: [] });
  expect(passed).toBeGreaterThan(0);
}, 600_000);

test.each(mutants.map((mutant) => [mutant.name, mutant] as const))(
  '%s is found',
  async (name, mutant) => {
    await checkout.apply(mutant.file);
    try {
      for (const file of mutant.foundBy) {
        const { failed, notLoaded, seconds } = await checkout.test([file]);
        rows.push([name, file, failed[0] ?? 'NOT FOUND', seconds.toFixed(1)]);
        expect(notLoaded).toEqual([]);
        expect(failed).not.toEqual([]);
      }
    } finally {
      await checkout.takeBack(mutant.file);
    }
  },
  300_000,
);
