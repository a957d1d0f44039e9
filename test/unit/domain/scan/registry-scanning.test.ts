import { parseRepositoryName } from '../../../../shared/domain/image/ecr-arn.ts';
import { fitsFilter, type RegistryScanning, scanningOf } from '../../../../shared/domain/scan/registry-scanning.ts';
import { digestOf } from '../../../support/samples.ts';

const NAMES = ['prod', 'repo-prod', 'prod-repo', 'repo-prod-repo', 'prodrepo'];

// The table of https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
test.each([
  ['prod', [true, true, true, true, true]],
  ['*prod', [true, true, false, false, false]],
  ['prod*', [true, false, true, false, true]],
  ['*prod*', [true, true, true, true, true]],
  ['prod*repo', [false, false, true, false, true]],
])('the filter %s fits what AWS says', (filter, expected) => {
  expect(NAMES.map((name) => fitsFilter(filter, name))).toEqual(expected);
});

const enhanced = (...rules: RegistryScanning['rules']): RegistryScanning => ({ type: 'enhanced', rules });
const continuous = (...filters: string[]) => ({ frequency: 'continuous' as const, filters });
const onPush = (...filters: string[]) => ({ frequency: 'on-push' as const, filters });

test.each<[string, RegistryScanning, string]>([
  ['basic scanning', { type: 'basic', rules: [] }, 'basic'],
  ['no rule', enhanced(), 'off'],
  ['a rule that does not fit', enhanced(continuous('other/*')), 'off'],
  ['a rule without filters', enhanced(continuous()), 'off'],
  ['continuous scanning', enhanced(continuous('other/*', 'team/*')), 'continuous'],
  ['scanning on push', enhanced(onPush('*')), 'on-push'],
  ['both: continuous scanning applies', enhanced(onPush('team/*'), continuous('team/web')), 'continuous'],
])('one way of scanning for a repository: %s', (_, scanning, expected) => {
  expect(scanningOf(scanning, 'team/web')).toBe(expected);
});

test.each([
  ['a plain name', 'team/web', { repository: 'team/web' }],
  [
    'the ARN of a repository',
    'arn:aws:ecr:us-east-1:111122223333:repository/team/web',
    { repository: 'team/web', account: '111122223333', region: 'us-east-1' },
  ],
  [
    'the ARN of an image, in another partition',
    `arn:aws-us-gov:ecr:us-gov-west-1:111122223333:repository/team/web/${digestOf('a')}`,
    { repository: 'team/web', account: '111122223333', region: 'us-gov-west-1', digest: digestOf('a') },
  ],
])('the names of a repository: %s', (_, text, expected) => {
  expect(parseRepositoryName(text)).toEqual(expected);
});
