import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { ecsDoor, handler } from '../../../functions/ecs-door/handler.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { headOfStream } from '../../support/denied-stream.ts';
import { doorImage, doorPolicy, doorWorld, ECS_PLACE } from '../../support/door-world.ts';
import { digestOf } from '../../support/samples.ts';

const context = { functionName: 'ecs-door', awsRequestId: 'request-1' } as Context;
const question = {
  ...{ kind: 'deployment', ...ECS_PLACE, service: 'web' },
  images: [{ container: 'app', reference: doorImage('violating') }],
};

function spies() {
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
  return {
    counted: jest.spyOn(metrics, 'addMetric'),
    info: jest.spyOn(logger, 'info').mockReturnValue(),
    failed: jest.spyOn(logger, 'error').mockReturnValue(),
  };
}
afterEach(() => jest.restoreAllMocks());

test('a decision is logged in one line, and is no failure', async () => {
  const { counted, info, failed } = spies();
  const world = await doorWorld();
  const answer = await ecsDoor(() => world)(question, context);
  expect(answer).toMatchObject({ decision: 'deny', container: 'app' });
  expect(info.mock.calls).toEqual([
    [
      'a deployment was decided: deny',
      { ruleId: expect.any(String), container: 'app', reason: expect.stringContaining('may not start') },
    ],
  ]);
  expect(counted).not.toHaveBeenCalled();
  expect(failed).not.toHaveBeenCalled();
});

test('a denial is recorded for its owner, and names the head to deploy', async () => {
  spies();
  const world = await doorWorld();
  await headOfStream(world, 'violating', digestOf('compliant'));
  const head = doorImage('violating').replace(/@.*/, `@${digestOf('compliant')}`);
  const answer = await ecsDoor(() => world)(question, context);
  expect(answer).toMatchObject({ message: expect.stringContaining(`${head} may start here. Deploy it`) });
  expect(answer).toMatchObject({
    message: expect.stringContaining('aws ecs update-service --cluster main --service web '),
  });
  expect(world.startDenials.recorded).toMatchObject([
    {
      ...{ door: 'ecs-gate', place: ECS_PLACE, workload: 'service/web', owner: 'shop-team', headToDeploy: head },
      ...{ reference: doorImage('violating'), digest: digestOf('violating') },
    },
  ]);
});

test('a denial that cannot be recorded is one all the same, and a metric counts it', async () => {
  const { counted } = spies();
  jest.spyOn(logger, 'warn').mockReturnValue();
  const world = { ...(await doorWorld()), startDenials: { record: () => Promise.reject(new Error('throttled')) } };
  expect(await ecsDoor(() => world as never)(question, context)).toMatchObject({ decision: 'deny', container: 'app' });
  expect(counted.mock.calls).toEqual([['DenialsUnreported', 'Count', 1]]);
});

test.each(['deny', 'warn'] as const)('a ledger that cannot be read is one, where the mode is %s', async (mode) => {
  const { counted, failed } = spies();
  const world = { ...(await doorWorld(mode)), images: { get: () => Promise.reject(new Error('throttled')) } };
  expect(await ecsDoor(() => world)(question, context)).toMatchObject({ decision: mode, ruleId: 'door-undecided' });
  expect(counted.mock.calls).toEqual([['DeploymentsUndecided', 'Count', 1]]);
  expect(failed.mock.calls).toEqual([[expect.stringContaining('throttled'), expect.anything()]]);
});

test('a ledger that cannot be read keeps no image of AWS from starting', async () => {
  const { counted } = spies();
  const world = await doorWorld();
  const awsManaged = { accounts: [], references: ['public.ecr.aws/aws-observability/**'] };
  const { version: replaces } = await world.policies.current();
  await world.policies.publish(doorPolicy({ mode: 'deny' }, { awsManaged }), { replaces });
  const unread = { ...world, images: { get: () => Promise.reject(new Error('throttled')) } };
  const ofAws = { container: 'otel', reference: `public.ecr.aws/aws-observability/collector@${digestOf('otel')}` };
  const ask = (...images: readonly object[]) => ecsDoor(() => unread)({ ...question, images: [...images] }, context);
  expect(await ask(ofAws)).toMatchObject({ decision: 'allow', mode: 'deny' });
  expect(counted).not.toHaveBeenCalled();
  expect(await ask(ofAws, ...question.images)).toMatchObject({ decision: 'deny', ruleId: 'door-undecided' });
});

test('so is what the gate could not read', async () => {
  const { counted, failed } = spies();
  const world = await doorWorld();
  await ecsDoor(() => world)({ ...question, images: [], problem: 'AccessDeniedException: no' }, context);
  expect(counted.mock.calls).toEqual([['DeploymentsUndecided', 'Count', 1]]);
  expect(failed.mock.calls).toEqual([[expect.stringContaining('AccessDeniedException'), expect.anything()]]);
});

test('the function names what its environment lacks', async () => {
  spies();
  await expect(handler(question, context)).rejects.toThrow(/LEDGER_TABLE.*EVIDENCE_BUCKET/);
});
