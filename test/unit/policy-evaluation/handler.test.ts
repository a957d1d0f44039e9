import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, policyEvaluation } from '../../../functions/policy-evaluation/handler.ts';
import type { PolicyEvaluationServices } from '../../../functions/policy-evaluation/route.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { previewOf } from '../../support/preview.ts';
import { ask, batchOf, digestOf, finding, runs, STREAM, type World, worldWith } from './support.ts';

const context = { functionName: 'policy-evaluation', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;
const image = digestOf(1);
const sample = (name: string) => readFileSync(new URL(`../../../events/${name}`, import.meta.url), 'utf8');

const services = (world: World): PolicyEvaluationServices => ({
  enterRun: () => undefined,
  world: { ...world, ...world.ports, policies: world.policies },
  ledgers: ({ runId, mode }) => (mode === 'preview' ? previewOf(world, world.runFiles, runId) : world),
});

let logged: jest.SpiedFunction<typeof logger.info>;
beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
  logged = jest.spyOn(logger, 'info').mockReturnValue(undefined);
});
afterEach(() => jest.restoreAllMocks());

test('a batch of messages: the sample events are handled, and an invalid one is set aside', async () => {
  const world = await worldWith();
  const body = sample('aws.ecr.ecr-image-scan.complete.json');
  const { account, region, detail } = JSON.parse(body);
  const location = { account, region, repository: detail['repository-name'] };
  await runs(world, detail['image-digest'], { locations: [location] });
  await ask(world, detail['image-digest'], location);

  const bodies = [
    body,
    sample('aws.ecr.ecr-image-scan.failed.json'),
    sample('malformed/aws.ecr.ecr-image-scan.no-digest.json'),
  ];
  const Records = bodies.map((text, index) => ({ messageId: `m${index}`, body: text, receiptHandle: 'r' }));
  expect(await policyEvaluation(() => services(world))({ Records }, context)).toEqual({ batchItemFailures: [] });

  expect(world.images.records.get(detail['image-digest'])?.verdict?.status).toBe('compliant');
  expect(world.deadLetters.letters).toMatchObject([{ reason: expect.stringContaining('detail.image-digest') }]);
  const handled = { judged: 2, collected: 0, notOurs: 0, setAside: 1 };
  expect(logged).toHaveBeenCalledWith('scan events handled', handled);
});

test('a failed message is named', async () => {
  const world = await worldWith();
  await runs(world, image);
  jest.spyOn(world.scanner, 'read').mockRejectedValue(new Error('internal'));
  const event = JSON.parse(sample('aws.ecr.ecr-image-scan.complete.json'));
  event.detail['image-digest'] = image;
  const other = { messageId: 'm0', body: sample('aws.ecr.ecr-image-scan.failed.json') };
  const Records = [other, { messageId: 'm1', body: JSON.stringify(event) }];
  expect(await policyEvaluation(() => services(world))({ Records }, context)).toEqual({
    batchItemFailures: [{ itemIdentifier: 'm1' }],
  });
});

test('a batch of a review', async () => {
  const world = await worldWith();
  await runs(world, image);
  await ask(world, image);
  const reply = await policyEvaluation(() => services(world))(batchOf(world, [image]), context);
  expect(reply).toMatchObject({ kind: 'verdict', key: '0001', outcomes: { compliant: 1 } });
});

test('a preview judges, and writes to its own files only', async () => {
  const world = await worldWith();
  await runs(world, image);
  world.scanner.finds(image, [finding('CVE-1')]);
  await ask(world, image);
  const { writes } = world.images;

  const preview = batchOf(world, [image], { mode: 'preview', runId: 'run-9' });
  const reply = await policyEvaluation(() => services(world))(preview, context);

  expect(reply).toMatchObject({ outcomes: { violating: 1 } });
  expect(world.images.writes).toBe(writes);
  expect(await world.evidence.findings(image)).toBeUndefined();
  expect((await world.streams.firstSeen(STREAM)).size).toBe(0);
  expect((await world.causes.get([STREAM])).size).toBe(0);
  expect(await world.runFiles.get(`runs/run-9/preview/images/${image}.json`)).toMatchObject({
    verdict: { status: 'violating' },
  });
});

test.each([
  ['neither', {}],
  ['a batch with a wrong digest', { runId: 'r', digests: ['latest'] }],
])('refuses %s of the two', async (_, event) => {
  await expect(handler(event, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('names every variable that its environment lacks', async () => {
  await expect(handler({ Records: [] }, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(/LEDGER_TABLE.*EVIDENCE_BUCKET.*DEAD_LETTER_QUEUE_URL/),
  });
});
