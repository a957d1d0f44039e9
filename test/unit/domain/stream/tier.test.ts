import {
  MODES,
  type Mode,
  type Policy,
  type PolicyDocument,
  policySchema,
} from '../../../../shared/domain/policy/policy.ts';
import { strictestMode } from '../../../../shared/domain/stream/mode.ts';
import { classify } from '../../../../shared/domain/stream/tier.ts';
import { parse } from '../../../../shared/schema.ts';
import { fc } from '../../../support/seeded.ts';
import { runs } from '../arbitraries.ts';

const HUB = '111122223333';
const TEAM = '444455556666';
const AWS = '593207742271';
const rule = { account: HUB, regions: ['us-east-1'], owner: 'platform' };

const policyOf = (changes: Partial<PolicyDocument> = {}): Policy =>
  parse(policySchema, {
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [
      { ...rule, id: 'base', tier: 'base', repositories: ['base/*'], headTags: ['^12$'] },
      {
        ...rule,
        id: 'node',
        tier: 'platform',
        repositories: ['platform/node'],
        headTags: ['^22$', '^22\\.8$', '^23$'],
      },
      {
        ...rule,
        id: 'go',
        tier: 'platform',
        repositories: ['platform/go'],
        headTags: ['^1$', '^2$'],
        pipeline: { name: 'go' },
        promotes: true,
      },
      {
        ...rule,
        id: 'debian',
        tier: 'mirrored',
        repositories: ['upstream/debian'],
        headTags: ['^trixie-slim$'],
      },
      {
        ...rule,
        id: 'apps',
        tier: 'application',
        repositories: ['apps/*'],
        headTags: ['^[0-9a-f]{7}-[0-9]+$'],
        owner: 'web',
      },
    ],
    severities: [],
    awsManaged: { accounts: [AWS], references: ['public.ecr.aws/aws-observability/*'] },
    mirrors: [
      { account: HUB, repositories: ['quay/*'] },
      { account: HUB, repositories: ['docker-hub/*', 'base/copied', 'upstream/*'] },
    ],
    ...changes,
  } satisfies PolicyDocument);

const policy = policyOf();
const at = (repository: string, account = HUB, region = 'us-east-1') => ({ account, region, repository });
const node = { tier: 'platform', rule: 'node', owner: 'platform' } as const;
const stream = (pattern: string) => `${HUB}/us-east-1/platform/node:${pattern}`;
const host = (account: string) => `${account}.dkr.ecr.us-east-1.amazonaws.com`;

test.each([
  ['a head tag', { location: at('platform/node'), tags: ['23'] }, { ...node, stream: stream('^23$') }],
  [
    'aliases: the least specific names the stream',
    { location: at('platform/node'), tags: ['22.8', '22'] },
    { ...node, stream: stream('^22$') },
  ],
  [
    'aliases, of which only one is a head tag',
    { location: at('platform/node'), tags: ['latest', '22.8'] },
    { ...node, stream: stream('^22\\.8$') },
  ],
  ['a candidate of a line that does not promote', { location: at('platform/node'), tags: ['22-candidate'] }, node],
  [
    'a candidate is made by its line before it is its head',
    { location: at('platform/go'), tags: ['1-7', '1-candidate'] },
    { tier: 'platform', rule: 'go', owner: 'platform', stream: `${HUB}/us-east-1/platform/go:^1$` },
  ],
  [
    'a tag that moved says more than one of a candidate',
    { location: at('platform/go'), tags: ['1-candidate', '2'] },
    { tier: 'platform', rule: 'go', owner: 'platform', stream: `${HUB}/us-east-1/platform/go:^2$` },
  ],
  [
    'an imported image: the rule goes before `mirrors`',
    { location: at('upstream/debian'), tags: ['import-1', 'trixie-slim'] },
    { tier: 'mirrored', rule: 'debian', owner: 'platform', stream: `${HUB}/us-east-1/upstream/debian:^trixie-slim$` },
  ],
  ['a branch build', { location: at('platform/node'), tags: ['my-branch'] }, node],
  ['no tag known, several release lines', { location: at('platform/node') }, node],
  ['untagged, several release lines', { location: at('platform/node'), tags: [] }, node],
  [
    'no tag known, one release line',
    { location: at('base/debian') },
    { tier: 'base', rule: 'base', owner: 'platform', stream: `${HUB}/us-east-1/base/debian:^12$` },
  ],
  [
    'untagged, one release line',
    { location: at('base/debian'), tags: [] },
    { tier: 'base', rule: 'base', owner: 'platform', stream: `${HUB}/us-east-1/base/debian:^12$` },
  ],
  [
    'a branch build, one release line',
    { location: at('base/debian'), tags: ['x'] },
    { tier: 'base', rule: 'base', owner: 'platform' },
  ],
  ['a reference by tag', { reference: `${host(HUB)}/platform/node:22` }, { ...node, stream: stream('^22$') }],
  [
    'a tag beside a digest proves nothing',
    { reference: `${host(HUB)}/platform/node:22@sha256:${'0'.repeat(64)}` },
    node,
  ],
  [
    'a stream rule before a mirror',
    { location: at('base/copied'), tags: ['12'] },
    { tier: 'base', rule: 'base', owner: 'platform', stream: `${HUB}/us-east-1/base/copied:^12$` },
  ],
  [
    'another Region of the account',
    { location: at('base/debian', HUB, 'eu-west-1'), tags: ['12'] },
    { tier: 'unmanaged' },
  ],
  ['another account', { location: at('base/debian', TEAM), tags: ['12'] }, { tier: 'unmanaged' }],
  ['a mirror', { location: at('docker-hub/library/nginx'), tags: ['1'] }, { tier: 'mirrored' }],
  ['a mirror of another account', { location: at('docker-hub/library/nginx', TEAM) }, { tier: 'unmanaged' }],
  ['ours and in no rule', { location: at('sandbox/x') }, { tier: 'unmanaged' }],
  ['Docker Hub', { reference: 'nginx:1.27' }, { tier: 'external' }],
  ['public ECR', { reference: 'public.ecr.aws/nginx/nginx:1' }, { tier: 'external' }],
  ['nothing known', {}, { tier: 'external' }],
  ['an unreadable reference', { reference: 'not a reference' }, { tier: 'external' }],
  ['an account of AWS', { reference: `${host(AWS)}/aws-guardduty-agent-fargate:v1` }, { tier: 'aws-managed' }],
  ['an account of AWS, by location', { location: at('eks/kube-proxy', AWS) }, { tier: 'aws-managed' }],
  ['a reference of AWS', { reference: 'public.ecr.aws/aws-observability/adot:v1' }, { tier: 'aws-managed' }],
  ['a GuardDuty sidecar', { container: 'aws-guardduty-agent-nm40lC' }, { tier: 'aws-managed' }],
  ['a Service Connect sidecar', { container: 'ecs-service-connect-aB1' }, { tier: 'aws-managed' }],
  ['a sidecar with another name', { container: 'my-aws-guardduty-agent' }, { tier: 'external' }],
  [
    'our image under the name of a sidecar',
    { container: 'aws-guardduty-agent-x', location: at('sandbox/x') },
    { tier: 'unmanaged' },
  ],
  [
    'a foreign image under the name of a sidecar',
    { container: 'aws-guardduty-agent-x', reference: 'evil/agent' },
    { tier: 'external' },
  ],
  [
    'an unreadable image under the name of a sidecar',
    { container: 'aws-guardduty-agent-x', reference: '???' },
    { tier: 'external' },
  ],
] as const)('%s', (_, origin, expected) => {
  expect(classify(policy, origin)).toEqual(expected);
});

test('with a list of scopes, ECR accounts that the policy names nowhere are not ours', () => {
  const listed = policyOf({ scopes: [{ account: TEAM, regions: ['us-east-1'] }] });
  expect(classify(listed, { location: at('x', '999999999999') })).toEqual({ tier: 'external' });
  expect(classify(listed, { location: at('x', TEAM) })).toEqual({ tier: 'unmanaged' });
  expect(classify(listed, { location: at('x', HUB) })).toEqual({ tier: 'unmanaged' });
});

test('two rules for a repository: the one whose head tag matches decides, else the first', () => {
  const shared = { ...rule, repositories: ['apps/*'] };
  const both = policyOf({
    streams: [
      { ...shared, id: 'first', tier: 'application', headTags: ['^a$'], owner: 'one' },
      { ...shared, id: 'second', tier: 'platform', headTags: ['^b$'], owner: 'two' },
    ],
  });
  expect(classify(both, { location: at('apps/x'), tags: ['b'] })).toMatchObject({
    rule: 'second',
    tier: 'platform',
    owner: 'two',
  });
  expect(classify(both, { location: at('apps/x'), tags: ['c'] })).toEqual({
    rule: 'first',
    tier: 'application',
    owner: 'one',
  });
  expect(classify(both, { location: at('apps/x') })).toEqual({ rule: 'first', tier: 'application', owner: 'one' });
});

test.each([
  [['1.2.3', 'aaaa'], 'aaaa', 'fewer parts, though longer'],
  [['1-2-3', 'aaaaaa'], 'aaaaaa', 'dashes part too'],
  [['1_2', 'aaaaaa'], 'aaaaaa', 'underscores part too'],
  [['aaa', 'zz'], 'zz', 'shorter'],
  [['b', 'a'], 'a', 'by letters'],
])('the least specific tag of %j is %s: %s', (tags, expected) => {
  const headTags = tags.map((tag) => `^${tag}$`);
  const lines = policyOf({ streams: [{ ...rule, id: 'x', tier: 'application', repositories: ['apps/*'], headTags }] });
  for (const some of [tags, [...tags].reverse()])
    expect(classify(lines, { location: at('apps/x'), tags: some }).stream).toBe(
      `${HUB}/us-east-1/apps/x:^${expected}$`,
    );
});

test('the order of tags makes no difference', () => {
  const tags = fc.uniqueArray(fc.constantFrom('22', '22.8', '23', 'latest', 'x'), { maxLength: 5 });
  fc.assert(
    fc.property(tags, (some) => {
      const location = at('platform/node');
      expect(classify(policy, { location, tags: [...some].reverse() })).toEqual(
        classify(policy, { location, tags: some }),
      );
    }),
    runs,
  );
});

describe('the strictest mode', () => {
  const subject = { tier: 'application', owner: 'web', accounts: [HUB], rule: 'apps' } as const;
  const enforcing = policyOf({ mode: 'enforce' });

  test.each<[string, Partial<PolicyDocument>, Mode]>([
    ['nothing else set', {}, 'enforce'],
    ['the policy', { mode: 'paused' }, 'paused'],
    ['the tier', { modes: { tiers: { application: 'report-only' } } }, 'report-only'],
    ['another tier', { modes: { tiers: { base: 'paused' } } }, 'enforce'],
    ['the owner', { modes: { owners: { web: 'paused' } } }, 'paused'],
    ['another owner', { modes: { owners: { api: 'paused' } } }, 'enforce'],
    ['the account', { modes: { accounts: { [HUB]: 'report-only' } } }, 'report-only'],
    [
      'a looser tier under a stricter policy',
      { mode: 'paused', modes: { tiers: { application: 'enforce' } } },
      'paused',
    ],
    ['the stricter of two', { modes: { owners: { web: 'report-only' }, accounts: { [HUB]: 'paused' } } }, 'paused'],
  ])('by %s', (_, changes, expected) => {
    expect(strictestMode(policyOf({ mode: 'enforce', ...changes }), subject)).toBe(expected);
  });

  test('by the stream rule', () => {
    const streams = enforcing.streams.map((entry) => ({ ...entry, mode: 'report-only' as const }));
    expect(strictestMode({ ...enforcing, streams }, subject)).toBe('report-only');
    expect(strictestMode({ ...enforcing, streams }, { ...subject, rule: 'other' })).toBe('enforce');
  });

  test('an owner named like a member of every object has no mode', () => {
    expect(
      strictestMode(policyOf({ mode: 'enforce', modes: { owners: {} } }), { tier: 'base', owner: 'constructor' }),
    ).toBe('enforce');
  });

  test('is never looser than any mode that is set', () => {
    const mode = fc.constantFrom(...MODES);
    fc.assert(
      fc.property(mode, mode, mode, mode, (top, tier, owner, account) => {
        const set = policyOf({
          mode: top,
          modes: { tiers: { application: tier }, owners: { web: owner }, accounts: { [HUB]: account } },
        });
        const strictest = MODES.indexOf(strictestMode(set, subject));
        expect(strictest).toBe(Math.max(...[top, tier, owner, account].map((each) => MODES.indexOf(each))));
      }),
      runs,
    );
  });
});
