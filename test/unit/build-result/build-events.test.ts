import { readdirSync, readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { handleBuildEvents } from '../../../functions/build-result/build-events.ts';
import type { Rebuild } from '../../../shared/domain/cause/rebuild.ts';
import { LedgerItemUnreadableError } from '../../../shared/ports/errors.ts';
import { CrashError, type Turns } from '../../support/fakes/interleave.ts';
import { lock } from '../../support/rebuild-samples.ts';
import { NodeMachine } from '../rebuild-dispatch/machine.ts';
import {
  type DispatchWorld,
  dispatchWorld,
  eventOf,
  finishLast,
  MINUTE_MS,
  PIPELINE,
  pipelineOf,
  plan,
  portsOf,
  STREAM,
  streamOf,
  tellEvent,
} from '../rebuild-dispatch/support.ts';

const FOLDER = new URL('../../../events/', import.meta.url);
const states = readdirSync(FOLDER).filter((file) => file.startsWith('aws.codepipeline.'));
const sample = (file: string): string => readFileSync(new URL(file, FOLDER), 'utf8');

async function building() {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world)).run('waiting');
  return { world, machine, executionId: String(world.runner.started[0]?.executionId) };
}
const tell = (world: DispatchWorld, ...bodies: string[]) =>
  handleBuildEvents(
    portsOf(world),
    bodies.map((body, n) => ({ messageId: `m${n}`, body })),
  );
const rebuildIn = (world: DispatchWorld, { node }: NodeMachine) => world.rebuilds.get(STREAM, node.rebuildId);

test('every CodePipeline state has a sample', () => {
  const sampled = states.map((file) => JSON.parse(sample(file)).detail.state);
  expect(sampled.sort()).toEqual(
    ['CANCELED', 'FAILED', 'RESUMED', 'STARTED', 'STOPPED', 'STOPPING', 'SUCCEEDED', 'SUPERSEDED'].sort(),
  );
});

test.each(states)("%s: the run is read, because the event's state is not trusted", async (file) => {
  const { world, machine, executionId } = await building();
  const event = JSON.parse(sample(file));
  event.account = PIPELINE.account;
  event.detail = { ...event.detail, pipeline: PIPELINE.name, 'execution-id': executionId };
  expect(await tell(world, JSON.stringify(event))).toEqual(['running']);
  expect(machine.answer).toBeUndefined();
  finishLast(world, { state: 'failed', detail: 'exit 1' });
  expect(await tell(world, JSON.stringify(event))).toEqual(['ended']);
  expect(machine.answer).toEqual({ state: 'failed' });
  expect(await rebuildIn(world, machine)).toMatchObject({ build: { state: 'failed', detail: 'exit 1' } });
});

test('the end is recorded before the step is answered, so a crash in between repeats the answer', async () => {
  const { world, machine } = await building();
  finishLast(world, { state: 'succeeded' });
  const turns: Turns = {
    before: (step) => {
      if (step === 'waitingStep.succeed') throw new CrashError('killed');
    },
  };
  const [handled] = await tellEvent(world, { turns });
  expect(handled).toMatchObject({ messageId: 'message-1', error: { name: 'CrashError' } });
  expect(await rebuildIn(world, machine)).toMatchObject({ build: { state: 'succeeded' } });
  expect(machine.answer).toBeUndefined();
  expect(await tellEvent(world)).toEqual(['ended']);
  expect(machine.answer).toEqual({ state: 'succeeded' });
});

test('a repeated event changes nothing, also after the end', async () => {
  const { world, machine } = await building();
  finishLast(world, { state: 'succeeded' });
  expect(await tellEvent(world)).toEqual(['ended']);
  const after = await rebuildIn(world, machine);
  expect(await tellEvent(world)).toEqual(['ended']);
  expect(await rebuildIn(world, machine)).toEqual(after);
  await machine.run();
  const settled = await rebuildIn(world, machine);
  expect(await tellEvent(world)).toEqual(['ended']);
  expect(await rebuildIn(world, machine)).toEqual(settled);
  expect(world.waitingStep.answers).toHaveLength(1);
});

test('an expired task token: the end is recorded, and the polling step finds it', async () => {
  const { world, machine } = await building();
  await machine.step();
  finishLast(world, { state: 'succeeded' });
  expect(await tellEvent(world)).toEqual(['ended']);
  expect(world.waitingStep.answers).toEqual([]);
  await machine.run();
  expect(machine.settled?.state).toBe('verified');
});

test('the end of a given-up build is recorded and does not answer the next build of its stream', async () => {
  const { world, machine, executionId } = await building();
  await machine.run();
  world.advance(61 * MINUTE_MS);
  const next = await new NodeMachine(world, await plan(world, '0123456789ab-g2')).run('waiting');
  world.runner.finish(PIPELINE, executionId, { state: 'succeeded' });
  expect(await tellEvent(world, { executionId })).toEqual(['ended']);
  expect(await rebuildIn(world, machine)).toMatchObject({
    build: { state: 'succeeded' },
    outcome: { result: 'failed' },
  });
  expect(next.answer).toBeUndefined();
});

test('an end between two starts of one rebuild answers the later one', async () => {
  const { world, machine } = await building();
  await machine.run('poll');
  await machine.step();
  expect(machine.state).toBe('build');
  finishLast(world, { state: 'succeeded' });
  await tellEvent(world);
  await machine.step();
  expect(machine.answer).toEqual({ state: 'succeeded' });
});

test('an event before the answer to the start is redelivered until the run is known', async () => {
  const world = await dispatchWorld();
  const machine = await new NodeMachine(world, await plan(world)).run('build');
  let early: unknown;
  await machine.step({
    before: async (step) => {
      if (step !== 'rebuilds.recordExecution') return;
      finishLast(world, { state: 'succeeded' });
      [early] = await tellEvent(world);
    },
  });
  expect(early).toMatchObject({ messageId: 'message-1', error: { name: 'RunNotRecordedYetError' } });
  expect(await tellEvent(world)).toEqual(['ended']);
  expect(machine.answer).toEqual({ state: 'succeeded' });
});

test.each([
  ['of another pipeline', pipelineOf(3), 'some-run'],
  ['of the same name in another account', { ...PIPELINE, account: '999900001111' }, undefined],
  ['that a commit started', PIPELINE, 'some-run'],
])('a run %s is acknowledged', async (_, pipeline, other) => {
  const { world, executionId } = await building();
  finishLast(world, { state: 'succeeded' });
  expect(await tell(world, eventOf(pipeline, other ?? executionId))).toEqual(['not-ours']);
  expect(world.waitingStep.answers).toEqual([]);
});

test('an unreachable runner leaves the message for redelivery', async () => {
  const { world, executionId } = await building();
  world.runner.deny(PIPELINE);
  expect(await tell(world, eventOf(PIPELINE, executionId), eventOf(pipelineOf(3), 'some-run'))).toEqual([
    { messageId: 'm0', error: expect.objectContaining({ name: 'RunnerUnreachableError' }) },
    'not-ours',
  ]);
});

test('a rebuild that cannot be read fails no event of another one', async () => {
  const { world, machine } = await building();
  const other = streamOf(5);
  await world.locks.take({ ...lock('other'), stream: other });
  const get = world.rebuilds.get.bind(world.rebuilds);
  jest.spyOn(world.rebuilds, 'get').mockImplementation(async (stream, rebuildId) => {
    if (stream === other) throw new LedgerItemUnreadableError(`STREAM#${other} / REBUILD#other`, 'damaged');
    return get(stream, rebuildId);
  });
  const report = JSON.parse(sample('patchwave.pipeline.rebuild-reported.pushed.json'));
  report.account = PIPELINE.account;
  report.detail = { ...report.detail, rebuildId: machine.node.rebuildId };
  expect(await tell(world, JSON.stringify(report))).toEqual(['recorded']);
});

describe('reports of a build', () => {
  const digest = `sha256:${'e'.repeat(64)}`;
  const reportOf = (rebuildId: string, changes: object = {}, pushed = digest): string =>
    JSON.stringify({
      ...JSON.parse(sample('patchwave.pipeline.rebuild-reported.pushed.json')),
      account: PIPELINE.account,
      detail: { rebuildId, digest: pushed },
      ...changes,
    });

  test.each([
    ['the pipeline', PIPELINE.account],
    ["the stream's registry", '111122223333'],
  ])('is recorded from the account of %s, each image once', async (_, account) => {
    const { world, machine } = await building();
    const { rebuildId } = machine.node;
    expect(await tell(world, reportOf(rebuildId, { account }))).toEqual(['recorded']);
    const later = `sha256:${'f'.repeat(64)}`;
    expect(await tell(world, reportOf(rebuildId, { account }, later))).toEqual(['recorded']);
    expect(await tell(world, reportOf(rebuildId, { account }))).toEqual(['recorded']);
    expect(await rebuildIn(world, machine)).toMatchObject({ reported: [digest, later] });
    expect(await rebuildIn(world, machine)).not.toHaveProperty('output');
  });

  test('a rebuild of an older version also records its report in the old form, which proves nothing', async () => {
    const { world, machine } = await building();
    const { rebuildId } = machine.node;
    await world.rebuilds.record(STREAM, rebuildId, (before) => {
      const { approvalMs: _, ...earlier } = before as Rebuild;
      return earlier;
    });
    const later = `sha256:${'f'.repeat(64)}`;
    for (const one of [digest, later])
      expect(await tell(world, reportOf(rebuildId, { account: PIPELINE.account }, one))).toEqual(['recorded']);
    const rebuild = await rebuildIn(world, machine);
    expect(rebuild).toMatchObject({ output: digest, reported: [digest, later] });
    expect(rebuild).not.toHaveProperty('outputProvenAtEpochMs');
  });

  test('beyond the limit keeps the last entries', async () => {
    const { world, machine } = await building();
    const digests = Array.from({ length: 60 }, (_, n) => `sha256:${String(n).padStart(64, '0')}`);
    for (const one of digests) await tell(world, reportOf(machine.node.rebuildId, {}, one));
    expect((await rebuildIn(world, machine))?.reported).toEqual(digests.slice(-50));
  });

  test('from a foreign account is set aside for a person', async () => {
    const { world, machine } = await building();
    expect(await tell(world, reportOf(machine.node.rebuildId, { account: '999900001111' }))).toEqual(['set-aside']);
    expect(await rebuildIn(world, machine)).not.toHaveProperty('reported');
    expect(world.deadLetters.letters).toMatchObject([{ reason: expect.stringContaining('999900001111') }]);
  });

  test('for an ended or unknown rebuild changes nothing', async () => {
    const { world, machine } = await building();
    finishLast(world, { state: 'succeeded' });
    await machine.run();
    const before = await rebuildIn(world, machine);
    expect(await tell(world, reportOf(machine.node.rebuildId), reportOf('none'))).toEqual(['not-ours', 'not-ours']);
    expect(await rebuildIn(world, machine)).toEqual(before);
  });
});

describe('messages that can never be parsed', () => {
  const broken = (changes: object): string => JSON.stringify({ ...JSON.parse(eventOf(PIPELINE, 'run')), ...changes });
  test.each([
    ['no JSON', '{', /^not JSON/],
    ['another kind of event', broken({ 'detail-type': 'CodePipeline Stage Execution State Change' }), /^detail-type/],
    ['no run', broken({ detail: { pipeline: 'app', state: 'FAILED' } }), /^detail\.execution-id/],
    ['an account that is none', broken({ account: '12' }), /^account/],
    ['a list', '[]', /./],
    [
      'a report of a tag',
      broken({
        source: 'patchwave.pipeline',
        'detail-type': 'RebuildReported',
        detail: { rebuildId: 'r', digest: 'v1' },
      }),
      /^detail\.digest/,
    ],
  ])('%s is set aside with its reason, and its batch goes on', async (_, body, reason) => {
    const { world, executionId } = await building();
    expect(await tell(world, body, eventOf(PIPELINE, executionId))).toEqual(['set-aside', 'running']);
    expect(world.deadLetters.letters).toEqual([{ body, reason: expect.stringMatching(reason) }]);
  });
});
