import { type PolicyDocument, policySchema } from '../../../../shared/domain/policy/policy.ts';
import {
  type ImageRestraint,
  restrainedContainer,
  restraintOfImage,
  type StartedAnew,
} from '../../../../shared/domain/rollout/other-containers.ts';
import { parse } from '../../../../shared/schema.ts';
import { digestOf } from '../arbitraries.ts';

const REGISTRY = '111122223333';
const PIPELINE = '555566667777';
const SERVICE = '999988887777';
const HOST = `${REGISTRY}.dkr.ecr.eu-west-1.amazonaws.com`;
const streamOf = (line: string) => `${REGISTRY}/eu-west-1/team/py:^${line}$`;

const policyOf = (rule: Partial<PolicyDocument['streams'][number]>, modes: PolicyDocument['modes'] = {}) =>
  parse(policySchema, {
    ...{ version: 1, mode: 'enforce', modes, severities: [], ages: { default: { limitDays: 30 } } },
    streams: [
      {
        ...{
          id: 'py',
          tier: 'platform',
          account: REGISTRY,
          regions: ['eu-west-1'],
          owner: 'python',
          rollout: 'restart',
        },
        ...{ repositories: ['team/py'], headTags: ['^3.9$', '^3.10$'], pipeline: { account: PIPELINE, name: 'py' } },
        ...rule,
      },
    ],
  });

const PAUSED = { source: streamOf('3.9'), by: 'paused' };
const TAGGED = `${HOST}/team/py:3.9`;

test.each<
  readonly [string, ReturnType<typeof policyOf>, string, string | undefined, ImageRestraint | undefined | object]
>([
  ['a stream that enforces', policyOf({}), TAGGED, undefined, undefined],
  ['a stream that is paused', policyOf({ mode: 'paused' }), TAGGED, undefined, PAUSED],
  ['a tier that is paused', policyOf({}, { tiers: { platform: 'paused' } }), TAGGED, undefined, PAUSED],
  ['an owner who is paused', policyOf({}, { owners: { python: 'paused' } }), TAGGED, undefined, PAUSED],
  ['the account of the registry', policyOf({}, { accounts: { [REGISTRY]: 'paused' } }), TAGGED, undefined, PAUSED],
  ['the account of the pipeline', policyOf({}, { accounts: { [PIPELINE]: 'paused' } }), TAGGED, undefined, PAUSED],
  ['the account of the service', policyOf({}, { accounts: { [SERVICE]: 'paused' } }), TAGGED, undefined, PAUSED],
  ['another account', policyOf({}, { accounts: { '123456789012': 'paused' } }), TAGGED, undefined, undefined],
  ['a rollout of its owner', policyOf({ rollout: 'none' }), TAGGED, undefined, { ...PAUSED, by: 'none' }],
  ['a mode before a rollout', policyOf({ rollout: 'none', mode: 'paused' }), TAGGED, undefined, PAUSED],
  ['a digest', policyOf({ mode: 'paused' }), `${HOST}/team/py@${digestOf('one')}`, undefined, undefined],
  ['a tag beside a digest', policyOf({ mode: 'paused' }), `${TAGGED}@${digestOf('one')}`, undefined, undefined],
  ['an image that no rule names', policyOf({ mode: 'paused' }), `${HOST}/team/go:1`, undefined, undefined],
  ['an image elsewhere', policyOf({ mode: 'paused' }), 'public.ecr.aws/envoy:1', undefined, undefined],
  ['a text that is no reference', policyOf({ mode: 'paused' }), 'NO REFERENCE', undefined, undefined],
  ['the stream of the image', policyOf({ mode: 'paused' }), `${HOST}/team/py:3`, streamOf('3.9'), PAUSED],
  [
    'any stream of the repository, where the image is of none',
    policyOf({ mode: 'paused' }),
    `${HOST}/team/py:3`,
    undefined,
    { ...PAUSED, source: `${REGISTRY}/eu-west-1/team/py` },
  ],
])('what keeps an image from being deployed: %s', (_, policy, image, stream, expected) => {
  expect(restraintOfImage(policy, image, SERVICE, stream)).toEqual(expected);
});

test('each line of a repository has its own mode', () => {
  const [old, next] = [
    policyOf({ id: 'old', headTags: ['^3.9$'], mode: 'paused' }),
    policyOf({ headTags: ['^3.10$'] }),
  ];
  const policy = { ...next, streams: [...old.streams, ...next.streams] };
  expect(restraintOfImage(policy, TAGGED, SERVICE)).toEqual(PAUSED);
  expect(restraintOfImage(policy, `${HOST}/team/py:3.10`, SERVICE)).toBeUndefined();
  expect(restraintOfImage(policy, `${HOST}/team/py:3`, SERVICE, streamOf('3.10'))).toBeUndefined();
  expect(restraintOfImage(policy, `${HOST}/team/py:3`, SERVICE)).toMatchObject({ by: 'paused' });
});

test('an image whose repository has no rule now restricts nothing, also if it had a stream', () => {
  expect(
    restraintOfImage(policyOf({ mode: 'paused' }), `${HOST}/team/go:1`, SERVICE, `${REGISTRY}/eu-west-1/team/go:^1$`),
  ).toBe(undefined);
});

const restraint: ImageRestraint = { source: 'the stream', by: 'paused' };
const [ONE, TWO, INDEX] = ['one', 'two', 'index'].map(digestOf) as [StartedAnew['means'][0], ...StartedAnew['means']];
const container = (changes: Partial<StartedAnew>): StartedAnew => ({
  ...{ container: 'agent', image: 'agent:v1', means: [], runs: [], restraint, ...changes },
});

test.each<readonly [string, readonly StartedAnew[], boolean]>([
  ['there is no other container', [], false],
  ['nothing restrains it', [container({ means: [TWO ?? ONE], restraint: undefined })], false],
  ['it runs what its tag means', [container({ means: [ONE], runs: [ONE] })], false],
  ['it runs an image of the index', [container({ means: [INDEX ?? ONE, ONE], runs: [ONE] })], false],
  ['it runs another image', [container({ means: [TWO ?? ONE], runs: [ONE] })], true],
  ['what it runs is unknown', [container({ means: [ONE] })], true],
  ['its tag means nothing', [container({ runs: [ONE] })], true],
  ['only the second one may not', [container({ means: [ONE], runs: [ONE] }), container({ means: [ONE] })], true],
])('whether another container keeps a service from being deployed: %s', (_, others, isKept) => {
  expect(restrainedContainer(others) !== undefined).toBe(isKept);
});

test('a refusal says whether Patchwave knows what the other container runs', () => {
  const unknown = 'names now. Patchwave does not know whether the container runs that image already';
  expect(restrainedContainer([container({ means: [ONE] })])).toContain(unknown);
  expect(restrainedContainer([container({ means: [TWO ?? ONE], runs: [ONE] })])).not.toContain(unknown);
});
