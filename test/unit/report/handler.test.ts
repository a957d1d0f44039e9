import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, report } from '../../../functions/report/handler.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { previewOf } from '../../support/preview.ts';
import { digestOf, judged, RUN, reported, tooOld, worldWith } from './support.ts';

const context = { functionName: 'report', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;

beforeEach(() => void jest.spyOn(logger, 'error').mockImplementation(() => undefined));
afterEach(() => jest.restoreAllMocks());

test('writes the report and returns its totals', async () => {
  const world = await worldWith([[digestOf(1)]]);
  await judged(world, digestOf(1), 'violating', { tier: 'base', reasons: [tooOld] });
  await reported(world, '1', { violating: 1 });

  const reply = await report(() => () => world.ports)({ runId: RUN, mode: 'review' }, context);

  expect(reply).toMatchObject({
    images: { compliant: 0, violating: 1, unknown: 0, unjudged: 0 },
    counts: {
      ...{ causesOpen: 0, images: { compliant: 0, violating: 1, unknown: 0, failed: 0 } },
      open: { base: { violating: 1, unknown: 0 }, mirrored: { violating: 0, unknown: 0 } },
    },
  });
  expect(await world.reports.get('md')).toContain('# Fleet review');
});

test('a preview leaves its report among its own files', async () => {
  const world = await worldWith();
  const { reports } = previewOf(world, world.runFiles, RUN);
  const ports = { ...world.ports, reports };
  await report(() => () => ports)({ runId: RUN, mode: 'preview' }, context);
  expect(await world.reports.get('json')).toBeUndefined();
  expect(await world.runFiles.get(`runs/${RUN}/preview/report.json`)).toMatchObject({
    report: { schemaVersion: 1 },
    markdown: expect.stringContaining('# Fleet review'),
  });
});

test.each([
  ['a mode that is none', { runId: RUN, mode: 'dry' }, /mode: /],
  ['an unknown field', { runId: RUN, mode: 'review', format: 'md' }, /format: is not a known field/],
])('refuses %s by the name of its field', async (_, event, message) => {
  await expect(handler(event, context)).rejects.toMatchObject({
    name: 'InvalidInputError',
    message: expect.stringMatching(message),
  });
});

test('names every variable that its environment lacks', async () => {
  await expect(handler({ runId: RUN, mode: 'review' }, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(/LEDGER_TABLE.*RUN_BUCKET.*EVIDENCE_BUCKET/),
  });
});
