import { fleetReviewInput } from '../../../functions/fleet-review/input.ts';
import { runIdIn, takeStep } from '../../../functions/fleet-review/steps.ts';
import { collect } from '../../../shared/concurrency.ts';
import { parse } from '../../../shared/schema.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { previewOf } from '../../support/preview.ts';
import { EXECUTION, portsOf, reviewedWorld } from './support.ts';

const limits = { leaseMinutes: 390, readsEks: true, catchUpMinutes: 0, scanWaitMinutes: 1, pollSeconds: 1 };
const execution = { executionArn: EXECUTION, executionStartedAt: '2026-11-24T03:00:00.000Z' };

const take = (world: FakeWorld, event: unknown) =>
  takeStep(parse(fleetReviewInput, event), {
    ledgers: ({ runId, mode }) => (mode === 'preview' ? previewOf(world, world.runFiles, runId) : world),
    world: portsOf(world),
    limits,
  });

test('a preview opens and is abandoned in its own files, beside a review and under its own lease', async () => {
  const { world } = await reviewedWorld();
  await take(world, { action: 'open', ...execution, input: {} });
  const preview = { ...execution, executionArn: 'preview' };
  await take(world, { action: 'open', ...preview, input: { mode: 'preview' } });

  const reply = await take(world, { action: 'abandon', ...preview, error: { Error: 'States.Timeout', Cause: '' } });

  const runId = runIdIn(parse(fleetReviewInput, { action: 'open', ...preview, input: {} }));
  expect(reply).toMatchObject({ runId, error: 'States.Timeout' });
  expect(await world.runs.get(runId)).toBeUndefined();
  expect(await previewOf(world, world.runFiles, runId).runs.get(runId)).toMatchObject({ state: 'failed' });
  expect((await world.runs.latest()).running).toMatchObject({ state: 'running', executionArn: EXECUTION });
});

test('a preview that is abandoned while it opens never begins either', async () => {
  const { world } = await reviewedWorld();
  await take(world, { action: 'abandon', ...execution, error: { Error: 'ABORTED', Cause: '' } });

  const late = take(world, { action: 'open', ...execution, input: { mode: 'preview' } });

  await expect(late).rejects.toMatchObject({ name: 'ReviewAbandonedError' });
});

test('an aborted execution is abandoned by its event', async () => {
  const { world } = await reviewedWorld();
  await take(world, { action: 'open', ...execution, input: {} });

  // Step Functions gives epoch milliseconds in its events, and neither error nor cause of an abortion.
  const event = { executionArn: EXECUTION, executionStartedAt: Date.parse(execution.executionStartedAt) };
  const reply = await take(world, { action: 'abandon', ...event, error: {} });

  expect(reply).toMatchObject({ error: 'States.Unknown' });
  expect((await world.runs.latest()).ended).toMatchObject({ state: 'failed' });
  expect((await world.runs.latest()).running).toBeUndefined();
});

test('each step of a review without anything to read leads to the next', async () => {
  const { world, policyVersion } = await reviewedWorld({ streams: [] });
  const run = { runId: '', mode: 'review', policyVersion };
  const opened = await take(world, { action: 'open', ...execution, input: {} });
  Object.assign(run, { runId: (opened as { runId: string }).runId });
  for (const { scope } of (await world.runFiles.get(`runs/${run.runId}/scopes.json`)) as {
    scope: typeof inventory;
  }[]) {
    const result = { scope, status: 'complete', inventory: counts } as const;
    await world.runs.recordPart(run.runId, { kind: 'scope', key: `${scope.account}/${scope.region}`, result });
  }

  expect(await take(world, { action: 'group-registries', ...run })).toMatchObject({ count: 0 });
  await world.runs.recordPart(run.runId, { kind: 'lineage', key: 'fleet', images: 0, failures: [], failed: 0 });
  const plan = (await take(world, { action: 'plan-scans', ...run })) as { progress: object };
  expect(plan).toMatchObject({ found: 0, batches: { count: 0 } });
  const check = { action: 'check-scans', ...run, startedAtEpochMs: 1, progress: plan.progress };
  expect(await take(world, check)).toMatchObject({ decision: 'evaluate' });
  expect(await take(world, { action: 'close', ...run, closures: { open: 0 } })).toMatchObject({
    state: 'succeeded',
    totals: { found: 0 },
  });
  expect(await collect(world.runs.parts(run.runId))).toHaveLength(4);
});

const inventory = { account: '', region: '' };
const counts = { clusters: 0, tasks: 0, containers: 0, usages: 0, unresolved: 0 };
