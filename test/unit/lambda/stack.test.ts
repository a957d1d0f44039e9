import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../../shared/lambda/stack.ts';
import * as v from '../../../shared/schema.ts';

const context = {
  functionName: 'inventory',
  functionVersion: '1',
  invokedFunctionArn: 'inventory',
  memoryLimitInMB: '512',
  awsRequestId: 'request-1',
} as Context;

const input = v.strictObject({
  scopes: v.array(v.strictObject({ account: v.pipe(v.string(), v.regex(/^\d{12}$/)) })),
});

class ScopeUnreachableError extends Error {
  override readonly name = 'ScopeUnreachableError';
}

const echo = (compose = () => ({})) =>
  lambdaFunction({ input, compose, handle: async ({ scopes }) => ({ count: scopes.length }) });

let logged: jest.SpiedFunction<typeof logger.error>;

beforeEach(() => {
  logged = jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

test('gives the reply of the use case', async () => {
  await expect(echo()({ scopes: [{ account: '111122223333' }] }, context)).resolves.toEqual({ count: 1 });
});

test.each([
  ['a wrong value', { scopes: [{ account: '1111' }] }, /scopes\[0\]\.account/],
  ['an unknown field', { scopes: [], mdoe: 'preview' }, /mdoe: is not a known field/],
  ['an unknown field further down', { scopes: [{ account: '111122223333', zone: 'a' }] }, /scopes\[0\]\.zone/],
  ['nothing', undefined, /input/],
])('refuses %s and names the field', async (_, event, message) => {
  const call = echo()(event, context);

  await expect(call).rejects.toThrow(message);
  await expect(call).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('composes once, and only for an input that is valid', async () => {
  const compose = jest.fn(() => ({}));
  const call = echo(compose);

  await expect(call({}, context)).rejects.toThrow();
  expect(compose).not.toHaveBeenCalled();
  await call({ scopes: [] }, context);
  await call({ scopes: [] }, context);
  expect(compose).toHaveBeenCalledTimes(1);
});

test('logs an error once and throws the very same on', async () => {
  const error = new ScopeUnreachableError('no role');
  const call = lambdaFunction({ input, compose: () => ({}), handle: () => Promise.reject(error) });

  await expect(call({ scopes: [] }, context)).rejects.toBe(error);
  expect(logged).toHaveBeenCalledTimes(1);
});

test('flushes metrics once, also when the use case failed', async () => {
  const published = jest.spyOn(metrics, 'publishStoredMetrics').mockImplementation(() => {
    metrics.clearMetrics();
    return metrics;
  });
  const call = lambdaFunction({
    input,
    compose: () => ({}),
    handle: async () => {
      metrics.addMetric('ImagesRead', 'Count', 3);
      throw new Error('broken');
    },
    metrics,
  });

  await expect(call({ scopes: [] }, context)).rejects.toThrow('broken');
  await lambdaFunction({ input, compose: () => ({}), handle: async () => ({}), metrics })({ scopes: [] }, context);

  expect(published).toHaveBeenCalledTimes(1);
});
