import fc from 'fast-check';

/**
 * What tests draw by chance comes from this seed, so that one commit always gives the same answer. Another number, or
 * `random`, tries new cases; a failure names its seed.
 */
export const SEED = seedFrom(process.env.TEST_SEED ?? '20261126');

function seedFrom(text: string): number {
  const seed = text === 'random' ? Date.now() % 1_000_000_000 : Number(text);
  if (!Number.isSafeInteger(seed)) throw new TypeError(`TEST_SEED is "${text}"; give a whole number, or random.`);
  return seed;
}

fc.configureGlobal({ seed: SEED });

export { fc };
