import { approvedPattern } from '../../../enforcement/build/approved-pattern.ts';
import { readImageReference, referenceName } from '../../../shared/domain/image/reference.ts';
import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { classify } from '../../../shared/domain/stream/tier.ts';
import { unapprovedNames } from '../../../shared/domain/verdict/approved-registries.ts';
import { doorPolicy } from '../../support/door-world.ts';
import { anyReference } from '../../support/references.ts';
import { fc } from '../../support/seeded.ts';

const policyOf = (allow: readonly string[], awsManaged: Policy['awsManaged']): Policy => ({
  ...doorPolicy({ mode: 'warn' }),
  approvedRegistries: { id: 'approved-registries', allow: [...allow] },
  awsManaged,
});

const isApproved = (text: string, policy: Policy): boolean => {
  const reference = readImageReference(text);
  if (!reference) return false;
  const { tier } = classify(policy, { reference: text });
  return unapprovedNames({ locations: [], references: [referenceName(reference)], tier }, policy).length === 0;
};

const PATTERNS = [
  ...['*.dkr.ecr.*.amazonaws.com/team/*', '111122223333.dkr.ecr.eu-west-1.amazonaws.com/*', '*.dkr.ecr.*/*'],
  ...['*.dkr.ecr.cn-north-1.amazonaws.com.cn/*', '*.amazonaws.com/*', '*.on.aws/*', '*.internal.example/*'],
  ...[
    'docker.io/library/nginx',
    'docker.io/library/*',
    'docker.io/*',
    'docker.io/team/*',
    'docker.io/lib*',
    '*/library/*',
  ],
  ...['*/*', '*/web', '*ecr*/*', '111122223333.*/*', '*.dkr.ecr.*', '*.aws/*', '*team*', 'docker.io/l*/*', '*/nginx'],
  ...['docker.io*', '*', 'docker.io/l*x', '*.io/team/web', 'localhost/*', 'docker.io', 'team/*', '*/*-prod'],
];

test('the regular expression approves what the decision approves, in lower case, and nothing else', () => {
  fc.assert(
    fc.property(
      fc.subarray(PATTERNS, { maxLength: 3 }),
      fc.constantFrom<Policy['awsManaged']>(
        { accounts: [], references: [] },
        { accounts: ['602401143452'], references: ['public.ecr.aws/eks/*'] },
      ),
      anyReference,
      (allow, awsManaged, text) => {
        const policy = policyOf(allow, awsManaged);
        const matches = new RegExp(approvedPattern(policy) ?? '(?!)').test(text);
        // Its length is judged where it is pulled.
        fc.pre(text.length < 250);
        const host = text.slice(0, text.indexOf('/'));
        const isDue = host === host.toLowerCase() && isApproved(text, policy);
        expect([text, allow, matches]).toEqual([text, allow, isDue]);
      },
    ),
    { numRuns: 3000 },
  );
});

test.each([
  ['111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com/team/web', '*.amazonaws.com/*', true],
  ['111122223333.dkr-ecr.eu-west-1.on.aws/team/web', '111122223333.*/team/*', true],
  ['111122223333.dkr-ecr.eu-west-1.on.aws/team/web', '*.eu-west-1.amazonaws.com/*', true],
  ['111122223333.dkr-ecr.eu-west-1.on.aws/team/web', '*.eu-west-2.amazonaws.com/*', false],
  ['111122223333.dkr-ecr.eu-west-1.on.aws/team/web', '*.on.aws/*', false],
  ['nginx', 'docker.io*', true],
  ['DOCKER.IO/nginx', '*/nginx', false],
  ['docker.io/nginx', 'docker.io/nginx', false],
])('%s by %s: %p', (text, allow, expected) => {
  const pattern = approvedPattern(policyOf([allow], { accounts: [], references: [] })) ?? '';
  expect(new RegExp(pattern).test(text)).toBe(expected);
});

test('a tag or a digest that looks like a path approves nothing', () => {
  const pattern = new RegExp(approvedPattern(policyOf(['*/*-prod'], { accounts: [], references: [] })) ?? '');
  expect(pattern.test('a.example/web-prod:1')).toBe(true);
  expect(pattern.test('a.example/web:1-prod')).toBe(false);
});

test('without approved registries there is no pattern', () => {
  expect(approvedPattern(doorPolicy({ mode: 'warn' }))).toBeUndefined();
});
