import pricesJson from './prices.json' with { type: 'json' };
import * as v from './schema.ts';

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
export const prices = v.parse(document, pricesJson, 'shared/prices.json');

/** Prices in USD by name, as in prices.json. */
export type Prices = Readonly<Record<string, { readonly usd: number }>>;

export class MissingPriceError extends Error {
  override readonly name = 'MissingPriceError';
  constructor(name: string) {
    super(`There is no price "${name}" in shared/prices.json. Add it with its source and date.`);
  }
}

/** @throws MissingPriceError */
export function priceOf(prices: Prices, name: string): number {
  const price = prices[name];
  if (price === undefined) throw new MissingPriceError(name);
  return price.usd;
}
