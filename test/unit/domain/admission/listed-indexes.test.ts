import type { StartOfDigest } from '../../../../shared/domain/admission/admit.ts';
import { indexesCountFromEpochMs, startOfIndex } from '../../../../shared/domain/admission/listed-indexes.ts';
import { policySchema } from '../../../../shared/domain/policy/policy.ts';
import { parse } from '../../../../shared/schema.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS } from '../../../support/samples.ts';

const NOW = NOON_EPOCH_MS;

const waiver = (expires: string, what: object) => ({
  ...{ id: 'w', reason: 'accepted for now', author: 'security', created: '2026-10-01', expires, ...what },
});
const ofAge = { rule: 'age-limit' };
const policyWith = (changes: object) =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [], streams: [] },
    doors: { mode: 'deny', graceRunningDays: 10 },
    ...changes,
  });

// A day is for clocks that differ.
test.each<[string, object, number | 'ever']>([
  ['the age limit and the grace', {}, 41],
  ['the longest limit of any tier', { ages: { default: { limitDays: 30 }, tiers: { base: { limitDays: 60 } } } }, 71],
  [
    'the default, if a tier is stricter',
    { ages: { default: { limitDays: 30 }, tiers: { base: { limitDays: 6 } } } },
    41,
  ],
  ['no grace without doors', { doors: undefined }, 31],
  ['a waiver of the age', { waivers: [waiver('2026-12-01', ofAge)] }, 'ever'],
  ['a waiver of the age with grace left', { waivers: [waiver('2026-11-14', ofAge)] }, 'ever'],
  ['a waiver of the age that has long ended', { waivers: [waiver('2026-11-12', ofAge)] }, 41],
  ['a waiver of a finding', { waivers: [waiver('2026-12-01', { finding: 'CVE-2026-1' })] }, 41],
])('indexes may start since: %s', (_, changes, daysAgo) => {
  const expected = daysAgo === 'ever' ? 0 : NOW - daysAgo * DAY_MS;
  expect(indexesCountFromEpochMs(policyWith(changes), NOW)).toBe(expected);
});

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
