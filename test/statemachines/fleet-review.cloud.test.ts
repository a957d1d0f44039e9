import { jest } from '@jest/globals';
import { useCloud } from '../support/cloud.ts';
import { type Script, ScriptedError, type Stage, stageOf } from './scripted.ts';

// A machine takes a moment for each of its states.
jest.setTimeout(30_000);
const cloud = useCloud();
let stage: Stage & AsyncDisposable;
let script: Script = () => undefined;
beforeAll(async () => {
  stage = await stageOf(cloud(), 'fleet-review', () => script);
}, 60_000);
afterAll(async () => stage?.[Symbol.asyncDispose]());

/** A review that finds nothing to read, in which each function answers what a test says of its action. */
async function review(name: string, mode: 'review' | 'preview', answers: Readonly<Record<string, () => unknown>> = {}) {
  const nothing = { key: 'none', count: 0 };
  const well: typeof answers = {
    open: () => ({
      runId: name,
      mode,
      policyVersion: 'v1',
      startedAtEpochMs: 1,
      alreadyRunning: false,
      scopes: nothing,
    }),
    'group-registries': () => nothing,
    'plan-scans': () => ({ batches: nothing, found: 0, images: 0, progress: {} }),
    'check-closures': () => ({ open: 0, closed: 1, replaced: 0, witnessDisagrees: 0, overdue: 0 }),
    close: () => ({ state: 'succeeded', summary: '0 images' }),
    abandon: () => ({ error: 'given', cause: 'given' }),
    Report: () => ({}),
    find: () => ({}),
  };
  script = ({ of, input: { action = of } }) => (answers[String(action)] ?? well[String(action)])?.();
  const { status, error, cause, calls } = await stage.run(name, {});
  const { closures } = calls.at(-1)?.input ?? {};
  return { status, error, cause, closures, order: calls.map(({ of, input }) => String(input.action ?? of)) };
}

const ORDER = ['open', 'group-registries', 'find', 'plan-scans', 'check-closures', 'Report', 'close'];

test('replaced images are searched before the report, which lists them', async () => {
  const closures = { open: 0, closed: 1, replaced: 0, witnessDisagrees: 0, overdue: 0 };
  expect(await review('quiet', 'review')).toMatchObject({ status: 'SUCCEEDED', closures, order: ORDER });
});

test('a preview closes nothing', async () => {
  const order = ORDER.filter((step) => step !== 'check-closures');
  expect(await review('preview', 'preview')).toMatchObject({ status: 'SUCCEEDED', closures: {}, order });
});

test('a review goes on without the lineage that could not be found', async () => {
  const ended = await review('without-lineage', 'review', {
    find: () => {
      throw new ScriptedError('PolicyUnreadableError', 'gone');
    },
  });
  expect(ended).toMatchObject({ status: 'SUCCEEDED', order: ORDER });
});

test('a failed check of closures reaches the gate after everything else is done', async () => {
  const ended = await review('broken', 'review', {
    'check-closures': () => {
      throw new ScriptedError('PolicyUnreadableError', 'gone');
    },
    close: () => ({ state: 'failed', summary: 'closures unchecked' }),
  });
  expect(ended).toMatchObject({
    ...{ status: 'FAILED', error: 'FleetReviewIncomplete', cause: 'closures unchecked' },
    closures: { Error: 'PolicyUnreadableError', Cause: expect.stringContaining('gone') },
    order: ORDER,
  });
});
