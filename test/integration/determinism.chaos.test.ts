import { generateDifficultFleet } from '../../local/fleet/difficult.ts';
import { knownTwice } from '../support/chaos.ts';

const LIMIT_MS = 300_000;

test(
  'two clouds with a difficult fleet have the same ledger, byte for byte; another fleet has another one',
  async () => {
    const one = await knownTwice(() => generateDifficultFleet(11));
    const other = await knownTwice(() => generateDifficultFleet(12));
    for (const ledger of [one, other]) expect(ledger).toContain('"kind":"usage"');
    expect(other).not.toBe(one);
  },
  LIMIT_MS,
);
