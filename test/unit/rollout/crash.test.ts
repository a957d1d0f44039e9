import { reapCascade } from '../../../functions/cascade-reaper/reap.ts';
import { deploy } from '../../../functions/rollout/deploy.ts';
import { collect } from '../../../shared/concurrency.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import { CrashError, crashAt, type Turns } from '../../support/fakes/interleave.ts';
import { reaperPortsOf } from '../../support/reaper-ports.ts';
import {
  CASCADE,
  complete,
  LIMITS,
  MINUTE_MS,
  plan,
  planned,
  portsOf,
  type RolloutWorld,
  rolloutWorld,
  runs,
  ServiceMachine,
  service,
  type serviceOf,
  streamOf,
} from './support.ts';

const MODES = { web: 'restart', proxy: 'register' } as const;

/** A service with two containers, one to restart and one to register. */
async function scene(state: 'deploy' | 'check') {
  const world = await rolloutWorld({ modes: MODES });
  const ref = await service(world, 'shop', ['web', 'proxy']);
  await planned(world);
  const machine = await new ServiceMachine(world, ref).run(state);
  if (state === 'check') complete(world);
  return { world, ref, machine };
}

async function callsOf(state: 'deploy' | 'check'): Promise<readonly string[]> {
  const { machine } = await scene(state);
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await machine.step(turns);
  return turns.steps;
}

const places = (
  await Promise.all(
    (['deploy', 'check'] as const).map(async (state) =>
      (
        await callsOf(state)
      ).flatMap((call, index) => [
        { state, call, index, side: 'before' as const },
        { state, call, index, side: 'after' as const },
      ]),
    ),
  )
).flat();

test('there are places to be killed at, and the deployment is one', () => {
  expect(places.length).toBeGreaterThan(20);
  expect(places.map(({ call }) => call)).toEqual(
    expect.arrayContaining(['deployer.register', 'rollouts.beginDeployment', 'rollouts.changeDeployment']),
  );
});

test.each(places)('$state, killed $side call $index, $call: one deployment, and its end', async (place) => {
  const { world, ref, machine } = await scene(place.state);
  await expect(machine.step(crashAt(place.index, place.side))).rejects.toThrow(CrashError);
  await machine.run('check').catch(() => undefined);
  if (machine.state !== 'done') {
    complete(world);
    await machine.run();
  }
  expect(machine.last).toMatchObject({ state: 'completed' });
  expect(world.deployer.started).toHaveLength(1);
  expect(world.deployer.revisions(ref.service)).toBe(2);
});

test('a deployment that failed while its starter was dead is found, and not begun again', async () => {
  const { world, ref, machine } = await scene('deploy');
  const at = (await callsOf('deploy')).indexOf('deployer.register');
  await expect(machine.step(crashAt(at, 'after'))).rejects.toThrow(CrashError);
  world.deployer.fail(ref, world.deployer.started[0]?.deploymentId ?? '', { rollsBack: true });
  await machine.run();
  expect(machine.last).toMatchObject({ state: 'rolled-back' });
  expect(world.deployer.started).toHaveLength(1);
});

test('paused while its starter was dead: what it began is adopted, what it did not begin waits', async () => {
  const calls = await callsOf('deploy');
  for (const [side, decision, begun] of [
    ['after', 'check', 1],
    ['before', 'wait', 0],
  ] as const) {
    const { world, machine } = await scene('deploy');
    await expect(machine.step(crashAt(calls.indexOf('deployer.register'), side))).rejects.toThrow(CrashError);
    await world.killSwitch.set({ rebuilding: 'paused', by: 'ann', atEpochMs: 1, reason: 'a test' });
    world.advance(6 * MINUTE_MS);
    await machine.step();
    expect(machine.last).toMatchObject({ decision });
    expect(world.deployer.started).toHaveLength(begun);
  }
});

/** Lets a second invocation of the same step run to its end before a call of the first. */
async function overtaken(at: number, world: RolloutWorld, ref: ReturnType<typeof serviceOf>) {
  let calls = 0;
  let isOver = false;
  const step = { cascadeId: CASCADE, service: ref };
  const second = async () => {
    if (isOver || calls++ !== at) return;
    isOver = true;
    await deploy(portsOf(world), LIMITS, step);
  };
  return deploy(portsOf(world, { before: second }), LIMITS, step).catch((error: unknown) => error);
}

test.each(['restart', 'register'] as const)(
  'delivered twice at once, at any call: one deployment (%s)',
  async (mode) => {
    const arrange = async () => {
      const world = await rolloutWorld({ modes: { web: mode } });
      const ref = await service(world, 'web');
      await planned(world);
      return { world, ref, machine: new ServiceMachine(world, ref) };
    };
    const turns = crashAt(Number.POSITIVE_INFINITY);
    await (await arrange()).machine.step(turns);
    for (let at = 0; at < turns.steps.length; at += 1) {
      const { world, ref, machine } = await arrange();
      await overtaken(at, world, ref);
      expect(world.deployer.started.length).toBeLessThanOrEqual(1);
      await machine.run('check');
      complete(world);
      await machine.run();
      expect([at, machine.last?.state, world.deployer.started.length]).toEqual([at, 'completed', 1]);
    }
  },
);

test('an end that was written meanwhile stays', async () => {
  const { world, ref, machine } = await scene('check');
  const turns: Turns = {
    after: async (call) => {
      if (call !== 'deployer.describe') return;
      turns.after = () => {};
      world.deployer.deployByHand(ref);
      await world.rollouts.changeDeployment(CASCADE, serviceKey(ref), (before) => ({
        ...before,
        state: 'rolled-back',
      }));
    },
  };
  await machine.step(turns);
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'rolled-back' });
});

test('a starter that was asleep past its time leaves ECS alone', async () => {
  const { world, ref } = await scene('deploy');
  const turns = { after: (call: string) => (call === 'deployer.describe' ? world.advance(2 * MINUTE_MS) : undefined) };
  const step = deploy(portsOf(world, turns), LIMITS, { cascadeId: CASCADE, service: ref });
  await expect(step).rejects.toMatchObject({ name: 'DeploymentTakenError' });
  expect(world.deployer.started).toEqual([]);
});

test('a plan that is killed at any call is made again, the same', async () => {
  const arrange = async () => {
    const world = await rolloutWorld({ modes: MODES });
    await service(world, 'shop', ['web', 'proxy']);
    await runs(world, 'web', 'old', { workload: 'nightly', workloadKind: 'ecs-task' });
    return world;
  };
  const left = async (world: RolloutWorld) => ({
    services: await planned(world),
    closures: await collect(world.rollouts.closures(CASCADE)),
  });
  const undisturbed = await arrange();
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await plan(undisturbed, turns);
  const expected = await left(undisturbed);
  expect(turns.steps.length).toBeGreaterThan(10);
  for (let at = 0; at < turns.steps.length; at += 1) {
    for (const side of ['before', 'after'] as const) {
      const world = await arrange();
      await expect(plan(world, crashAt(at, side))).rejects.toThrow(CrashError);
      expect(await left(world)).toEqual(expected);
    }
  }
});

test('whose cascade ends at any call of the plan: no closure waits for a missing rollout', async () => {
  const arrange = async () => {
    const world = await rolloutWorld({ modes: MODES });
    await service(world, 'shop', ['web', 'proxy']);
    return world;
  };
  const turns = crashAt(Number.POSITIVE_INFINITY);
  await plan(await arrange(), turns);
  for (let at = 0; at < turns.steps.length; at += 1) {
    const world = await arrange();
    let calls = 0;
    const isReaped = async () => {
      if (calls++ !== at) return;
      const cascade = await world.cascades.get(CASCADE);
      if (cascade)
        await reapCascade(reaperPortsOf(world), cascade, { error: 'ABORTED', detail: 'somebody stopped it' });
    };
    await plan(world, { before: isReaped });
    const left = await collect(world.rollouts.closures(CASCADE));
    expect([at, left.map(({ stream, abandoned }) => [stream, abandoned])]).toEqual([
      at,
      Object.keys(MODES)
        .map((name) => [streamOf(name), true])
        .sort(),
    ]);
  }
});
