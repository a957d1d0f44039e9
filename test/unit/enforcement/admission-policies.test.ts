import { buildFiles } from '../../../enforcement/build/build-files.ts';
import { readImageReference, referenceName } from '../../../shared/domain/image/reference.ts';
import type { Policy, PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { checkPolicy } from '../../../shared/domain/policy/policy-check.ts';
import { classify } from '../../../shared/domain/stream/tier.ts';
import { unapprovedNames } from '../../../shared/domain/verdict/approved-registries.ts';
import { evaluatePolicy, type PolicyRequest } from '../../support/admission-policy.ts';
import { anyReference, LISTED, UNLISTED } from '../../support/references.ts';
import { fc } from '../../support/seeded.ts';

const ECR = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
const RUNNING = 'c'.repeat(64);
const GOOD = `${ECR}/team/web@sha256:${LISTED}`;
const NEW = `${ECR}/team/web@sha256:${UNLISTED}`;
const OLD = `${ECR}/team/web@sha256:${RUNNING}`;
const NOW = '2026-11-20T12:00:00Z';

const policyOf = (changes: Partial<PolicyDocument> = {}): Policy =>
  checkPolicy({
    version: 1,
    ages: { default: { limitDays: 30 } },
    streams: [],
    severities: [],
    approvedRegistries: {
      allow: ['*.dkr.ecr.*.amazonaws.com/team/*', 'docker.io/library/nginx', '*.internal.example/*'],
    },
    awsManaged: { accounts: ['602401143452', '918309763551'], references: ['public.ecr.aws/eks/*'] },
    doors: {
      mode: 'warn',
      rules: [
        { namespaces: ['kube-system'], mode: 'off' },
        { namespaces: ['shop', 'shop-*'], mode: 'deny' },
        { namespaces: ['*-lax'], mode: 'deny', requireDigest: false },
      ],
    },
    ...changes,
  });

const textOf = (policy: Policy): string =>
  buildFiles(policy, { clusters: [], shardCount: 16 }).get('kubernetes/admission-policies.yaml') ?? '';
const YAML = textOf(policyOf());

const list = (digests: readonly string[], notAfter = '2026-11-21T00:00:00Z', running: object = {}) => ({
  spec: { notAfter, digests: Object.fromEntries(digests.map((digest) => [digest, ''])), running },
});
const lists = (one: object) =>
  Object.fromEntries([...'0123456789abcdef'].map((prefix) => [`digests-${prefix}`, one] as const));
const RUNS = { [RUNNING]: { namespaces: ['shop', 'shop-a'], until: '2026-11-25T00:00:00Z', rule: 'age-limit' } };
const LISTS = lists(list([LISTED], '2026-11-21T00:00:00Z', RUNS));

const pod = (...images: readonly (string | undefined)[]) => ({
  metadata: { name: 'web', creationTimestamp: NOW },
  spec: { containers: images.map((image) => ({ name: 'a', ...(image !== undefined && { image }) })) },
});

const request = (changes: Partial<PolicyRequest> = {}): PolicyRequest => ({
  kind: { group: '', version: 'v1', kind: 'Pod' },
  resource: { group: '', version: 'v1', resource: 'pods' },
  operation: 'CREATE',
  namespace: 'shop',
  userInfo: { username: 'system:serviceaccount:kube-system:replicaset-controller' },
  ...changes,
});

function decide(object: unknown, changes: Partial<PolicyRequest> = {}, more: object = {}, yaml = YAML) {
  const result = evaluatePolicy(yaml, { object, request: request(changes), params: LISTS, ...more });
  expect(result.errors).toEqual([]);
  const [first] = result.objections;
  return [result.decision, ...(first ? [first.ruleId] : [])].join(' ');
}

test.each([
  [GOOD, 'allow'],
  [NEW, 'deny digest-allowed'],
  [`${ECR}/team/web:1@sha256:${LISTED}`, 'allow'],
  [`${ECR}/team/web:1@sha256:${UNLISTED}`, 'deny digest-allowed'],
  [`${ECR}/team/web:1`, 'deny digest-required'],
  [`${ECR}/other/web@sha256:${LISTED}`, 'deny approved-registries'],
  [`${ECR}.evil.example/team/web@sha256:${LISTED}`, 'deny approved-registries'],
  [`${ECR}:443/team/web@sha256:${LISTED}`, 'deny approved-registries'],
  [`${ECR.toUpperCase()}/team/web@sha256:${LISTED}`, 'allow'],
  [`111122223333.dkr.ecr-fips.us-east-1.amazonaws.com/team/web@sha256:${LISTED}`, 'allow'],
  [`111122223333.dkr-ecr.eu-west-1.on.aws/team/web@sha256:${LISTED}`, 'allow'],
  [`111122223333.dkr-ecr-fips.us-east-1.on.aws/team/web@sha256:${LISTED}`, 'allow'],
  [`111122223333.dkr-ecr.cn-north-1.on.aws/team/web@sha256:${LISTED}`, 'deny approved-registries'],
  [`111122223333.dkr.ecr.evil.example/x.amazonaws.com/team/web@sha256:${LISTED}`, 'deny approved-registries'],
  [`602401143452.dkr.ecr.eu-west-1.amazonaws.com/eks/pause@sha256:${LISTED}`, 'allow'],
  [`602401143452.dkr.ecr.evil.example/eks/pause@sha256:${LISTED}`, 'deny approved-registries'],
  [`public.ecr.aws/eks/coredns@sha256:${LISTED}`, 'allow'],
  [`nginx@sha256:${LISTED}`, 'allow'],
  [`docker.io/nginx@sha256:${LISTED}`, 'allow'],
  [`index.docker.io/library/nginx@sha256:${LISTED}`, 'allow'],
  [`stranger/nginx@sha256:${LISTED}`, 'deny approved-registries'],
  [`team/web@sha256:${LISTED}`, 'deny approved-registries'],
  ['nginx', 'deny digest-required'],
  [`${ECR}/Team/web@sha256:${LISTED}`, 'deny reference-readable'],
  [`${ECR}/team/web@sha256:${LISTED.toUpperCase()}`, 'deny reference-readable'],
  [`${ECR}/team/web@sha256:${LISTED}\n`, 'deny reference-readable'],
  [`${GOOD}@sha256:${LISTED}`, 'deny reference-readable'],
  ['', 'deny reference-readable'],
  [undefined, 'deny reference-readable'],
  [OLD, 'warn age-limit'],
])('in a namespace that denies, a pod with %j: %s', (image, expected) => {
  expect(decide(pod(image))).toBe(expected);
});

test.each([
  ['kube-system', NEW, 'allow'],
  ['other', NEW, 'warn digest-allowed'],
  ['other', 'evil.example/x:1', 'warn approved-registries'],
  ['other', OLD, 'warn digest-allowed'],
  ['shop-a', NEW, 'deny digest-allowed'],
  ['shop-b', OLD, 'deny digest-allowed'],
  ['a-lax', `${ECR}/team/web:1`, 'warn digest-required'],
  ['a-lax', 'evil.example/x:1', 'deny approved-registries'],
  ['a-lax', NEW, 'deny digest-allowed'],
])('in namespace %s, a pod with %s: %s', (namespace, image, expected) => {
  expect(decide(pod(image), { namespace })).toBe(expected);
});

describe('every field that names an image counts', () => {
  const field = (spec: object) => ({ metadata: { name: 'web', creationTimestamp: NOW }, spec });
  test.each([
    ['an init container', { containers: [{ image: GOOD }], initContainers: [{ image: NEW }] }],
    ['a sidecar', { containers: [{ image: GOOD }], initContainers: [{ image: NEW, restartPolicy: 'Always' }] }],
    ['an image volume', { containers: [{ image: GOOD }], volumes: [{ emptyDir: {} }, { image: { reference: NEW } }] }],
    ['a second container', { containers: [{ image: GOOD }, { image: NEW }] }],
  ])('%s', (_, spec) => {
    expect(decide(field(spec))).toBe('deny digest-allowed');
  });

  test('an ephemeral container', () => {
    const object = field({ containers: [{ image: GOOD }], ephemeralContainers: [{ image: NEW }] });
    const asked = { operation: 'UPDATE', subResource: 'ephemeralcontainers' } as const;
    expect(decide(object, asked, { oldObject: pod(GOOD) })).toBe('deny digest-allowed');
  });

  test('an ephemeral container by the tag of a container that runs, and none by a digest that runs', () => {
    const debugged = (image: string) => {
      const object = field({ containers: [{ name: 'a', image }], ephemeralContainers: [{ name: 'd', image }] });
      const asked = { operation: 'UPDATE', subResource: 'ephemeralcontainers' } as const;
      return decide(object, asked, { oldObject: field({ containers: [{ name: 'a', image }] }) });
    };
    expect(debugged(GOOD.replace(/@.*/, ':v1'))).toBe('deny digest-required');
    expect(debugged(NEW)).toBe('allow');
  });
});

describe('an update', () => {
  const update = { operation: 'UPDATE' } as const;
  test('that keeps its images passes', () => {
    expect(decide(pod('evil.example/x:1'), update, { oldObject: pod('evil.example/x:1') })).toBe('allow');
  });
  test('with another image is judged', () => {
    expect(decide(pod(NEW), update, { oldObject: pod(GOOD) })).toBe('deny digest-allowed');
  });
});

describe('a list that is out of date', () => {
  const params = lists(list([LISTED], '2026-11-20T11:59:59Z'));
  test('warns and denies nothing', () => {
    expect(decide(pod(NEW), {}, { params })).toBe('warn digest-allowed');
    expect(decide(pod(GOOD), {}, { params })).toBe('warn list-current');
  });
  test('leaves the rules on references as they are', () => {
    expect(decide(pod('evil.example/x:1'), {}, { params })).toBe('deny approved-registries');
  });
  test('counts for an update, which tells no time', () => {
    const update = { operation: 'UPDATE' } as const;
    expect(decide(pod(NEW), update, { params, oldObject: pod(GOOD) })).toBe('deny digest-allowed');
  });
  test('is one that is missing: it denies', () => {
    const result = evaluatePolicy(YAML, { object: pod(GOOD), request: request(), params: {} });
    expect(result.decision).toBe('deny');
  });
});

test('what runs may not start again after its grace', () => {
  const late = { ...pod(OLD), metadata: { name: 'web', creationTimestamp: '2026-11-25T00:00:01Z' } };
  const params = lists(list([LISTED], '2026-11-26T00:00:00Z', RUNS));
  expect(decide(late, {}, { params })).toBe('deny digest-allowed');
});

describe('the mirror of a static pod', () => {
  const mirror = {
    ...pod(NEW),
    metadata: { creationTimestamp: NOW, annotations: { 'kubernetes.io/config.mirror': 'x' } },
  };
  test.each([
    ['a node', { username: 'system:node:a', groups: ['system:nodes', 'system:authenticated'] }, 'warn digest-allowed'],
    ['a person', { username: 'mallory', groups: ['system:authenticated'] }, 'deny digest-allowed'],
    ['a person in the group of nodes', { username: 'mallory', groups: ['system:nodes'] }, 'deny digest-allowed'],
    ['a user without groups', { username: 'system:node:a' }, 'deny digest-allowed'],
  ])('of %s', (_, userInfo, expected) => {
    expect(decide(mirror, { userInfo })).toBe(expected);
  });
});

describe('an object with a pod template warns only', () => {
  const template = { metadata: {}, spec: { containers: [{ image: 'evil.example/x:1' }] } };
  const metadata = { name: 'web', creationTimestamp: NOW };
  test.each([
    ['Deployment', 'apps', 'deployments', { metadata, spec: { template } }],
    ['ReplicaSet', 'apps', 'replicasets', { metadata, spec: { template } }],
    ['StatefulSet', 'apps', 'statefulsets', { metadata, spec: { template } }],
    ['DaemonSet', 'apps', 'daemonsets', { metadata, spec: { template } }],
    ['Job', 'batch', 'jobs', { metadata, spec: { template } }],
    ['CronJob', 'batch', 'cronjobs', { metadata, spec: { jobTemplate: { spec: { template } } } }],
    ['ReplicationController', '', 'replicationcontrollers', { metadata, spec: { template } }],
    ['PodTemplate', '', 'podtemplates', { metadata, template }],
  ])('%s', (kind, group, resource, object) => {
    const asked = { kind: { group, version: 'v1', kind }, resource: { group, version: 'v1', resource } };
    expect(decide(object, asked)).toBe('warn approved-registries');
  });
});

test('no message repeats the characters of a stranger that could change a terminal', () => {
  const result = evaluatePolicy(YAML, { object: pod('\u001b[2Jx'), request: request(), params: LISTS });
  expect(result.objections[0]?.message).toMatch(/^Image with hidden characters[ -~]+$/);
});

describe('the expressions and the decision in Node.js agree', () => {
  const policy = policyOf();

  const expected = (text: string): string => {
    const reference = readImageReference(text);
    if (!reference) return 'deny reference-readable';
    const { tier } = classify(policy, { reference: text });
    if (unapprovedNames({ locations: [], references: [referenceName(reference)], tier }, policy).length > 0)
      return 'deny approved-registries';
    if (reference.digest === undefined) return 'deny digest-required';
    return reference.digest === `sha256:${LISTED}` ? 'allow' : 'deny digest-allowed';
  };

  test('on any reference', () => {
    fc.assert(
      fc.property(anyReference, (text) => {
        expect(`${text} ${decide(pod(text))}`).toBe(`${text} ${expected(text)}`);
      }),
      { numRuns: 1000 },
    );
  });
});
