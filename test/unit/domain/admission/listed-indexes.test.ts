import type { StartOfDigest } from '../../../../shared/domain/admission/admit.ts';
import { startOfIndex } from '../../../../shared/domain/admission/listed-indexes.ts';
import { digestOf } from '../../../support/samples.ts';

const anywhere: StartOfDigest = { start: 'anywhere' };
const nowhere: StartOfDigest = { start: 'nowhere' };
const until = (untilEpochMs: number, ruleId: string): StartOfDigest => ({
  start: 'where-it-runs',
  untilEpochMs,
  ruleId,
});

test.each<[string, readonly StartOfDigest[], StartOfDigest]>([
  ['all of its images may', [anywhere, anywhere], anywhere],
  ['one may not', [anywhere, nowhere, until(1, 'a')], nowhere],
  ['one has grace', [anywhere, until(7, 'a'), anywhere], until(7, 'a')],
  ['two have grace: the earlier end', [until(9, 'a'), until(7, 'b')], until(7, 'b')],
  ['two have grace until one instant: the first', [until(7, 'a'), until(7, 'b')], until(7, 'a')],
])('an index: %s', (_, starts, expected) => {
  const images = starts.map((_start, nth) => ({ digest: digestOf(String(nth)) }));
  const startOf = new Map(images.map(({ digest }, nth) => [digest, starts[nth] ?? nowhere]));
  expect(startOfIndex(images, (digest) => startOf.get(digest) ?? nowhere)).toEqual(expected);
});
