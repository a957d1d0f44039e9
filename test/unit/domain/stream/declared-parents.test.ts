import { type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { declaredParentsIn, declaredReachIn } from '../../../../shared/domain/stream/declared-parents.ts';
import { parse } from '../../../../shared/schema.ts';

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

describe('a repository of several lines, each built from a base of its own', () => {
  const two = parse(policySchema, {
    ...{ version: 1, ages: { default: { limitDays: 30 } }, severities: [] },
    streams: [
      rule('old-base', { tier: 'base', parents: [] }),
      rule('new-base', { tier: 'base', parents: [] }),
      rule('old-line', { tier: 'application', repositories: ['app'], headTags: ['^1\\..*$'], parents: ['old-base'] }),
      rule('new-line', { tier: 'application', repositories: ['app'], headTags: ['^2\\..*$'], parents: ['new-base'] }),
    ],
  } satisfies PolicyDocument);
  const mayBeBuiltOn = declaredReachIn(two, new Set([ACCOUNT]));
  const bases = (tag?: string) =>
    ['old-base', 'new-base'].filter((base) =>
      mayBeBuiltOn({ account: ACCOUNT, region: 'us-east-1', repository: 'app' }, at('us-east-1', base), tag),
    );

  test.each<[string, string | undefined, readonly string[]]>([
    ['a tag of the one line', '1.4', ['old-base']],
    ['a tag of the other line', '2.0', ['new-base']],
    ['a tag of none: it may name any image', 'stable', ['old-base', 'new-base']],
    ['no tag', undefined, ['old-base', 'new-base']],
  ])('%s', (_, tag, expected) => {
    for (let times = 0; times < 2; times += 1) expect(bases(tag)).toEqual(expected);
  });
});
