import {
  type CascadeNode,
  type Deployment,
  NODE_STATES,
  type NodeState,
} from '../../../../shared/domain/cause/cascade.ts';
import { ROLLOUT_MODES } from '../../../../shared/domain/policy/rollout-mode.ts';
import {
  abandonedDeployment,
  endingText,
  isBrokenOff,
  isRolledOut,
  lostNodes,
  NOTHING_LOST,
  notFinished,
  notRolledOut,
  parkedNode,
  type RolloutSeen,
  summarizeCascade,
} from '../../../../shared/domain/rollout/cascade-end.ts';
import { NOW } from '../arbitraries.ts';
import { findingFact, OTHER, STREAM } from './acting.ts';

const node = (state: NodeState, changes: Partial<CascadeNode> = {}): CascadeNode => ({
  ...{ cascadeId: 'c-g1', stream: STREAM, work: 'rebuild', wave: 0, causeVersion: 1 },
  ...{ facts: [findingFact()], holders: [], state },
  ...changes,
});
const deployment = (state: Deployment['state'], changes: Partial<Deployment> = {}): Deployment => ({
  ...{ cascadeId: 'c-g1', service: 'a/r/prod/web', mode: 'restart', state, startingAtEpochMs: 1, deadlineEpochMs: 2 },
  ...changes,
});

describe('the result of a cascade', () => {
  const COME_TO: Partial<Record<NodeState, string>> = { verified: 'complete', parked: 'parked' };
  test.each(NODE_STATES.map((state) => [state, COME_TO[state] ?? 'incomplete']))('a node %s: %s', (state, expected) => {
    const nodes = [node('verified'), node(state as NodeState, { stream: OTHER })];
    expect(summarizeCascade(nodes, [], NOTHING_LOST).state).toBe(expected);
  });

  test.each<[Deployment['state'], string]>([
    ['starting', 'incomplete'],
    ['running', 'incomplete'],
    ['completed', 'complete'],
    ['failed', 'incomplete'],
    ['rolled-back', 'incomplete'],
    ['superseded', 'complete'],
    ['refused', 'complete'],
  ])('a deployment %s: %s', (state, expected) => {
    expect(summarizeCascade([node('verified')], [deployment(state)], NOTHING_LOST).state).toBe(expected);
  });

  test('a node whose head somebody else fixed is complete', () => {
    const answer = { answer: 'wait', reason: 'head-fixed', detail: 'somebody was faster' } as const;
    expect(
      summarizeCascade([node('verified'), node('waiting', { stream: OTHER, answer })], [], NOTHING_LOST).state,
    ).toBe('complete');
    expect(summarizeCascade([node('failed', { answer })], [], NOTHING_LOST).state).toBe('incomplete');
  });

  describe('with a build that waits for a person', () => {
    const parked = parkedNode(node('building', { stream: 'base' }), { rebuildId: 'r1', deadlineEpochMs: NOW });
    const onIt = (stream: string): CascadeNode =>
      node('waiting', { stream, answer: { answer: 'wait', reason: 'parent-on-hold', detail: 'it waits' } });

    test('it is parked, with all streams built on it, and names both', () => {
      const { state, failure } = summarizeCascade(
        [node('verified'), parked, onIt('platform'), onIt('app')],
        [],
        NOTHING_LOST,
      );
      expect(state).toBe('parked');
      expect(failure).toMatchObject({ error: 'CascadeParked', detail: expect.stringContaining('stream base: parked') });
      expect(failure?.detail).toMatch(/waiting-approval.*stream platform: waiting \(parent-on-hold/s);
    });

    test.each([
      ['another stream failed', [node('failed', { stream: 'b' })], []],
      ['another stream is on hold', [node('refused', { stream: 'b' })], []],
      ['a deployment failed', [], [deployment('failed')]],
      ['a deployment still runs', [], [deployment('running')]],
    ] as const)('it is incomplete where %s', (_, nodes, deployments) => {
      expect(summarizeCascade([parked, ...nodes], deployments, NOTHING_LOST).state).toBe('incomplete');
    });

    test('its node is no failure of the stream', () => {
      expect(isBrokenOff(parked)).toBe(false);
    });
  });

  test('counts and names the missing nodes with their reasons', () => {
    const nodes = [
      node('verified'),
      node('failed', { stream: 'b', outcome: { result: 'failed', reason: 'exit code 1' } }),
      node('waiting', { stream: 'a', answer: { answer: 'wait', reason: 'cool-down', detail: 'until noon' } }),
    ];
    expect(
      summarizeCascade(nodes, [deployment('rolled-back', { detail: 'alarm' }), deployment('refused')], NOTHING_LOST),
    ).toEqual({
      state: 'incomplete',
      nodes: { verified: 1, failed: 1, waiting: 1 },
      deployments: { 'rolled-back': 1, refused: 1 },
      failure: {
        error: 'CascadeIncomplete',
        detail:
          'deployment of a/r/prod/web: rolled-back (alarm); stream a: waiting (cool-down: until noon); stream b: failed (exit code 1)',
      },
    });
  });

  test.each<[string, number, readonly string[], string]>([
    [
      'one',
      1,
      ['b'],
      '1 stream of the cascade has no node in the ledger: b. Patchwave frees its lock and slots, and plans that stream again',
    ],
    [
      'several',
      0,
      ['b', 'a'],
      '2 streams of the cascade have no node in the ledger: a; b. Patchwave frees their locks and slots, and plans these streams again',
    ],
    ['one that nothing names', 1, [], '1 stream of the cascade has no node in the ledger. Patchwave frees its lock'],
  ])('a lost node is lacking, and named where it can be: %s', (_, found, streams, detail) => {
    const nodes = [node('verified')].slice(0, found);
    const { state, failure } = summarizeCascade(nodes, [], lostNodes(2, found, streams));
    expect({ state, detail: failure?.detail }).toEqual({
      state: 'incomplete',
      detail: expect.stringContaining(detail),
    });
  });

  test('a thousand failures fit into a line', () => {
    const nodes = Array.from({ length: 1000 }, (_, number) => node('failed', { stream: `s${number}` }));
    expect(summarizeCascade(nodes, [], NOTHING_LOST).failure?.detail).toMatch(/; and 990 more$/);
  });
});

describe('completeness of the rollout of a verified stream', () => {
  const ended = ['completed', 'failed', 'rolled-back', 'superseded', 'refused'] as const;
  const through = (states: Readonly<Record<string, Deployment['state']>>, seen: Partial<RolloutSeen> = {}) => {
    const deployments = Object.entries(states).map(([service, state]) => [service, deployment(state)] as const);
    return isRolledOut({ mode: 'restart', services: ['one', 'two'], deployments: new Map(deployments), ...seen });
  };

  test.each(ended)('a deployment that ended %s is complete', (state) => {
    expect(through({ one: 'completed', two: state })).toBe(true);
  });

  test.each<[string, Readonly<Record<string, Deployment['state']>>, boolean]>([
    ['none has begun', {}, false],
    ['one has not begun', { one: 'completed' }, false],
    ['one is to begin', { one: 'completed', two: 'starting' }, false],
    ['one runs', { one: 'completed', two: 'running' }, false],
    ['another one than its own runs', { one: 'completed', two: 'completed', three: 'running' }, true],
  ])('%s', (_, states, expected) => {
    expect(through(states)).toBe(expected);
  });

  test('an abandoned one is not complete', () => {
    const [completed, dead] = [deployment('completed'), deployment('failed', { abandoned: true })];
    const deployments = new Map([
      ['one', completed],
      ['two', dead],
    ]);
    expect(isRolledOut({ mode: 'register', services: ['one', 'two'], deployments })).toBe(false);
  });

  test('without services it is complete; without a plan, only if Patchwave deploys nothing', () => {
    expect(through({}, { services: [] })).toBe(true);
    for (const mode of ROLLOUT_MODES)
      expect(through({}, { mode, services: undefined })).toBe(mode === 'pipeline' || mode === 'none');
  });

  test('a running deployment is abandoned, and an ended one stays unchanged', () => {
    for (const state of ['starting', 'running'] as const) {
      const dead = abandonedDeployment(deployment(state), 'States.Timeout', NOW);
      expect(dead).toMatchObject({ state: 'failed', abandoned: true, endedAtEpochMs: NOW });
      expect(dead?.detail).toBe(
        'outcome unknown: the cascade ended before the deployment did (a step of the cascade took too long)',
      );
    }
    for (const state of ended) expect(abandonedDeployment(deployment(state), 'States.Timeout', NOW)).toBeUndefined();
  });
});

const answer = (reason: string): Partial<CascadeNode> => ({ answer: { answer: 'wait', reason, detail: 'because' } });
const error = 'States.Timeout';

test.each<[boolean, string, CascadeNode]>([
  [true, 'its cascade ended before it did', notFinished(node('planned'), error)],
  [true, 'what it held is not known to have ended', notFinished(node('building', { rebuildId: 'r' }), error)],
  [true, 'a step of ours failed', node('failed', answer('failed'))],
  [true, 'it was not deployed', notRolledOut(node('verified'), error)],
  [false, 'it is verified', node('verified')],
  [false, 'its build failed', node('failed', { outcome: { result: 'failed', reason: 'exit code 1' } })],
  [
    false,
    'its build failed, and then a step of ours',
    node('failed', { ...answer('failed'), outcome: { result: 'failed', reason: 'exit code 1' } }),
  ],
  [false, 'it was not verified', node('unverified', { outcome: { result: 'unverified', reason: 'no scan' } })],
  [false, 'its turn did not come', node('waiting', answer('cap-reached'))],
  [false, 'its build waits for a person', node('waiting', answer('waiting-approval'))],
  [false, 'it was refused', node('refused', answer('attempts-exhausted'))],
])('%p: a stream was brought nowhere, through no fault of its pipeline: %s', (expected, _, one) => {
  expect(isBrokenOff(one)).toBe(expected);
});

test('a verified stream that was not deployed is no success, with the reason', () => {
  expect(
    summarizeCascade([node('verified'), notRolledOut(node('verified', { stream: 'a' }), error)], [], NOTHING_LOST),
  ).toEqual({
    state: 'incomplete',
    nodes: { verified: 2 },
    deployments: {},
    failure: { error: 'CascadeIncomplete', detail: expect.stringMatching(/^stream a: verified \(not-rolled-out: /) },
  });
});

test("with only refused deployments left the cascade is complete, because they are their owners' to make", () => {
  const refused = [deployment('refused', { service: 'one' }), deployment('refused', { service: 'two' })];
  expect(summarizeCascade([node('verified')], refused, NOTHING_LOST)).toEqual({
    ...{ state: 'complete', nodes: { verified: 1 }, deployments: { refused: 2 } },
  });
});

describe('why a cascade ended early', () => {
  test.each([
    ...['NotTakenUp', 'NodeLeftOpen', 'CascadeEnded', 'ExecutionEnded', 'CascadeIncomplete'],
    ...['ABORTED', 'TIMED_OUT', 'FAILED', 'States.Timeout', 'States.Unknown'],
  ])('%s is reported without its name', (error) => {
    const text = endingText(error);
    expect(text).toMatch(/^[a-z][a-z -]+ /i);
    expect(text).not.toContain(error);
  });

  test.each(['ThrottlingException', 'constructor', '__proto__'])('an error of a step is named: %s', (error) => {
    expect(endingText(error)).toBe(`a step of the cascade failed with ${error}`);
  });
});
