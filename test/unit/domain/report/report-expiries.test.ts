import type { Report } from '../../../../shared/domain/report/report.ts';
import { expiries } from '../../../../shared/domain/report/report-markdown.ts';
import type { ImageExpiry, RepositoryCheck } from '../../../../shared/domain/retention/image-expiry.ts';
import { DAY_MS, digestOf, LOCATION, NOON_EPOCH_MS as NOW } from '../../../support/samples.ts';

const check: RepositoryCheck = { location: LOCATION, checkedAtEpochMs: NOW, images: 3, expiries: 1, unknown: 0 };
const expiry: ImageExpiry = {
  ...{ digest: digestOf('a'), location: LOCATION, use: 'ancestor', running: 4, workloads: ['ecs-service web'] },
  expiryState: {
    state: 'expires',
    expiry: { rule: 2, action: 'archive', when: { by: 'age', expiresAtEpochMs: NOW + DAY_MS } },
  },
  foundAtEpochMs: NOW,
};
const page = (all: readonly ImageExpiry[], repositories: number, unseen: readonly RepositoryCheck[] = []): string =>
  expiries({ expiries: all, expiryChecks: { repositories, unseen }, generatedAtEpochMs: NOW } as Report);

test('an expiring image is listed with place, rule, time and users', () => {
  const text = page([expiry], 1);
  expect(text).toMatch(/\| 111122223333\/eu-west-1\/team\/payments-api sha256:.{12} +\| 2026-11-25 03:00 UTC \|/);
  expect(text).toMatch(/\| archived by rule 2 \| ancestor of 4 running images \|/);
});

test.each<[string, string, string]>([
  ['no check has run', page([], 0), 'No check has run yet.'],
  ['all is well', page([], 7), 'None due soon (7 repositories checked).'],
  ['one could not be read', page([], 7, [{ ...check, failure: { error: 'E', detail: 'no role' } }]), 'no role'],
  ['one was not looked at for long', page([], 7, [check]), 'last checked 2026-11-24 03:00 UTC'],
])('no silence: %s', (_, text, words) => expect(text).toContain(words));

test('where a repository was not seen nothing says that all is well', () => {
  expect(page([], 7, [check])).not.toContain('None soon');
});
