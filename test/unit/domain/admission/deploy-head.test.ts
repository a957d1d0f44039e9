import { deployHeadText, kubectlSetImage, updateService } from '../../../../shared/domain/admission/deploy-head.ts';

const HEAD = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web@sha256:1';
const FIELD = 'spec.containers[0].image';

const podOwnedBy = (kind: string, name: string, changes: { labels?: object; container?: unknown } = {}) => ({
  metadata: { labels: changes.labels ?? {}, ownerReferences: [{ kind, name, controller: true }] },
  spec: { containers: [{ name: changes.container ?? 'app', image: 'x' }], initContainers: [{ name: 'init' }] },
});
const ofDeployment = podOwnedBy('ReplicaSet', 'web-7d9f', { labels: { 'pod-template-hash': '7d9f' } });

test.each<[string, unknown, string, string | undefined]>([
  ['a Deployment', ofDeployment, FIELD, `kubectl -n shop set image deployment/web app=${HEAD}`],
  [
    'its init container',
    ofDeployment,
    'spec.initContainers[0].image',
    `kubectl -n shop set image deployment/web init=${HEAD}`,
  ],
  ['a StatefulSet', podOwnedBy('StatefulSet', 'db'), FIELD, `kubectl -n shop set image statefulset/db app=${HEAD}`],
  ['a DaemonSet', podOwnedBy('DaemonSet', 'log'), FIELD, `kubectl -n shop set image daemonset/log app=${HEAD}`],
  ['a Job, whose template cannot change', podOwnedBy('Job', 'nightly'), FIELD, undefined],
  ['a ReplicaSet without an owner', podOwnedBy('ReplicaSet', 'web'), FIELD, undefined],
  ['a pod of its own', { spec: { containers: [{ name: 'app' }] } }, FIELD, undefined],
  ['an image volume', ofDeployment, 'spec.volumes[0].image.reference', undefined],
  ['a container that is missing', ofDeployment, 'spec.containers[9].image', undefined],
  ['no pod', null, FIELD, undefined],
])('the command for %s', (_, pod, field, expected) => {
  expect(kubectlSetImage(pod, 'shop', field, HEAD)).toBe(expected);
});

test.each(['a; rm -rf ~', '$(id)', '-x', 'a b', 'A', '', '\u202ea', 'a\n', 'x'.repeat(254)])(
  'no command has the name %j',
  (name) => {
    expect(kubectlSetImage(podOwnedBy('StatefulSet', name), 'shop', FIELD, HEAD)).toBeUndefined();
    expect(kubectlSetImage(podOwnedBy('StatefulSet', 'db', { container: name }), 'shop', FIELD, HEAD)).toBeUndefined();
    expect(kubectlSetImage(podOwnedBy('StatefulSet', 'db'), name, FIELD, HEAD)).toBeUndefined();
  },
);

test.each([7, {}, ['db']])('no command has a name that is no text: %j', (name) => {
  expect(kubectlSetImage(podOwnedBy('StatefulSet', name as string), 'shop', FIELD, HEAD)).toBeUndefined();
  expect(kubectlSetImage(podOwnedBy('StatefulSet', 'db', { container: name }), 'shop', FIELD, HEAD)).toBeUndefined();
});

test('the command for a service of ECS has only names of ECS', () => {
  expect(updateService('prod', 'web')).toContain('--cluster prod --service web ');
  expect(updateService('prod', 'web; id')).toBeUndefined();
});

test('a command that is too long is left out whole, and never cut', () => {
  expect(deployHeadText(HEAD, 'kubectl x')).toBe(`${HEAD} may start here. Deploy it, for instance: kubectl x`);
  expect(deployHeadText(HEAD, 'x'.repeat(701))).toBe(
    `${HEAD} may start here. Name it in place of the refused image, and deploy again.`,
  );
});
