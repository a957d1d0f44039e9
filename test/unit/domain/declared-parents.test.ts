import { declaredParentsIn } from '../../../shared/domain/declared-parents.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy.ts';
import { parse } from '../../../shared/schema.ts';

const ACCOUNT = '111122223333';
const rule = (id: string, changes: Partial<PolicyDocument['streams'][number]> = {}) => ({
  ...{ id, tier: 'platform' as const, account: ACCOUNT, regions: ['us-east-1', 'eu-west-1'], repositories: [id] },
  ...{ headTags: ['^1$'], owner: 'team' },
  ...changes,
});
const declared = declaredParentsIn(
  parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [] },
    streams: [
      rule('base', { tier: 'base' }),
      rule('node', { parents: ['base'] }),
      rule('apps', {
        tier: 'application',
        repositories: ['apps/*'],
        headTags: ['^v.*$', '^w$'],
        parents: ['node', 'base'],
      }),
      rule('other', { tier: 'application', regions: ['ap-south-1'], parents: ['node'] }),
    ],
  } satisfies PolicyDocument),
);

const at = (region: string, repository: string, tag = '^1$') => `${ACCOUNT}/${region}/${repository}:${tag}`;

test.each<[string, string | undefined, readonly string[]]>([
  ['a rule that names none', at('us-east-1', 'base'), []],
  ['its own Region first', at('eu-west-1', 'node'), [at('eu-west-1', 'base'), at('us-east-1', 'base')]],
  [
    'several, in the order of the rule',
    at('us-east-1', 'apps/web', '^w$'),
    [at('us-east-1', 'node'), at('eu-west-1', 'node'), at('us-east-1', 'base'), at('eu-west-1', 'base')],
  ],
  ['no Region in common', at('ap-south-1', 'other'), [at('us-east-1', 'node'), at('eu-west-1', 'node')]],
  ['a head tag of no rule', at('us-east-1', 'apps/web', '^x$'), []],
  ['a repository of no rule', at('us-east-1', 'elsewhere'), []],
  ['no stream', undefined, []],
])('%s', (_, stream, parents) => {
  for (let times = 0; times < 2; times += 1) expect(declared(stream)).toEqual(parents);
});
