import { parse } from 'yaml';
import { buildFiles } from '../../../enforcement/build/build-files.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { checkPolicy } from '../../../shared/domain/policy/policy-check.ts';

const CLUSTER = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const URL = 'https://abc.execute-api.eu-west-1.amazonaws.com/s3cret';

function webhooks(doors: PolicyDocument['doors']) {
  const policy = checkPolicy({
    ...{ version: 1, ages: { default: { limitDays: 30 } }, streams: [], severities: [] },
    doors,
  });
  const files = buildFiles(policy, { clusters: [CLUSTER], shardCount: 16, webhookUrl: URL });
  const text = files.get('kubernetes/444455556666/eu-west-1/prod/webhook.yaml') ?? '';
  const { webhooks: hooks } = parse(text) as { readonly webhooks: readonly Record<string, unknown>[] };
  return hooks;
}

const SELECTED = (operator: 'In' | 'NotIn', ...values: readonly string[]) => ({
  matchExpressions: [{ key: 'kubernetes.io/metadata.name', operator, values }],
});

test('where every namespace denies, every pod fails closed, also in kube-system', () => {
  const [pods, workloads, namespaces, ...more] = webhooks({ mode: 'deny' });
  expect(more).toEqual([]);
  expect(pods).toMatchObject({ name: 'pods-deny.patchwave.dev', failurePolicy: 'Fail', sideEffects: 'None' });
  expect(pods).toMatchObject({ clientConfig: { url: `${URL}/444455556666/prod` }, admissionReviewVersions: ['v1'] });
  expect(Object.keys(pods ?? {})).not.toContain('namespaceSelector');
  expect(workloads).toMatchObject({ name: 'workloads.patchwave.dev', failurePolicy: 'Ignore' });
  expect(namespaces).toMatchObject({ failurePolicy: 'Fail', sideEffects: 'NoneOnDryRun' });
});

test('kube-system is left out only if the policy says so', () => {
  const [pods, workloads] = webhooks({ mode: 'deny', rules: [{ namespaces: ['kube-system'], mode: 'off' }] });
  expect(pods).toMatchObject({ namespaceSelector: SELECTED('NotIn', 'kube-system') });
  expect(workloads).toMatchObject({ namespaceSelector: SELECTED('NotIn', 'kube-system') });
});

test('each mode has its own failure policy, and its namespaces', () => {
  const rules = [
    { namespaces: ['shop'], mode: 'deny' as const },
    { namespaces: ['test-*'], mode: 'off' as const },
  ];
  const hooks = webhooks({ mode: 'warn', rules });
  expect(hooks).toMatchObject([
    { name: 'pods-deny.patchwave.dev', failurePolicy: 'Fail', namespaceSelector: SELECTED('In', 'shop') },
    { name: 'pods-warn.patchwave.dev', failurePolicy: 'Ignore', namespaceSelector: SELECTED('NotIn', 'shop') },
    { name: 'workloads.patchwave.dev', failurePolicy: 'Ignore' },
    { name: 'namespaces.patchwave.dev', failurePolicy: 'Fail' },
  ]);
  expect(JSON.stringify(hooks[1]?.matchConditions)).toContain("== 'warn'");
});

test('where nothing denies, everything fails open', () => {
  const hooks = webhooks({ mode: 'warn' });
  expect(hooks.map(({ name, failurePolicy }) => [name, failurePolicy])).toEqual([
    ['pods-warn.patchwave.dev', 'Ignore'],
    ['workloads.patchwave.dev', 'Ignore'],
  ]);
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
