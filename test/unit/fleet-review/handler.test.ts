import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler } from '../../../functions/fleet-review/handler.ts';
import { measureReview } from '../../../functions/fleet-review/measure.ts';
import { handler as inventory } from '../../../functions/inventory/handler.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';

const context = {
  functionName: 'fleet-review',
  functionVersion: '1',
  invokedFunctionArn: 'fleet-review',
  memoryLimitInMB: '512',
  awsRequestId: 'request-1',
} as Context;

const run = { runId: 'run-1', mode: 'review', policyVersion: 'v1' };
const execution = { executionArn: 'e', executionStartedAt: '2026-11-24T03:00:00.000Z' };

beforeEach(() => jest.spyOn(logger, 'error').mockImplementation(() => undefined));
afterEach(() => jest.restoreAllMocks());

test.each([
  ['no action', {}, 'action'],
  ['an unknown action', { action: 'delete', ...run }, 'action'],
  ['a run without an id', { action: 'close', ...run, closures: {}, runId: '' }, 'runId'],
  ['a close that does not tell of closures', { action: 'close', ...run }, 'closures'],
  ['an unknown field of the input', { action: 'open', ...execution, input: { scope: [] } }, 'input.scope'],
  ['a wrong start', { action: 'open', ...execution, executionStartedAt: 'today', input: {} }, 'executionStartedAt'],
])('fleet-review refuses %s, naming %j', async (_, event, field) => {
  await expect(handler(event, context)).rejects.toMatchObject({
    name: 'InvalidInputError',
    message: expect.stringContaining(field),
  });
});

test.each([
  [
    'a scope that is none',
    { action: 'workloads', ...run, scope: { account: '1', region: 'us-east-1' } },
    'scope.account',
  ],
  ['a scope in the place of a registry', { action: 'registry', ...run, scope: {} }, 'registry'],
])('inventory refuses %s, naming %j', async (_, event, field) => {
  await expect(inventory(event, context)).rejects.toMatchObject({
    name: 'InvalidInputError',
    message: expect.stringContaining(field),
  });
});

test.each([
  [
    'fleet-review',
    handler,
    { action: 'close', ...run, closures: {} },
    ['LEDGER_TABLE', 'LEASE_MINUTES', 'READ_ROLE_EXTERNAL_ID'],
  ],
  [
    'inventory',
    inventory,
    { action: 'usages', ...run, scope: { account: '111122223333', region: 'us-east-1' } },
    ['LEDGER_TABLE', 'RUN_BUCKET'],
  ],
])('%s names all that its environment lacks, at once', async (_, call, event, keys) => {
  const names = keys.map((key) => expect.stringContaining(key));
  for (const message of names)
    await expect(call(event, context)).rejects.toMatchObject({ name: 'EnvironmentError', message });
});

describe('how a review ended', () => {
  const totals = {
    scopes: { complete: 4, skipped: 1, failed: 2 },
    inventory: { clusters: 1, tasks: 1, containers: 1, usages: 1, unresolved: 3 },
    found: 1,
    scans: { requested: 0, fresh: 1, later: 0, refused: {} },
    outcomes: { compliant: 1, violating: 0, unknown: 0, failed: 0 },
  };

  test.each([
    ['succeeded', 1],
    ['failed', 0],
  ] as const)('is counted: %s', (state, succeeded) => {
    const added = jest.spyOn(metrics, 'addMetric').mockImplementation(() => metrics);
    measureReview('review', { state, totals, summary: '', scopeKey: 'fleet', closuresOverdue: 2 });
    expect(Object.fromEntries(added.mock.calls.map(([name, , value]) => [name, value]))).toEqual({
      ReviewsSucceeded: succeeded,
      ScopesRead: 4,
      ScopesFailed: 2,
      ContainersUnresolved: 3,
      ClosuresOverdue: 2,
    });
  });

  test('is not counted for a preview', () => {
    const added = jest.spyOn(metrics, 'addMetric');
    measureReview('preview', { state: 'failed', totals, summary: '', scopeKey: 'fleet', closuresOverdue: 2 });
    measureReview('review', {
      state: 'succeeded',
      totals,
      summary: '',
      scopeKey: '111122223333/eu-west-1',
      closuresOverdue: 0,
    });
    expect(added).not.toHaveBeenCalled();
  });
});
