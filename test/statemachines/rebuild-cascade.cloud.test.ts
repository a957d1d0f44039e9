import { jest } from '@jest/globals';
import { useCloud } from '../support/cloud.ts';
import { type Call, type Script, ScriptedError, type Stage, stageOf } from './scripted.ts';

// A heartbeat is a second at least, and a machine takes a moment for each of its states.
jest.setTimeout(30_000);
const cloud = useCloud();
let stage: Stage & AsyncDisposable;
let script: Script = () => undefined;
beforeAll(async () => {
  stage = await stageOf(cloud(), 'rebuild-cascade', () => script);
}, 60_000);
afterAll(async () => stage?.[Symbol.asyncDispose]());

const VERIFIED = { state: 'verified', detail: 'fixed' };
const SERVICE = { account: '444455556666', region: 'eu-west-1', cluster: 'prod', service: 'web' };

/** A cascade in which everything goes well, but for what a test says of an action. */
type Answers = Readonly<Record<string, (call: Call, nth: number, stage: Stage) => unknown>>;
function playing(cascadeId: string, waves: readonly (readonly string[])[], answers: Answers = {}): Script {
  const asked = new Map<string, number>();
  const well: Answers = {
    open: async (_, __, { put }) => {
      const listed = waves.map((streams, n) => ({
        wave: n,
        key: `runs/${cascadeId}/wave-${n}.json`,
        count: streams.length,
      }));
      for (const [n, streams] of waves.entries())
        await put(
          `runs/${cascadeId}/wave-${n}.json`,
          streams.map((stream) => ({ cascadeId, stream })),
        );
      return { cascadeId, waves: listed, concurrency: 5 };
    },
    reserve: ({ input }) => ({ decision: 'build', rebuildId: `r-${input.stream}`, recheckAfterSeconds: 30 }),
    start: async ({ input }, __, { succeed }) => succeed(input.taskToken, { state: 'succeeded' }),
    poll: () => ({ state: 'succeeded' }),
    'find-output': () => ({ decision: 'verify' }),
    ask: () => null,
    'place-output': () => ({ placed: 1, missing: 0 }),
    check: ({ of }) =>
      of === 'Rollout' ? { decision: 'ended', state: 'completed', detail: '' } : { decision: 'ended', waitSeconds: 0 },
    settle: () => VERIFIED,
    plan: async (_, __, { put }) => {
      await put(`runs/${cascadeId}/services.json`, [{ cascadeId, service: SERVICE }]);
      return { decision: 'planned', services: { key: `runs/${cascadeId}/services.json`, count: 1 } };
    },
    deploy: () => ({ decision: 'check', waitSeconds: 0, state: 'running', detail: '' }),
    close: () => ({ state: 'complete', detail: 'all verified' }),
    abandon: () => ({ error: 'States.Abandoned', cause: 'as given' }),
  };
  return (call, on) => {
    const action = String(call.input.action ?? 'abandon');
    const nth = asked.get(`${action} ${call.input.stream}`) ?? 0;
    asked.set(`${action} ${call.input.stream}`, nth + 1);
    return (answers[action] ?? well[action])?.(call, nth, on);
  };
}

const play = async (cascadeId: string, waves: readonly (readonly string[])[], answers: Answers = {}) => {
  script = playing(cascadeId, waves, answers);
  return stage.run(cascadeId, { cascadeId });
};
const actions = (calls: readonly Call[], stream?: string): string[] =>
  calls.filter(({ input }) => stream === undefined || input.stream === stream).map(({ input }) => String(input.action));

const THROUGH = ['reserve', 'start', 'find-output', 'place-output', 'check', 'settle'];

test('wave by wave, then the rollout: every step gets what it is to get, under the execution of the cascade', async () => {
  const ended = await play('c-well', [['a', 'b'], ['c']]);
  expect(ended).toMatchObject({ status: 'SUCCEEDED' });
  const { calls, executionArn } = ended;
  for (const stream of ['a', 'b', 'c']) expect(actions(calls, stream)).toEqual(THROUGH);
  const order = calls.map(({ input }) => `${input.action} ${input.stream ?? ''}`.trim());
  expect(order.indexOf('reserve c')).toBeGreaterThan(Math.max(order.indexOf('settle a'), order.indexOf('settle b')));
  expect([order[0], ...order.slice(-4)]).toEqual(['open', 'plan', 'deploy', 'check', 'close']);
  const first = (action: string) => calls.find(({ input }) => input.action === action && input.stream !== 'b')?.input;
  const node = { cascadeId: 'c-well', stream: 'a' };
  const rebuild = { ...node, rebuildId: 'r-a' };
  expect(first('open')).toEqual({ action: 'open', cascadeId: 'c-well', executionArn });
  expect(first('reserve')).toEqual({ action: 'reserve', ...node, executionArn });
  expect(first('start')).toEqual({ action: 'start', ...rebuild, executionArn, taskToken: expect.any(String) });
  expect(first('find-output')).toEqual({ action: 'find-output', ...rebuild });
  expect(first('settle')).toEqual({ action: 'settle', ...node, executionArn, failure: null });
  expect(first('deploy')).toEqual({ action: 'deploy', cascadeId: 'c-well', service: SERVICE });
  expect(first('close')).toEqual({ action: 'close', cascadeId: 'c-well', executionArn });
});

test('a cascade without streams and services is closed', async () => {
  const { status, calls } = await play('c-empty', [], {
    plan: () => ({ decision: 'planned', services: { key: 'none', count: 0 } }),
  });
  expect([status, actions(calls)]).toEqual(['SUCCEEDED', ['open', 'plan', 'close']]);
});

test('a rollout that waits for the policy is planned again until it may be', async () => {
  const wait = { decision: 'wait', waitSeconds: 0 };
  const planned = { decision: 'planned', services: { key: 'none', count: 0 } };
  const { status, calls } = await play('c-no-policy', [], { plan: (_, nth) => (nth < 2 ? wait : planned) });
  expect([status, actions(calls)]).toEqual(['SUCCEEDED', ['open', 'plan', 'plan', 'plan', 'close']]);
});

test('a build whose event is lost is polled and awaited again, and never started a second time', async () => {
  const { status, calls } = await play('c-lost', [['a']], {
    reserve: () => ({ decision: 'build', rebuildId: 'r-a', recheckAfterSeconds: 1 }),
    start: () => undefined,
    poll: (_, nth) => ({ state: nth === 0 ? 'running' : 'succeeded' }),
  });
  expect(status).toBe('SUCCEEDED');
  expect(actions(calls, 'a')).toEqual([
    'reserve',
    'start',
    'poll',
    'start',
    'poll',
    'find-output',
    'place-output',
    'check',
    'settle',
  ]);
  const tokens = calls.flatMap(({ input: { taskToken } }) => (taskToken === undefined ? [] : [taskToken]));
  expect(new Set(tokens).size).toBe(2);
});

test('a build that waits for a person ends its child at once, and the cascade as no failure', async () => {
  const { status, calls } = await play('c-parked', [['a', 'b']], {
    reserve: ({ input: { stream } }) => ({ decision: 'build', rebuildId: `r-${stream}`, recheckAfterSeconds: 1 }),
    start: ({ input }, _, { succeed }) =>
      input.stream === 'a' ? undefined : succeed(input.taskToken, { state: 'succeeded' }),
    poll: () => ({ state: 'parked' }),
    settle: ({ input: { stream } }) => ({ state: stream === 'a' ? 'parked' : 'verified', detail: 'a test' }),
    close: () => ({ state: 'parked', detail: 'stream a parked' }),
  });
  expect(status).toBe('SUCCEEDED');
  expect(actions(calls, 'a')).toEqual(['reserve', 'start', 'poll', 'settle']);
  expect(actions(calls, 'b')).toEqual(THROUGH);
});

test.each(['paused', 'busy'])('a start that answers %s reserves again after its wait', async (state) => {
  const { status, calls } = await play(`c-${state}`, [['a']], {
    start: ({ input }, nth, { succeed }) =>
      succeed(input.taskToken, nth === 0 ? { state, waitSeconds: 0 } : { state: 'succeeded' }),
  });
  expect([status, actions(calls, 'a')]).toEqual(['SUCCEEDED', ['reserve', 'start', ...THROUGH]]);
});

test('an unconfirmed start is polled until it is known, and not repeated', async () => {
  const { calls } = await play('c-unknown', [['a']], {
    start: ({ input }, _, { succeed }) => succeed(input.taskToken, { state: 'start-unknown', waitSeconds: 0 }),
    poll: (_, nth) => (nth === 0 ? { state: 'start-unknown', waitSeconds: 0 } : { state: 'failed' }),
    settle: () => ({ state: 'failed', detail: 'no run was ever seen' }),
  });
  expect(actions(calls, 'a')).toEqual(['reserve', 'start', 'poll', 'poll', 'settle']);
});

test('unknown results are polled: a slot, the output, the scan, the move of the tag', async () => {
  const { status, calls } = await play('c-wait', [['a']], {
    reserve: (_, nth) =>
      nth === 0 ? { decision: 'wait', waitSeconds: 0 } : { decision: 'build', rebuildId: 'r', recheckAfterSeconds: 30 },
    'find-output': (_, nth) => (nth === 0 ? { decision: 'wait', waitSeconds: 0 } : { decision: 'verify' }),
    check: ({ of }, nth) =>
      of === 'Rollout'
        ? { decision: 'ended', state: 'completed' }
        : { decision: nth === 0 ? 'wait' : 'promote', waitSeconds: 0 },
    promote: (_, nth) => ({ decision: nth === 0 ? 'wait' : 'ended', waitSeconds: 0 }),
  });
  expect(status).toBe('SUCCEEDED');
  expect(actions(calls, 'a')).toEqual(
    'reserve reserve start find-output find-output place-output check place-output check promote promote settle'.split(
      ' ',
    ),
  );
});

test.each(['skip', 'ended'])('a stream with nothing to build (%s) is settled', async (decision) => {
  const { status, calls } = await play(`c-${decision}`, [['a']], { reserve: () => ({ decision }) });
  expect([status, actions(calls, 'a')]).toEqual(['SUCCEEDED', ['reserve', 'settle']]);
});

test.each(['failed', 'stopped', 'unknown'])(
  'a build that is %s is settled without a search for its output',
  async (state) => {
    const { calls } = await play(`c-build-${state}`, [['a']], {
      start: ({ input }, _, { succeed }) => succeed(input.taskToken, { state }),
    });
    expect(actions(calls, 'a')).toEqual(['reserve', 'start', 'settle']);
  },
);

const PERMANENT = () => {
  throw new ScriptedError('InvalidInputError', 'as scripted');
};

test.each(THROUGH.slice(0, -1))('an error of %s reaches the last step, and stops no other stream', async (action) => {
  const { status, error, calls } = await play(`c-error-${action}`, [['a', 'b']], {
    [action]: (call, _, on) => {
      if (call.input.stream === 'a') PERMANENT();
      return playing('', [])(call, on);
    },
    settle: ({ input }) => (input.failure ? { state: 'failed', detail: 'given' } : VERIFIED),
    close: () => ({ state: 'incomplete', detail: 'stream a failed' }),
  });
  expect([status, error]).toEqual(['FAILED', 'CascadeIncomplete']);
  const settled = calls
    .filter(({ input }) => input.action === 'settle')
    .map(({ input }) => [input.stream, input.failure]);
  expect(settled).toContainEqual(['a', expect.objectContaining({ Error: 'InvalidInputError' })]);
  expect(settled).toContainEqual(['b', null]);
});

test('a last step that fails, and a deployment that fails, are left to the gate', async () => {
  const { status, error, cause, calls } = await play('c-gate', [['a', 'b']], {
    settle: ({ input }) => (input.stream === 'a' ? PERMANENT() : VERIFIED),
    deploy: PERMANENT,
    close: () => ({ state: 'incomplete', detail: 'a and web' }),
  });
  expect([status, error, cause]).toEqual(['FAILED', 'CascadeIncomplete', 'a and web']);
  expect(actions(calls)).toEqual(expect.arrayContaining(['plan', 'deploy', 'close']));
});

test.each(['InvalidInputError', 'CascadeEndedError'])(
  'an execution that may not run its cascade (%s) ends nothing',
  async (name) => {
    const { status, error, calls } = await play(`c-${name}`, [], {
      open: () => {
        throw new ScriptedError(name, 'not yours');
      },
    });
    expect([status, error, actions(calls)]).toEqual(['FAILED', name, ['open']]);
  },
);

test.each(['open', 'plan', 'close'])(
  'an error of %s ends the cascade in order, and the execution in its error',
  async (action) => {
    const { status, error, cause, calls, executionArn } = await play(`c-abandon-${action}`, [['a']], {
      [action]: () => {
        throw new ScriptedError('NoPolicyError', 'no policy');
      },
      abandon: ({ input }) => ({ error: (input.error as { Error: string }).Error, cause: 'given' }),
    });
    expect([status, error, cause]).toEqual(['FAILED', 'NoPolicyError', 'given']);
    expect(calls.at(-1)).toMatchObject({
      of: 'CascadeReaper',
      input: { cascadeId: `c-abandon-${action}`, executionArn, error: { Error: 'NoPolicyError' } },
    });
  },
);

test('history and state of a cascade do not grow with its streams', async () => {
  const measured: { events: number; largest: number }[] = [];
  for (const count of [1, 60]) {
    const streams = Array.from({ length: count }, (_, n) => `stream-${n}`);
    const answers = { reserve: () => ({ decision: 'skip' }) };
    const { status, executionArn } = await play(`c-of-${String(count).padStart(2, '0')}`, [streams], answers);
    expect(status).toBe('SUCCEEDED');
    const events = await stage.history(executionArn);
    measured.push({ events: events.length, largest: Math.max(...events.map((event) => event.length)) });
  }
  const [one, sixty] = measured;
  expect(one?.events).toBeGreaterThan(5);
  expect(sixty?.events).toBe(one?.events);
  // Counts are written in digits, and everything else is the same.
  expect((sixty?.largest ?? 0) - (one?.largest ?? 0)).toBeLessThan(10);
});
