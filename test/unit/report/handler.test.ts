import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { handler, report } from '../../../functions/report/handler.ts';
import { measure } from '../../../functions/report/measure.ts';
import { previewReports } from '../../../functions/report/preview.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { digestOf, judged, RUN, reported, tooOld, worldWith } from './support.ts';

const context = { functionName: 'report', awsRequestId: 'request-1', memoryLimitInMB: '512' } as Context;

interface Told {
  readonly name: string;
  readonly dimensions: Record<string, string>;
  readonly value: number;
}
let told: Told[];

beforeEach(() => {
  told = [];
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  jest.spyOn(metrics, 'publishStoredMetrics').mockReturnThis();
  jest.spyOn(metrics, 'addMetric').mockImplementation((name, _, value) => {
    told.push({ name, dimensions: {}, value });
    return metrics;
  });
  jest.spyOn(metrics, 'singleMetric').mockImplementation(() => {
    const dimensions: Record<string, string> = {};
    const single = {
      addDimension: (name: string, value: string) => void Object.assign(dimensions, { [name]: value }),
      addMetric: (name: string, _: string, value: number) => void told.push({ name, dimensions, value }),
    };
    return single as unknown as ReturnType<typeof metrics.singleMetric>;
  });
});
afterEach(() => jest.restoreAllMocks());

test('writes the report and tells its metrics', async () => {
  const world = await worldWith([[digestOf(1)]]);
  await judged(world, digestOf(1), 'violating', { tier: 'base', reasons: [tooOld] });
  await reported(world, '1', { violating: 1 });

  const reply = await report(() => () => world.ports)({ runId: RUN, mode: 'review' }, context);

  expect(reply).toEqual({ images: { compliant: 0, violating: 1, unknown: 0, unjudged: 0 } });
  expect(await world.reports.get('md')).toContain('# Fleet review');
  expect(told).toContainEqual({ name: 'Images', dimensions: { outcome: 'violating' }, value: 1 });
  expect(told).toContainEqual({ name: 'CausesOpen', dimensions: {}, value: 0 });
  expect(told).toContainEqual({ name: 'Images', dimensions: { outcome: 'failed' }, value: 0 });
  expect(told).toContainEqual({ name: 'OpenImages', dimensions: { tier: 'base', outcome: 'violating' }, value: 1 });
  expect(told).toContainEqual({ name: 'OpenImages', dimensions: { tier: 'mirrored', outcome: 'unknown' }, value: 0 });
});

test('19 metrics, whatever the fleet: each combination of name and dimensions is billed', () => {
  const found = { images: { compliant: 1, violating: 2, unknown: 3, unjudged: 4 }, groups: [], pendingRebuilds: [] };
  measure('review', { ...found, review: { scopeKey: '111122223333/eu-west-1' } });
  expect(told).toHaveLength(0);
  measure('review', { ...found, review: { scopeKey: 'fleet' } });
  expect(new Set(told.map(({ name, dimensions }) => JSON.stringify([name, dimensions]))).size).toBe(19);
  expect(told).toHaveLength(19);
});

test('a preview leaves its report among its own files, and tells no metric', async () => {
  const world = await worldWith();
  const ports = { ...world.ports, reports: previewReports(world.runFiles) };
  await report(() => () => ports)({ runId: RUN, mode: 'preview' }, context);
  expect(await world.reports.get('json')).toBeUndefined();
  expect(await world.runFiles.get(`runs/${RUN}/report.json`)).toMatchObject({
    report: { schemaVersion: 1 },
    markdown: expect.stringContaining('# Fleet review'),
  });
  expect(told).toEqual([]);
});

test.each([
  ['a mode that is none', { runId: RUN, mode: 'dry' }, /mode: /],
  ['a field that nobody knows', { runId: RUN, mode: 'review', format: 'md' }, /format: is not a known field/],
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
