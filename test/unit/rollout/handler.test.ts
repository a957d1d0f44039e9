import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, rollout } from '../../../functions/rollout/handler.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { review } from '../../support/samples.ts';
import { CASCADE, complete, LIMITS, portsOf, type RolloutWorld, rolloutWorld, service } from './support.ts';

const context = { functionName: 'rollout', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;
const ask = (world: RolloutWorld) => rollout(() => ({ ports: portsOf(world), limits: LIMITS }));

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('the steps of a rollout, as the state machine calls them', async () => {
  const world = await rolloutWorld();
  const ref = await service(world, 'web');
  const key = `runs/${CASCADE}/services.json`;
  expect(await ask(world)({ action: 'plan', cascadeId: CASCADE }, context)).toEqual({
    decision: 'planned',
    services: { key, count: 1 },
  });
  expect(await world.runFiles.get(key)).toEqual([{ cascadeId: CASCADE, service: ref }]);
  const step = { cascadeId: CASCADE, service: ref };
  const running = { decision: 'check', waitSeconds: 5, state: 'running' };
  expect(await ask(world)({ action: 'deploy', ...step }, context)).toMatchObject(running);
  complete(world);
  const name = '111122223333/eu-west-1/prod/web';
  expect(await ask(world)({ action: 'check', ...step }, context)).toEqual({
    ...{ decision: 'ended', waitSeconds: 5, state: 'completed', detail: `${name}: completed` },
  });
  await world.runs.begin(review('run-1', { scopeKey: 'fleet' }));
  await world.runFiles.put('runs/run-1/scopes.json', []);
  const { policyVersion } = world;
  const closures = await ask(world)({ action: 'check-closures', runId: 'run-1', policyVersion }, context);
  expect(closures).toEqual({ open: 1, closed: 0, replaced: 0, witnessDisagrees: 0, overdue: 0 });
});

test.each([['completed'], ['rolled-back']] as const)('a deployment that ended as %s stays so', async (state) => {
  const world = await rolloutWorld();
  const ref = await service(world, 'web');
  await ask(world)({ action: 'plan', cascadeId: CASCADE }, context);
  const step = { cascadeId: CASCADE, service: ref };
  await ask(world)({ action: 'deploy', ...step }, context);
  const { deploymentId = '' } = world.deployer.started[0] ?? {};
  if (state === 'completed') complete(world);
  else world.deployer.fail(ref, deploymentId, { rollsBack: true });
  for (const _ of ['once', 'again']) {
    expect(await ask(world)({ action: 'check', ...step }, context)).toMatchObject({ state });
  }
});

test('a cascade without anything to deploy leaves an empty list', async () => {
  const world = await rolloutWorld({ states: { web: 'failed' } });
  const key = `runs/${CASCADE}/services.json`;
  expect(await ask(world)({ action: 'plan', cascadeId: CASCADE }, context)).toEqual({
    decision: 'planned',
    services: { key, count: 0 },
  });
  expect(await world.runFiles.get(key)).toEqual([]);
});

test.each([
  ['no action', { cascadeId: CASCADE }],
  ['a service that is a name only', { action: 'deploy', cascadeId: CASCADE, service: 'web' }],
  ['a field too many', { action: 'plan', cascadeId: CASCADE, wave: 1 }],
])('%s is no input', async (_, input) => {
  await expect(ask(await rolloutWorld())(input, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('a missing environment variable is named', async () => {
  const names = /LEDGER_TABLE.*RUN_BUCKET.*POLL_SECONDS.*ACT_ROLLOUT_ROLE_NAME/;
  await expect(handler({ action: 'plan', cascadeId: CASCADE }, context)).rejects.toThrow(names);
});
