import { readFileSync } from 'node:fs';
import * as v from '../shared/schema.ts';

const document = v.strictObject({
  currency: v.literal('USD'),
  region: v.string(),
  about: v.string(),
  prices: v.record(
    v.string(),
    v.strictObject({
      usd: v.pipe(v.number(), v.gtValue(0)),
      what: v.string(),
      source: v.string(),
      date: v.string(),
      /** False where it was not read in a source of AWS itself. */
      primary: v.boolean(),
    }),
  ),
});

/** prices.json, the prices of one unit each. */
export const prices = v.parse(
  document,
  JSON.parse(readFileSync(new URL('prices.json', import.meta.url), 'utf8')),
  'bench/prices.json',
);
