import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import {
  CASCADE,
  HOUR_MS,
  plan,
  planned,
  type RolloutWorld,
  rolloutWorld,
  ServiceMachine,
  service,
} from './support.ts';

async function lost() {
  const world = await rolloutWorld();
  const ref = await service(world, 'web');
  expect(await planned(world)).toEqual([ref]);
  const { policy } = await world.policies.current();
  world.policies.lose(world.policyVersion);
  const repair = () => world.policies.publish(policy, { replaces: world.policyVersion });
  return { world, ref, repair };
}

const deploymentOf = (world: RolloutWorld, ref: Awaited<ReturnType<typeof service>>) =>
  world.rollouts.deployment(CASCADE, serviceKey(ref));

test('while the policy cannot be read nothing is deployed, and it is once that is repaired', async () => {
  const { world, ref, repair } = await lost();
  const machine = new ServiceMachine(world, ref);
  for (let refreshes = 0; refreshes < 3; refreshes += 1) await machine.step();
  expect([machine.state, world.deployer.started]).toEqual(['deploy', []]);
  await repair();
  await machine.run('check');
  expect(world.deployer.started).toHaveLength(1);
});

test('at the deadline of its cascade the deployment is left to another one', async () => {
  const { world, ref } = await lost();
  await new ServiceMachine(world, ref).run();
  expect(world.deployer.started).toEqual([]);
  expect(await deploymentOf(world, ref)).toMatchObject({ state: 'refused', abandoned: true });
});

describe('a rollout that is to be planned', () => {
  const DEADLINE_MS = 24 * HOUR_MS;

  test('waits while the policy in force cannot be read, and is planned once it is repaired', async () => {
    const { world, ref, repair } = await lost();
    expect(await plan(world)).toEqual({ decision: 'wait', waitSeconds: expect.any(Number) });
    await repair();
    expect(await planned(world)).toEqual([ref]);
  });

  test('ends at the deadline of its cascade', async () => {
    const { world } = await lost();
    world.advance(DEADLINE_MS);
    await expect(plan(world)).rejects.toThrow('cannot be read');
  });

  test('goes by the policy in force where only that of its cascade is lost', async () => {
    const { world, ref } = await lost();
    await world.policies.publish((await world.policies.load('built-in')).policy, { replaces: world.policyVersion });
    expect(await planned(world)).toEqual([]);
    await world.setRollout({ web: 'restart', api: 'restart' });
    expect(await planned(world)).toEqual([ref]);
  });
});
