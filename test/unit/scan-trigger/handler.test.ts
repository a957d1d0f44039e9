import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, scanTrigger } from '../../../functions/scan-trigger/handler.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';

const context = { functionName: 'scan-trigger', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;
const event = {
  ...{ runId: 'run-1', mode: 'review', policyVersion: 'v1', startedAtEpochMs: START_EPOCH_MS, batch: '0001' },
  digests: [`sha256:${'a'.repeat(64)}`],
};

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('returns the part of the run to the state machine', async () => {
  const world = { ...fakeWorld(), pace: async () => {}, retry: { attempts: 1, wait: async () => {} } };
  const limits = { catchUpMinutes: 45, dailyQuota: 100_000 };
  const reply = await scanTrigger(() => ({ portsOf: () => world, limits }))(event, context);
  expect(reply).toEqual({
    kind: 'scan',
    key: '0001',
    scans: { requested: 0, fresh: 0, later: 0, refused: { 'never-scanned': 1 } },
  });
});

test.each([
  ['a digest that is none', { ...event, digests: ['sha256:abc'] }, /digests\[0\]: must be a SHA-256 digest/],
  ['an empty batch', { ...event, digests: [] }, /digests: /],
  ['an unknown mode', { ...event, mode: 'dry' }, /mode: /],
  ['an unknown field', { ...event, digest: 'x' }, /digest: is not a known field/],
])('refuses %s by the name of its field', async (_, input, message) => {
  await expect(handler(input, context)).rejects.toMatchObject({
    name: 'InvalidInputError',
    message: expect.stringMatching(message),
  });
});

test('names every variable that its environment lacks', async () => {
  await expect(handler(event, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(/LEDGER_TABLE.*RUN_BUCKET.*SCANS_PER_SECOND.*DAILY_SCAN_QUOTA/),
  });
});
