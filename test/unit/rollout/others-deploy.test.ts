import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  complete,
  DEPLOYMENT_MS,
  HOST,
  HOUR_MS,
  imageOf,
  MINUTE_MS,
  planned,
  type RolloutWorld,
  rolloutWorld,
  ServiceMachine,
  service,
  serviceOf,
} from './support.ts';

/* A team deploys its service at the same time. ECS takes no condition with a deployment, and the team's one wins. */

const WEB = serviceOf('web');
const HOTFIX = imageOf('web', 'hotfix');
const NEW = `${HOST}/team/web@${digestOf('web-new')}`;

async function scene(mode: RolloutMode = 'register') {
  const world = await rolloutWorld({ modes: { web: mode } });
  await service(world, 'web');
  await planned(world);
  return { world, machine: new ServiceMachine(world, WEB) };
}

const deploymentOf = (world: RolloutWorld) => world.rollouts.deployment(CASCADE, serviceKey(WEB));
const imageNow = async ({ deployer }: RolloutWorld) => (await deployer.describe(WEB)).containers[0]?.image;
const hotfix = ({ deployer }: RolloutWorld) => deployer.deployByHand(WEB, { image: HOTFIX });

/** Something happens right before the n-th call of a step; all calls of all steps are counted. */
function atCall(at: number, happens: () => unknown): Turns & { calls: string[] } {
  const calls: string[] = [];
  return {
    calls,
    before: (call) => {
      calls.push(call);
      if (calls.length - 1 === at) happens();
    },
  };
}

/** Steps until the deployment ends; every deployment in ECS succeeds meanwhile. */
async function finish(world: RolloutWorld, machine: ServiceMachine, turns: Turns = {}) {
  for (let steps = 0; machine.state !== 'done' && steps < 200; steps += 1) {
    await machine.step(turns);
    const { deployments } = await world.deployer.describe(WEB);
    const primary = deployments.find(({ isPrimary }) => isPrimary);
    if (primary?.state === 'in-progress') world.deployer.complete(WEB, primary.deploymentId);
  }
  expect(machine.state).toBe('done');
}

describe.each(['register', 'restart'] as const)(
  'a hotfix that is deployed at any call of a deployment (%s)',
  (mode) => {
    test('stays what the service runs', async () => {
      const dry = await scene(mode);
      const turns = atCall(-1, () => {});
      await finish(dry.world, dry.machine, turns);
      expect(dry.machine.last).toMatchObject({ state: 'completed' });
      expect(turns.calls.length).toBeGreaterThan(12);
      for (let at = 0; at < turns.calls.length; at += 1) {
        const { world, machine } = await scene(mode);
        await finish(
          world,
          machine,
          atCall(at, () => hotfix(world)),
        );
        const { state } = (await deploymentOf(world)) ?? {};
        expect([at, turns.calls[at], await imageNow(world)]).toEqual([at, turns.calls[at], HOTFIX]);
        // One that began after the last look at ours leaves ours as it ended.
        if (state !== 'completed') expect(['refused', 'superseded']).toContain(state);
      }
    });
  },
);

test('between the read and the call: nothing is deployed, and the next review plans the service again', async () => {
  const { world, machine } = await scene();
  await machine.step({ before: (call) => (call === 'deployer.register' ? void hotfix(world) : undefined) });
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'refused' });
  expect(await deploymentOf(world)).toMatchObject({
    detail: expect.stringMatching(/^service-changed: container web now names ".*:hotfix"/),
    postponed: true,
  });
  expect([world.deployer.started, world.deployer.revisions('web')]).toEqual([[], 2]);
});

test('between the read and the call, the same image in a revision of its own: that revision is copied after its deployment', async () => {
  const { world, machine } = await scene();
  const resize = () => void world.deployer.deployByHand(WEB, { image: imageOf('web') });
  await machine.step({ before: (call) => (call === 'deployer.register' ? resize() : undefined) });
  expect(machine.last).toMatchObject({
    decision: 'wait',
    detail: expect.stringMatching(/started by somebody else at/),
  });
  expect(world.deployer.started).toEqual([]);
  await finish(world, machine);
  expect(machine.last).toMatchObject({ state: 'completed' });
  expect((await deploymentOf(world))?.from).toMatchObject({ taskDefinition: 'web:2' });
  expect(await imageNow(world)).toBe(NEW);
});

describe('at the very instant of the call', () => {
  test('a hotfix that Patchwave replaced unseen is deployed again, and the note says so', async () => {
    const { world, machine } = await scene();
    world.deployer.meanwhile = () => void hotfix(world);
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'ended', state: 'superseded' });
    expect((await deploymentOf(world))?.detail).toMatch(
      /^the deployment by Patchwave replaced deployment ecs-svc\/\d+ of web:3, which somebody else started at the same time. Patchwave deploys that revision again$/,
    );
    expect([await imageNow(world), world.deployer.started.length]).toEqual([HOTFIX, 2]);
  });

  test('the next step deploys it again if the first one died after its call', async () => {
    for (const [call, side] of [
      ['deployer.register', 'after'],
      ['deployer.putBack', 'before'],
      ['deployer.putBack', 'after'],
    ] as const) {
      const calls = crashAt(Number.POSITIVE_INFINITY);
      const dry = await scene();
      dry.world.deployer.meanwhile = () => void hotfix(dry.world);
      await dry.machine.step(calls);
      const { world, machine } = await scene();
      world.deployer.meanwhile = () => void hotfix(world);
      await expect(machine.step(crashAt(calls.steps.indexOf(call), side))).rejects.toThrow(CrashError);
      world.advance(6 * MINUTE_MS);
      await finish(world, machine);
      expect([call, side, machine.last?.state]).toEqual([call, side, 'superseded']);
      expect([await imageNow(world), world.deployer.started.length]).toEqual([HOTFIX, 2]);
    }
  });

  test('a deployment that somebody begins before the hotfix is put back wins', async () => {
    const { world, machine } = await scene();
    world.deployer.meanwhile = () => void hotfix(world);
    const later = imageOf('web', 'later');
    await machine.step({
      before: (call) =>
        call === 'deployer.putBack' ? void world.deployer.deployByHand(WEB, { image: later }) : undefined,
    });
    expect(machine.last).toMatchObject({ decision: 'ended', state: 'superseded' });
    expect((await deploymentOf(world))?.detail).toMatch(/Since then somebody else deployed the service again$/);
    expect([await imageNow(world), world.deployer.started.length]).toEqual([later, 1]);
  });

  test('a restart that started the revision of somebody else is not called ours', async () => {
    const { world, machine } = await scene('restart');
    world.deployer.meanwhile = () => void hotfix(world);
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'ended', state: 'superseded' });
    expect([await imageNow(world), world.deployer.started.length]).toEqual([HOTFIX, 1]);
  });
});

describe.each(['register', 'restart'] as const)('a deployment of somebody else that goes on (%s)', (mode) => {
  async function during() {
    const found = await scene(mode);
    const theirs = found.world.deployer.deployByHand(WEB, { image: imageOf('web') });
    found.world.advance(MINUTE_MS);
    return { ...found, theirs };
  }

  test('is not replaced, but waited for', async () => {
    const { world, machine, theirs } = await during();
    for (let refreshes = 0; refreshes < 5; refreshes += 1) {
      await machine.step();
      expect(machine.last).toMatchObject({ decision: 'wait' });
    }
    expect(world.deployer.started).toEqual([]);
    world.deployer.complete(WEB, theirs);
    await machine.run('check');
    complete(world);
    await machine.run();
    expect(machine.last).toMatchObject({ state: 'completed' });
    expect(world.deployer.started).toHaveLength(1);
  });

  test('for as long as a deployment may take; the next review plans the service again', async () => {
    const { world, machine } = await during();
    const begunAtEpochMs = world.clock();
    await machine.run();
    expect(world.clock()).toBeGreaterThanOrEqual(begunAtEpochMs + DEPLOYMENT_MS - 2 * MINUTE_MS);
    expect(world.clock()).toBeLessThan(begunAtEpochMs + DEPLOYMENT_MS + HOUR_MS);
    expect(await deploymentOf(world)).toMatchObject({
      ...{ state: 'refused', postponed: true },
      detail: expect.stringMatching(/^deployment-under-way: deployment ecs-svc\/\d+, started by somebody else at .*Z/),
    });
    expect(world.deployer.started).toEqual([]);
  });

  test('and whose state ECS does not report', async () => {
    const { world, machine, theirs } = await during();
    world.deployer.tell(WEB, theirs, 'unknown');
    await machine.step();
    expect(machine.last).toMatchObject({
      decision: 'wait',
      detail: expect.stringMatching(/may still be in progress: ECS does not report its state/),
    });
    expect(world.deployer.started).toEqual([]);
  });

  test('and fails is replaced', async () => {
    const { world, machine, theirs } = await during();
    world.deployer.fail(WEB, theirs);
    await machine.run('check');
    expect(world.deployer.started).toHaveLength(1);
  });
});
