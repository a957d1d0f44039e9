import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { answerGate } from '../../../functions/ecs-door/answer-gate.ts';
import { gate } from '../../../functions/ecs-gate/gate.ts';
import { hookEvent } from '../../../functions/ecs-gate/input.ts';
import { type DoorQuestion, doorQuestion } from '../../../shared/domain/admission/door-question.ts';
import type { ContainerImage } from '../../../shared/domain/admission/ecs-images.ts';
import type { DoorMode } from '../../../shared/domain/policy/doors.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import { HubDoorError, ServiceRevisionUnreadableError } from '../../../shared/ports/doors.ts';
import { parse, safeParse } from '../../../shared/schema.ts';
import { doorImage, doorWorld } from '../../support/door-world.ts';
import { FakeGateModes } from '../../support/fakes/gate-modes.ts';
import { digestOf } from '../../support/samples.ts';

/** As documented, for PRE_SCALE_UP. */
const sample: Readonly<Record<string, unknown>> = JSON.parse(
  readFileSync(new URL('../../support/published/ecs-hook-pre-scale-up.json', import.meta.url), 'utf8'),
);
const PLACE = { account: '123456789012', region: 'us-west-2', cluster: 'my-cluster' };
const event = (changes: object = {}) => parse(hookEvent, { ...sample, ...changes });
const one = (name: string): ContainerImage => ({ container: name, reference: doorImage(name) });

type World = Awaited<ReturnType<typeof doorWorld>>;

/** The gate in a member account before the door of a hub, with JSON between them. */
function gateOf(world: World, images: () => Promise<readonly ContainerImage[]>) {
  const questions: DoorQuestion[] = [];
  const door = {
    ask: async (question: DoorQuestion) => {
      const sent = parse(doorQuestion, JSON.parse(JSON.stringify(question)));
      questions.push(sent);
      return answerGate(world, sent);
    },
  };
  const modes = new FakeGateModes();
  return {
    ports: { revisions: { imagesOf: images }, door, modes, firstMode: 'deny' as DoorMode, clock: world.clock },
    questions,
    modes,
  };
}

test('a revision of allowed images starts', async () => {
  const { ports, questions } = gateOf(await doorWorld(), async () => [one('compliant')]);
  expect(await gate(ports, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
  expect(questions).toMatchObject([{ ...PLACE, service: 'my-service' }]);
});

test('one image that is denied keeps every task from starting', async () => {
  const { ports } = gateOf(await doorWorld(), async () => [one('compliant'), one('violating')]);
  const { hookStatus, reason } = await gate(ports, event());
  expect(hookStatus).toBe('FAILED');
  expect(reason).toContain('Container violating:');
  expect(reason).toContain('patchwave why');
});

test.each([
  ['an image that Patchwave does not know', one('strange'), 'image-recorded'],
  ['a tag', { container: 'app', reference: 'registry.example/team/app:1' }, 'digest-required'],
  ['a reference that cannot be read', { container: 'app', reference: 'UPPER/case@sha256:1' }, 'cannot be read'],
  ['a container without an image', { container: 'app' }, 'is missing'],
])('%s is denied', async (_, image, text) => {
  const { ports } = gateOf(await doorWorld(), async () => [image]);
  const { hookStatus, reason } = await gate(ports, event());
  expect({ hookStatus, reason }).toEqual({ hookStatus: 'FAILED', reason: expect.stringContaining(text) });
});

test('a door that warns or is off lets a denied image start, and one that warns says why', async () => {
  const warned = gateOf(await doorWorld('warn'), async () => [one('violating')]);
  expect(await gate(warned.ports, event())).toEqual({
    hookStatus: 'SUCCEEDED',
    reason: expect.stringContaining('Container violating:'),
  });
  const off = gateOf(await doorWorld('off'), async () => [one('violating')]);
  expect(await gate(off.ports, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
});

test('a person who opened the cluster lets every image start', async () => {
  const world = await doorWorld();
  const { ports } = gateOf(world, async () => [one('violating')]);
  const opened = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: world.clock() + 60_000 };
  await world.exceptions.begin(PLACE, opened, { uid: 'u', user: 'ada', atEpochMs: world.clock(), proof: 'person' });
  expect(await gate(ports, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
  world.advance(60_000);
  expect(await gate(ports, event())).toMatchObject({ hookStatus: 'FAILED' });
});

test('what runs in the cluster may be deployed again during its grace', async () => {
  const world = await doorWorld();
  await world.running.begin([{ digest: digestOf('violating'), place: PLACE }]);
  const { ports } = gateOf(world, async () => [one('violating')]);
  expect(await gate(ports, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
});

describe('what cannot be read', () => {
  const unread = () => Promise.reject(new ServiceRevisionUnreadableError('arn:revision', 'AccessDenied'));

  test.each([
    ['deny', 'FAILED'],
    ['warn', 'SUCCEEDED'],
    ['off', 'SUCCEEDED'],
  ] as const)('a revision: a door with mode %s answers %s', async (mode, hookStatus) => {
    const { ports } = gateOf(await doorWorld(mode), unread);
    const { reason, ...answer } = await gate(ports, event());
    expect(answer).toEqual({ hookStatus });
    expect(reason).toContain('door-undecided');
    expect(reason).toContain('AccessDenied');
  });

  test('a revision, for a reason of any length', async () => {
    const long = () => Promise.reject(new Error('x'.repeat(10_000)));
    const { ports, questions } = gateOf(await doorWorld('warn'), long);
    expect(await gate(ports, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
    expect(questions[0]?.problem?.length).toBeLessThanOrEqual(2000);
  });

  test('a revision, also if the gate names some of its images', async () => {
    const question = { kind: 'deployment', ...PLACE, service: 'web', images: [one('compliant')], problem: 'cut off' };
    expect(await answerGate(await doorWorld(), parse(doorQuestion, question))).toMatchObject({
      decision: 'deny',
      ruleId: 'door-undecided',
    });
  });

  test.each([
    ['deny', 'FAILED'],
    ['warn', 'SUCCEEDED'],
    ['off', 'SUCCEEDED'],
  ] as const)('the ledger: a door with mode %s answers %s', async (mode, hookStatus) => {
    const world = await doorWorld(mode);
    const broken = { ...world, images: { get: () => Promise.reject(new Error('throttled')) } };
    const { ports } = gateOf(broken as unknown as World, async () => [one('compliant')]);
    expect(await gate(ports, event())).toEqual({ hookStatus, reason: expect.stringContaining('throttled') });
  });

  test('the policy: nobody knows whether the door denies, so it does', async () => {
    const world = await doorWorld('warn');
    const policies = { current: () => Promise.reject(new Error('no policy')) };
    const { ports } = gateOf({ ...world, policies } as unknown as World, async () => [one('compliant')]);
    expect(await gate(ports, event())).toEqual({
      hookStatus: 'FAILED',
      reason: expect.stringContaining('no policy'),
    });
  });

  const away = { ask: () => Promise.reject(new HubDoorError('arn:door', 'cannot be called: TimeoutError')) };
  const noPolicy = { current: () => Promise.reject(new Error('no policy')) };

  test.each([
    ['deny', 'FAILED'],
    ['warn', 'SUCCEEDED'],
    ['off', 'SUCCEEDED'],
  ] as const)('the hub: after it answered with mode %s, the gate answers %s', async (mode, hookStatus) => {
    const world = await doorWorld(mode);
    const { ports } = gateOf(world, async () => [one('compliant')]);
    await gate(ports, event());
    world.advance(3_600_000);
    expect(await gate({ ...ports, door: away }, event())).toEqual({
      hookStatus,
      reason: expect.stringContaining('TimeoutError'),
    });
    // A hub that cannot read its policy knows as little.
    const broken = gateOf({ ...world, policies: noPolicy } as unknown as World, async () => [one('compliant')]);
    expect(await gate({ ...broken.ports, modes: ports.modes }, event())).toEqual({
      hookStatus,
      reason: expect.stringContaining('no policy'),
    });
  });

  test('with onUnreachable: allow the images start without the hub, without its policy and without its ledger', async () => {
    const world = await doorWorld('deny', { onUnreachable: 'allow' });
    const { ports } = gateOf(world, async () => [one('violating')]);
    expect(await gate(ports, event())).toMatchObject({ hookStatus: 'FAILED' });
    expect(await gate({ ...ports, door: away }, event())).toEqual({
      hookStatus: 'SUCCEEDED',
      reason: expect.stringMatching(/onUnreachable: allow, so the images start.*TimeoutError/),
    });
    const noLedger = { images: { get: () => Promise.reject(new Error('throttled')) } };
    for (const broken of [{ policies: noPolicy }, noLedger]) {
      const { ports: without } = gateOf({ ...world, ...broken } as unknown as World, async () => [one('violating')]);
      expect(await gate({ ...without, modes: ports.modes }, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
    }
    // The account of the gate does not let it read the revision: Patchwave can be reached.
    expect(await gate(gateOf(world, unread).ports, event())).toMatchObject({ hookStatus: 'FAILED' });
  });

  test('the hub: the last answer counts, of this cluster', async () => {
    const [denying, warning] = [await doorWorld('deny'), await doorWorld('warn')];
    warning.advance(1);
    const { ports } = gateOf(denying, async () => [one('compliant')]);
    await gate(ports, event());
    await gate({ ...ports, door: gateOf(warning, async () => []).ports.door, clock: warning.clock }, event());
    expect(await gate({ ...ports, door: away }, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
    const revision = 'arn:aws:ecs:us-west-2:123456789012:service-revision/other/my-service/1';
    const other = event({ executionDetails: { targetServiceRevisionArn: revision } });
    expect(await gate({ ...ports, door: away }, other)).toMatchObject({ hookStatus: 'FAILED' });
  });

  test.each([
    ['deny', 'FAILED'],
    ['warn', 'SUCCEEDED'],
  ] as const)('the hub, which never answered: the first mode %s answers %s', async (firstMode, hookStatus) => {
    const { ports } = gateOf(await doorWorld(), async () => [one('compliant')]);
    expect(await gate({ ...ports, door: away, firstMode }, event())).toMatchObject({ hookStatus });
    const modes = { of: () => Promise.reject(new Error('no table')), remember: async () => {} };
    expect(await gate({ ...ports, door: away, firstMode, modes }, event())).toMatchObject({ hookStatus });
  });

  test('the table of modes: the decision of the hub counts all the same', async () => {
    const { ports } = gateOf(await doorWorld(), async () => [one('compliant')]);
    const modes = { of: async () => undefined, remember: () => Promise.reject(new Error('no table')) };
    expect(await gate({ ...ports, modes }, event())).toMatchObject({ hookStatus: 'SUCCEEDED' });
  });

  test('no image is no proof that nothing starts', async () => {
    const { ports } = gateOf(await doorWorld(), async () => []);
    expect(await gate(ports, event())).toMatchObject({ hookStatus: 'FAILED' });
  });
});

test('the log has a line of the level that the answer has', async () => {
  const levels = ['info', 'warn', 'error'] as const;
  const spies = levels.map((level) => jest.spyOn(logger, level).mockReturnValue());
  const decided = async (mode: 'deny' | 'warn', name: string) => {
    await gate(gateOf(await doorWorld(mode), async () => [one(name)]).ports, event());
    return spies.map((spy) => spy.mock.calls.splice(0).length);
  };
  try {
    expect(await decided('deny', 'compliant')).toEqual([1, 0, 0]);
    expect(await decided('warn', 'violating')).toEqual([0, 1, 0]);
    expect(await decided('deny', 'violating')).toEqual([0, 0, 1]);
  } finally {
    jest.restoreAllMocks();
  }
});

test('text of strangers is one visible line', async () => {
  const hostile = { container: 'app\u001b[2J\n', reference: 'x\u202e@sha256:1' };
  const { ports } = gateOf(await doorWorld(), async () => [hostile]);
  const { reason } = await gate(ports, event());
  expect(reason).toContain('app\\u001b[2J\\n');
  expect(/[\p{Cc}\p{Cf}]/u.test(reason)).toBe(false);
});

test.each(['us-gov-west-1', 'eusc-de-east-1', 'us-isob-east-1', 'eu-west-12'])(
  'a gate in Region %s asks for its own place',
  async (region) => {
    const arn = `arn:aws:ecs:${region}:123456789012:service-revision/my-cluster/my-service/0123456789012345678`;
    const { ports, questions } = gateOf(await doorWorld(), async () => [one('compliant')]);
    const executionDetails = { targetServiceRevisionArn: arn };
    expect(await gate(ports, event({ executionDetails }))).toMatchObject({ hookStatus: 'SUCCEEDED' });
    expect(questions).toMatchObject([{ ...PLACE, region }]);
  },
);

test('so is what a function of the hub answers', async () => {
  const ask = () => Promise.reject(new HubDoorError('arn:door', 'failed: \u001b[2J\n\u202e'));
  const { ports } = gateOf(await doorWorld(), async () => [one('compliant')]);
  const { reason } = await gate({ ...ports, door: { ask } }, event());
  expect(reason).toContain('\\u001b[2J\\n');
  expect(/[\p{Cc}\p{Cf}]/u.test(reason)).toBe(false);
});

describe('a deployment that ECS takes back', () => {
  const { executionDetails } = sample as { executionDetails: { targetServiceRevisionArn: string } };
  const target = executionDetails.targetServiceRevisionArn;
  const shift = (lifecycleStage: string, weight: number, kind: string) =>
    event({
      lifecycleStage,
      executionDetails: { ...executionDetails, [kind]: { [target]: weight, other: 100 - weight } },
    });

  test.each([
    ['PRODUCTION_TRAFFIC_SHIFT', 0, 'productionTrafficWeights', 'SUCCEEDED'],
    ['TEST_TRAFFIC_SHIFT', 0, 'testTrafficWeights', 'SUCCEEDED'],
    ['PRODUCTION_TRAFFIC_SHIFT', 1, 'productionTrafficWeights', 'FAILED'],
    ['TEST_TRAFFIC_SHIFT', 49, 'testTrafficWeights', 'FAILED'],
    ['PRODUCTION_TRAFFIC_SHIFT', 100, 'productionTrafficWeights', 'FAILED'],
    ['PRE_PRODUCTION_TRAFFIC_SHIFT', 0, 'productionTrafficWeights', 'FAILED'],
    ['PRE_SCALE_UP', 0, 'productionTrafficWeights', 'FAILED'],
    ['constructor', 0, 'productionTrafficWeights', 'FAILED'],
  ])('%s with %s %% of the traffic', async (stage, weight, kind, hookStatus) => {
    const { ports } = gateOf(await doorWorld(), async () => [one('violating')]);
    expect(await gate(ports, shift(stage, weight, kind))).toMatchObject({ hookStatus });
  });
});

test('an event is read though ECS leaves out or adds what the gate does not need', async () => {
  const { executionDetails } = sample as { executionDetails: { targetServiceRevisionArn: string } };
  const { targetServiceRevisionArn } = executionDetails;
  const bare = {
    lifecycleStage: 'PRE_SCALE_UP',
    executionDetails: { targetServiceRevisionArn, testTrafficWeights: null },
  };
  const { ports } = gateOf(await doorWorld(), async () => [one('compliant')]);
  expect(await gate(ports, parse(hookEvent, { ...bare, hookDetails: { team: 'shop' } }))).toMatchObject({
    hookStatus: 'SUCCEEDED',
  });
});

test.each([
  ['nothing', {}],
  ['no details', { ...sample, executionDetails: undefined }],
  [
    'a service for a revision',
    {
      ...sample,
      executionDetails: { serviceArn: 'a', targetServiceRevisionArn: 'arn:aws:ecs:us-west-2:123456789012:service/c/s' },
    },
  ],
])('an event with %s is no event: the function fails, and ECS takes the deployment back', (_, odd) => {
  expect(safeParse(hookEvent, odd).success).toBe(false);
});
