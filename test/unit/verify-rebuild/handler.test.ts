import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, verifyRebuild } from '../../../functions/verify-rebuild/handler.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { answerRefreshes } from '../registry-events/support.ts';
import { LIMITS, NEW, portsOf, push, rebuildOf, STEP, verifyWorld } from './support.ts';

const context = { functionName: 'verify-rebuild', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('the steps of a node, as the state machine calls them', async () => {
  const world = await verifyWorld({ promotes: true, changes: { build: { state: 'succeeded', outputDigest: NEW } } });
  push(world, 'new', { tags: ['22-candidate'] });
  world.scanner.completesAtOnce = true;
  const ask = verifyRebuild(() => ({ ports: portsOf(world), limits: LIMITS }));
  expect(await ask({ action: 'find-output', ...STEP }, context)).toEqual({ decision: 'verify', waitSeconds: 5 });
  await answerRefreshes(world);
  expect(await ask({ action: 'check', ...STEP }, context)).toEqual({ decision: 'wait', waitSeconds: 5 });
  expect(await ask({ action: 'check', ...STEP }, context)).toEqual({ decision: 'promote', waitSeconds: 5 });
  expect(await ask({ action: 'promote', ...STEP }, context)).toEqual({ decision: 'ended', waitSeconds: 5 });
  expect((await rebuildOf(world)).outcome).toEqual({ result: 'fixed' });
});

test.each([
  ['no action', { ...STEP }],
  ['an action of another function', { action: 'settle', ...STEP }],
  ['a field too many', { action: 'check', ...STEP, digest: NEW }],
  ['a field too few', { action: 'check', cascadeId: 'a', stream: 'b' }],
])('%s is no input', async (_, input) => {
  const world = await verifyWorld();
  const ask = verifyRebuild(() => ({ ports: portsOf(world), limits: LIMITS }));
  await expect(ask(input, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('a missing environment variable is named', async () => {
  const names =
    /LEDGER_TABLE.*EVIDENCE_BUCKET.*ACT_BUILD_ROLE_NAME.*REGISTRY_EVENT_QUEUE_URL.*POLL_SECONDS.*SCANS_PER_SECOND/;
  await expect(handler({ action: 'check', ...STEP }, context)).rejects.toThrow(names);
});
