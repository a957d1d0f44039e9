import { NodeMachine } from './machine.ts';
import { CASCADE, type DispatchWorld, dispatchWorld, historyOf, nodeOf, plan, policyOf, STREAM } from './support.ts';

/* The document in force, or that which the cascade was planned by, is gone while a node waits for its turn. */

const lose = async ({ policies, policyVersion }: DispatchWorld) => policies.lose(policyVersion);
const repair = ({ policies, policyVersion }: DispatchWorld) =>
  policies.publish(policyOf(), { replaces: policyVersion });

async function held(world: DispatchWorld, machine: NodeMachine): Promise<void> {
  for (let refreshes = 0; refreshes < 3; refreshes += 1) await machine.step();
  expect(world.runner.started).toEqual([]);
  expect(await world.locks.get(STREAM)).toBeUndefined();
}

test('a stream waits as in a pause, names the reason, and is built once the policy can be read again', async () => {
  const world = await dispatchWorld();
  const machine = new NodeMachine(world, await plan(world, CASCADE));
  await lose(world);
  await held(world, machine);
  expect(machine.state).toBe('reserve');
  expect(await nodeOf(world, machine.node)).toMatchObject({
    state: 'planned',
    answer: { answer: 'wait', reason: 'paused', detail: expect.stringContaining('`patchwave policy apply FILE`') },
  });
  await repair(world);
  await machine.run('waiting');
  expect(world.runner.started).toHaveLength(1);
});

test('a reserved rebuild is not started', async () => {
  const world = await dispatchWorld();
  const machine = new NodeMachine(world, await plan(world, CASCADE));
  await machine.run('build');
  await lose(world);
  for (let refreshes = 0; refreshes < 4; refreshes += 1) await machine.step();
  expect(world.runner.started).toEqual([]);
  await repair(world);
  await machine.run('waiting');
  expect(world.runner.started).toHaveLength(1);
});

test("the policy in force does not replace the cascade's policy; the cascade ends without a failure", async () => {
  const world = await dispatchWorld();
  const machine = new NodeMachine(world, await plan(world, CASCADE));
  await lose(world);
  await world.policies.publish(policyOf({ caps: { concurrentRebuilds: 4 } }), { replaces: world.policyVersion });
  await held(world, machine);
  await machine.run();
  expect(world.runner.started).toEqual([]);
  expect(machine.settled).toMatchObject({ state: 'waiting' });
  expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
});
