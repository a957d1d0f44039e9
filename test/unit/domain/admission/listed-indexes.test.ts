import type { StartOfDigest } from '../../../../shared/domain/admission/admit.ts';
import { startOfIndex } from '../../../../shared/domain/admission/listed-indexes.ts';
import { digestOf } from '../../../support/samples.ts';

test.each<[string, readonly StartOfDigest[], StartOfDigest]>([
  ['all of its images may', ['anywhere', 'anywhere'], 'anywhere'],
  ['one may not', ['anywhere', 'nowhere', 'in-good-standing'], 'nowhere'],
  ['one may in good standing', ['anywhere', 'in-good-standing', 'anywhere'], 'in-good-standing'],
])('an index: %s', (_, starts, expected) => {
  const images = starts.map((_start, nth) => ({ digest: digestOf(String(nth)) }));
  const startOf = new Map(images.map(({ digest }, nth) => [digest, starts[nth] ?? 'nowhere']));
  expect(startOfIndex(images, (digest) => startOf.get(digest) ?? 'nowhere')).toEqual(expected);
});
