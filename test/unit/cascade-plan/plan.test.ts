import { jest } from '@jest/globals';
import { collect } from '../../../shared/concurrency.ts';
import { factKey } from '../../../shared/domain/cause/cause.ts';
import type { Turns } from '../../support/fakes/interleave.ts';
import { START_EPOCH_MS } from '../../support/fakes/world.ts';
import { closure } from '../../support/rebuild-samples.ts';
import { digestOf, review } from '../../support/samples.ts';
import {
  causeOf,
  comeToRest,
  DAY_MS,
  fact,
  HOUR_MS,
  historyOf,
  isLeaseFree,
  judge,
  lastStarted,
  MINUTE_MS,
  type PlanWorld,
  plan,
  planWorld,
  pushed,
  reasonOf,
  STREAM,
  setPolicy,
  streamOf,
  tell,
  urgentFact,
  violating,
  wakeUp,
} from './support.ts';

const started = ({ executions }: PlanWorld) => executions.started;

test('open causes are planned together: one cascade, one execution, causes taken, lease free', async () => {
  const world = await planWorld();
  await violating(world, 0);
  await violating(world, 1);

  expect(await wakeUp(world)).toMatchObject({ streams: 2, open: 2, refused: 0 });

  const { cascade, nodes } = await lastStarted(world);
  expect(started(world)).toEqual([cascade.cascadeId]);
  expect(cascade).toMatchObject({ state: 'planned', executionArn: world.executions.arnOf(cascade.cascadeId) });
  expect(nodes.map(({ stream, work, state }) => [stream, work, state])).toEqual([
    [streamOf(0), 'rebuild', 'planned'],
    [streamOf(1), 'rebuild', 'planned'],
  ]);
  for (const n of [0, 1])
    expect(await causeOf(world, n)).toMatchObject({ state: 'taken', takenBy: { cascadeId: cascade.cascadeId } });
  expect(await isLeaseFree(world)).toBe(true);
});

test('the next wake-up plans nothing again', async () => {
  const world = await planWorld();
  await violating(world);
  await wakeUp(world);
  expect(await wakeUp(world)).toEqual({ streams: 0, open: 1, refused: 0 });
  expect(started(world)).toHaveLength(1);
});

test('no cause, no cascade', async () => {
  const world = await planWorld();
  expect(await wakeUp(world)).toEqual({ streams: 0, open: 0, refused: 0 });
  expect(started(world)).toEqual([]);
});

test('while another planner is at work nothing happens', async () => {
  const world = await planWorld();
  await violating(world);
  await world.cascades.beginPlanning('other', { nowEpochMs: START_EPOCH_MS, untilEpochMs: START_EPOCH_MS + 1 });
  expect(await wakeUp(world)).toBeUndefined();
  expect(started(world)).toEqual([]);
  world.advance(2);
  expect(await wakeUp(world)).toMatchObject({ streams: 1 });
});

describe('nothing is started', () => {
  const pause = (world: PlanWorld) =>
    world.killSwitch.set({ rebuilding: 'paused', by: 'jo', atEpochMs: START_EPOCH_MS, reason: 'an incident' });

  test.each([
    ['report-only', 'refuse', (world: PlanWorld) => setPolicy(world, { mode: 'report-only' })],
    ['paused', 'wait', (world: PlanWorld) => setPolicy(world, { mode: 'paused' })],
    ['paused', 'wait', pause],
  ])('%s: the cause says so', async (reason, answer, hold) => {
    const world = await planWorld();
    await violating(world);
    await hold(world);
    await wakeUp(world);
    expect(started(world)).toEqual([]);
    expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { answer, reason } });
  });

  test('images are not read, so a report-only fleet causes no cost every 15 minutes', async () => {
    const world = await planWorld({ mode: 'report-only' });
    await violating(world);
    const remembered = jest.spyOn(world.guards, 'get');
    const steps: string[] = [];
    await wakeUp(world, { before: (step) => void steps.push(step) });
    expect(steps.filter((step) => /^(images|streamImages|registry|scanner)\./.test(step))).toEqual([]);
    // Neither what the guards remember nor a lock changes the answer.
    expect(steps.filter((step) => step === 'locks.get')).toEqual([]);
    expect(remembered.mock.calls.filter(([streams]) => streams.length > 0)).toEqual([]);
  });

  test('images are read after a review, to settle facts that are gone', async () => {
    const world = await planWorld({ mode: 'report-only' });
    const head = await violating(world, 0, fact(), urgentFact);
    await judge(world, head, [reasonOf(fact())]);
    await world.runs.finish(review('run', { state: 'succeeded', endedAtEpochMs: world.clock() - MINUTE_MS }));
    await wakeUp(world);
    expect(await causeOf(world)).toMatchObject({ facts: [fact()], answer: { reason: 'report-only' } });
  });

  test('the same answer is written once', async () => {
    const world = await planWorld({ mode: 'report-only' });
    await violating(world);
    await wakeUp(world);
    const before = await causeOf(world);
    world.advance(DAY_MS);
    await wakeUp(world);
    expect(await causeOf(world)).toEqual(before);
  });
});

test('facts that no image has are settled, and their cause is closed', async () => {
  const world = await planWorld();
  await judge(world, await violating(world), []);
  await wakeUp(world);
  expect(started(world)).toEqual([]);
  expect(await causeOf(world)).toMatchObject({ state: 'closed', facts: [] });
});

test.each([
  ['has ended: the stream is rebuilt', -1, 'rebuild'],
  ['is in force: the head is deployed', 1, 'deploy'],
])('a waiver of the finding in the head %s', async (_, endsInHours, work) => {
  const world = await planWorld();
  await violating(world);
  const waived = { ...reasonOf(fact()), effect: 'waived', waiverId: 'w1' } as const;
  const deadlineEpochMs = world.clock() + endsInHours * HOUR_MS;
  const pushedAtEpochMs = START_EPOCH_MS - HOUR_MS;
  await pushed(world, 0, 'newer', { tags: ['v2'], reasons: [{ ...waived, deadlineEpochMs }], pushedAtEpochMs });
  await wakeUp(world);
  expect((await lastStarted(world)).nodes).toMatchObject([{ work }]);
});

test('a candidate is resumed once a scan covers the packages of languages, and not before', async () => {
  const world = await planWorld();
  const inLanguage = fact({ packageKind: 'language' });
  const headBefore = await violating(world, 0, inLanguage);
  const candidate = await pushed(world, 0, 'candidate', { reasons: [], pushedAtEpochMs: START_EPOCH_MS - HOUR_MS });
  const unscanned = { rebuildId: 'r1', headBefore, facts: [factKey(inLanguage)], uncovered: [candidate] };
  await world.guards.change(STREAM, (history) => ({ ...history, unscanned }));
  await wakeUp(world);
  expect(started(world)).toEqual([]);
  expect((await causeOf(world)).answer).toMatchObject({
    reason: 'unknown-facts',
    detail: expect.stringMatching(/^Patchwave cannot verify the image that it built last: the scan of .* covers only/),
  });
  await judge(world, candidate, [], ['os', 'language']);
  await wakeUp(world);
  expect(started(world)).toHaveLength(1);
});

test('attempts for facts that no image has are forgotten', async () => {
  const world = await planWorld();
  await judge(world, await violating(world), []);
  const tried = ['CVE-2026-1', 'CVE-2026-2'].map((vulnerability) => ({ fact: `${vulnerability}\nopenssl`, builds: 2 }));
  await world.guards.change(STREAM, (history) => ({ ...history, tried: [{ facts: tried }] }));
  await wakeUp(world);
  expect((await historyOf(world)).tried).toEqual([{ facts: tried.slice(1) }]);
});

test('a fact that comes between reading and writing is not settled away', async () => {
  const world = await planWorld();
  await judge(world, await violating(world), []);
  const before = async (step: string) => (step === 'causes.change' ? tell(world, 0, urgentFact) : undefined);
  await wakeUp(world, { before });
  expect((await causeOf(world)).facts).toHaveLength(2);
});

test('a clean head and an older running image: a deployment, not a build', async () => {
  const world = await planWorld();
  const old = await violating(world);
  const head = await pushed(world, 0, 'newer', {
    tags: ['v2'],
    reasons: [],
    pushedAtEpochMs: START_EPOCH_MS - HOUR_MS,
  });
  await wakeUp(world);
  const { nodes } = await lastStarted(world);
  expect(nodes).toMatchObject([{ work: 'deploy', output: head, holders: [old] }]);
});

describe('while a review runs', () => {
  test('only urgent causes are planned; the others wait for the review and keep their answer', async () => {
    const world = await planWorld();
    await violating(world, 0);
    await violating(world, 1, urgentFact);
    await world.runs.begin(review('run', { leaseUntilEpochMs: world.clock() + HOUR_MS }));
    await wakeUp(world);
    expect((await lastStarted(world)).nodes.map(({ stream }) => stream)).toEqual([streamOf(1)]);
    expect(await causeOf(world, 0)).not.toHaveProperty('answer');
  });

  test('a review whose lease has expired no longer counts as running', async () => {
    const world = await planWorld();
    await violating(world);
    await world.runs.begin(review('run', { leaseUntilEpochMs: world.clock() - 1 }));
    expect(await wakeUp(world)).toMatchObject({ streams: 1 });
  });
});

describe('the ramp', () => {
  test('as many streams as the ramp allows begin in a day; the others wait for another day', async () => {
    const world = await planWorld({ caps: { ramp: 2 } });
    for (const n of [0, 1, 2]) await violating(world, n, fact({ sinceEpochMs: START_EPOCH_MS + n }));
    await wakeUp(world);
    const { nodes } = await lastStarted(world);
    expect(nodes.map(({ stream }) => stream)).toEqual([streamOf(0), streamOf(1)]);
    expect(await causeOf(world, 2)).toMatchObject({ state: 'open', answer: { reason: 'cap-reached' } });

    const day = { nowEpochMs: world.clock(), untilEpochMs: world.clock() + DAY_MS };
    for (const { cascadeId, stream } of nodes) {
      await world.slots.take('ramp', 2, stream, day);
      await world.cascades.changeNode(cascadeId, stream, (node) => ({ ...node, state: 'ineffective' }));
    }
    world.advance(DAY_MS - 1);
    expect(await wakeUp(world)).toMatchObject({ streams: 0 });
    world.advance(2);
    expect(await wakeUp(world)).toMatchObject({ streams: 1 });
  });

  test('nodes not started yet count; nodes ended without a start do not', async () => {
    const world = await planWorld({ caps: { ramp: 1 } });
    for (const n of [0, 1]) await violating(world, n, fact({ sinceEpochMs: START_EPOCH_MS + n }));
    await wakeUp(world);
    const [waiting] = (await lastStarted(world)).nodes;
    expect(await wakeUp(world)).toMatchObject({ streams: 0 });
    await world.cascades.changeNode(waiting?.cascadeId ?? '', streamOf(0), (node) => ({ ...node, state: 'waiting' }));
    expect(await wakeUp(world)).toMatchObject({ streams: 1 });
    expect((await lastStarted(world)).nodes.map(({ stream }) => stream)).toEqual([streamOf(1)]);
  });

  test('a stream whose cascade died is planned again at once: it has begun already', async () => {
    const world = await planWorld({ caps: { ramp: 1 } });
    await violating(world);
    await wakeUp(world);
    world.executions.end((await lastStarted(world)).cascade.cascadeId, 'failed');
    expect(await wakeUp(world)).toMatchObject({ streams: 1 });
  });
});

describe('names', () => {
  /** The planner dies once its execution is started, before it takes a cause. */
  const crashBeforeCauses = (): Turns => {
    let isStarted = false;
    return {
      before: (step) => {
        if (step === 'executions.start') isStarted = true;
        if (isStarted && step === 'causes.change') throw new Error('killed');
      },
    };
  };

  test('an execution of that name has ended before: nothing counts as done, and the next plan has another name', async () => {
    const world = await planWorld();
    await violating(world);
    const before = async (step: string) => {
      if (step === 'executions.start')
        for await (const { cascadeId } of world.cascades.open()) world.executions.end(cascadeId, 'succeeded');
    };
    expect(await plan(world, { before })).toMatchObject({ streams: 0 });
    expect(started(world)).toEqual([]);
    expect(await causeOf(world)).toMatchObject({ state: 'open' });

    await comeToRest(world);
    expect(await historyOf(world)).toMatchObject({ generation: 2 });
    expect(started(world)).toHaveLength(1);
    expect((await lastStarted(world)).cascade.cascadeId).toMatch(/-g2$/);
  });

  test('the name of an ended cascade and execution is not used again, also if the rebuild history does not show it', async () => {
    const world = await planWorld();
    await violating(world);
    await wakeUp(world);
    const { cascade } = await lastStarted(world);
    world.executions.end(cascade.cascadeId, 'failed');
    await world.cascades.changeCascade(cascade.cascadeId, (before) => ({ ...before, state: 'incomplete' }));
    await world.guards.change(STREAM, (history) => ({ ...history, generation: 1 }));
    // The cause is given back, planned under the same name, and started under the next one.
    await wakeUp(world);
    expect(await historyOf(world)).toMatchObject({ generation: 2 });
    await wakeUp(world);
    expect(started(world)).toHaveLength(2);
    expect((await lastStarted(world)).cascade.cascadeId).toMatch(/-g2$/);
  });

  test('a planner that resumes a written cascade takes no cause whose node has ended', async () => {
    const world = await planWorld();
    await violating(world);
    await expect(plan(world, crashBeforeCauses())).rejects.toThrow('killed');
    const { cascade } = await lastStarted(world);
    const answer = { answer: 'refuse', reason: 'no-pipeline', detail: 'none' } as const;
    await world.cascades.changeNode(cascade.cascadeId, STREAM, (node) => ({ ...node, state: 'refused', answer }));
    world.advance(7 * MINUTE_MS);
    await world.guards.change(STREAM, (history) => ({ ...history, failuresInARow: 3 }));
    await wakeUp(world);
    expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { reason: 'attempts-exhausted' } });
  });

  test('after an execution that failed and whose event was lost the cascade is ended, and planned again', async () => {
    const world = await planWorld();
    await violating(world);
    await wakeUp(world);
    const [first = ''] = started(world);
    world.executions.end(first, 'failed');

    await wakeUp(world);

    expect(await world.cascades.get(first)).toMatchObject({
      state: 'incomplete',
      failure: { error: 'ExecutionEnded' },
    });
    const { cascade } = await lastStarted(world);
    expect(cascade.cascadeId).toBe(first.replace('-g1', '-g2'));
    expect(await causeOf(world)).toMatchObject({ state: 'taken', takenBy: { cascadeId: cascade.cascadeId } });
  });

  test('an execution that was started just now, and that Step Functions does not know yet, is alive', async () => {
    const world = await planWorld();
    await violating(world);
    await wakeUp(world);
    const [first = ''] = started(world);
    world.executions.forget(first);
    await wakeUp(world);
    expect(await world.cascades.get(first)).toMatchObject({ state: 'planned' });
    world.advance(11 * MINUTE_MS);
    await wakeUp(world);
    expect(await world.cascades.get(first)).toMatchObject({ state: 'incomplete' });
  });

  test('a cascade that was written and that no lease names is started as it was planned', async () => {
    const world = await planWorld();
    await violating(world);
    const dies = (step: string) => {
      if (step === 'executions.start') throw new Error('the process died');
    };
    await expect(wakeUp(world, { before: dies })).rejects.toThrow('died');
    await world.cascades.beginPlanning('other', { nowEpochMs: world.clock(), untilEpochMs: world.clock() + 1 });
    await world.cascades.endPlanning('other');
    const [written] = await collect(world.cascades.open());
    // Nor is it forgotten where the next one dies at it.
    const diesToo = (step: string) => {
      if (step === 'causes.change') throw new Error('this one too');
    };
    await expect(wakeUp(world, { before: diesToo })).rejects.toThrow('this one too');
    await wakeUp(world);
    expect(started(world)).toEqual([written?.cascadeId]);
    expect(await collect(world.cascades.open())).toHaveLength(1);
    expect(await causeOf(world)).toMatchObject({ state: 'taken', takenBy: { cascadeId: written?.cascadeId } });
  });
});

describe('changes of a cause meanwhile', () => {
  test('a new fact while it is planned keeps it open, and it is planned once the cascade has ended', async () => {
    const world = await planWorld();
    await violating(world);
    const before = async (step: string) => (step === 'executions.start' ? tell(world, 0, urgentFact) : undefined);
    await wakeUp(world, { before });
    expect(await causeOf(world)).toMatchObject({ state: 'open', version: 2 });

    await judge(world, digestOf('app-0'), [reasonOf(fact()), reasonOf(urgentFact)]);
    await wakeUp(world);
    expect(await causeOf(world)).toMatchObject({ state: 'open', answer: { reason: 'already-open' } });

    world.executions.end(started(world)[0] ?? '', 'failed');
    await wakeUp(world);
    expect((await lastStarted(world)).nodes).toMatchObject([{ facts: [fact(), urgentFact] }]);
  });

  test('a cause that a slow planner took after the end of its cascade is released', async () => {
    const world = await planWorld();
    await violating(world);
    await wakeUp(world);
    const [first = ''] = started(world);
    await world.cascades.changeCascade(first, (cascade) => ({ ...cascade, state: 'incomplete' }));
    await world.guards.change(STREAM, (history) => ({ ...history, generation: 2 }));
    await wakeUp(world);
    expect(started(world)).toHaveLength(2);
  });

  test('a cause with an open closure is released: the head decides the remaining work', async () => {
    const world = await planWorld();
    await violating(world);
    await wakeUp(world);
    const [first = ''] = started(world);
    await world.rollouts.openClosure(closure(first, STREAM));
    await world.cascades.changeCascade(first, (cascade) => ({ ...cascade, state: 'complete' }));
    await world.guards.change(STREAM, (history) => ({ ...history, generation: 2 }));
    await wakeUp(world);
    expect(started(world)).toHaveLength(2);
    expect(await causeOf(world)).toMatchObject({ state: 'taken', takenBy: { cascadeId: started(world)[1] } });
  });
});
