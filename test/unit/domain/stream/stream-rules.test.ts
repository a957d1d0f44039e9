import { matchesAnyGlob } from '../../../../shared/domain/common/glob.ts';
import type { ImageLocation } from '../../../../shared/domain/image/image.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { streamRulesOf } from '../../../../shared/domain/stream/stream.ts';
import { parse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';

const ACCOUNTS = ['111122223333', '444455556666'];
const REGIONS = ['eu-west-1', 'us-east-1'];
const NAMES = ['web', 'apps', 'apps/web', 'apps/web/api', 'apps/webb', 'team/web', 'apps-old/web'];
const PATTERNS = [...NAMES, '*', 'apps/*', 'apps*', '*/web', 'apps/*b', 'a*/web', '*web*', 'team/*'];

interface Drawn {
  readonly account: string;
  readonly regions: string[];
  readonly repositories: string[];
}

const policyOf = (rules: readonly Drawn[]): Policy =>
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [] },
    streams: rules.map((rule, n) => ({
      ...rule,
      ...{ id: `rule-${n}`, tier: 'application' as const, headTags: ['^v.*$'], owner: 'o' },
    })),
  } satisfies PolicyDocument);

/** As the policy says it, rule by rule. */
const readOneByOne = (policy: Policy, { account, region, repository }: ImageLocation) =>
  policy.streams.filter(
    (rule) =>
      rule.account === account && rule.regions.includes(region) && matchesAnyGlob(rule.repositories, repository),
  );

test('the rules of a repository are those that match it, in the order of the policy, however many there are', () => {
  const rule = fc.record({
    account: fc.constantFrom(...ACCOUNTS),
    regions: fc.uniqueArray(fc.constantFrom(...REGIONS), { minLength: 1 }),
    repositories: fc.uniqueArray(fc.constantFrom(...PATTERNS), { minLength: 1, maxLength: 4 }),
  });
  fc.assert(
    fc.property(fc.array(rule, { minLength: 1, maxLength: 8 }), (rules) => {
      const policy = policyOf(rules);
      for (const account of ACCOUNTS)
        for (const region of REGIONS)
          for (const repository of NAMES) {
            const location = { account, region, repository };
            expect(streamRulesOf(policy, location)).toEqual(readOneByOne(policy, location));
          }
    }),
    { numRuns: 100 },
  );
});

test('a repository reads only the rules that may name it', () => {
  let read = 0;
  const rules = Array.from({ length: 2000 }, (_, n) => ({
    account: '111122223333',
    regions: ['eu-west-1'],
    repositories: [n % 2 === 0 ? `team-${n}/app` : `team-${n}/*`],
  }));
  const policy = policyOf(rules);
  const location = { account: '111122223333', region: 'eu-west-1', repository: 'team-7/app' };
  streamRulesOf(policy, location);
  for (const rule of policy.streams) {
    const { repositories } = rule;
    Object.defineProperty(rule, 'repositories', {
      get: () => {
        read += 1;
        return repositories;
      },
    });
  }
  expect(streamRulesOf(policy, location).map(({ id }) => id)).toEqual(['rule-7']);
  expect(read).toBe(1);
});
