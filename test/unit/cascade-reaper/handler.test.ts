import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import type { Context } from 'aws-lambda';
import { cascadeReaper, handler } from '../../../functions/cascade-reaper/handler.ts';
import { runIdOf } from '../../../shared/domain/review/run-id.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { closure, deployment } from '../../support/rebuild-samples.ts';
import { digestOf, HOUR_MS, review } from '../../support/samples.ts';
import { causeOf, historyOf, MINUTE_MS, pipelineOf, streamOf } from '../cascade-plan/support.ts';
import {
  ARN,
  CASCADE,
  held,
  nodeOf,
  type ReaperWorld,
  reaperWorld,
  reserved,
  runningCascade,
  servicesOf,
} from './support.ts';

const context = { functionName: 'cascade-reaper', awsRequestId: 'request', memoryLimitInMB: '512' } as Context;
const sample = (name: string) =>
  readFileSync(
    new URL(`../../../events/aws.states.step-functions-execution-status-change.${name}.json`, import.meta.url),
    'utf8',
  );
const ask = (world: ReaperWorld, event: unknown) => cascadeReaper(() => servicesOf(world))(event, context);
const hear = (world: ReaperWorld, ...bodies: string[]) =>
  ask(world, { Records: bodies.map((body, index) => ({ messageId: `m${index}`, body, receiptHandle: 'r' })) });
const ALL_DONE = { batchItemFailures: [] };
const abandon = {
  action: 'abandon',
  cascadeId: CASCADE,
  executionArn: ARN,
  error: { Error: 'States.Timeout', Cause: 'too late' },
};

let logged: jest.SpiedFunction<typeof logger.error>;
beforeEach(() => {
  logged = jest.spyOn(logger, 'error').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

describe('a cascade that came to its end', () => {
  test("is incomplete with its execution's error, and unstarted work is planned again", async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    expect(await hear(world, sample('cascade-failed'))).toEqual(ALL_DONE);
    expect(await world.cascades.get(CASCADE)).toMatchObject({
      state: 'incomplete',
      endedAtEpochMs: world.clock(),
      failure: { error: 'CascadeIncomplete', detail: expect.stringContaining('the build failed') },
    });
    expect(await nodeOf(world)).toMatchObject({ state: 'waiting', answer: { reason: 'cascade-ended' } });
    expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { reason: 'cascade-ended' } });
    expect(await historyOf(world)).toMatchObject({ generation: 2, failuresInARow: 0 });
    expect(world.wakings.take()).toEqual([JSON.stringify({ kind: 'reaped', about: CASCADE })]);
  });

  test('a build that still runs keeps its lock and slot: no second one is started beside it', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await reserved(world, 0);
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toEqual(['lock of rebuild-0', 'slot of rebuild-0']);
    expect(await nodeOf(world)).toMatchObject({ state: 'waiting' });
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
  });

  test('a build with an unreachable pipeline keeps its lock and slot until its deadline', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await reserved(world, 0);
    world.runner.deny(pipelineOf());
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toHaveLength(2);
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'incomplete' });
  });

  test('after its deadline the end of that build is unknown and counts neither for nor against its stream', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await reserved(world, 0);
    world.runner.deny(pipelineOf());
    world.advance(2 * HOUR_MS);
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toEqual([]);
    expect(await nodeOf(world)).toMatchObject({ state: 'unverified', outcome: { result: 'unverified' } });
    expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  });

  test('a failed build counts against its pipeline and releases everything', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    const executionId = await reserved(world, 0);
    world.runner.finish(pipelineOf(), executionId, { state: 'failed', detail: 'red tests' });
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toEqual([]);
    expect(await nodeOf(world)).toMatchObject({
      state: 'failed',
      outcome: { result: 'failed', reason: expect.stringContaining('red tests') },
    });
    expect(await historyOf(world)).toMatchObject({ failuresInARow: 1, generation: 2 });
  });

  test('an ended build without verification is unverified, not a failure of its pipeline', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    world.runner.finish(pipelineOf(), await reserved(world, 0), { state: 'succeeded' });
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toEqual([]);
    expect(await nodeOf(world)).toMatchObject({ state: 'unverified', outcome: { result: 'unverified' } });
    expect(await historyOf(world)).toMatchObject({ failuresInARow: 0 });
  });

  test.each([
    ['has not moved', {}, 'waiting'],
    ['has moved', { promotedAtEpochMs: 1 }, 'verified'],
  ])('a verified output whose parent tag %s is %s', async (_, moved, state) => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    const output = digestOf('output');
    const verified = { build: { state: 'succeeded' }, output, outcome: { result: 'fixed' }, promotes: true } as const;
    await reserved(world, 0, { ...verified, ...moved });
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toEqual([]);
    expect(await nodeOf(world)).toMatchObject({ state, output });
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
    expect(await historyOf(world)).toMatchObject({ failuresInARow: 0, lastSettledRebuildId: 'rebuild-0' });
  });

  test('a reservation that died before its build began is released', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await reserved(world, 0);
    await world.rebuilds.record(streamOf(), 'rebuild-0', (before) => {
      if (!before) return undefined;
      const { startingAtEpochMs, executionId, ...kept } = before;
      return kept;
    });
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toEqual([]);
    expect(await nodeOf(world)).toMatchObject({ state: 'waiting' });
  });

  test('a build past its deadline ends as failed', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await reserved(world, 0);
    world.advance(2 * HOUR_MS);
    await hear(world, sample('cascade-aborted'));
    expect(await held(world)).toEqual([]);
    expect(await nodeOf(world)).toMatchObject({
      state: 'failed',
      outcome: { reason: expect.stringMatching('deadline') },
    });
  });

  test('a verified node opens its closure, and an open closure is unchanged', async () => {
    const world = await reaperWorld();
    const output = digestOf('output');
    const verified = { state: 'verified', output } as const;
    await runningCascade(world, verified, verified, {});
    const opened = closure(CASCADE, streamOf(1), { waitingFor: 'a service' });
    await world.rollouts.openClosure(opened);
    await hear(world, sample('cascade-aborted'));
    const found = [];
    for await (const one of world.rollouts.closures(CASCADE)) found.push(one);
    expect(found).toMatchObject([{ stream: streamOf(0), output, state: 'open' }, opened]);
    expect(await nodeOf(world)).toMatchObject(verified);
    expect(await causeOf(world, 0)).toMatchObject({ state: 'taken' });
    expect(await causeOf(world, 2)).toMatchObject({ state: 'open' });
  });

  test('a node with only a deployment is planned again', async () => {
    const world = await reaperWorld();
    await runningCascade(world, { work: 'deploy', output: digestOf('head') });
    await hear(world, sample('cascade-aborted'));
    expect(await nodeOf(world)).toMatchObject({ state: 'waiting' });
    expect(await causeOf(world)).toMatchObject({ state: 'open' });
  });

  test('an unwatched deployment has failed; an ended one stays unchanged', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    const states = ['starting', 'running', 'completed', 'rolled-back', 'refused'] as const;
    for (const state of states) await world.rollouts.beginDeployment(deployment(CASCADE, state, { state }));
    await hear(world, sample('cascade-aborted'));
    const ended = await Promise.all(states.map((service) => world.rollouts.deployment(CASCADE, service)));
    expect(ended.map((one) => one?.state)).toEqual(['failed', 'failed', 'completed', 'rolled-back', 'refused']);
  });

  test('an ended cascade stays unchanged after repeated messages', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await hear(world, sample('cascade-aborted'));
    const ended = await world.cascades.get(CASCADE);
    world.advance(HOUR_MS);
    await hear(world, sample('cascade-aborted'), sample('cascade-failed'), sample('cascade-succeeded'));
    expect(await world.cascades.get(CASCADE)).toEqual(ended);
    expect(await historyOf(world)).toMatchObject({ generation: 2 });
  });

  test('a cascade whose execution succeeded without recording it is ended too', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await hear(world, sample('cascade-succeeded'));
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'incomplete' });
  });
});

describe('a cascade that the planner reports as dead', () => {
  const ended = (cascadeId = CASCADE) => JSON.stringify({ kind: 'ended', cascadeId });
  const reaped = [JSON.stringify({ kind: 'reaped', about: CASCADE })];

  async function hearEnded(state: 'running' | 'failed' | 'succeeded' | 'gone'): Promise<ReaperWorld> {
    const world = await reaperWorld();
    await runningCascade(world, {});
    jest.spyOn(world.executions, 'state').mockImplementation(async (arn) => (arn === ARN ? state : 'running'));
    expect(await hear(world, ended())).toEqual(ALL_DONE);
    return world;
  }

  test.each(['failed', 'succeeded'] as const)(
    'is ended where its execution %s, and the planner woken',
    async (state) => {
      const world = await hearEnded(state);
      expect(await world.cascades.get(CASCADE)).toMatchObject({
        state: 'incomplete',
        failure: { error: 'ExecutionEnded', detail: expect.stringContaining(state) },
      });
      expect(await causeOf(world)).toMatchObject({ state: 'open' });
      expect(world.wakings.take()).toEqual(reaped);
    },
  );

  test.each(['running', 'gone'] as const)('is not ended if its execution is %s', async (state) => {
    const world = await hearEnded(state);
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'running' });
    expect(world.wakings.isEmpty).toBe(true);
  });

  test('is ended where Step Functions does not know its execution after ten minutes', async () => {
    const world = await hearEnded('gone');
    world.advance(10 * MINUTE_MS);
    await hear(world, ended());
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'incomplete' });
    expect(world.wakings.take()).toEqual(reaped);
  });

  test('is not ended if it was not started, because a planner starts it', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await world.cascades.changeCascade(CASCADE, ({ executionArn: _, ...before }) => ({ ...before, state: 'planned' }));
    await hear(world, ended());
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'planned' });
  });

  test('has ended before: the planner is woken again, because the earlier call may have died', async () => {
    const world = await hearEnded('failed');
    const before = await world.cascades.get(CASCADE);
    world.wakings.take();
    world.advance(HOUR_MS);
    await hear(world, ended());
    expect(await world.cascades.get(CASCADE)).toEqual(before);
    expect(world.wakings.take()).toEqual(reaped);
  });

  test('without a plan: ignored', async () => {
    const world = await reaperWorld();
    expect(await hear(world, ended('ffffffffffff-g1'))).toEqual(ALL_DONE);
    expect([world.wakings.take(), world.deadLetters.letters]).toEqual([[], []]);
  });

  test.each([
    ['another kind', { kind: 'refreshed' }, 'kind'],
    ['no cascade', { cascadeId: '' }, 'cascadeId'],
    ['a field too many', { stream: 'a' }, 'stream'],
  ])('message with %s is set aside with the reason', async (_, change, field) => {
    const world = await reaperWorld();
    await hear(world, JSON.stringify({ kind: 'ended', cascadeId: CASCADE, ...change }));
    expect(world.deadLetters.letters).toMatchObject([{ reason: expect.stringContaining(field) }]);
  });
});

describe('a review that came to its end', () => {
  const { executionArn, startDate } = JSON.parse(sample('failed')).detail;
  const running = review(runIdOf(executionArn, startDate));

  test.each(['aborted', 'failed', 'timed-out'])('%s: it is recorded as failed, and its lease is free', async (name) => {
    const world = await reaperWorld();
    await world.runs.begin(running);
    expect(await hear(world, sample(name))).toEqual(ALL_DONE);
    expect((await world.runs.latest()).running).toBeUndefined();
    expect(await world.runs.get(running.runId)).toMatchObject({ state: 'failed' });
  });

  test('keeps the error of its execution', async () => {
    const world = await reaperWorld();
    await world.runs.begin(running);
    await hear(world, sample('failed'));
    expect(await world.runs.get(running.runId)).toMatchObject({
      failure: { error: 'ReviewUnrecordedError', detail: 'The ledger could not be written' },
    });
  });

  test('a preview is recorded among its own files', async () => {
    const world = await reaperWorld();
    await world.previewRuns.begin(running);
    await hear(world, sample('aborted'));
    expect(await world.previewRuns.get(running.runId)).toMatchObject({
      state: 'failed',
      failure: { error: 'ABORTED' },
    });
  });
});

describe('a batch', () => {
  const changed = (change: (event: { detail: Record<string, unknown> }) => void): string => {
    const event = JSON.parse(sample('cascade-failed'));
    change(event);
    return JSON.stringify(event);
  };

  test('an invalid message is set aside with the reason and blocks no other', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    const bodies = [
      'not JSON',
      changed(({ detail }) => {
        detail.status = 'RUNNING';
      }),
      changed(({ detail }) => {
        detail.stateMachineArn = 'arn:aws:states:eu-west-1:111122223333:stateMachine:other';
      }),
      sample('cascade-failed'),
    ];
    expect(await hear(world, ...bodies)).toEqual(ALL_DONE);
    expect(world.deadLetters.letters.map(({ reason }) => reason)).toEqual([
      expect.stringContaining('not JSON'),
      expect.stringContaining('detail.status'),
      expect.stringContaining('not a state machine of Patchwave'),
    ]);
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'incomplete' });
  });

  test('an execution that a person started under another name is ignored', async () => {
    const world = await reaperWorld();
    expect(await hear(world, sample('cascade-failed'))).toEqual(ALL_DONE);
    expect(world.deadLetters.letters).toEqual([]);
  });

  test('a failed message is named, and the others are ended', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    jest.spyOn(world.runs, 'abandon').mockRejectedValueOnce(new Error('internal'));
    expect(await hear(world, sample('aborted'), sample('cascade-failed'))).toEqual({
      batchItemFailures: [{ itemIdentifier: 'm0' }],
    });
    expect(logged).toHaveBeenCalledTimes(1);
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'incomplete' });
  });
});

describe('the last step of a state machine', () => {
  test('returns the error of the execution without the stack trace of a Lambda', async () => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    const Cause = JSON.stringify({ errorMessage: 'The ledger could not be written', trace: ['at x'] });
    const error = { Error: 'LedgerContendedError', Cause };
    const answer = { error: 'LedgerContendedError', cause: 'The ledger could not be written' };
    expect(await ask(world, { ...abandon, error })).toEqual(answer);
    expect(await world.cascades.get(CASCADE)).toMatchObject({
      failure: { error: answer.error, detail: answer.cause },
    });
    expect(await ask(world, { ...abandon, error })).toEqual(answer);
  });

  test.each([
    ['of another execution', { executionArn: `${ARN}-2` }],
    ['of the same name on another machine', { executionArn: ARN.replace('rebuild-cascade', 'other') }],
    ['for a cascade that was never planned', { cascadeId: 'ffffffffffff-g1', executionArn: 'a:ffffffffffff-g1' }],
  ])('is refused %s', async (_, change) => {
    const world = await reaperWorld();
    await runningCascade(world, {});
    await expect(ask(world, { ...abandon, ...change })).rejects.toMatchObject({ name: 'InvalidInputError' });
    expect(await world.cascades.get(CASCADE)).toMatchObject({ state: 'running' });
  });
});

test.each([
  ['neither', {}],
  ['an action of another function', { ...abandon, action: 'open' }],
  ['a field too many', { ...abandon, stream: 'a' }],
  ['a field of another action', { ...abandon, action: 'close' }],
])('refuses %s', async (_, event) => {
  await expect(handler(event, context)).rejects.toMatchObject({ name: 'InvalidInputError' });
});

test('names every variable that its environment lacks', async () => {
  await expect(handler({ Records: [] }, context)).rejects.toMatchObject({
    name: 'EnvironmentError',
    message: expect.stringMatching(/LEDGER_TABLE.*PLAN_QUEUE_URL.*DEAD_LETTER_QUEUE_URL.*FLEET_REVIEW_MACHINE_ARN/),
  });
});
