import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CreateAccessEntryCommand, EKSClient } from '@aws-sdk/client-eks';
import { afterAll, beforeAll } from '@jest/globals';
import { makeOpenRole, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import { makeEksCluster } from '../../local/kubernetes/eks.ts';
import { runtimeOf } from '../../local/kubernetes/image-runtime.ts';
import { startPod } from '../../local/kubernetes/kubelet.ts';
import { type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { NODE } from '../../scripts/setup.mjs';
import { mapConcurrently } from '../../shared/concurrency.ts';
import { useCloud } from '../support/cloud.ts';
import { type KubeApiserver, startKubeApiserver } from '../support/kube-apiserver.ts';
import { programs } from '../support/kubernetes-programs.ts';
import type { ClusterReading } from './read-cluster.ts';

const READ = fileURLToPath(new URL('read-cluster.ts', import.meta.url));
const PLACE = { account: '444455556666', region: 'eu-west-1', cluster: 'large' };
const NAMESPACES = 20;
const PAGE_SIZE = 500;
/** The pods of the small and of the large reading. */
const [FEW, MANY] = [1_000, 10_000];
/** One page at a time is in memory, so ten times as many pages need hardly more. */
const MOST_HEAP_RATIO = 1.5;

const cloud = useCloud();
let server: KubeApiserver;

beforeAll(async () => {
  await makeEksCluster(cloud(), PLACE);
  server = await startKubeApiserver(await programs(), cloud(), PLACE);
  for (let number = 0; number < NAMESPACES; number += 1) await server.admin.ensureNamespace(`team-${number}`);
}, 120_000);
afterAll(async () => server?.stop());

test('10,000 pods are read completely, page by page, in the memory of 1,000', async () => {
  const config = cloud().clients(PLACE.account, PLACE.region);
  const principalArn = await makeOpenRole(config, 'PodReader');
  const access = { clusterName: PLACE.cluster, principalArn, kubernetesGroups: ['patchwave:read'] };
  await new EKSClient(config).send(new CreateAccessEntryCommand(access));
  await grantList();
  const read = async (): Promise<ClusterReading> => {
    const values = [config, PLACE, await sessionOf(config, principalArn)].map((value) => JSON.stringify(value));
    const { stdout } = await promisify(execFile)(NODE, ['--expose-gc', READ, ...values]);
    return JSON.parse(stdout) as ClusterReading;
  };

  await createPods(0, FEW);
  const few = await read();
  await createPods(FEW, MANY);
  const many = await read();
  for (const reading of [few, many]) process.stderr.write(`${textOf(reading)}\n`);
  for (const [reading, pods] of [[few, FEW] as const, [many, MANY] as const]) {
    expect([reading.pods, reading.digests]).toEqual([pods, 2 * pods]);
    expect(reading.pages).toBe(pods / PAGE_SIZE);
  }
  expect(many.mostHeapBytes / few.mostHeapBytes).toBeLessThanOrEqual(MOST_HEAP_RATIO);
}, 600_000);

const textOf = ({ pods, pages, mostHeapBytes, mostResidentBytes, seconds }: ClusterReading): string => {
  const mib = (bytes: number) => `${(bytes / 1024 ** 2).toFixed(1)} MiB`;
  const memory = `${mib(mostHeapBytes)} of heap, ${mib(mostResidentBytes)} resident`;
  return `${pods} pods: ${pages} pages of pods, ${memory}, ${seconds.toFixed(1)} s`;
};

async function grantList(): Promise<void> {
  const [apiVersion, metadata] = ['rbac.authorization.k8s.io/v1', { name: 'pod-readers' }];
  const lists = (group: string, ...resources: readonly string[]) => ({
    ...{ apiGroups: [group], resources, verbs: ['list'] },
  });
  await server.admin.ensure({
    ...{ apiVersion, kind: 'ClusterRole', metadata },
    rules: [lists('', 'pods', 'nodes'), lists('apps', 'replicasets'), lists('batch', 'jobs')],
  });
  await server.admin.ensure({
    ...{ apiVersion, kind: 'ClusterRoleBinding', metadata },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: metadata.name },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'patchwave:read' }],
  });
}

async function createPods(from: number, to: number): Promise<void> {
  const { admin } = server;
  const runtime = runtimeOf(cloud().endpoint);
  const numbers = Array.from({ length: to - from }, (_, index) => from + index);
  await mapConcurrently(numbers, 32, async (number) => {
    await startPod({ api: admin, runtime }, await admin.create(RESOURCES.pods, podOf(number)));
  });
}

/** Of the size of a small real pod: 4 KB. Each is a workload of its own. */
function podOf(number: number): KubernetesObject {
  const container = (name: string) => ({
    ...{ name, image: `docker.io/team-${number % NAMESPACES}/${name}:${number % 50}` },
    env: Array.from({ length: 20 }, (_, index) => ({ name: `SETTING_${index}`, value: 'x'.repeat(40) })),
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `pod-${number}`, namespace: `team-${number % NAMESPACES}`, labels: { app: `app-${number}` } },
    spec: { nodeName: `node-${number % 100}`, containers: [container('app'), container('proxy')] },
  };
}
