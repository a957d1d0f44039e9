import { serviceKey } from '../../../shared/domain/cascade.ts';
import { CASCADE, planned, type RolloutWorld, rolloutWorld, ServiceMachine, service } from './support.ts';

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
  for (let looks = 0; looks < 3; looks += 1) await machine.step();
  expect([machine.state, world.deployer.started]).toEqual(['deploy', []]);
  await repair();
  await machine.run('check');
  expect(world.deployer.started).toHaveLength(1);
});

test('by the deadline of its cascade it is left to another one', async () => {
  const { world, ref } = await lost();
  await new ServiceMachine(world, ref).run();
  expect(world.deployer.started).toEqual([]);
  expect(await deploymentOf(world, ref)).toMatchObject({ state: 'refused', abandoned: true });
});
