import { collect } from '../../../shared/concurrency.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import {
  CASCADE,
  imageOf,
  planned,
  type RolloutWorld,
  rolloutWorld,
  ServiceMachine,
  service,
  serviceOf,
} from './support.ts';

/* A person changes the rollout of a stream while its cascade runs. The mode that changes less holds. */

const WEB = serviceOf('web');

async function scene(mode: RolloutMode) {
  const world = await rolloutWorld({ modes: { web: mode } });
  await service(world, 'web');
  return world;
}

const closureOf = async (world: RolloutWorld) => (await collect(world.rollouts.closures(CASCADE)))[0];
const imageNow = async ({ deployer }: RolloutWorld) => (await deployer.describe(WEB)).containers[0]?.image;

test.each(['none', 'pipeline'] as const)('before the plan to %s: nothing is planned', async (rollout) => {
  const world = await scene('restart');
  await world.setRollout({ web: rollout });
  expect(await planned(world)).toEqual([]);
  expect(await closureOf(world)).toMatchObject({ waitingFor: expect.stringContaining(`(${rollout})`) });
});

test('before the plan, away from the policy: nothing is planned', async () => {
  const world = await scene('restart');
  await world.setRollout({});
  expect(await planned(world)).toEqual([]);
});

test.each(['none', 'pipeline'] as const)('after the plan to %s: refused, and left to its owner', async (rollout) => {
  const world = await scene('restart');
  await planned(world);
  await world.setRollout({ web: rollout });
  const machine = await new ServiceMachine(world, WEB).run();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'refused' });
  const deployment = await world.rollouts.deployment(CASCADE, serviceKey(WEB));
  expect(deployment?.detail).toMatch(new RegExp(`^rollout-changed: the policy now sets \`rollout: ${rollout}\``));
  expect(deployment?.abandoned).toBeUndefined();
  expect(world.deployer.started).toEqual([]);
});

test.each([
  ['register', 'restart'],
  ['restart', 'register'],
] as const)('from %s to %s: the service is restarted, and keeps its definition', async (before, after) => {
  for (const isPlanned of [true, false]) {
    const world = await scene(before);
    if (isPlanned) await planned(world);
    await world.setRollout({ web: after });
    if (!isPlanned) await planned(world);
    await new ServiceMachine(world, WEB).run('check');
    expect([world.deployer.started.length, await imageNow(world)]).toEqual([1, imageOf('web')]);
  }
});
