import { parse, parseAllDocuments } from 'yaml';
import { buildFiles } from '../../../enforcement/build/build-files.ts';
import { PathKeys } from '../../../functions/admission-webhook/path-keys.ts';
import type { PathUse } from '../../../shared/domain/admission/webhook-path.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { checkPolicy } from '../../../shared/domain/policy/policy-check.ts';
import type { PolicyRequest } from '../../support/admission-policy.ts';
import { pathKey, privateKey } from '../../support/path-key.ts';
import { calledWebhooks } from '../../support/webhook-configuration.ts';

const CLUSTER = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const URL = 'https://abc.execute-api.eu-west-1.amazonaws.com';
const { sign } = pathKey(1);
const urlFor = (use: PathUse) => `${URL}/${sign(use, CLUSTER)}/444455556666/prod`;

function textOf(doors: PolicyDocument['doors']): string {
  const policy = checkPolicy({
    ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] },
    doors,
  });
  const files = buildFiles(policy, { clusters: [CLUSTER], shardCount: 16, webhook: { url: URL, sign } });
  return files.get('kubernetes/444455556666/eu-west-1/prod/webhook.yaml') ?? '';
}

function webhooks(doors: PolicyDocument['doors']) {
  const text = textOf(doors);
  const { webhooks: hooks } = parse(text) as { readonly webhooks: readonly Record<string, unknown>[] };
  return hooks;
}

const SELECTED = (operator: 'In' | 'NotIn', ...values: readonly string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator, values }],
});

const ADD_ONS = ['amazon-cloudwatch', 'amazon-guardduty', 'amazon-network-flow-monitor', 'karpenter', 'kube-system'];

test('without rules every pod fails closed, but for those of kube-system and of add-ons', () => {
  const [pods, workloads, opens, ends, ...more] = webhooks({ mode: 'deny' });
  expect(more).toEqual([]);
  expect(pods).toMatchObject({ name: 'pods-deny.patchwave.dev', failurePolicy: 'Fail', sideEffects: 'None' });
  expect(pods).toMatchObject({ clientConfig: { url: urlFor('pods') }, admissionReviewVersions: ['v1'] });
  expect(pods).toMatchObject({ namespaceSelector: SELECTED('NotIn', ...ADD_ONS) });
  expect(JSON.stringify(pods?.matchConditions)).toContain('kube-system');
  expect(workloads).toMatchObject({ name: 'workloads.patchwave.dev', failurePolicy: 'Ignore' });
  expect(opens).toMatchObject({
    name: 'break-glass.patchwave.dev',
    failurePolicy: 'Fail',
    sideEffects: 'NoneOnDryRun',
  });
  expect(ends).toMatchObject({
    name: 'namespaces.patchwave.dev',
    failurePolicy: 'Ignore',
    sideEffects: 'NoneOnDryRun',
  });
});

test('a rule that names kube-system covers it, and a rule without namespaces does not', () => {
  const others = ADD_ONS.filter((name) => name !== 'kube-system');
  const [pods, workloads] = webhooks({
    mode: 'off',
    rules: [{ mode: 'deny' }, { namespaces: ['kube-system'], mode: 'deny' }],
  });
  expect(pods).toMatchObject({ namespaceSelector: SELECTED('NotIn', ...others) });
  expect(workloads).toMatchObject({ namespaceSelector: SELECTED('NotIn', ...others) });
});

test('each mode has its own failure policy, and its namespaces', () => {
  const rules = [
    { namespaces: ['shop'], mode: 'deny' as const },
    { namespaces: ['test-*'], mode: 'off' as const },
  ];
  const hooks = webhooks({ mode: 'warn', rules });
  expect(hooks).toMatchObject([
    { name: 'pods-deny.patchwave.dev', failurePolicy: 'Fail', namespaceSelector: SELECTED('In', 'shop') },
    {
      name: 'pods-warn.patchwave.dev',
      failurePolicy: 'Ignore',
      namespaceSelector: SELECTED('NotIn', ...ADD_ONS, 'shop'),
    },
    { name: 'workloads.patchwave.dev', failurePolicy: 'Ignore' },
    { name: 'break-glass.patchwave.dev', failurePolicy: 'Fail' },
    { name: 'namespaces.patchwave.dev', failurePolicy: 'Ignore' },
  ]);
  expect(JSON.stringify(hooks[1]?.matchConditions)).toContain("== 'warn'");
});

test('where the policy lets images start without an answer, pods fail open, and a break-glass fails closed', () => {
  const rules = [{ namespaces: ['shop'], mode: 'deny' as const, onUnreachable: 'refuse' as const }];
  const hooks = webhooks({ mode: 'deny', onUnreachable: 'allow', rules });
  expect(hooks).toMatchObject([
    { name: 'pods-deny.patchwave.dev', failurePolicy: 'Fail', namespaceSelector: SELECTED('In', 'shop') },
    {
      name: 'pods-deny-open.patchwave.dev',
      failurePolicy: 'Ignore',
      namespaceSelector: SELECTED('NotIn', ...ADD_ONS, 'shop'),
    },
    { name: 'workloads.patchwave.dev', failurePolicy: 'Ignore' },
    { name: 'break-glass.patchwave.dev', failurePolicy: 'Fail' },
    { name: 'namespaces.patchwave.dev', failurePolicy: 'Ignore' },
  ]);
  expect(JSON.stringify(hooks[1]?.matchConditions)).toContain("== 'deny-open'");
  const open = webhooks({ mode: 'deny', onUnreachable: 'allow' }).map(({ name }) => name);
  expect(open).toContain('break-glass.patchwave.dev');
  expect(open).not.toContain('pods-deny.patchwave.dev');
});

describe('where the policy has the digests of tags written', () => {
  const configurations = (doors: PolicyDocument['doors']) =>
    parseAllDocuments(textOf(doors)).map((document) => document.toJS());

  test('a mutating webhook is asked about pods alone, fails open, and may be asked again', () => {
    const rules = [
      { namespaces: ['shop'], mode: 'deny' as const, pinTags: false },
      { namespaces: ['lab'], mode: 'warn' as const },
    ];
    const [, tags, ...more] = configurations({ mode: 'deny', pinTags: true, rules });
    expect(more).toEqual([]);
    expect(tags).toMatchObject({
      kind: 'MutatingWebhookConfiguration',
      metadata: { name: 'patchwave' },
      webhooks: [
        {
          name: 'tags.patchwave.dev',
          clientConfig: { url: urlFor('tags') },
          failurePolicy: 'Ignore',
          reinvocationPolicy: 'IfNeeded',
          sideEffects: 'None',
          rules: [{ apiGroups: [''], resources: ['pods', 'pods/ephemeralcontainers'] }],
          namespaceSelector: SELECTED('NotIn', ...ADD_ONS, 'lab', 'shop'),
        },
      ],
    });
    expect(tags.webhooks).toHaveLength(1);
  });

  test.each<[string, PolicyDocument['doors']]>([
    ['nothing says so', { mode: 'deny' }],
    ['no door denies', { mode: 'warn', pinTags: true }],
    ['it is said for a door that warns', { mode: 'deny', rules: [{ namespaces: ['a'], mode: 'warn', pinTags: true }] }],
  ])('there is none where %s', (_, doors) => {
    expect(configurations(doors).map(({ kind }) => kind)).toEqual(['ValidatingWebhookConfiguration']);
  });
});

test('where nothing denies, everything fails open', () => {
  const hooks = webhooks({ mode: 'warn' });
  expect(hooks.map(({ name, failurePolicy }) => [name, failurePolicy])).toEqual([
    ['pods-warn.patchwave.dev', 'Ignore'],
    ['workloads.patchwave.dev', 'Ignore'],
  ]);
});

test('only the webhooks of namespaces have the path for them', () => {
  for (const { name, clientConfig } of webhooks({ mode: 'deny' })) {
    const isOfNamespaces = name === 'namespaces.patchwave.dev' || name === 'break-glass.patchwave.dev';
    const use = isOfNamespaces ? 'namespaces' : 'pods';
    expect([name, clientConfig]).toEqual([name, { url: urlFor(use) }]);
  }
});

test('the signatures are for this cluster and one use each, and the private key is nowhere', () => {
  const text = textOf({ mode: 'deny' });
  const keys = new PathKeys([pathKey(1).publicKey]);
  const opened = [...text.matchAll(/url: https:\/\/[^/]+\/([\w-]+)\//g)].map(([, signature = '']) => signature);
  expect(new Set(opened.map((one) => keys.opened(one, CLUSTER)?.use))).toEqual(new Set(['pods', 'namespaces']));
  expect(opened.map((one) => keys.opened(one, { ...CLUSTER, cluster: 'other' }))).toEqual(opened.map(() => undefined));
  const { d = 'none' } = privateKey(1).export({ format: 'jwk' });
  expect(text).not.toContain(d);
});

test('no webhook selects objects, which anybody could use as a way around, or waits for more than 5 s', () => {
  for (const hook of webhooks({ mode: 'deny', rules: [{ namespaces: ['a'], mode: 'warn' }] })) {
    expect(Object.keys(hook)).not.toContain('objectSelector');
    expect(hook.timeoutSeconds).toBeLessThanOrEqual(5);
  }
});

test('pods and debug containers are asked for when they are made and changed', () => {
  const [pods] = webhooks({ mode: 'deny' });
  expect(pods?.rules).toEqual([
    {
      ...{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], scope: 'Namespaced' },
      resources: ['pods', 'pods/ephemeralcontainers'],
    },
  ]);
});

const DOORS: PolicyDocument['doors'] = {
  mode: 'warn',
  rules: [
    { namespaces: ['kube-*', 'infra'], mode: 'off' },
    { namespaces: ['shop', 'pay-*'], mode: 'deny' },
  ],
};
const YAML = textOf(DOORS);

const request = (kind: string, group: string, changes: Partial<PolicyRequest> = {}): PolicyRequest => ({
  kind: { group, version: 'v1', kind },
  resource: { group, version: 'v1', resource: `${kind.toLowerCase()}s` },
  operation: 'CREATE',
  namespace: 'shop',
  userInfo: { username: 'ada' },
  ...changes,
});
const pod = (image: string, metadata: object = {}) => ({ metadata, spec: { containers: [{ name: 'a', image }] } });
const called = (asked: PolicyRequest, object: unknown, oldObject?: unknown) =>
  calledWebhooks(YAML, { request: asked, object, oldObject });

test.each([
  ['shop', ['pods-deny.patchwave.dev']],
  ['pay-eu', ['pods-deny.patchwave.dev']],
  ['other', ['pods-warn.patchwave.dev']],
  ['pay', ['pods-warn.patchwave.dev']],
  ['infra', []],
  ['kube-system', []],
])('a new pod in %s asks the webhook of the mode there', (namespace, expected) => {
  expect(called(request('Pod', '', { namespace }), pod('x'))).toEqual(expected);
});

const UPDATE = { operation: 'UPDATE' } as const;

test.each<[string, object, object, Partial<PolicyRequest>, boolean]>([
  ['a label', pod('x', { labels: { a: '2' } }), pod('x', { labels: { a: '1' } }), UPDATE, false],
  ['a finalizer', pod('x'), pod('x', { finalizers: ['a.example/b'] }), UPDATE, false],
  ['an image', pod('y'), pod('x'), UPDATE, true],
  [
    'a debug container',
    { spec: { ...pod('x').spec, ephemeralContainers: [{ name: 'd', image: 'x' }] } },
    pod('x'),
    { ...UPDATE, subResource: 'ephemeralcontainers' },
    true,
  ],
  ['the status', { ...pod('x'), status: { phase: 'Running' } }, pod('x'), { ...UPDATE, subResource: 'status' }, false],
])('an update of %s asks only if it may start an image', (_, object, before, changes, isCalled) => {
  expect(called(request('Pod', '', changes), object, before)).toEqual(isCalled ? ['pods-deny.patchwave.dev'] : []);
});

const template = (image: string, replicas = 1) => ({ spec: { replicas, template: pod(image) } });

test.each<[string, string, object, object, boolean]>([
  ['Deployment', 'apps', template('x', 5), template('x', 1), false],
  ['Deployment', 'apps', template('y'), template('x'), true],
  ['CronJob', 'batch', { spec: { jobTemplate: template('y') } }, { spec: { jobTemplate: template('x') } }, true],
  [
    'CronJob',
    'batch',
    { spec: { suspend: true, jobTemplate: template('x') } },
    { spec: { jobTemplate: template('x') } },
    false,
  ],
  ['PodTemplate', '', { template: pod('y') }, { template: pod('x') }, true],
  ['PodTemplate', '', { metadata: { labels: { a: '1' } }, template: pod('x') }, { template: pod('x') }, false],
])('an update of a %s of %s asks only if its template changes: %#', (kind, group, object, before, isCalled) => {
  expect(called(request(kind, group, UPDATE), object, before)).toEqual(isCalled ? ['workloads.patchwave.dev'] : []);
  expect(called(request(kind, group), object)).toEqual(['workloads.patchwave.dev']);
});

const namespace = (annotations?: object) => ({ metadata: { name: 'shop', ...(annotations && { annotations }) } });
const OPEN = namespace({ 'patchwave.dev/break-glass': '{}' });

const [OPENS, ENDS] = ['break-glass.patchwave.dev', 'namespaces.patchwave.dev'] as const;

test.each<[string, object, object | undefined, string | undefined]>([
  ['is new without it, because one of its name may have been open', namespace(), undefined, ENDS],
  ['is new with it', OPEN, undefined, OPENS],
  ['gets it', OPEN, namespace(), OPENS],
  ['gets an empty one', namespace({ 'patchwave.dev/break-glass': '' }), namespace({}), OPENS],
  ['gets another one', namespace({ 'patchwave.dev/break-glass': '{"a":1}' }), OPEN, OPENS],
  ['loses it', namespace({}), OPEN, ENDS],
  ['keeps it', { metadata: { ...OPEN.metadata, labels: { a: '1' } } }, OPEN, undefined],
  ['has another one', namespace({ a: '1' }), namespace(), undefined],
])('a namespace that %s asks only about a break-glass', (_, object, before, expected) => {
  const asked = request('Namespace', '', before === undefined ? {} : UPDATE);
  expect(called(asked, object, before)).toEqual(expected === undefined ? [] : [expected]);
});

test.each(['status', 'finalize'])('an annotation that comes through %s asks, too', (subResource) => {
  expect(called(request('Namespace', '', { ...UPDATE, subResource }), OPEN, namespace())).toEqual([OPENS]);
  const rest = { metadata: { ...OPEN.metadata, labels: { a: '1' } } };
  expect(called(request('Namespace', '', { ...UPDATE, subResource }), rest, OPEN)).toEqual([]);
});

test('nothing but a new annotation can fail because the webhook of namespaces is away', () => {
  const closed = webhooks({ mode: 'deny' }).filter(({ failurePolicy }) => failurePolicy === 'Fail');
  expect(closed.map(({ name }) => name)).toEqual(['pods-deny.patchwave.dev', OPENS]);
  for (const [object, before, operation] of [
    [namespace(), OPEN, 'UPDATE'],
    [namespace({ a: '1' }), namespace(), 'UPDATE'],
    [namespace(), undefined, 'CREATE'],
    [null, OPEN, 'DELETE'],
  ] as const)
    expect(called(request('Namespace', '', { operation }), object, before)).not.toContain(OPENS);
});

test('the deletion of a namespace ends its break-glass, and nothing else that is deleted asks', () => {
  const deletion = request('Namespace', '', { operation: 'DELETE' });
  expect(called(deletion, null, OPEN)).toEqual([ENDS]);
  for (const kind of ['Pod', 'Namespace'])
    expect(called(request(kind, '', { operation: 'DELETE' }), null, pod('x'))).toEqual([]);
});

test('a rule that an earlier one hides selects nothing', () => {
  const hooks = webhooks({
    mode: 'warn',
    rules: [
      { namespaces: ['shop-*'], mode: 'warn' },
      { namespaces: ['shop-a'], mode: 'deny' },
    ],
  });
  expect(hooks.map(({ name }) => name)).not.toContain('pods-deny.patchwave.dev');
});
