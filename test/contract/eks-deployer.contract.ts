import type { KubernetesWorkload } from '../../shared/domain/rollout/kubernetes-workload.ts';
import type { DecidedOn, Deployer, ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';
import { CASCADE } from './deployer.contract.ts';

type Spec = NonNullable<KubernetesWorkload['spec']>;

/** A deployer, and workloads of its own for each test, from `WORKLOAD`. */
export interface EksDeployerWorld {
  readonly deployer: Deployer;
  newWorkload(kind: string, workload: KubernetesWorkload): Promise<ServiceRef>;
  read(service: ServiceRef): Promise<KubernetesWorkload>;
  /** Somebody changes the `spec` of a workload. */
  edit(service: ServiceRef, change: (spec: Spec) => Spec): Promise<void>;
  /** What the controller says, of the present template unless it says otherwise. */
  report(service: ServiceRef, status: NonNullable<KubernetesWorkload['status']>): Promise<void>;
  remove(service: ServiceRef): Promise<void>;
  readonly unreachable: ServiceRef;
}

const IMAGE = '111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/web';
const PINNED = `${IMAGE}@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef`;

export const WORKLOAD = {
  metadata: { labels: { app: 'web' } },
  spec: {
    replicas: 2,
    selector: { matchLabels: { app: 'web' } },
    template: {
      metadata: { labels: { app: 'web' } },
      spec: {
        containers: [
          { name: 'app', image: `${IMAGE}:v1`, imagePullPolicy: 'Always' },
          { name: 'proxy', image: 'proxy:v1' },
        ],
        initContainers: [{ name: 'migrate', image: `${IMAGE}:latest` }],
        volumes: [{ name: 'model', image: { reference: `${IMAGE}-model:v1` } }, { name: 'other' }],
      },
    },
  },
} satisfies KubernetesWorkload;

const KINDS = ['eks-deployment', 'eks-statefulset', 'eks-daemonset'] as const;
const NOTHING_SEEN: DecidedOn = { taskDefinition: '', deployments: [] };
const AT_REST = {
  ...{ replicas: 2, updatedReplicas: 2, readyReplicas: 2, availableReplicas: 2 },
  ...{ desiredNumberScheduled: 2, updatedNumberScheduled: 2, numberAvailable: 2 },
};

export function eksDeployerContract(world: () => EksDeployerWorld): void {
  const describeIt = (service: ServiceRef) => world().deployer.describe(service);
  const restart = async (service: ServiceRef, cascadeId = CASCADE) =>
    world().deployer.restart(service, await describeIt(service), cascadeId);
  const register = async (service: ServiceRef, images: ReadonlyMap<string, string>) =>
    world().deployer.register(service, images, await describeIt(service), CASCADE);
  const only = ({ deployments }: ServiceState) => {
    expect(deployments).toHaveLength(1);
    return deployments[0];
  };
  const templateOf = async (service: ServiceRef) => (await world().read(service)).spec?.template;

  test.each(KINDS)('%s: its images, and one deployment that is the present template', async (kind) => {
    const service = await world().newWorkload(kind, WORKLOAD);
    const state = await describeIt(service);
    expect(state).toMatchObject({ controller: 'KUBERNETES', obstacles: [] });
    expect(state.containers).toEqual([
      { name: 'app', image: `${IMAGE}:v1`, pullPolicy: 'Always' },
      { name: 'proxy', image: 'proxy:v1', pullPolicy: 'IfNotPresent' },
      { name: 'migrate', image: `${IMAGE}:latest`, pullPolicy: 'Always' },
      { name: 'volume:model', image: `${IMAGE}-model:v1`, pullPolicy: 'IfNotPresent' },
    ]);
    expect(only(state)).toMatchObject({
      deploymentId: expect.stringMatching(/^template-[\da-f]{12}$/),
      isPrimary: true,
      taskDefinition: state.taskDefinition,
      createdAtEpochMs: expect.any(Number),
    });
  });

  test.each(KINDS)(
    '%s: a restart sets one annotation, names its cascade, and goes on until all pods are new',
    async (kind) => {
      const service = await world().newWorkload(kind, WORKLOAD);
      await world().report(service, AT_REST);
      const [before, template] = [await describeIt(service), await templateOf(service)];
      expect(only(before)).toMatchObject({ state: 'completed' });
      const deploymentId = await restart(service);
      const during = await describeIt(service);
      expect(during).toMatchObject({ taskDefinition: before.taskDefinition, containers: before.containers });
      expect(only(during)).toMatchObject({ deploymentId, cascadeId: CASCADE, state: 'in-progress' });
      expect(deploymentId).not.toBe(before.deployments[0]?.deploymentId);
      expect(await templateOf(service)).toEqual({
        ...template,
        metadata: { ...template?.metadata, annotations: { 'patchwave.dev/cascade': CASCADE } },
      });
      await world().report(service, { ...AT_REST, updatedReplicas: 1, updatedNumberScheduled: 1 });
      expect(only(await describeIt(service))).toMatchObject({ deploymentId, state: 'in-progress' });
      await world().report(service, AT_REST);
      expect(only(await describeIt(service))).toMatchObject({ deploymentId, state: 'completed' });
    },
  );

  test('a restart keeps the other annotations of the template', async () => {
    const { spec } = WORKLOAD;
    const annotations = { 'prometheus.io/scrape': 'true' };
    const template = { ...spec.template, metadata: { ...spec.template.metadata, annotations } };
    const service = await world().newWorkload('eks-deployment', { ...WORKLOAD, spec: { ...spec, template } });
    await restart(service);
    expect((await templateOf(service))?.metadata?.annotations).toEqual({
      ...annotations,
      'patchwave.dev/cascade': CASCADE,
    });
  });

  test('a second restart by one cascade changes nothing, and one by another does', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    const first = await restart(service);
    const { metadata } = await world().read(service);
    expect(await restart(service)).toBe(first);
    expect((await world().read(service)).metadata?.generation).toBe(metadata?.generation);
    expect(await restart(service, '0123456789ab-g2')).not.toBe(first);
  });

  test.each(KINDS)(
    '%s: new images are set in containers, init containers and volumes, and the template names the cascade',
    async (kind) => {
      const service = await world().newWorkload(kind, WORKLOAD);
      const [before, template] = [await describeIt(service), await templateOf(service)];
      const images = new Map(['app', 'migrate', 'volume:model'].map((name) => [name, PINNED]));
      const deploymentId = await register(service, images);
      const after = await describeIt(service);
      expect(after.taskDefinition).not.toBe(before.taskDefinition);
      expect(only(after)).toMatchObject({ deploymentId, cascadeId: CASCADE });
      const {
        containers: [app, proxy] = [],
        initContainers: [migrate] = [],
        volumes: [model, other] = [],
      } = template?.spec ?? {};
      expect(await templateOf(service)).toEqual({
        metadata: { ...template?.metadata, annotations: { 'patchwave.dev/cascade': CASCADE } },
        spec: {
          ...template?.spec,
          containers: [{ ...app, image: PINNED }, proxy],
          initContainers: [{ ...migrate, image: PINNED }],
          volumes: [{ ...model, image: { ...model?.image, reference: PINNED } }, other],
        },
      });
    },
  );

  test('the same images again change nothing', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    const deploymentId = await register(service, new Map([['app', PINNED]]));
    const { metadata } = await world().read(service);
    expect(await register(service, new Map([['app', PINNED]]))).toBe(deploymentId);
    expect((await world().read(service)).metadata?.generation).toBe(metadata?.generation);
  });

  test('a template that somebody changed after the decision is not changed', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    const decidedOn = await describeIt(service);
    await world().deployer.register(service, new Map([['proxy', 'proxy:v2']]), decidedOn, '0123456789ab-g2');
    const { metadata } = await world().read(service);
    const expected = { name: 'ServiceChangedError', message: expect.stringContaining('template-') };
    await expect(world().deployer.restart(service, decidedOn, CASCADE)).rejects.toMatchObject(expected);
    await expect(
      world().deployer.register(service, new Map([['app', PINNED]]), decidedOn, CASCADE),
    ).rejects.toMatchObject(expected);
    expect((await world().read(service)).metadata?.generation).toBe(metadata?.generation);
  });

  test('the same images that somebody else set after the decision are no deployment of Patchwave', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    const decidedOn = await describeIt(service);
    await world().deployer.register(service, new Map([['app', PINNED]]), decidedOn, '0123456789ab-g2');
    await expect(
      world().deployer.register(service, new Map([['app', PINNED]]), decidedOn, CASCADE),
    ).rejects.toMatchObject({ name: 'ServiceChangedError', message: expect.stringContaining('template-') });
    expect(await world().deployer.register(service, new Map([['app', PINNED]]), decidedOn, '0123456789ab-g2')).toBe(
      only(await describeIt(service))?.deploymentId,
    );
  });

  test('a workload that was scaled or got a new status after the decision is deployed', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    const decidedOn = await describeIt(service);
    await world().edit(service, (spec) => ({ ...spec, replicas: 5 }));
    await world().report(service, AT_REST);
    const deploymentId = await world().deployer.restart(service, decidedOn, CASCADE);
    expect(only(await describeIt(service))).toMatchObject({ deploymentId });
    expect((await world().read(service)).spec?.replicas).toBe(5);
  });

  test('a container that the template has not is refused, and nothing changes', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    const template = await templateOf(service);
    await expect(register(service, new Map([['debugger', PINNED]]))).rejects.toMatchObject({
      name: 'DeploymentRefusedError',
      message: expect.stringContaining('debugger'),
    });
    expect(await templateOf(service)).toEqual(template);
  });

  test('nothing is ever put back', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    const seen = await describeIt(service);
    await expect(world().deployer.putBack(service, seen.taskDefinition, seen)).rejects.toMatchObject({
      name: 'DeploymentRefusedError',
    });
  });

  test('a missing workload is gone, for every call', async () => {
    const service = await world().newWorkload('eks-deployment', WORKLOAD);
    await world().remove(service);
    const expected = { name: 'ServiceGoneError', message: expect.stringContaining(service.service) };
    await expect(describeIt(service)).rejects.toMatchObject(expected);
    await expect(world().deployer.restart(service, NOTHING_SEEN, CASCADE)).rejects.toMatchObject(expected);
    await expect(world().deployer.register(service, new Map(), NOTHING_SEEN, CASCADE)).rejects.toMatchObject(expected);
  });

  test('a cluster that does not accept the rollout role is unreachable, for every call', async () => {
    const { deployer, unreachable } = world();
    const { account, region } = unreachable;
    const message = expect.stringMatching(/cannot be deployed to: it does not accept the rollout role \(401/);
    const expected = { name: 'DeployerUnreachableError', scope: { account, region }, isPassing: false, message };
    await expect(deployer.describe(unreachable)).rejects.toMatchObject(expected);
    await expect(deployer.restart(unreachable, NOTHING_SEEN, CASCADE)).rejects.toMatchObject(expected);
    await expect(deployer.register(unreachable, new Map(), NOTHING_SEEN, CASCADE)).rejects.toMatchObject(expected);
  });
}
