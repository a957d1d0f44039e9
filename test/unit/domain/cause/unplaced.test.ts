import { nextUnreadOf, unplacedOf, unplacedText } from '../../../../shared/domain/cause/unplaced.ts';
import { digestOf, LOCATION } from '../../../support/samples.ts';

const digest = digestOf('app');
const lineage = { age: { known: true, bornAtEpochMs: 1, decidedBy: digest } } as const;
const unread = { code: 'config-unreadable', detail: 'AccessDenied' };
const place = `${LOCATION.account}/${LOCATION.region}/${LOCATION.repository}`;
const platform = '111122223333/eu-west-1/platform/node';

test('the parent of an image is known once a search has placed the image', () => {
  expect(unplacedOf({ digest, locations: [LOCATION], lineage })).toBeUndefined();
  expect(unplacedOf({ digest, locations: [LOCATION] })).toEqual({ digest, why: 'unsearched', repositories: [] });
});

test('an unread repository may contain the parent, or an image between the two', () => {
  const repositories = [platform];
  const below = { digest, locations: [LOCATION], mayLieBelow: repositories };
  expect(unplacedOf(below)).toEqual({ digest, why: 'below', repositories });
  const between = { digest, locations: [LOCATION], lineage: { ...lineage, mayLieBetween: repositories } };
  expect(unplacedOf(between)).toEqual({ digest, why: 'between', repositories });
});

test('an unread repository blocks no build if the last placed image has no parent either', () => {
  expect(
    unplacedOf({ digest, locations: [LOCATION], mayLieBelow: [platform], isParentAsBefore: true }),
  ).toBeUndefined();
});

test('an unread repository may hide the age of the next build, whose parent is known', () => {
  const head = { digest, locations: [LOCATION], lineage: { ...lineage, mayLieBelowNext: [platform] } };
  expect(unplacedOf(head)).toBeUndefined();
  expect(nextUnreadOf(head)).toEqual({ digest, why: 'next', repositories: [platform] });
  expect(nextUnreadOf({ digest, lineage })).toBeUndefined();
});

test('an unreadable image shows no parent, also after a search found one', () => {
  const expected = { digest, why: 'unread', repositories: [place], problem: 'AccessDenied' };
  expect(unplacedOf({ digest, locations: [LOCATION], unresolved: unread })).toEqual(expected);
  expect(unplacedOf({ digest, locations: [LOCATION], lineage, unresolved: unread })).toEqual(expected);
});

test('an image that says more than the ledger keeps shows its parent by its layers', () => {
  const unresolved = { code: 'too-large-to-keep', detail: '400 KB', bound: 400 * 1024 };
  expect(unplacedOf({ digest, locations: [LOCATION], lineage, unresolved })).toBeUndefined();
  expect(unplacedOf({ digest, locations: [LOCATION], unresolved })?.why).toBe('unsearched');
});

test('an artifact that is no image needs no read', () => {
  const unresolved = { code: 'not-an-image', detail: 'an attestation' };
  expect(unplacedOf({ digest, locations: [LOCATION], lineage, unresolved })).toBeUndefined();
});

test('the text names the repository that refuses, what it answered, and the next step', () => {
  const text = unplacedText({ digest, why: 'unread', repositories: [place], problem: 'AccessDenied' });
  expect(text).toContain(digest);
  expect(text).toContain(`${place} (AccessDenied)`);
  expect(text).toContain('Give Patchwave access to that registry.');
});

test.each(['below', 'between', 'next'] as const)('the text of `%s` names the repositories and both ways out', (why) => {
  const text = unplacedText({ digest, why, repositories: [platform] });
  expect(text).toContain(digest);
  expect(text).toContain(platform);
  expect(text).toContain('Give Patchwave access there and start a review, or declare `parents`');
});

test('the text of an image that no search has placed names the next review and `parents`', () => {
  const text = unplacedText({ digest, why: 'unsearched', repositories: [] });
  expect(text).toContain('after 15 minutes, then at growing intervals of at most a day, and in each review.');
  expect(text).toContain('declare `parents`');
});
