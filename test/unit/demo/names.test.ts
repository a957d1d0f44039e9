import { namesIn, widest } from '../../../local/demo/names.ts';
import { parsePolicy } from '../../../shared/domain/policy/policy-document.ts';

const HUB = { account: '111122223333', region: 'us-east-1' };
const OTHER = { account: '444455556666', region: 'us-east-1' };

const policy = parsePolicy(`
version: 1
ages: { default: { limitDays: 30 } }
severities: []
streams:
  - { id: node, tier: platform, account: "111122223333", regions: [us-east-1], repositories: [node], headTags: ["^22$", "^23$"], owner: a }
  - { id: apps, tier: application, account: "111122223333", regions: [us-east-1], repositories: ["apps/*"], headTags: ["^stable$"], owner: a }
`);
const names = namesIn(
  {
    repositories: [
      { ...HUB, name: 'node' },
      { ...HUB, name: 'apps/shop' },
      { ...HUB, name: 'apps/both' },
      { ...OTHER, name: 'apps/both' },
    ],
    workloads: ['shop', 'both', 'both'].map((name) => ({ name })),
    kubernetesWorkloads: ['web', 'twice', 'twice'].map((name) => ({ namespace: 'shop', name })),
  },
  policy,
);

test.each([
  ['111122223333/us-east-1/apps/shop:^stable$', 'apps/shop'],
  ['111122223333/us-east-1/apps/both:^stable$', '111122223333/us-east-1/apps/both'],
  ['111122223333/us-east-1/node:^23$', 'node:^23$'],
])('the stream %s is %s', (id, name) => {
  expect(names.stream(id)).toBe(name);
});

test.each([
  ['111122223333/us-east-1/main/shop', 'shop'],
  ['111122223333/us-east-1/main/both', '111122223333/us-east-1/main/both'],
  ['111122223333/us-east-1/main/eks-deployment:shop/web', 'shop/web'],
  ['111122223333/us-east-1/main/eks-deployment:shop/twice', '111122223333/us-east-1/main/eks-deployment:shop/twice'],
])('the service %s is %s', (key, name) => {
  expect(names.service(key)).toBe(name);
});

test.each([
  ['111122223333.dkr.ecr.us-east-1.amazonaws.com/apps/shop:stable', 'apps/shop:stable'],
  ['444455556666.dkr.ecr.us-east-1.amazonaws.com/apps/both@sha256:12', '444455556666/us-east-1/apps/both'],
  ['public.ecr.aws/nginx/nginx:1.27', 'public.ecr.aws/nginx/nginx:1.27'],
])('the reference %s is %s', (reference, name) => {
  expect(names.reference(reference)).toBe(name);
});

test('names are as wide as the widest, and none at all are not', () => {
  expect([widest(['a', 'abc']), widest([])]).toEqual([3, 0]);
});
