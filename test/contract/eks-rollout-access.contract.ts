import { readFile } from 'node:fs/promises';
import { CreateAccessEntryCommand, EKSClient, ResourceInUseException } from '@aws-sdk/client-eks';
import { beforeAll } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { makeOpenRole, sessionOf } from '../../local/cloud/probe-kubernetes.ts';
import { type ApiResource, type KubernetesObject, RESOURCES } from '../../local/kubernetes/objects.ts';
import { EksDeployer } from '../../shared/adapters/eks-deployer.ts';
import { digestOf } from '../support/samples.ts';
import type { KubernetesWorld } from './kubernetes-server.contract.ts';

const MANIFEST = new URL('../../enforcement/access/write.yaml', import.meta.url);
const NAMESPACE = 'rollout';
const IMAGE = `docker.io/team/app@${digestOf('app')}`;
/** How long an API server may go on with the roles that it read before. */
const ROLES_READ_MS = 10_000;

/** The right to one verb on one resource. */
interface Right {
  readonly group: string;
  readonly resource: string;
  readonly verb: string;
}

const KINDS: readonly (readonly [service: string, resource: ApiResource, revisions: string])[] = [
  ['eks-deployment:rollout/web', RESOURCES.deployments, 'replicasets'],
  ['eks-statefulset:rollout/db', RESOURCES.statefulSets, 'controllerrevisions'],
  ['eks-daemonset:rollout/agent', RESOURCES.daemonSets, 'controllerrevisions'],
];

const textOf = ({ verb, group, resource }: Right): string => `${verb} ${group}/${resource}`;
const UNREACHABLE = { name: 'DeployerUnreachableError' };

/** A cluster with a deployer whose role has the access entry that operators make. */
export interface RolloutAccessWorld extends Pick<KubernetesWorld, 'place' | 'control'> {
  readonly admin: Pick<KubernetesWorld['admin'], 'ensure' | 'create' | 'get' | 'patch'>;
  deployer(): Promise<EksDeployer>;
}

/** A deployer with a role of the embedded cloud, which has an access entry in the cluster. */
export async function deployerIn({ cloud, place }: Pick<KubernetesWorld, 'cloud' | 'place'>): Promise<EksDeployer> {
  const config = cloud.clients(place.account, place.region);
  const principalArn = await makeOpenRole(config, 'AccessRollout');
  const credentials = await sessionOf(config, principalArn);
  const entry = { clusterName: place.cluster, principalArn, kubernetesGroups: ['patchwave:rollout'] };
  // Several suites may share a cluster.
  await new EKSClient(config).send(new CreateAccessEntryCommand(entry)).catch((error: unknown) => {
    if (!(error instanceof ResourceInUseException)) throw error;
  });
  return new EksDeployer({
    clients: () => new EKSClient(config),
    credentials: async () => credentials,
    clock: Date.now,
  });
}

/** A rollout deploys to a cluster with what `enforcement/access/write.yaml` grants, and needs every part of it. */
export function eksRolloutAccessContract(world: () => RolloutAccessWorld): void {
  let deployer: EksDeployer;
  let role: KubernetesObject;
  let granted: readonly Right[];
  let cascades = 0;

  beforeAll(async () => {
    const { admin, control } = world();
    const documents = parseAllDocuments(await readFile(MANIFEST, 'utf8')).map((one) => one.toJS() as KubernetesObject);
    for (const document of documents) await admin.ensure(document);
    const found = documents.find(({ kind }) => kind === 'ClusterRole');
    if (found === undefined) throw new Error('write.yaml has no ClusterRole');
    role = found;
    granted = (role.rules as readonly { apiGroups: string[]; resources: string[]; verbs: string[] }[]).flatMap((rule) =>
      rule.apiGroups.flatMap((group) =>
        rule.resources.flatMap((resource) => rule.verbs.map((verb) => ({ group, resource, verb }))),
      ),
    );
    await admin.ensure({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await admin.ensure({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'node-1' } });
    for (const [service, resource] of KINDS) await control(await admin.create(resource, workload(service, resource)));
    deployer = await world().deployer();
  }, 60_000);

  const ref = (service: string) => ({ ...world().place, service });
  const describeService = (service: string) => deployer.describe(ref(service));

  /** A restart of a service as it is now. The id of the deployment. */
  async function restart(service: string): Promise<string> {
    cascades += 1;
    return deployer.restart(ref(service), await describeService(service), `cascade-${cascades}`);
  }

  /** The work with these rights; afterwards the role is whole again, and in force. */
  async function only<Result>(rights: readonly Right[], work: () => Promise<Result>): Promise<Result> {
    const { admin } = world();
    const rules = rights.map(({ group, resource, verb }) => ({
      ...{ apiGroups: [group], resources: [resource], verbs: [verb] },
    }));
    await admin.patch(RESOURCES.clusterRoles, role, { rules });
    try {
      return await work();
    } finally {
      await admin.patch(RESOURCES.clusterRoles, role, { rules: role.rules });
      for (const [service] of KINDS) await untilAllowed(() => restart(service));
    }
  }

  test('it grants reading and patching of workloads, and lists of their revisions', () => {
    expect(granted.map(textOf).toSorted()).toEqual([
      'get apps/daemonsets',
      'get apps/deployments',
      'get apps/statefulsets',
      'list apps/controllerrevisions',
      'list apps/replicasets',
      'patch apps/daemonsets',
      'patch apps/deployments',
      'patch apps/statefulsets',
    ]);
  });

  test.each(KINDS)('what the manifest grants suffices for %s: a restart, a new image', async (service, resource) => {
    const { admin, control } = world();
    const before = await describeService(service);
    expect(before).toMatchObject({ controller: 'KUBERNETES', containers: [{ name: 'app', image: IMAGE }] });
    const restarted = await restart(service);
    await settle();
    const after = await describeService(service);
    expect(after.deployments[0]?.deploymentId).toBe(restarted);
    const image = `docker.io/team/app@${digestOf(service)}`;
    await deployer.register(ref(service), new Map([['app', image]]), after, 'cascade-of-images');
    expect((await describeService(service)).containers).toMatchObject([{ name: 'app', image }]);
    const [, name = ''] = service.split('/');
    const object = await admin.get(resource, NAMESPACE, name);
    if (object) await control(object);
    await deployer.register(
      ref(service),
      new Map([['app', IMAGE]]),
      await describeService(service),
      'cascade-of-images',
    );
  });

  const settle = async (): Promise<void> => {
    const { admin, control } = world();
    for (const [service, resource] of KINDS) {
      const object = await admin.get(resource, NAMESPACE, service.split('/')[1] ?? '');
      if (object) await control(object);
    }
  };

  test.each(
    KINDS.flatMap(([service, { name: resource }, revisions]) => [
      [`get ${resource}`, { group: 'apps', resource, verb: 'get' }, service] as const,
      [`list ${revisions}`, { group: 'apps', resource: revisions, verb: 'list' }, service] as const,
      [`patch ${resource}`, { group: 'apps', resource, verb: 'patch' }, service] as const,
    ]),
  )(
    'without the right to %s a workload that needs it is not deployed',
    async (what, right, service) => {
      const others = granted.filter((one) => textOf(one) !== textOf(right));
      expect(others).toHaveLength(granted.length - 1);
      const refusal = await only(others, () => refusedIn(() => restart(service)));
      expect(refusal).toMatchObject({ ...UNREACHABLE, message: expect.stringContaining(what) });
    },
    60_000,
  );
}

async function untilAllowed(work: () => Promise<unknown>): Promise<void> {
  for (const giveUpAtEpochMs = Date.now() + ROLES_READ_MS; ; ) {
    const isDone = await work().then(
      () => true,
      () => false,
    );
    if (isDone || Date.now() > giveUpAtEpochMs) return;
  }
}

/** An API server reads changed roles some moments after the change. */
async function refusedIn(work: () => Promise<unknown>): Promise<unknown> {
  for (const giveUpAtEpochMs = Date.now() + ROLES_READ_MS; ; ) {
    const outcome = await work().catch((error: unknown) => error);
    if (typeof outcome !== 'string' || Date.now() > giveUpAtEpochMs) return outcome;
  }
}

function workload(service: string, resource: ApiResource): KubernetesObject {
  const name = service.split('/')[1] ?? '';
  const labels = { app: name };
  const containers = [{ name: 'app', image: IMAGE, imagePullPolicy: 'Always' }];
  return {
    ...{ apiVersion: 'apps/v1', kind: resource.kind, metadata: { name, namespace: NAMESPACE } },
    spec: {
      ...(resource === RESOURCES.daemonSets ? {} : { replicas: 1 }),
      ...(resource === RESOURCES.statefulSets && { serviceName: name }),
      selector: { matchLabels: labels },
      template: { metadata: { labels }, spec: { containers } },
    },
  };
}
