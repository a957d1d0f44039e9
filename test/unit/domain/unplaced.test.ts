import { unplacedOf, unplacedText } from '../../../shared/domain/unplaced.ts';
import { digestOf, LOCATION } from '../../support/samples.ts';

const digest = digestOf('app');
const standing = { age: { known: true, bornAtEpochMs: 1, decidedBy: digest } } as const;
const unread = { code: 'config-unreadable', detail: 'AccessDenied' };
const place = `${LOCATION.account}/${LOCATION.region}/${LOCATION.repository}`;

test('the parent of an image is known once a search has placed the image', () => {
  expect(unplacedOf({ digest, locations: [LOCATION], standing })).toBeUndefined();
  expect(unplacedOf({ digest, locations: [LOCATION] })).toEqual({ digest, repositories: [] });
});

test('an image that could not be read shows no parent, whatever a search found', () => {
  const expected = { digest, repositories: [place], problem: 'AccessDenied' };
  expect(unplacedOf({ digest, locations: [LOCATION], unresolved: unread })).toEqual(expected);
  expect(unplacedOf({ digest, locations: [LOCATION], standing, unresolved: unread })).toEqual(expected);
});

test('an artifact that is no image has nothing to be read', () => {
  const unresolved = { code: 'not-an-image', detail: 'an attestation' };
  expect(unplacedOf({ digest, locations: [LOCATION], standing, unresolved })).toBeUndefined();
});

test('the text names the repository that refuses, what it answered, and the next step', () => {
  const told = unplacedText({ digest, repositories: [place], problem: 'AccessDenied' });
  expect(told).toContain(digest);
  expect(told).toContain(`${place} (AccessDenied)`);
  expect(told).toContain('Give Patchwave access to that registry.');
});

test('the text of an image that no review has placed names the next review and `parents`', () => {
  const told = unplacedText({ digest, repositories: [] });
  expect(told).toContain('The next review does.');
  expect(told).toContain('declare `parents`');
});
