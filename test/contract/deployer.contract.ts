import type { DecidedOn, Deployer, ServiceRef, ServiceState } from '../../shared/ports/rollouts.ts';

export interface ServiceSettings {
  readonly controller?: Exclude<ServiceState['controller'], 'KUBERNETES'>;
  readonly strategy?: 'REPLICA' | 'DAEMON';
  /** Deployed blue/green, with a bake time of one minute; so ECS tells no rollout state. */
  readonly blueGreen?: boolean;
  /** Whether the circuit breaker goes back to what ran before; it stops a deployment that fails in any case. */
  readonly rollsBack?: boolean;
}

/** A deployer, and services of its own for each test: containers `app` (image `app:v1`) and `proxy` (`proxy:v1`). */
export interface DeployerWorld {
  readonly deployer: Deployer;
  newService(settings?: ServiceSettings): Promise<ServiceRef>;
  /** Waits until the deployment is completed, or makes it so. */
  complete(service: ServiceRef, deploymentId: string): Promise<void>;
  /** From now on the service's new tasks do not come up. */
  breakTasks(service: ServiceRef): Promise<void>;
  /** Waits until the deployment failed, or makes it so. */
  fail(service: ServiceRef, deploymentId: string): Promise<void>;
  remove(service: ServiceRef): Promise<void>;
  /** How many revisions the service's family has. */
  revisions(service: ServiceRef): Promise<number>;
  readonly unreachable: ServiceRef;
}

export const CONTAINERS = [
  { name: 'app', image: 'app:v1' },
  { name: 'proxy', image: 'proxy:v1' },
] as const;

export const CASCADE = '0123456789ab-g1';

const NOTHING_SEEN: DecidedOn = { taskDefinition: '', deployments: [] };

const PINNED = 'app@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef';

export function deployerContract(world: () => DeployerWorld): void {
  /** Decided on what the service is at that moment. */
  const restart = async (service: ServiceRef) =>
    world().deployer.restart(service, await world().deployer.describe(service), CASCADE);
  const register = async (service: ServiceRef, images: ReadonlyMap<string, string>) =>
    world().deployer.register(service, images, await world().deployer.describe(service), CASCADE);
  const primaryOf = (state: ServiceState) => state.deployments.filter(({ isPrimary }) => isPrimary);

  test('a service shows its revision and its deployment type', async () => {
    const state = await world().deployer.describe(await world().newService());
    expect(state).toMatchObject({ controller: 'ECS', containers: CONTAINERS });
    expect(state.deployments).toHaveLength(1);
    expect(state.deployments[0]).toMatchObject({
      deploymentId: expect.stringMatching(/^ecs-svc\/\w+$/),
      isPrimary: true,
      taskDefinition: state.taskDefinition,
      createdAtEpochMs: expect.any(Number),
    });
  });

  test('a restart is a new primary deployment of the same definition, which completes', async () => {
    const service = await world().newService();
    const before = await world().deployer.describe(service);
    const deploymentId = await restart(service);
    const [primary, ...others] = primaryOf(await world().deployer.describe(service));
    expect(primary).toMatchObject({ deploymentId, taskDefinition: before.taskDefinition });
    expect(others).toEqual([]);
    expect(before.deployments.map((one) => one.deploymentId)).not.toContain(deploymentId);
    await world().complete(service, deploymentId);
    const after = await world().deployer.describe(service);
    expect(after.deployments[0]).toMatchObject({ deploymentId, isPrimary: true, state: 'completed' });
  });

  test('a service with the scheduling strategy DAEMON is deployed like any other', async () => {
    const service = await world().newService({ strategy: 'DAEMON' });
    const restarted = await restart(service);
    await world().complete(service, restarted);
    const registered = await register(service, new Map([['app', PINNED]]));
    await world().complete(service, registered);
    const after = await world().deployer.describe(service);
    expect(after.deployments[0]).toMatchObject({ deploymentId: registered, isPrimary: true, state: 'completed' });
    expect(after.containers).toEqual([{ name: 'app', image: PINNED }, CONTAINERS[1]]);
  });

  test('a blue/green deployment goes on until ECS says that it is over, though the tasks of both revisions run', async () => {
    const service = await world().newService({ blueGreen: true });
    const [before] = (await world().deployer.describe(service)).deployments;
    const deploymentId = await restart(service);
    expect(await world().deployer.describe(service)).toMatchObject({
      bakeMs: 60_000,
      deployments: [
        { deploymentId, isPrimary: true, state: 'in-progress', progress: { stage: 'BAKE_TIME' } },
        { deploymentId: before?.deploymentId, isPrimary: false, state: 'completed' },
      ],
    });
    await world().complete(service, deploymentId);
    const after = await world().deployer.describe(service);
    expect(after.deployments).toMatchObject([{ deploymentId, isPrimary: true, state: 'completed' }]);
  });

  test('a blue/green deployment that another one replaces is stopped', async () => {
    const service = await world().newService({ blueGreen: true });
    const first = await restart(service);
    const second = await restart(service);
    const { deployments } = await world().deployer.describe(service);
    const states = new Map(deployments.map((one) => [one.deploymentId, [one.isPrimary, one.state]]));
    expect([states.get(first), states.get(second)]).toEqual([
      [false, 'stopped'],
      [true, 'in-progress'],
    ]);
  });

  test('two restarts: the later one is the primary and comes first', async () => {
    const service = await world().newService();
    const first = await restart(service);
    const second = await restart(service);
    expect(second).not.toBe(first);
    const { deployments } = await world().deployer.describe(service);
    expect(deployments[0]).toMatchObject({ deploymentId: second, isPrimary: true });
    const ages = deployments.map(({ createdAtEpochMs }) => createdAtEpochMs);
    expect(ages).toEqual([...ages].sort((one, other) => other - one));
  });

  test('a deployment that fails stays the primary, and says why', async () => {
    const service = await world().newService();
    await world().breakTasks(service);
    const deploymentId = await restart(service);
    await world().fail(service, deploymentId);
    expect(primaryOf(await world().deployer.describe(service))).toMatchObject([
      { deploymentId, state: 'failed', detail: expect.stringContaining('circuit breaker') },
    ]);
  });

  test('a rolled-back deployment is no longer primary: the earlier revision is', async () => {
    const service = await world().newService({ rollsBack: true });
    const before = await world().deployer.describe(service);
    await world().breakTasks(service);
    const deploymentId = await register(service, new Map([['app', PINNED]]));
    await world().fail(service, deploymentId);
    const after = await world().deployer.describe(service);
    expect(primaryOf(after)).toMatchObject([{ taskDefinition: before.taskDefinition }]);
    expect(after).toMatchObject({ taskDefinition: before.taskDefinition, containers: CONTAINERS });
    const failed = after.deployments.filter((one) => one.deploymentId === deploymentId);
    expect(failed.map(({ isPrimary, state }) => [isPrimary, state])).toEqual(failed.map(() => [false, 'failed']));
  });

  test('a new revision has the new image, and the others as they were', async () => {
    const service = await world().newService();
    const before = await world().deployer.describe(service);
    const deploymentId = await register(service, new Map([['app', PINNED]]));
    const after = await world().deployer.describe(service);
    expect(after.containers).toEqual([{ name: 'app', image: PINNED }, CONTAINERS[1]]);
    expect(after.taskDefinition).not.toBe(before.taskDefinition);
    expect(primaryOf(after)).toMatchObject([{ deploymentId, taskDefinition: after.taskDefinition }]);
  });

  test('the same images again are no second revision and no second deployment', async () => {
    const service = await world().newService();
    const deploymentId = await register(service, new Map([['app', PINNED]]));
    const revisions = await world().revisions(service);
    expect(await register(service, new Map([['app', PINNED]]))).toBe(deploymentId);
    expect(await world().revisions(service)).toBe(revisions);
  });

  test('a service that somebody deployed after the decision is not deployed, by a restart or a new revision', async () => {
    const service = await world().newService();
    const { deployer } = world();
    const decidedOn = await deployer.describe(service);
    const theirs = await restart(service);
    const revisions = await world().revisions(service);
    const expected = { name: 'ServiceChangedError', message: expect.stringContaining(theirs) };
    await expect(deployer.restart(service, decidedOn, CASCADE)).rejects.toMatchObject(expected);
    await expect(deployer.register(service, new Map([['app', PINNED]]), decidedOn, CASCADE)).rejects.toMatchObject(
      expected,
    );
    await expect(deployer.putBack(service, decidedOn.taskDefinition, decidedOn)).rejects.toMatchObject(expected);
    expect(primaryOf(await deployer.describe(service))).toMatchObject([{ deploymentId: theirs }]);
    expect(await world().revisions(service)).toBe(revisions);
  });

  test('a new revision is a copy of the one that was decided on, and an earlier revision can be put back', async () => {
    const service = await world().newService();
    const { deployer } = world();
    const before = await deployer.describe(service);
    await register(service, new Map([['app', PINNED]]));
    const putBack = await deployer.putBack(service, before.taskDefinition, await deployer.describe(service));
    const after = await deployer.describe(service);
    expect(primaryOf(after)).toMatchObject([{ deploymentId: putBack, taskDefinition: before.taskDefinition }]);
    expect(after.containers).toEqual(CONTAINERS);
  });

  test('a container that the definition has not is refused, and nothing is deployed', async () => {
    const service = await world().newService();
    const before = await world().deployer.describe(service);
    const refused = register(service, new Map([['sidecar', PINNED]]));
    await expect(refused).rejects.toMatchObject({
      name: 'DeploymentRefusedError',
      message: expect.stringContaining('sidecar'),
    });
    expect((await world().deployer.describe(service)).deployments).toHaveLength(before.deployments.length);
  });

  test.each(['CODE_DEPLOY', 'EXTERNAL'] as const)(
    'a service with the controller %s is not ours to deploy',
    async (controller) => {
      const service = await world().newService({ controller });
      expect(await world().deployer.describe(service)).toMatchObject({ controller });
      const expected = { name: 'DeploymentRefusedError', message: expect.stringContaining(controller) };
      await expect(restart(service)).rejects.toMatchObject(expected);
      await expect(register(service, new Map([['app', PINNED]]))).rejects.toMatchObject(expected);
      expect(await world().revisions(service)).toBe(1);
    },
  );

  test('a missing service or cluster is gone, for every call', async () => {
    const service = await world().newService();
    const elsewhere = { ...service, cluster: 'no-such-cluster' };
    await world().remove(service);
    for (const gone of [service, elsewhere]) {
      const expected = { name: 'ServiceGoneError', message: expect.stringContaining(gone.cluster) };
      await expect(world().deployer.describe(gone)).rejects.toMatchObject(expected);
      await expect(world().deployer.restart(gone, NOTHING_SEEN, CASCADE)).rejects.toMatchObject(expected);
      await expect(
        world().deployer.register(gone, new Map([['app', PINNED]]), NOTHING_SEEN, CASCADE),
      ).rejects.toMatchObject(expected);
    }
  });

  test('an account whose role cannot be assumed is unreachable, for every call', async () => {
    const { deployer, unreachable } = world();
    const { account, region } = unreachable;
    const expected = { name: 'DeployerUnreachableError', scope: { account, region } };
    await expect(deployer.describe(unreachable)).rejects.toMatchObject(expected);
    await expect(deployer.restart(unreachable, NOTHING_SEEN, CASCADE)).rejects.toMatchObject(expected);
    await expect(
      deployer.register(unreachable, new Map([['app', PINNED]]), NOTHING_SEEN, CASCADE),
    ).rejects.toMatchObject(expected);
  });
}
