import { DeploymentUnknownError } from '../../../shared/ports/acting-errors.ts';
import type { Turns } from '../../support/fakes/interleave.ts';
import { MINUTE_MS, planned, type RolloutWorld, rolloutWorld, ServiceMachine, service, serviceOf } from './support.ts';

/* A failed step makes no further call, so the next one need not wait for its lease, unlike after a step that died. */

async function scene() {
  const world = await rolloutWorld({ modes: { web: 'restart' } });
  const ref = await service(world, 'web');
  await planned(world);
  return { world, machine: new ServiceMachine(world, ref) };
}

/** The first call of a step fails, before it is done or after it. */
function failing(step: string, side: 'before' | 'after'): Turns {
  let isDone = false;
  return {
    [side]: (one: string) => {
      if (one !== step || isDone) return;
      isDone = true;
      throw new DeploymentUnknownError(serviceOf('web'), new Error('ServerException'));
    },
  };
}

/** Until its deployment is awaited; gives the time that this took. */
async function begun(world: RolloutWorld, machine: ServiceMachine, turns: Turns): Promise<number> {
  const sinceEpochMs = world.clock();
  await expect(machine.step(turns)).rejects.toThrow('ServerException');
  await machine.run('check');
  return world.clock() - sinceEpochMs;
}

test.each([
  ['the look at the service', 'deployer.describe', 'before'],
  ['the call that begins it', 'deployer.restart', 'before'],
  ['the reply to that call', 'deployer.restart', 'after'],
] as const)('where %s fails, the service is deployed once and within a minute', async (_, step, side) => {
  const { world, machine } = await scene();
  expect(await begun(world, machine, failing(step, side))).toBeLessThan(MINUTE_MS);
  expect(world.deployer.started).toHaveLength(1);
});

test('a step that dies is left alone for the whole lease: its call may still be under way', async () => {
  const { world, machine } = await scene();
  let isDead = false;
  const die = (step: string): void => {
    isDead ||= step === 'deployer.restart';
    if (isDead) throw new Error('killed: ServerException');
  };
  expect(await begun(world, machine, { before: die })).toBeGreaterThanOrEqual(5 * MINUTE_MS);
  expect(world.deployer.started).toHaveLength(1);
});

test('a takeover gets a full lease', async () => {
  const { world, machine } = await scene();
  await expect(machine.step(failing('deployer.restart', 'before'))).rejects.toThrow('ServerException');
  world.advance(MINUTE_MS);
  let isDead = false;
  const die = (step: string): void => {
    isDead ||= step === 'deployer.restart';
    if (isDead) throw new Error('killed: ServerException');
  };
  expect(await begun(world, machine, { before: die })).toBeGreaterThanOrEqual(5 * MINUTE_MS);
});
