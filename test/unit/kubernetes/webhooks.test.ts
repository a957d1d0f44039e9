import { RESOURCES } from '../../../local/kubernetes/objects.ts';
import { conditionsHold, isChosen, type Webhook, webhooksIn } from '../../../local/kubernetes/webhooks.ts';

const webhook = (changes: object = {}): Webhook => {
  const [one] = webhooksIn({
    ...{ apiVersion: 'admissionregistration.k8s.io/v1', kind: 'ValidatingWebhookConfiguration' },
    metadata: { name: 'door' },
    webhooks: [
      {
        ...{ name: 'door.example', clientConfig: { url: 'https://door.example/a' } },
        rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] }],
        ...changes,
      },
    ],
  });
  if (!one) throw new Error('the configuration has no webhook');
  return one;
};
const ofPods = (changes: object = {}) => ({
  rules: [{ apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'], ...changes }],
});
const created = { operation: 'CREATE', resource: RESOURCES.pods, labels: { team: 'web' } } as const;

test.each([
  [{}, true],
  [{ resources: ['*'] }, true],
  [{ resources: ['*/*'] }, true],
  [{ resources: ['pods/status'] }, false],
  [{ resources: ['deployments'] }, false],
  [{ apiGroups: ['apps'] }, false],
  [{ apiGroups: ['*'], apiVersions: ['*'], operations: ['*'] }, true],
  [{ apiVersions: ['v2'] }, false],
  [{ operations: ['UPDATE', 'DELETE'] }, false],
  [{ scope: 'Cluster' }, false],
  [{ scope: 'Namespaced' }, true],
])('a rule with %j chooses the creation of a pod: %j', (changes, expected) => {
  expect(isChosen(webhook(ofPods(changes)), created)).toBe(expected);
});

test.each([
  [['pods'], false],
  [['*'], false],
  [['pods/*'], true],
  [['*/*'], true],
  [['*/status'], true],
  [['pods/status'], true],
  [['pods/log'], false],
])('a rule of %j chooses the status of a pod: %j', (resources, expected) => {
  const rule = ofPods({ resources });
  expect(isChosen(webhook(rule), { ...created, subresource: 'status' })).toBe(expected);
});

test.each([
  [{ matchLabels: { team: 'web' } }, true],
  [{ matchLabels: { team: 'data' } }, false],
  [{ matchExpressions: [{ key: 'team', operator: 'In', values: ['web', 'data'] }] }, true],
  [{ matchExpressions: [{ key: 'team', operator: 'NotIn', values: ['web'] }] }, false],
  [{ matchExpressions: [{ key: 'other', operator: 'NotIn', values: ['web'] }] }, true],
  [{ matchExpressions: [{ key: 'other', operator: 'In', values: ['web'] }] }, false],
  [{ matchExpressions: [{ key: 'team', operator: 'Exists' }] }, true],
  [{ matchExpressions: [{ key: 'team', operator: 'DoesNotExist' }] }, false],
])('the selector %j takes the namespace of the team web: %j', (namespaceSelector, expected) => {
  expect(isChosen(webhook({ namespaceSelector }), created)).toBe(expected);
});

test('an object outside of namespaces is chosen whatever the selector', () => {
  const one = webhook({ ...ofPods({ resources: ['nodes'] }), namespaceSelector: { matchLabels: { team: 'web' } } });
  expect(isChosen(one, { operation: 'CREATE', resource: RESOURCES.nodes, labels: undefined })).toBe(true);
});

describe('conditions', () => {
  const facts = { object: { spec: { a: 1 } }, oldObject: null, request: { namespace: 'shop' } };
  const holds = (...expressions: readonly string[]) =>
    conditionsHold(webhook({ matchConditions: expressions.map((expression) => ({ name: 'a', expression })) }), facts);

  test('hold all, or the webhook is not asked', () => {
    expect(holds()).toBe(true);
    expect(holds("request.namespace == 'shop'", 'oldObject == null')).toBe(true);
    expect(holds("request.namespace == 'shop'", 'oldObject != null')).toBe(false);
  });

  test('that fail are an error, unless another one says no', () => {
    expect(() => holds('object.absent.below == 1')).toThrow();
    expect(holds('object.absent.below == 1', 'oldObject != null')).toBe(false);
  });
});
