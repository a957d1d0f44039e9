import type { Policy } from '../../../shared/domain/policy/policy.ts';
import { DAY_MS } from '../../support/samples.ts';
import { NodeMachine } from './machine.ts';
import { type DispatchWorld, dispatchWorld, nodeOf, plan, policyOf, streamOf } from './support.ts';

/* What a person changes while a cascade runs counts at the next dispatch; what it holds back is not lost. */

const change = async ({ policies }: DispatchWorld, caps: Partial<Policy['caps']>) =>
  policies.publish(policyOf({ caps }), { replaces: (await policies.current()).version });

/** Streams that started within the last day, so that each has a place of the ramp. */
async function begun(world: DispatchWorld, ...numbers: readonly number[]): Promise<void> {
  const nowEpochMs = world.clock();
  for (const n of numbers)
    await world.slots.take('ramp', 10, streamOf(n), { nowEpochMs, untilEpochMs: nowEpochMs + DAY_MS });
}

async function reserve(world: DispatchWorld, n: number, changes: { readonly follows?: true } = {}): Promise<string> {
  const planned = await plan(world, `c${n}-g1`, { stream: streamOf(n), ...changes });
  const machine = new NodeMachine(world, planned);
  await machine.step();
  const { state, answer } = await nodeOf(world, planned);
  return answer ? `${state} ${answer.reason}` : state;
}

test('a lowered ramp lets the first streams begin and delays the others', async () => {
  const world = await dispatchWorld({ caps: { ramp: 3 } });
  await begun(world, 0, 1, 2);
  await change(world, { ramp: 1 });
  expect([await reserve(world, 0), await reserve(world, 1), await reserve(world, 2)]).toEqual([
    'reserved',
    'planned cap-reached',
    'planned cap-reached',
  ]);
});

test('a stream that waits for another one or for a slot does not count in the ramp', async () => {
  const world = await dispatchWorld({ caps: { ramp: 1, concurrentRebuilds: 1 } });
  const held = async () => (await world.slots.held('ramp')).map(({ owner }) => owner);
  await new NodeMachine(world, await plan(world, 'c1-g1', { stream: streamOf(1), parents: [streamOf(9)] })).step();
  expect(await held()).toEqual([]);
  const below = await plan(world, 'c9-g1', { stream: streamOf(9) });
  const slot = { nowEpochMs: world.clock(), untilEpochMs: world.clock() + DAY_MS };
  await world.slots.take('fleet', 1, 'another rebuild', slot);
  await new NodeMachine(world, below).step();
  expect(await held()).toEqual([]);
  await world.slots.release('fleet', 'another rebuild');
  await new NodeMachine(world, below).step();
  expect(await nodeOf(world, below)).toMatchObject({ state: 'reserved' });
  expect(await held()).toEqual([streamOf(9)]);
});

test('streams that began on another day do not count in the ramp', async () => {
  const world = await dispatchWorld({ caps: { ramp: 2 } });
  await begun(world, 0);
  world.advance(DAY_MS);
  await begun(world, 1);
  await change(world, { ramp: 1 });
  expect(await reserve(world, 1)).toBe('reserved');
});

test('a new ramp counts the streams that begin from then on', async () => {
  const world = await dispatchWorld();
  await change(world, { ramp: 1 });
  expect([await reserve(world, 0), await reserve(world, 1)]).toEqual(['reserved', 'planned cap-reached']);
});

test('a stream that is rebuilt together with its parent does not count in the ramp', async () => {
  const world = await dispatchWorld({ caps: { ramp: 1 } });
  await begun(world, 0);
  expect(await reserve(world, 1, { follows: true })).toBe('reserved');
});

test('a lowered cap counts at once, and a raised one too', async () => {
  const world = await dispatchWorld({ caps: { concurrentRebuilds: 2 } });
  await change(world, { concurrentRebuilds: 1 });
  expect([await reserve(world, 0), await reserve(world, 1)]).toEqual(['reserved', 'planned cap-reached']);
  await change(world, { concurrentRebuilds: 2 });
  expect(await reserve(world, 2)).toBe('reserved');
});
