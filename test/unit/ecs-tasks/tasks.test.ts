import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { route } from '../../../functions/ecs-tasks/route.ts';
import { presencesSeen } from '../../../functions/inventory/running-images.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import { doorImage, doorPolicy, doorWorld } from '../../support/door-world.ts';
import { FakePausedDeployments } from '../../support/fakes/paused-deployments.ts';
import { FakeRunningTasks } from '../../support/fakes/running-tasks.ts';
import { FakeTaskStops } from '../../support/fakes/task-stops.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { digestOf, usage } from '../../support/samples.ts';

const read = (file: string) =>
  JSON.parse(readFileSync(new URL(`../../../events/${file}`, import.meta.url), 'utf8')) as {
    account: string;
    region: string;
    detail: { taskArn: string; startedAt: string; containers: readonly object[] };
  };
const running = read('aws.ecs.ecs-task-state-change.running.json');
/** The same task some time after its start, when one of its containers changes. */
const changed = (afterMs: number, sample = running) => {
  const updatedAt = new Date(Date.parse(sample.detail.startedAt) + afterMs).toISOString();
  return { ...sample, detail: { ...sample.detail, updatedAt, version: 9 } };
};
/** The same task once ECS stops it. */
const stopping = { ...running, detail: { ...running.detail, desiredStatus: 'STOPPED' } };
const { taskArn } = running.detail;
const PLACE = { account: running.account, region: running.region, cluster: 'main' };
const MINUTE_MS = 60_000;

const containersOf = (name: string) => [{ name: 'app', image: doorImage(name), digest: digestOf(name) }];

/** The documented event, of a task that runs the image of `doorWorld`. */
const started = (name: string, sample: typeof running = running) => ({
  ...sample,
  detail: {
    ...sample.detail,
    containers: containersOf(name).map(({ digest, ...container }) => ({ ...container, imageDigest: digest })),
  },
});

type World = Awaited<ReturnType<typeof doorWorld>>;

function doorOf(world: World | ReturnType<typeof fakeWorld>) {
  const stops = new FakeTaskStops();
  const tasks = new FakeRunningTasks();
  const letters: string[] = [];
  const deadLetters = { put: async (body: string) => void letters.push(body) };
  const { published } = world.startDenials;
  const deployments = new FakePausedDeployments();
  const ports = { ...world, stops, tasks, deployments, deadLetters, chance: () => 0.5 };
  const deliver = (...bodies: readonly (string | object)[]) =>
    route(
      {
        Records: bodies.map((body, index) => ({
          messageId: String(index),
          body: typeof body === 'string' ? body : JSON.stringify(body),
        })),
      },
      ports,
    );
  const sweep = () => deliver({ kind: 'stop-due-tasks' });
  /** The sweep of some minutes later. */
  const later = async (minutes = 15) => {
    world.advance(minutes * MINUTE_MS);
    return sweep();
  };
  return { ports, stops, tasks, letters, published, deliver, sweep, later };
}

async function apply(world: World, doors: unknown, more: object = {}): Promise<void> {
  const replaces = (await world.policies.current()).version;
  await world.policies.publish(doorPolicy(doors, more), { replaces });
}

const STOPS = { mode: 'deny', stopTasks: true, stopTasksAfterMinutes: 15 };
const STREAM = {
  ...{ id: 'team', tier: 'application', owner: 'payments', account: '111122223333' },
  ...{ regions: ['eu-west-1'], repositories: ['team/*'], headTags: ['^latest$'] },
};
/** Policies by which Patchwave only reports. */
const REPORTING: readonly [string, object][] = [
  ['of all', { mode: 'report-only' }],
  ['of all, which is the default', { mode: undefined }],
  ['of the account', { modes: { accounts: { [PLACE.account]: 'report-only' } } }],
  ['of the tier', { modes: { tiers: { application: 'report-only' } }, streams: [STREAM] }],
  ['of the owner', { modes: { owners: { payments: 'report-only' } }, streams: [STREAM] }],
  ['of the stream', { streams: [{ ...STREAM, mode: 'paused' }] }],
];

const NONE = { batchItemFailures: [] };

test('a task of allowed images, or of a door that is off, leads to nothing', async () => {
  const { deliver, stops, published } = doorOf(await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  expect(await deliver(started('compliant'))).toEqual(NONE);
  const off = doorOf(await doorWorld('off', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  expect(await off.deliver(started('violating'))).toEqual(NONE);
  expect([stops.all, off.stops.all]).toEqual([[], []]);
  expect([...published, ...off.published]).toEqual([]);
});

test('by default a task that the door denies is announced and runs on', async () => {
  const { deliver, stops, published } = doorOf(await doorWorld());
  expect(await deliver(started('violating'))).toEqual(NONE);
  expect(stops.all).toEqual([]);
  const { account, region, cluster } = PLACE;
  expect(published).toEqual([
    {
      detailType: 'TaskDenied',
      resources: [taskArn],
      detail: {
        ...{ schemaVersion: 1, account, region, cluster, taskArn, group: 'service:payments-api', container: 'app' },
        ...{ ruleId: expect.any(String), message: expect.stringContaining('may not start'), state: 'running' },
      },
    },
  ]);
});

test('a denied task is announced and asked to stop once: its later events tell of no start', async () => {
  const { deliver, stops, published } = doorOf(await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  const [later, earlier] = [changed(61_000), changed(59_000)].map((sample) => started('violating', sample));
  if (!later || !earlier) throw new Error('two events were made');
  // In any order.
  expect(await deliver(later, started('violating'), later)).toEqual(NONE);
  expect(published).toHaveLength(1);
  expect(stops.all).toHaveLength(1);
  // The start may be told with some delay, and an event without its instants may be the start.
  expect(await deliver(earlier)).toEqual(NONE);
  const { startedAt: _, ...unreported } = started('violating').detail;
  expect(await deliver({ ...running, detail: unreported })).toEqual(NONE);
  expect(published).toHaveLength(1);
});

test('a task that has run for long is not judged anew when one of its containers changes', async () => {
  const { deliver, stops, published } = doorOf(await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  expect(await deliver(started('violating', changed(20 * 24 * 60 * MINUTE_MS)))).toEqual(NONE);
  expect([stops.all, published]).toEqual([[], []]);
});

test('a task that the door denies is recorded, and stopped later, although its stream cannot be read', async () => {
  const { ports, deliver, stops, published } = doorOf(
    await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 }),
  );
  Object.assign(ports, { streams: { streams: () => Promise.reject(new Error('damaged')) } });
  expect(await deliver(started('violating'))).toEqual(NONE);
  expect(published).toHaveLength(1);
  expect(ports.startDenials.recorded).toHaveLength(1);
  expect(stops.all).toHaveLength(1);
});

test('mode and decision follow from one reading of the policy', async () => {
  const world = await doorWorld();
  let reads = 0;
  const policies = {
    current: () => {
      reads += 1;
      return world.policies.current();
    },
  };
  const { ports, deliver, published } = doorOf(world);
  Object.assign(ports, { policies });
  expect(await deliver(started('violating'))).toEqual(NONE);
  expect([reads, published.length]).toEqual([1, 1]);
});

test('where the policy says so it is stopped after its time, and not before', async () => {
  const { deliver, later, tasks, stops, published } = doorOf(
    await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 40 }),
  );
  tasks.start(taskArn, containersOf('violating'));
  await deliver(started('violating'));
  await later();
  await later();
  expect(tasks.stopped).toEqual([]);
  expect(published.map(({ detail }) => detail)).toMatchObject([
    { state: 'running', stopsAtEpochMs: expect.any(Number) },
  ]);
  await later();
  expect(published.map(({ detail }) => detail)).toMatchObject([{ state: 'running' }, { state: 'stopped' }]);
  expect(tasks.stopped).toEqual([{ taskArn, reason: expect.stringMatching(/^Patchwave: sha256:.* may not start/) }]);
  expect(stops.all).toEqual([]);
});

test('a rule decides for its clusters, also that nothing is stopped there', async () => {
  const rules = [{ clusters: ['main'], mode: 'deny', stopTasks: false }];
  const { deliver, stops } = doorOf(await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15, rules }));
  await deliver(started('violating'));
  expect(stops.all).toEqual([]);
});

test.each(REPORTING)('where the mode %s is not enforce, a denied task is announced and runs on', async (_, more) => {
  const world = await doorWorld();
  await apply(world, STOPS, more);
  const { deliver, stops, published } = doorOf(world);
  await deliver(started('violating'));
  expect(stops.all).toEqual([]);
  expect(published).toMatchObject([{ detail: { state: 'running' } }]);
  expect(published[0]?.detail).not.toHaveProperty('stopsAtEpochMs');
});

test('one image of a task in another mode keeps the task running', async () => {
  const world = await doorWorld();
  const paused = { ...STREAM, id: 'other', repositories: ['team/compliant'], mode: 'paused' };
  await apply(world, STOPS, { streams: [paused] });
  const { deliver, stops, published } = doorOf(world);
  const [denied, other] = [started('violating'), started('compliant')];
  const containers = [...denied.detail.containers, ...other.detail.containers];
  await deliver({ ...denied, detail: { ...denied.detail, containers } });
  expect(stops.all).toEqual([]);
  expect(published).toHaveLength(1);
});

test('a door that warns stops nothing', async () => {
  const { deliver, stops } = doorOf(await doorWorld('warn', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  expect(await deliver(started('violating'))).toEqual(NONE);
  expect(stops.all).toEqual([]);
});

test('what ran in the cluster before has its grace', async () => {
  const world = await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 });
  await world.running.begin([{ digest: digestOf('violating'), place: PLACE }]);
  const { deliver, stops } = doorOf(world);
  await deliver(started('violating'));
  expect(stops.all).toEqual([]);
});

describe('before a task is stopped', () => {
  async function waiting() {
    const world = await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 });
    const door = doorOf(world);
    door.tasks.start(taskArn, containersOf('violating'));
    await door.deliver(started('violating'));
    return { ...door, world };
  }

  test('it is', async () => {
    const { later, tasks } = await waiting();
    await later();
    expect(tasks.stopped).toHaveLength(1);
  });

  test.each<[string, (door: Awaited<ReturnType<typeof waiting>>) => unknown]>([
    ['the policy is read again', ({ world }) => apply(world, { mode: 'deny' })],
    [
      'its mode is read again',
      ({ world }) => apply(world, { mode: 'warn', stopTasks: true, stopTasksAfterMinutes: 15 }),
    ],
    ...REPORTING.map(([of, more]): [string, (door: Awaited<ReturnType<typeof waiting>>) => unknown] => [
      `the mode ${of} is read again`,
      ({ world }) => apply(world, STOPS, more),
    ]),
    ['the account is asked', ({ tasks }) => tasks.refuse(PLACE.account)],
    [
      'its images are decided again',
      ({ world }) => world.running.begin([{ digest: digestOf('violating'), place: PLACE }]),
    ],
    ['what it runs is read again', ({ tasks }) => tasks.start(taskArn, containersOf('compliant'))],
    ['it may run what ECS does not tell', ({ tasks }) => tasks.start(taskArn, [])],
  ])('%s', async (_, change) => {
    const door = await waiting();
    await change(door);
    await door.later();
    expect(door.tasks.stopped).toEqual([]);
    expect(door.stops.all).toEqual([]);
  });

  test('a review that sees it run meanwhile keeps it from no stop', async () => {
    const { later, tasks, world } = await waiting();
    const inForce = await world.policies.current();
    const own = usage('violating', { ...PLACE, workloadKind: 'ecs-task', workload: 'web', container: 'app' });
    const known = await world.images.get([own.digest]);
    const none = { openUntil: async () => undefined, notBefore: new Map() };
    const reading = { ...none, inForce: async () => inForce, known, isFirstReading: false };
    const seen = await presencesSeen(world.running, [own], { ...reading, nowEpochMs: world.clock() });
    expect(seen).toMatchObject([{ place: PLACE, presence: { standing: 'forbidden' } }]);
    await world.running.record(seen);
    await later();
    expect(tasks.stopped).toHaveLength(1);
  });

  test('not while Patchwave is paused, but after that, and not if it has ended by then', async () => {
    const { later, tasks, stops, world } = await waiting();
    const state = { by: 'ann', atEpochMs: 1, reason: 'incident' };
    await world.killSwitch.set({ ...state, rebuilding: 'paused' });
    await later();
    await later();
    expect([tasks.stopped, stops.all]).toEqual([[], [expect.objectContaining({ taskArn })]]);
    await world.killSwitch.set({ ...state, rebuilding: 'active' });
    await later();
    expect(tasks.stopped).toHaveLength(1);

    const other = await waiting();
    await other.world.killSwitch.set({ ...state, rebuilding: 'paused' });
    other.tasks.end(taskArn);
    await other.later();
    await other.world.killSwitch.set({ ...state, rebuilding: 'active' });
    await other.later();
    expect(other.stops.all).toEqual([]);
  });

  test('not while a person has opened the cluster, but after that', async () => {
    const { later, tasks, stops, world } = await waiting();
    const opened = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: world.clock() + 60 * MINUTE_MS };
    await world.exceptions.begin(PLACE, opened, { uid: 'u', user: 'ada', atEpochMs: world.clock(), proof: 'person' });
    await later();
    expect([tasks.stopped.length, stops.all.length]).toEqual([0, 1]);
    await later(45);
    expect([tasks.stopped.length, stops.all.length]).toEqual([1, 0]);
  });

  test('an error keeps the stop for the next sweep, and stops nothing', async () => {
    const { ports, stops, tasks, world, deliver, later } = await waiting();
    const { images } = ports;
    world.advance(15 * MINUTE_MS);
    Object.assign(ports, { images: { get: () => Promise.reject(new Error('throttled')) } });
    expect(await deliver({ kind: 'stop-due-tasks' }, started('compliant', stopping))).toEqual({
      batchItemFailures: [{ itemIdentifier: '0' }],
    });
    expect([tasks.stopped.length, stops.all.length]).toEqual([0, 1]);
    Object.assign(ports, { images });
    await later(5);
    expect([tasks.stopped.length, stops.all.length]).toEqual([1, 0]);
  });

  test.each<[string, (door: Awaited<ReturnType<typeof waiting>>, die: () => Promise<never>) => unknown]>([
    ['before it stopped the task', ({ tasks }, die) => Object.assign(tasks, { stop: die })],
    [
      'after it stopped the task',
      ({ tasks }, die) => {
        const { stop } = tasks;
        Object.assign(tasks, { stop: (...call: Parameters<typeof stop>) => stop.apply(tasks, call).then(die) });
      },
    ],
    ['before it reported the stop', ({ ports }, die) => Object.assign(ports.startDenials, { recordTask: die })],
    ['before it removed the stop', ({ stops }, die) => Object.assign(stops, { remove: die })],
  ])('an attempt that died %s loses neither the stop nor its report', async (_, break_) => {
    const door = await waiting();
    break_(door, () => Promise.reject(new Error('died')));
    await expect(door.later()).rejects.toThrow('died');
    for (const name of ['stop', 'remove', 'recordTask'])
      for (const fake of [door.tasks, door.stops, door.ports.startDenials]) Reflect.deleteProperty(fake, name);
    await door.later(5);
    expect(door.tasks.stopped).toHaveLength(1);
    expect(door.published.some(({ detail }) => (detail as { state: string }).state === 'stopped')).toBe(true);
    expect(door.stops.all).toEqual([]);
  });

  test('a lost attempt stops nothing later if the policy stops nothing by then', async () => {
    const { ports, tasks, stops, world, later } = await waiting();
    Object.assign(tasks, { stop: () => Promise.reject(new Error('died')) });
    await expect(later()).rejects.toThrow('died');
    Reflect.deleteProperty(tasks, 'stop');
    await apply(world, { mode: 'deny' });
    await later(5);
    expect([tasks.stopped, stops.all]).toEqual([[], []]);
    expect(await ports.tasks.containersOf(PLACE, taskArn)).toBeDefined();
  });

  test('two sweeps at once stop and report the task once', async () => {
    const { sweep, world, tasks, published } = await waiting();
    world.advance(15 * MINUTE_MS);
    await Promise.all([sweep(), sweep()]);
    await sweep();
    expect(tasks.stopped).toHaveLength(1);
    expect(published.map(({ detail }) => (detail as { state: string }).state)).toEqual(['running', 'stopped']);
  });

  test('what another attempt tries is left to it for two minutes', async () => {
    const { stops, sweep, later, tasks, world } = await waiting();
    world.advance(15 * MINUTE_MS);
    const [stop] = stops.all;
    if (!stop) throw new Error('it waits');
    await stops.change(stop, { ...stop, triedAtEpochMs: world.clock() - 2 * MINUTE_MS + 1 });
    await sweep();
    expect(tasks.stopped).toEqual([]);
    await later(1);
    expect(tasks.stopped).toHaveLength(1);
  });
});

test.each([
  ['48 hours', 48 * 60],
  ['the longest time that a policy may set', 7 * 24 * 60],
])('a stop asked for after %s happens then, and not a millisecond earlier', async (_, minutes) => {
  const world = await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: minutes });
  const { deliver, later, sweep, tasks } = doorOf(world);
  tasks.start(taskArn, containersOf('violating'));
  await deliver(started('violating'));
  for (let passed = 0; passed < minutes - 60; passed += 60) await later(60);
  world.advance(60 * MINUTE_MS - 1);
  await sweep();
  expect(tasks.stopped).toEqual([]);
  world.advance(1);
  await sweep();
  expect(tasks.stopped).toHaveLength(1);
});

test('the time that the policy sets when the task is stopped counts', async () => {
  const world = await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 60 });
  const { deliver, later, tasks } = doorOf(world);
  tasks.start(taskArn, containersOf('violating'));
  await deliver(started('violating'));
  await apply(world, { ...STOPS, stopTasksAfterMinutes: 120 });
  await later(119);
  expect(tasks.stopped).toEqual([]);
  await apply(world, STOPS);
  await later(1);
  expect(tasks.stopped).toHaveLength(1);
});

test('a stop that version 0.2.0 left in its queue is kept until its time, also if it comes twice', async () => {
  const world = await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 48 * 60 });
  const { deliver, later, tasks, stops } = doorOf(world);
  tasks.start(taskArn, containersOf('violating'));
  const stored = { kind: 'stop', ...PLACE, taskArn, deniedAtEpochMs: world.clock() - 4 * 60 * MINUTE_MS };
  expect(await deliver(stored, { ...stored, deniedAtEpochMs: world.clock() })).toEqual(NONE);
  expect(stops.all).toHaveLength(1);
  await later(44 * 60 - 1);
  expect(tasks.stopped).toEqual([]);
  await later(1);
  expect(tasks.stopped).toHaveLength(1);
});

test('one task that cannot be stopped keeps no other from being stopped', async () => {
  const world = await doorWorld('deny', STOPS);
  const { deliver, later, tasks, stops } = doorOf(world);
  const { containersOf: read } = tasks;
  const others = Array.from({ length: 12 }, (_, index) => `${taskArn}${index}`);
  for (const arn of [taskArn, ...others]) {
    tasks.start(arn, containersOf('violating'));
    await deliver({ ...started('violating'), detail: { ...started('violating').detail, taskArn: arn } });
  }
  const failing: typeof read = (place, arn) =>
    arn === taskArn ? Promise.reject(new Error('throttled')) : read.call(tasks, place, arn);
  Object.assign(tasks, { containersOf: failing });
  await expect(later()).rejects.toThrow('throttled');
  expect(tasks.stopped).toHaveLength(12);
  expect(stops.all).toEqual([expect.objectContaining({ taskArn })]);
});

test('of more due tasks than one sweep stops, those tried longest ago come first', async () => {
  const world = await doorWorld('deny', STOPS);
  const { ports, later, tasks, stops } = doorOf(world);
  const arns = Array.from({ length: 201 }, (_, index) => `${taskArn}${index}`);
  for (const [index, arn] of arns.entries()) {
    tasks.start(arn, containersOf('violating'));
    await ports.stops.add({ ...PLACE, taskArn: arn, deniedAtEpochMs: world.clock() - index });
  }
  await later();
  expect(stops.all.map((stop) => stop.taskArn)).toEqual([arns[0]]);
  await later(5);
  expect(tasks.stopped).toHaveLength(201);
});

test('a task whose images cannot be decided is asked about again, and not stopped', async () => {
  const { ports, deliver, stops } = doorOf(await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  Object.assign(ports, { images: { get: () => Promise.reject(new Error('throttled')) } });
  expect(await deliver(started('violating'), started('violating', stopping))).toEqual({
    batchItemFailures: [{ itemIdentifier: '0' }],
  });
  expect(stops.all).toEqual([]);
});

test('a task is decided again later if the policy cannot be read', async () => {
  const { ports, deliver, published } = doorOf(await doorWorld());
  Object.assign(ports, { policies: { current: () => Promise.reject(new PolicyUnreadableError('v1', 'broken')) } });
  expect(await deliver(started('violating'), started('violating', stopping))).toEqual({
    batchItemFailures: [{ itemIdentifier: '0' }],
  });
  expect(published).toEqual([]);
});

test('a task that is about to stop is left alone', async () => {
  const { deliver, stops } = doorOf(await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  await deliver(started('violating', stopping));
  expect(stops.all).toEqual([]);
});

test('before the first policy there is no door', async () => {
  expect(await doorOf(fakeWorld()).deliver(started('violating'))).toEqual(NONE);
});

test('a task of the containers of AWS alone is no task of a team', async () => {
  const { deliver, stops } = doorOf(await doorWorld('deny', { stopTasks: true, stopTasksAfterMinutes: 15 }));
  const containers = [{ name: 'aws-guardduty-agent-1', imageDigest: digestOf('agent') }];
  await deliver({ ...running, detail: { ...running.detail, containers } });
  expect(stops.all).toEqual([]);
});

test('what nobody can read is set aside', async () => {
  const { deliver, letters } = doorOf(await doorWorld());
  const odd = ['{', { kind: 'stop' }, { ...running, detail: {} }];
  expect(await deliver(...odd)).toEqual(NONE);
  expect(letters).toHaveLength(3);
});

test('what nobody can read is delivered again if it cannot be set aside', async () => {
  const { ports, deliver } = doorOf(await doorWorld());
  Object.assign(ports, { deadLetters: { put: () => Promise.reject(new Error('throttled')) } });
  expect(await deliver('{', started('compliant'))).toEqual({ batchItemFailures: [{ itemIdentifier: '0' }] });
});

const NONE_COUNTED = {
  ...{ TasksWarned: 0, TasksDenied: 0, TasksStopped: 0 },
  ...{ DeploymentsDenied: 0, DeploymentsUndecided: 0 },
};

test('tasks that run with a warning, that are denied, and that are stopped are counted', async () => {
  const metric = jest.spyOn(metrics, 'addMetric');
  const counted = () => Object.fromEntries(metric.mock.calls.splice(0).map(([name, , value]) => [name, value]));
  try {
    await doorOf(await doorWorld('warn')).deliver(started('violating'), started('violating'), started('compliant'));
    expect(counted()).toEqual({ ...NONE_COUNTED, TasksWarned: 2 });
    const { deliver, later, tasks } = doorOf(await doorWorld('deny', STOPS));
    tasks.start(taskArn, containersOf('violating'));
    await deliver(started('violating'));
    expect(counted()).toEqual({ ...NONE_COUNTED, TasksDenied: 1 });
    await later();
    expect(counted()).toEqual({ ...NONE_COUNTED, TasksStopped: 1 });
  } finally {
    metric.mockRestore();
  }
});
