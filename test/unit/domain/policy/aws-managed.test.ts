import { parseImageReference, serviceDomain } from '../../../../shared/domain/image/reference.ts';
import { isExempt, sharedReferences } from '../../../../shared/domain/policy/aws-managed.ts';
import { storedPolicy } from '../../../../shared/domain/policy/policy-check.ts';
import { PolicyInvalidError, parsePolicy } from '../../../../shared/domain/policy/policy-document.ts';
import {
  AWS_REGISTRIES,
  documentedAwsManaged,
  imagesOf,
  NODE_PODS,
  OTHER_PODS,
} from '../../../support/eks-new-node.ts';

const exempt = (awsManaged: { accounts?: string[]; references?: string[] }, reference: string): boolean =>
  isExempt({ accounts: [], references: [], ...awsManaged }, parseImageReference(reference));

const EKS = { accounts: ['602401143452'] };
const KARPENTER = { references: ['public.ecr.aws/karpenter/**'] };

test.each([
  ['by tag', EKS, '602401143452.dkr.ecr.eu-west-1.amazonaws.com/amazon-k8s-cni:v1.23.2', true],
  ['by the FIPS host', EKS, '602401143452.dkr.ecr-fips.us-gov-west-1.amazonaws.com/eks/coredns:v1', true],
  ['by the dual-stack host', EKS, '602401143452.dkr-ecr.eu-west-1.on.aws/eks/coredns:v1', true],
  ['by a host in capitals', EKS, '602401143452.DKR.ECR.eu-west-1.amazonaws.com/eks/coredns:v1', true],
  ['another account', EKS, '602401143453.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1', false],
  ['a longer host', EKS, '602401143452.dkr.ecr.eu-west-1.amazonaws.com.evil.example/eks/coredns:v1', false],
  ['a longer account', EKS, 'x602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1', false],
  ['a port', EKS, '602401143452.dkr.ecr.eu-west-1.amazonaws.com:443/eks/coredns:v1', false],
  ['the domain of another partition', EKS, '602401143452.dkr.ecr.cn-north-1.amazonaws.com/eks/coredns:v1', false],
  ['the host in the path', EKS, 'evil.example/602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/coredns:v1', false],
  ['the account as a host', EKS, '602401143452.example/eks/coredns:v1', false],
  ['an alias', KARPENTER, 'public.ecr.aws/karpenter/controller:1.15.2', true],
  ['a longer alias', KARPENTER, 'public.ecr.aws/karpenter-evil/controller:1.15.2', false],
  ['another host', KARPENTER, 'public.ecr.aws.evil.example/karpenter/controller:1.15.2', false],
  [
    'a pattern over the whole host',
    { references: ['public.ecr.aws/**'] },
    'public.ecr.aws/karpenter/controller',
    false,
  ],
  ['a pattern of every host', { references: ['*'] }, 'public.ecr.aws/karpenter/controller', false],
  ['a pattern over parts of aliases', { references: ['public.ecr.aws/k*/**'] }, 'public.ecr.aws/karpenter/x', false],
  [
    'a pattern of every account',
    { references: ['*.dkr.ecr.*.amazonaws.com/eks/*'] },
    '602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/x',
    false,
  ],
  [
    'a pattern over one ECR registry',
    { references: ['602401143452.dkr.ecr.eu-west-1.amazonaws.com/*'] },
    '602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/x',
    true,
  ],
])('%s: whether an image of AWS starts without a judgement', (_, awsManaged, reference, expected) => {
  expect(exempt(awsManaged, reference)).toBe(expected);
});

const WRITTEN = (references: string[], accounts: string[] = []) => ({
  ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] },
  ...{ scopes: [{ account: '111122223333', regions: ['eu-west-1'] }], awsManaged: { accounts, references } },
});

test.each([
  'public.ecr.aws/**',
  'docker.io/**',
  '*.dkr.ecr.*.amazonaws.com/*',
  'public.ecr.aws/*/karpenter',
  '*',
  'public.ecr.aws',
])(
  'a policy with the pattern %s is refused with what to write, and one of an earlier version stays in force',
  (pattern) => {
    const document = WRITTEN(['public.ecr.aws/eks/*', pattern]);
    expect(() => parsePolicy(JSON.stringify(document))).toThrow(PolicyInvalidError);
    expect(() => parsePolicy(JSON.stringify(document))).toThrow(
      /awsManaged\.references\[1\].*host and alias.*public\.ecr\.aws\/karpenter\/\*\*/s,
    );
    const stored = storedPolicy(document);
    expect(stored.awsManaged.references).toEqual(['public.ecr.aws/eks/*', pattern]);
    expect(sharedReferences(stored.awsManaged)).toEqual([pattern]);
  },
);

test('one of our own accounts is refused as one of AWS', () => {
  expect(() => parsePolicy(JSON.stringify(WRITTEN([], ['111122223333'])))).toThrow(/awsManaged\.accounts\[0\]/);
  expect(() => parsePolicy(JSON.stringify(WRITTEN([], ['602401143452'])))).not.toThrow();
});

describe('the names that docs/policy.md gives', () => {
  const { accounts, references } = documentedAwsManaged();
  const isNamed = (image: string): boolean => exempt({ accounts: [...accounts], references: [...references] }, image);

  test('are accepted in a policy, and none of them is left over', () => {
    expect(() => parsePolicy(JSON.stringify(WRITTEN([...references], [...accounts])))).not.toThrow();
    expect([...accounts].sort()).toEqual([...new Set(Object.values(AWS_REGISTRIES))].sort());
  });

  test.each(Object.entries(AWS_REGISTRIES))('let add-ons start in %s, from account %s', (region, account) => {
    const host = `${account}.dkr.ecr.${region}.${serviceDomain(region)}`;
    expect(isNamed(`${host}/eks/coredns:v1.14.3-eksbuild.11`)).toBe(true);
  });

  test.each(NODE_PODS)('let $title start', ({ pod }) => {
    expect(imagesOf(pod).filter((image) => !isNamed(image))).toEqual([]);
  });

  test.each(OTHER_PODS)('do not cover $title', ({ pod }) => {
    expect(imagesOf(pod).some(isNamed)).toBe(false);
  });
});
