import { judgeDockerfile } from '../../../../shared/domain/dockerfile/judge-dockerfile.ts';
import { type Policy, type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import { parse } from '../../../../shared/schema.ts';

const ECR = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';

const rule = (id: string, repository: string, headTags: string[]): PolicyDocument['streams'][number] => ({
  ...{ id, tier: 'base', account: '111122223333', regions: ['eu-west-1'], owner: 'platform' },
  ...{ repositories: [repository], headTags },
});

const policyOf = (changes: Partial<PolicyDocument> = {}): Policy =>
  parse(policySchema, {
    version: 1,
    scopes: [{ account: '111122223333', regions: ['eu-west-1'] }],
    ages: { default: { limitDays: 30 } },
    severities: [],
    streams: [
      { ...rule('node', 'platform/node', ['^22$', '^24$']), promotes: true },
      rule('apps', 'apps/*', ['^v.*$']),
      rule('edge', 'base/edge', ['^latest$']),
    ],
    mirrors: [{ account: '111122223333', repositories: ['hub/*'] }],
    awsManaged: { accounts: ['602401143452'], references: ['public.ecr.aws/lambda/*'] },
    ...changes,
  } satisfies PolicyDocument);

const judged = (from: string, policy = policyOf()): readonly string[] =>
  judgeDockerfile(`FROM ${from}\n`, policy).map(({ ruleId, state }) => `${state} ${ruleId}`);

test.each<[string, string, readonly string[]]>([
  ['a head tag', `${ECR}/platform/node:22`, []],
  ['a head tag of another line', `${ECR}/platform/node:24`, []],
  ['latest as a head tag', `${ECR}/base/edge:latest`, []],
  ['no tag where latest is a head tag', `${ECR}/base/edge`, []],
  ['a tag below a head tag', `${ECR}/platform/node:22.8`, ['violating moving-tag']],
  ['the tag of one build', `${ECR}/platform/node:22.8.0`, ['violating moving-tag']],
  ['latest where it is no head tag', `${ECR}/platform/node:latest`, ['violating no-latest']],
  ['no tag', `${ECR}/platform/node`, ['violating no-latest']],
  ['a candidate', `${ECR}/platform/node:22-candidate`, ['violating moving-tag']],
  ['a head tag of many', `${ECR}/apps/shop:v1`, ['unknown parent-known']],
  ['a digest', `${ECR}/platform/node@sha256:${'a'.repeat(64)}`, ['violating no-digest-pin']],
  ['a head tag with a digest', `${ECR}/platform/node:22@sha256:${'a'.repeat(64)}`, ['violating no-digest-pin']],
  ['the host of another form', '111122223333.dkr-ecr.eu-west-1.on.aws/platform/node:22', []],
  ['a mirror', `${ECR}/hub/library/nginx:1.29`, []],
  ['a full version of a mirror', `${ECR}/hub/library/nginx:1.29.3`, ['violating moving-tag']],
  ['a full version with a variant', `${ECR}/hub/library/nginx:1.29.3-alpine`, ['violating moving-tag']],
  ['a day', `${ECR}/hub/library/debian:bookworm-20261117-slim`, ['violating moving-tag']],
  ['a commit', `${ECR}/hub/tool:4f2a91c`, ['violating moving-tag']],
  ['a repository of ours that no rule names', `${ECR}/others/x:1`, []],
  ['an image of AWS', 'public.ecr.aws/lambda/nodejs:24', []],
  ['an account of AWS', '602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause:3', []],
  ['a registry of others', 'ghcr.io/acme/node:22', ['violating our-registries']],
  ['an account of others', '999988887777.dkr.ecr.eu-west-1.amazonaws.com/x:1', ['violating our-registries']],
  ['Docker Hub', 'node:22', ['violating our-registries']],
  ['Docker Hub without a tag', 'node', ['violating our-registries', 'violating no-latest']],
  ['a reference that is none', 'Node:22', ['unknown parent-known']],
  ['an empty tag', 'node:', ['unknown parent-known']],
])('%s', (_name, from, expected) => {
  expect(judged(from)).toEqual(expected);
});

test('approved registries of the policy replace our own, and give their id', () => {
  const policy = policyOf({ approvedRegistries: { id: 'only-hub', allow: ['docker.io/library/*'] } });
  expect(judged('node:22', policy)).toEqual([]);
  expect(judged(`${ECR}/platform/node:22`, policy)).toEqual(['violating only-hub']);
  expect(judged('public.ecr.aws/lambda/nodejs:24', policy)).toEqual([]);
});

test('with a policy for the whole organization each account of ECR counts as ours', () => {
  const policy = policyOf({ scopes: 'organization' });
  expect(judged('999988887777.dkr.ecr.eu-west-1.amazonaws.com/x:1', policy)).toEqual([]);
});

test('a finding names its line, what is wrong, and the tags to use', () => {
  const text = `# base\nFROM ${ECR}/platform/node:22 AS build\nFROM ${ECR}/platform/node:22.8.0\nCOPY --from=biuld / /\n`;
  expect(judgeDockerfile(text, policyOf())).toEqual([
    {
      ...{ line: 3, ruleId: 'moving-tag', state: 'violating' },
      text: `FROM names "${ECR}/platform/node:22.8.0": no head tag of the policy means "22.8.0", so no rebuild of the parent moves it.`,
      fix: 'Use the tag 22 or 24.',
    },
    {
      ...{ line: 4, ruleId: 'known-stage', state: 'violating' },
      text: 'COPY --from names "biuld", which is no other stage of the file.',
      fix: 'Name a stage of the file. For an image, write its registry and its tag.',
    },
  ]);
});

test('what the build decides, and a file that no build reads, is unknown', () => {
  const found = ['ARG TAG\nFROM node:$TAG', 'FORM node:22'].flatMap((text) => judgeDockerfile(text, policyOf()));
  expect(found.map(({ line, state, text }) => [line, state, text])).toEqual([
    [2, 'unknown', 'FROM is not judged: the build decides what TAG is: its ARG has no default.'],
    [1, 'unknown', 'The file cannot be read: "FORM" is no instruction.'],
  ]);
});
