import { causeFact, reason } from '../../../shared/events/parts.ts';
import * as v from '../../../shared/schema.ts';
import { NOON_EPOCH_MS } from '../../support/samples.ts';

test('a finding without identifier and package can be published', () => {
  const finding = { kind: 'finding', ruleId: 'critical', vulnerability: '', package: '', version: '', fix: 'unknown' };
  const judged = { effect: 'violates', severity: 'critical', firstSeenAtEpochMs: NOON_EPOCH_MS };
  expect(v.safeParse(reason, { ...finding, ...judged }).success).toBe(true);
  expect(v.safeParse(causeFact, { ...finding, sinceEpochMs: NOON_EPOCH_MS }).success).toBe(true);
});
