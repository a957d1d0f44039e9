import { generateDifficultFleet } from '../../local/fleet/difficult.ts';
import { loadFleet } from '../../local/fleet/load.ts';
import type { Fleet } from '../../local/fleet/schema.ts';
import { reviewOnce } from '../support/chaos.ts';
import { differences } from '../support/readings.ts';

const LIMIT_MS = 180_000;

async function twice(fleetOf: () => Fleet | Promise<Fleet>): Promise<string> {
  const [one, other] = await Promise.all([reviewOnce(await fleetOf()), reviewOnce(await fleetOf())]);
  expect(differences(one.ledger, other.ledger)).toEqual([]);
  expect(one.ledger).toBe(other.ledger);
  return one.ledger;
}

test(
  'two clouds with one fleet have the same ledger, byte for byte; another fleet has another one',
  async () => {
    const small = await twice(() => loadFleet('local/fleet/small.json'));
    const difficult = await twice(() => generateDifficultFleet(11));
    for (const ledger of [small, difficult]) expect(ledger).toContain('"kind":"usage"');
    expect(difficult).not.toBe(small);
  },
  LIMIT_MS,
);
