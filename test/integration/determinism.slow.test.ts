import { loadFleet } from '../../local/fleet/load.ts';
import { knownTwice } from '../support/chaos.ts';

const LIMIT_MS = 180_000;

test(
  'two clouds with one fleet have the same ledger, byte for byte',
  async () => {
    expect(await knownTwice(() => loadFleet('local/fleet/small.json'))).toContain('"kind":"usage"');
  },
  LIMIT_MS,
);
