import { checkClosures } from '../../../functions/rollout/check-closures.ts';
import { collect } from '../../../shared/concurrency.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { Mode } from '../../../shared/domain/policy/policy.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import type { ServiceRef } from '../../../shared/ports/rollouts.ts';
import { runFileKeys } from '../../../shared/review/documents.ts';
import { review } from '../../support/samples.ts';
import {
  CASCADE,
  HOUR_MS,
  imageOf,
  MINUTE_MS,
  PIPELINES,
  planned,
  portsOf,
  REGISTRY,
  type RolloutWorld,
  rolloutWorld,
  runs,
  ServiceMachine,
} from './support.ts';

/* A deployment reaches three accounts: those of the registry, of the pipeline and of the service. */

const SERVICES = '999988887777';
const PLACE = { account: SERVICES, region: REGISTRY.region };
const WEB: ServiceRef = { ...PLACE, cluster: 'prod', service: 'web' };

async function scene() {
  const world = await rolloutWorld();
  world.deployer.create(WEB, [{ name: 'web', image: imageOf('web') }]);
  await runs(world, 'web', 'old', { ...PLACE, workload: 'web', container: 'web' });
  world.advance(MINUTE_MS);
  return world;
}

const setMode = (world: RolloutWorld, account: string, mode: Mode) =>
  world.apply('enforce', { modes: { accounts: { [account]: mode } } });

const closureOf = async (world: RolloutWorld) => (await collect(world.rollouts.closures(CASCADE)))[0];
const deploymentOf = (world: RolloutWorld) => world.rollouts.deployment(CASCADE, serviceKey(WEB));

/** A review that reads the account of the service now. */
async function reviewed(world: RolloutWorld) {
  const runId = world.ids();
  const { running } = await world.runs.latest();
  if (running) await world.runs.finish({ ...running, state: 'succeeded' });
  await world.runs.begin(review(runId, { scopeKey: 'fleet', startedAtEpochMs: world.clock() }));
  const inventory = { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 0 };
  const key = `${PLACE.account}/${PLACE.region}`;
  await world.runs.recordPart(runId, { kind: 'scope', key, result: { scope: PLACE, status: 'complete', inventory } });
  await world.scopes.record({ scope: PLACE, completeAtEpochMs: world.clock(), includesStopping: true });
  await world.runFiles.put(runFileKeys(runId).scopes, [{ scope: PLACE }]);
  await checkClosures(portsOf(world), { runId, policyVersion: world.policyVersion });
  return closureOf(world);
}

const accounts = [
  ['registry', REGISTRY.account],
  ['pipeline', PIPELINES],
  ['service', SERVICES],
] as const;
const restrained = accounts.flatMap(([name, account]) =>
  (['paused', 'report-only'] as const).map((mode) => ({ name, account, mode })),
);

test('a service in an account that enforces is deployed', async () => {
  const world = await scene();
  await setMode(world, SERVICES, 'enforce');
  expect(await planned(world)).toEqual([WEB]);
});

test.each(restrained)(
  'the account of the $name is $mode: the service is not planned, and its closure says why',
  async ({ account, mode }) => {
    const world = await scene();
    await setMode(world, account, mode);
    expect(await planned(world)).toEqual([]);
    expect(await closureOf(world)).toMatchObject({
      services: [],
      postponed: [serviceKey(WEB)],
      waitingFor: expect.stringContaining(`Patchwave does not deploy ecs-service ${serviceKey(WEB)} (${mode}). `),
    });
  },
);

test.each(accounts)(
  'the account of the %s is paused after the plan: nothing begins until the pause ends',
  async (_, account) => {
    const world = await scene();
    await planned(world);
    await setMode(world, account, 'paused');
    const machine = new ServiceMachine(world, WEB);
    await machine.step();
    expect(machine.last).toMatchObject({ decision: 'wait', state: 'starting' });
    expect(world.deployer.started).toEqual([]);
    await setMode(world, account, 'enforce');
    await machine.run('check');
    expect(world.deployer.started).toHaveLength(1);
  },
);

test.each(accounts)('the account of the %s is report-only after the plan: refused at once', async (_, account) => {
  const world = await scene();
  await planned(world);
  await setMode(world, account, 'report-only');
  const machine = new ServiceMachine(world, WEB);
  await machine.step();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'refused' });
  expect(await deploymentOf(world)).toMatchObject({ detail: expect.stringMatching(/^report-only: /), postponed: true });
  expect(world.deployer.started).toEqual([]);
});

test('a policy that only reports deploys nothing that was planned before', async () => {
  const world = await scene();
  await planned(world);
  await world.apply('report-only');
  const machine = new ServiceMachine(world, WEB);
  await machine.step();
  expect(machine.last).toMatchObject({
    decision: 'ended',
    state: 'refused',
    detail: expect.stringMatching(/report-only/),
  });
  expect(world.deployer.started).toEqual([]);
});

describe.each(['none', 'pipeline'] as const)('a service that `rollout: %s` leaves to its owner', (rollout) => {
  const rolloutIs = (world: RolloutWorld, web: RolloutMode) => world.setRollout({ web });

  test.each([
    ['planned', false],
    ['refused', true],
  ])('is planned again by the next review after its owner changes the rollout (%s)', async (_, isPlannedBefore) => {
    const world = await scene();
    if (isPlannedBefore) await planned(world);
    await rolloutIs(world, rollout);
    if (isPlannedBefore) await new ServiceMachine(world, WEB).run();
    else expect(await planned(world)).toEqual([]);
    for (let day = 1; day <= 2; day += 1) {
      world.advance(HOUR_MS);
      const closure = await reviewed(world);
      expect(closure?.state).toBe('open');
      expect(closure?.abandoned).toBeUndefined();
    }
    await rolloutIs(world, 'restart');
    world.advance(HOUR_MS);
    expect(await reviewed(world)).toMatchObject({ state: 'open', abandoned: true });
  });
});

describe('once the mode allows it', () => {
  const postponements: readonly (readonly [string, (world: RolloutWorld) => Promise<unknown>])[] = [
    [
      'left by the plan',
      async (world) => {
        await setMode(world, SERVICES, 'paused');
        await planned(world);
      },
    ],
    [
      'refused by the deployment',
      async (world) => {
        await planned(world);
        await setMode(world, SERVICES, 'report-only');
        await new ServiceMachine(world, WEB).run();
      },
    ],
  ];

  test.each(postponements)(
    'a service that was %s is planned again by the next review, and not before',
    async (_, postpone) => {
      const world = await scene();
      await postpone(world);
      world.advance(HOUR_MS);
      expect((await reviewed(world))?.abandoned).toBeUndefined();
      await setMode(world, SERVICES, 'enforce');
      world.advance(HOUR_MS);
      expect(await reviewed(world)).toMatchObject({ state: 'open', abandoned: true });
    },
  );

  test('a service that no longer runs the old image is not planned again', async () => {
    const world = await scene();
    await setMode(world, SERVICES, 'paused');
    await planned(world);
    await setMode(world, SERVICES, 'enforce');
    const usages = await collect(world.usages.live(PLACE));
    await world.usages.end(usages, world.clock());
    world.advance(HOUR_MS);
    expect(await reviewed(world)).toMatchObject({ state: 'closed' });
  });
});
