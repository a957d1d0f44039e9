import { afterAll, beforeEach } from '@jest/globals';
import type { KubernetesWorkload } from '../../../shared/domain/rollout/kubernetes-workload.ts';
import { DeployerUnreachableError } from '../../../shared/ports/acting-errors.ts';
import { ClusterObjectTooLargeError, DEPLOYS } from '../../../shared/ports/cluster-errors.ts';
import type { ServiceRef } from '../../../shared/ports/rollouts.ts';
import { WORKLOAD } from '../../contract/eks-deployer.contract.ts';
import { EksClusters } from '../../support/eks-clusters.ts';
import { addWorkload, changeWorkload, pathOf, readWorkload, removeWorkload } from '../../support/eks-services.ts';
import { answer, type KubernetesServer, type SeenRequest, status } from '../../support/kubernetes-server.ts';

const clusters = new EksClusters();
const { deployer } = clusters;
const CASCADE = '0123456789ab-g1';
let ref: ServiceRef;
let server: KubernetesServer;
let numbers = 0;
beforeEach(async () => {
  ref = { account: '444455556666', region: 'eu-west-1', cluster: `c-${++numbers}`, service: 'eks-deployment:shop/web' };
  await addWorkload(clusters, ref, WORKLOAD);
  server = await clusters.server(ref);
});
afterAll(() => clusters.stop());

const isPatch = ({ method }: SeenRequest): boolean => method === 'PATCH';
const patches = () => server.asked.filter(isPatch);
const restart = async () => deployer.restart(ref, await deployer.describe(ref), CASCADE);
const restartedBy = async () =>
  (await readWorkload(clusters, ref)).spec?.template?.metadata?.annotations?.['patchwave.dev/cascade'];
const edit = (change: (workload: KubernetesWorkload) => KubernetesWorkload) =>
  changeWorkload(clusters, ref, (workload) => {
    const { metadata = {}, ...others } = change(workload);
    return { ...others, metadata: { ...metadata, generation: (metadata.generation ?? 0) + 1 } };
  });
const newImage = () =>
  edit(({ spec = {}, ...others }) => ({
    ...others,
    spec: { ...spec, template: { spec: { containers: [{ name: 'app', image: 'app:v2' }] } } },
  }));

test('a patch is a JSON patch by the field manager patchwave, on the condition that the spec is unchanged', async () => {
  await restart();
  const [patch] = patches();
  expect(patch?.headers['content-type']).toBe('application/json-patch+json');
  expect([...(patch?.query ?? [])]).toEqual([['fieldManager', 'patchwave']]);
  expect(JSON.parse(patch?.body ?? '')).toEqual([
    { op: 'test', path: '/metadata/uid', value: 'uid-of-web' },
    { op: 'test', path: '/metadata/generation', value: 1 },
    { op: 'add', path: '/spec/template/metadata/annotations', value: {} },
    { op: 'add', path: '/spec/template/metadata/annotations/patchwave.dev~1cascade', value: CASCADE },
  ]);
});

test('the rollout began when the ReplicaSet of the present template was made', async () => {
  const owner = (uid: string) => [{ apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid, controller: true }];
  const replicaSet = (revision: string, creationTimestamp: string, uid = 'uid-of-web') => ({
    metadata: {
      annotations: { 'deployment.kubernetes.io/revision': revision },
      creationTimestamp,
      ownerReferences: owner(uid),
    },
  });
  server.collections.set(pathOf(ref, 'replicasets'), [
    replicaSet('10', '2026-11-20T10:00:00Z'),
    replicaSet('9', '2026-11-21T10:00:00Z'),
    replicaSet('11', '2026-11-22T10:00:00Z', 'another'),
  ]);
  await changeWorkload(clusters, ref, (workload) => ({ ...workload, status: { observedGeneration: 1 } }));
  const begun = async () => (await deployer.describe(ref)).deployments.map((one) => one.createdAtEpochMs);
  expect(await begun()).toEqual([Date.parse('2026-11-20T10:00:00Z')]);
  expect(server.asked.at(-1)?.query.get('labelSelector')).toBe('app=web');
  await newImage();
  expect(await begun()).toEqual([clusters.clock.nowEpochMs]);
});

test.each(['eks-statefulset', 'eks-daemonset'])(
  'the rollout of an %s began when the ControllerRevision with its template was made',
  async (kind) => {
    ref = { ...ref, service: `${kind}:shop/web` };
    await addWorkload(clusters, ref, { ...WORKLOAD, status: { observedGeneration: 1 } });
    const ownerReferences = [{ apiVersion: 'apps/v1', kind: 'X', name: 'web', uid: 'uid-of-web', controller: true }];
    const revisionOf = (revision: number, creationTimestamp: string, template: object) => ({
      ...{ metadata: { name: `web-${revision}`, creationTimestamp, ownerReferences }, revision },
      data: { spec: { template: { ...template, $patch: 'replace' } } },
    });
    server.collections.set(pathOf(ref, 'controllerrevisions'), [
      revisionOf(2, '2026-11-20T10:00:00Z', WORKLOAD.spec.template),
      revisionOf(3, '2026-11-21T10:00:00Z', {}),
    ]);
    const { deployments } = await deployer.describe(ref);
    expect(deployments).toMatchObject([{ createdAtEpochMs: Date.parse('2026-11-20T10:00:00Z') }]);
  },
);

test('somebody who changes the template between read and patch wins', async () => {
  server.once(isPatch, (response, asked) => {
    void newImage().then(() => answer(response, ...replied(asked)));
  });
  await expect(restart()).rejects.toMatchObject({ name: 'ServiceChangedError' });
  expect(await restartedBy()).toBeUndefined();
});

test('an autoscaler that changes the replicas between read and patch only delays the patch', async () => {
  server.once(isPatch, (response, asked) => {
    void edit(({ spec, ...others }) => ({ ...others, spec: { ...spec, replicas: 7 } })).then(() =>
      answer(response, ...replied(asked)),
    );
  });
  await restart();
  expect([await restartedBy(), patches().length]).toEqual([CASCADE, 2]);
});

test('a workload that changes during each attempt is not overwritten', async () => {
  server.misbehaviours.push((asked, response) => {
    if (!isPatch(asked)) return false;
    void edit(({ spec, ...others }) => ({ ...others, spec: { ...spec, replicas: patches().length + 10 } })).then(() =>
      answer(response, ...replied(asked)),
    );
    return true;
  });
  await expect(restart()).rejects.toMatchObject({ name: 'ServiceChangedError' });
  expect([await restartedBy(), patches().length]).toEqual([undefined, 3]);
});

test('a conflict (409) is read again, and patched', async () => {
  server.once(isPatch, (response) => answer(response, 409, status(409, 'Conflict', 'the object has been modified')));
  await restart();
  expect([await restartedBy(), patches().length]).toEqual([CASCADE, 2]);
});

test('a workload that is deleted between read and patch is gone', async () => {
  server.once(isPatch, (response, asked) => {
    void removeWorkload(clusters, ref).then(() => answer(response, ...replied(asked)));
  });
  await expect(restart()).rejects.toMatchObject({ name: 'ServiceGoneError' });
});

test('a cluster that is deleted is gone with its workloads', async () => {
  const gone = { ...ref, cluster: 'no-such-cluster' };
  await expect(deployer.describe(gone)).rejects.toMatchObject({ name: 'ServiceGoneError' });
});

test.each([
  ['a webhook', 403, 'admission webhook "pods.example.com" denied the request: no'],
  [
    'a policy',
    403,
    "deployments.apps \"web\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
  ],
  ['a webhook with a code of its own', 400, 'admission webhook "x" denied the request: no'],
  ['the validation of the server', 422, 'Deployment.apps "web" is invalid: no'],
])('a change that %s denies is refused for good', async (_, code, message) => {
  server.misbehaviours.push((asked, response) => {
    if (isPatch(asked)) answer(response, code, status(code, 'Forbidden', message));
    return isPatch(asked);
  });
  await expect(restart()).rejects.toMatchObject({
    name: 'DeploymentRefusedError',
    message: expect.stringContaining(
      `Kubernetes refused this deployment of service 444455556666/eu-west-1/${ref.cluster}/eks-deployment:shop/web: ${message}`,
    ),
  });
  expect(patches()).toHaveLength(1);
});

const asks = (method: string, last: string) => (asked: SeenRequest) =>
  asked.method === method && asked.path.endsWith(`/${last}`);

test.each([
  ['get deployments', asks('GET', 'web'), 'cannot get resource "deployments"'],
  ['list replicasets', asks('GET', 'replicasets'), 'cannot list resource "replicasets"'],
  ['patch deployments', asks('PATCH', 'web'), 'cannot patch resource "deployments" in API group "apps"'],
])('a role that may not %s is named with the manifest that it needs', async (right, fits, message) => {
  server.misbehaviours.push((asked, response) => {
    if (fits(asked)) answer(response, 403, status(403, 'Forbidden', `forbidden: User "r" ${message}`));
    return fits(asked);
  });
  await expect(restart()).rejects.toMatchObject({
    name: 'DeployerUnreachableError',
    isPassing: false,
    message: expect.stringMatching(
      new RegExp(`the rollout role is not allowed to ${right} .*enforcement/access/write.yaml`),
    ),
  });
});

test('an object that is too large stays so: the step does not try again, and a person deploys', () => {
  const cause = new ClusterObjectTooLargeError(ref, 'one of its deployments', DEPLOYS);
  expect(new DeployerUnreachableError(ref, cause)).toMatchObject({
    isPassing: false,
    message: `EKS cluster 444455556666/eu-west-1/${ref.cluster} cannot be deployed to: one of its deployments is too large to be read. Make that object smaller, or deploy the workload yourself.`,
  });
});

test('a role that may not patch any longer after an answer was lost: the change may have been made', async () => {
  server.once(isPatch, (response, asked) => {
    server.reply(asked);
    response.destroy();
  });
  server.once(isPatch, (response) => answer(response, 401, status(401, 'Unauthorized', 'Unauthorized')));
  await expect(restart()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
  expect(await restartedBy()).toBe(CASCADE);
});

describe('a mutating webhook', () => {
  const makes = (change: (workload: KubernetesWorkload) => KubernetesWorkload) =>
    server.once(isPatch, (response) => {
      const present = server.objects.get(pathOf(ref)) as unknown as KubernetesWorkload;
      answer(response, 200, JSON.stringify(change(present)));
    });

  test('that drops the change: refused, and the text says what is missing', async () => {
    makes((workload) => workload);
    await expect(restart()).rejects.toMatchObject({
      name: 'DeploymentRefusedError',
      message: expect.stringMatching(
        /accepted the change and dropped it, .* did not set \/spec\/template\/metadata\/annotations\/patchwave.dev~1cascade/,
      ),
    });
  });

  test('that makes another change of it: refused, and not to be asked for again', async () => {
    makes(({ spec = {}, ...others }) => ({
      ...others,
      spec: { ...spec, template: { spec: { containers: [{ name: 'app', image: 'mirror/app:v1' }] } } },
    }));
    const images = new Map([['app', 'app@sha256:1']]);
    await expect(deployer.register(ref, images, await deployer.describe(ref), CASCADE)).rejects.toMatchObject({
      name: 'DeploymentAlteredError',
      message: expect.stringMatching(/another change in its place, .*did not set .*containers\/0\/image/),
    });
  });

  test('that adds to the change: the deployment is that of the whole template', async () => {
    let made: KubernetesWorkload = {};
    const decided = await deployer.describe(ref);
    server.once(isPatch, (response, asked) => {
      server.reply(asked);
      const { spec = {}, ...others } = server.objects.get(pathOf(ref)) as unknown as KubernetesWorkload;
      const labels = { ...spec.template?.metadata?.labels, injected: 'yes' };
      const metadata = { ...spec.template?.metadata, labels };
      made = { ...others, spec: { ...spec, template: { ...spec.template, metadata } } };
      answer(response, 200, JSON.stringify(made));
    });
    const deploymentId = await deployer.restart(ref, decided, CASCADE);
    await changeWorkload(clusters, ref, () => made);
    expect((await deployer.describe(ref)).deployments).toMatchObject([{ deploymentId, isPrimary: true }]);
  });
});

test('a restart that another template replaced is listed, as long as the workload keeps its revision', async () => {
  const deploymentId = await restart();
  const { spec = {} } = await readWorkload(clusters, ref);
  const { template = {} } = spec;
  const labels = { ...template.metadata?.labels, 'pod-template-hash': '5d8f7' };
  const controller = { apiVersion: 'apps/v1', kind: 'Deployment', name: 'web', uid: 'uid-of-web', controller: true };
  server.collections.set(pathOf(ref, 'replicasets'), [
    {
      metadata: { creationTimestamp: '2026-11-20T10:00:00Z', ownerReferences: [controller] },
      spec: { template: { ...template, metadata: { ...template.metadata, labels } } },
    },
  ]);
  expect((await deployer.describe(ref)).deployments).toHaveLength(1);
  await newImage();
  expect((await deployer.describe(ref)).deployments.slice(1)).toMatchObject([
    { deploymentId, isPrimary: false, cascadeId: CASCADE, createdAtEpochMs: Date.parse('2026-11-20T10:00:00Z') },
  ]);
});

test('a server that is too busy is asked again; one that stays so changed nothing, and the step tries again', async () => {
  const busy = { 'content-type': 'text/plain', 'retry-after': '0' };
  server.once(isPatch, (response) => answer(response, 429, 'Too many requests', busy));
  await restart();
  expect([await restartedBy(), patches().length]).toEqual([CASCADE, 2]);
  server.misbehaviours.push((asked, response) => {
    if (isPatch(asked)) answer(response, 429, 'Too many requests', busy);
    return isPatch(asked);
  });
  const again = deployer.restart(ref, await deployer.describe(ref), '0123456789ab-g2');
  await expect(again).rejects.toMatchObject({ name: 'DeployerUnreachableError', isPassing: true });
});

describe('an answer that is lost after the change was made', () => {
  const losesAnswers = (times: number, lose: (response: Parameters<typeof answer>[0]) => void) => {
    for (let n = 0; n < times; n += 1)
      server.once(isPatch, (response, asked) => {
        server.reply(asked);
        lose(response);
      });
  };
  const broken = (response: Parameters<typeof answer>[0]) => void response.destroy();
  const failed = (response: Parameters<typeof answer>[0]) =>
    answer(response, 500, status(500, '', 'etcdserver: timeout'));

  test.each([
    ['a broken connection', broken],
    ['status 500', failed],
  ])('%s: the next attempt finds the change, and makes no second one', async (_, lose) => {
    losesAnswers(1, lose);
    const deploymentId = await restart();
    const { metadata } = await readWorkload(clusters, ref);
    expect([await restartedBy(), metadata?.generation]).toEqual([CASCADE, 2]);
    expect((await deployer.describe(ref)).deployments).toMatchObject([{ deploymentId, cascadeId: CASCADE }]);
  });

  test.each([
    ['a broken connection', broken],
    ['status 504', failed],
  ])('%s at each attempt: the caller must look', async (_, lose) => {
    losesAnswers(3, lose);
    await expect(restart()).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
    expect(await restartedBy()).toBe(CASCADE);
    await expect(restart()).resolves.toMatch(/^template-/);
    expect((await readWorkload(clusters, ref)).metadata?.generation).toBe(2);
  });

  test('new images: the next attempt finds them', async () => {
    losesAnswers(1, broken);
    const images = new Map([['app', 'app@sha256:1']]);
    const deploymentId = await deployer.register(ref, images, await deployer.describe(ref), CASCADE);
    expect((await deployer.describe(ref)).deployments).toMatchObject([{ deploymentId }]);
    expect((await readWorkload(clusters, ref)).metadata?.generation).toBe(2);
  });
});

test.each([
  ['is being created', { status: 'CREATING' }, 'its status is CREATING'],
  [
    'has a private endpoint',
    { endpoint: 'https://127.0.0.1:1', resourcesVpcConfig: { endpointPublicAccess: false } },
    'deploy its workloads yourself',
  ],
  [
    'does not answer',
    { endpoint: 'https://127.0.0.1:1' },
    'admit AWS Lambda, .*Otherwise deploy its workloads yourself',
  ],
  ['has no endpoint yet', { endpoint: '' }, 'EKS names no endpoint'],
])('a cluster that %s is unreachable with its reason', async (_, described, reason) => {
  await clusters.describe(ref, described);
  await expect(deployer.describe(ref)).rejects.toMatchObject({
    name: 'DeployerUnreachableError',
    message: expect.stringMatching(
      new RegExp(`^EKS cluster 444455556666/eu-west-1/${ref.cluster} cannot be deployed to: .*${reason}`),
    ),
  });
});

test('EKS that refuses to describe the cluster is unreachable, and names the parameter', async () => {
  const denied = { ...ref, account: '777788889999' };
  clusters.deny(denied);
  await expect(deployer.describe(denied)).rejects.toMatchObject({
    name: 'DeployerUnreachableError',
    message: expect.stringContaining('with RolloutToEks=true'),
  });
});

const replied = (asked: SeenRequest): [number, string] => {
  const { code, body } = server.reply(asked);
  return [code, body];
};
