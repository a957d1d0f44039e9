import { readFileSync } from 'node:fs';
import { jest } from '@jest/globals';
import { route } from '../../../functions/ecs-tasks/route.ts';
import type { ContainerImage } from '../../../shared/domain/admission/ecs-images.ts';
import { metrics } from '../../../shared/lambda/metrics.ts';
import { PolicyUnreadableError } from '../../../shared/ports/errors.ts';
import { doorImage, doorPolicy, doorWorld } from '../../support/door-world.ts';
import { FakePausedDeployments } from '../../support/fakes/paused-deployments.ts';
import { FakeRunningTasks } from '../../support/fakes/running-tasks.ts';
import { FakeTaskStops } from '../../support/fakes/task-stops.ts';
import { fakeWorld } from '../../support/fakes/world.ts';

const waits = JSON.parse(
  readFileSync(new URL('../../../events/aws.ecs.ecs-hook-state-change.awaiting.json', import.meta.url), 'utf8'),
) as { account: string; region: string; detail: { serviceDeploymentArn: string; hookId: string } };
const PLACE = { account: waits.account, region: waits.region };
const { serviceDeploymentArn: deploymentArn, hookId } = waits.detail;
const with_ = (detail: object) => ({ ...waits, detail: { ...waits.detail, ...detail } });
const one = (name: string): ContainerImage => ({ container: name, reference: doorImage(name) });
const NONE = { batchItemFailures: [] };
const SWEEP = { kind: 'answer-waiting-deployments' };

function doorOf(world: Awaited<ReturnType<typeof doorWorld>> | ReturnType<typeof fakeWorld>) {
  const deployments = new FakePausedDeployments();
  const ports = {
    ...world,
    ...{ stops: new FakeTaskStops(), tasks: new FakeRunningTasks(), deployments, chance: () => 0.5 },
    deadLetters: { put: async () => {} },
  };
  const deliver = (...bodies: readonly object[]) =>
    route({ Records: bodies.map((body, id) => ({ messageId: String(id), body: JSON.stringify(body) })) }, ports);
  const start = (images: readonly ContainerImage[], arn = deploymentArn, place = PLACE) =>
    deployments.start({
      ...{ place, images, deploymentArn: arn, cluster: 'main', service: 'payments-api', hookIds: [hookId] },
      revisionArn: `${arn.replace('service-deployment', 'service-revision')}`,
    });
  return { ports, deployments, deliver, start };
}

test.each([
  ['deny', 'compliant', 'CONTINUE'],
  ['deny', 'violating', 'ROLLBACK'],
  ['deny', 'strange', 'ROLLBACK'],
  ['warn', 'violating', 'CONTINUE'],
  ['off', 'violating', 'CONTINUE'],
] as const)('where the door says %s, a deployment of the image %s gets %s', async (mode, name, action) => {
  const { deployments, deliver, start } = doorOf(await doorWorld(mode));
  start([one('compliant'), one(name)]);
  expect(await deliver(waits)).toEqual(NONE);
  expect(deployments.answers).toEqual([{ deploymentArn, action }]);
});

test('a deployment that is taken back is recorded for its owner; one that cannot be recorded is taken back too', async () => {
  const { ports, deployments, deliver, start } = doorOf(await doorWorld());
  start([one('violating')]);
  await deliver(waits);
  expect(ports.startDenials.recorded).toMatchObject([
    { door: 'ecs-gate', place: { ...PLACE, cluster: 'main' }, workload: 'service/payments-api', ruleId: 'critical' },
  ]);
  Object.assign(ports.startDenials, { record: () => Promise.reject(new Error('throttled')) });
  start([one('violating')]);
  expect(await deliver(waits)).toEqual(NONE);
  expect(deployments.answers.map(({ action }) => action)).toEqual(['ROLLBACK', 'ROLLBACK']);
});

test('a person who opened the cluster lets every deployment go on until the break-glass ends', async () => {
  const world = await doorWorld();
  const { deployments, deliver, start } = doorOf(world);
  const opened = { author: 'Ada', reason: 'incident 7', expiresAtEpochMs: world.clock() + 60_000 };
  const place = { ...PLACE, cluster: 'main' };
  await world.exceptions.begin(place, opened, { uid: 'u', user: 'ada', atEpochMs: world.clock(), proof: 'person' });
  start([one('violating')]);
  await deliver(waits);
  world.advance(60_000);
  start([one('violating')]);
  await deliver(waits);
  expect(deployments.answers.map(({ action }) => action)).toEqual(['CONTINUE', 'ROLLBACK']);
});

test('before the first policy there is no door, so the deployment goes on', async () => {
  const { deployments, deliver, start } = doorOf(fakeWorld());
  start([one('strange')]);
  await deliver(waits);
  expect(deployments.answers).toEqual([{ deploymentArn, action: 'CONTINUE' }]);
});

test('a policy whose pointer is lost is no missing door: the deployment waits', async () => {
  const world = await doorWorld();
  const { deployments, deliver, start } = doorOf(world);
  start([one('violating')]);
  world.policies.losePointer();
  await expect(deliver(waits)).rejects.toThrow('could not be decided');
  expect(deployments.answers).toEqual([]);
});

test('an event that comes twice, or that another attempt answered, gets no second answer', async () => {
  const { deployments, deliver, start } = doorOf(await doorWorld());
  start([one('compliant')]);
  await deliver(waits, waits);
  expect(await deliver(waits)).toEqual(NONE);
  expect(deployments.answers).toHaveLength(1);
});

test.each([
  ['a later stage, which a person answers', { lifecycleStage: 'POST_TEST_TRAFFIC_SHIFT' }],
  ['a hook that is answered', { eventName: 'HOOK_SUCCEEDED' }],
  ['a hook of another type', { hookType: 'AWS_LAMBDA' }],
])('an event of %s leads to nothing', async (_, detail) => {
  const { deployments, deliver, start } = doorOf(await doorWorld());
  start([one('violating')]);
  expect(await deliver(with_(detail))).toEqual(NONE);
  expect(deployments.answers).toEqual([]);
});

describe('what cannot be decided', () => {
  const broken: readonly [string, object][] = [
    ['the ledger', { images: { get: () => Promise.reject(new Error('throttled')) } }],
    ['the policy', { policies: { current: () => Promise.reject(new PolicyUnreadableError('v1', 'broken')) } }],
  ];

  test.each(broken)('for %s waits where the door denies, and is answered later', async (_, parts) => {
    const { ports, deployments, deliver, start } = doorOf(await doorWorld());
    const whole = { images: ports.images, policies: ports.policies };
    start([one('violating')]);
    Object.assign(ports, parts);
    await expect(deliver(waits)).rejects.toThrow('could not be decided');
    expect(deployments.answers).toEqual([]);
    Object.assign(ports, whole);
    await deliver(waits);
    expect(deployments.answers).toEqual([{ deploymentArn, action: 'ROLLBACK' }]);
  });

  test('for the ledger goes on where the door warns', async () => {
    const { ports, deployments, deliver, start } = doorOf(await doorWorld('warn'));
    start([one('violating')]);
    Object.assign(ports, { images: { get: () => Promise.reject(new Error('throttled')) } });
    await deliver(waits);
    expect(deployments.answers).toEqual([{ deploymentArn, action: 'CONTINUE' }]);
  });

  test.each([
    ['deny', []],
    ['warn', [{ deploymentArn, action: 'CONTINUE' }]],
  ] as const)('for its revision is left to the time-out where the door says %s', async (mode, answers) => {
    const { deployments, deliver, start } = doorOf(await doorWorld(mode));
    start([one('compliant')]);
    Object.assign(deployments, { imagesOf: () => Promise.reject(new Error('AccessDenied')) });
    await deliver(waits).catch(() => {});
    expect(deployments.answers).toEqual(answers);
  });
});

test('an account that does not list the deployment is left alone', async () => {
  const { deployments, deliver, start } = doorOf(await doorWorld());
  start([one('violating')]);
  deployments.refuse(PLACE.account);
  expect(await deliver(waits)).toEqual(NONE);
});

describe('the sweep', () => {
  const OTHER = { account: '444455556666', region: 'eu-west-1' };
  async function swept() {
    const world = await doorWorld();
    for (const scope of [PLACE, OTHER, { ...OTHER, eksCluster: 'eks' }]) await world.scopes.record({ scope });
    return doorOf(world);
  }

  test('answers every deployment whose event was lost, in each account that reviews read', async () => {
    const { deployments, deliver, start } = await swept();
    start([one('violating')]);
    start([one('compliant')], `${deploymentArn}2`, OTHER);
    expect(await deliver(SWEEP)).toEqual(NONE);
    // Several places are looked at together, in no order.
    expect(new Set(deployments.answers)).toEqual(
      new Set([
        { deploymentArn, action: 'ROLLBACK' },
        { deploymentArn: `${deploymentArn}2`, action: 'CONTINUE' },
      ]),
    );
  });

  test('passes accounts that let Patchwave answer none', async () => {
    const { deployments, deliver, start } = await swept();
    deployments.refuse(OTHER.account);
    start([one('violating')]);
    expect(await deliver(SWEEP)).toEqual(NONE);
    expect(deployments.answers).toHaveLength(1);
  });

  test('passes a deployment that the account leaves to persons', async () => {
    const { deployments, deliver, start } = await swept();
    start([one('compliant')]);
    start([one('compliant')], `${deploymentArn}2`);
    deployments.leaveToPersons(deploymentArn);
    expect(await deliver(SWEEP)).toEqual(NONE);
    expect(deployments.answers).toEqual([{ deploymentArn: `${deploymentArn}2`, action: 'CONTINUE' }]);
  });

  test('answers the others if one cannot be answered, and fails', async () => {
    const { deployments, deliver, start } = await swept();
    start([one('compliant')]);
    start([one('compliant')], `${deploymentArn}2`);
    start([one('compliant')], `${deploymentArn}3`, OTHER);
    const { answer } = deployments;
    const failing: typeof answer = (place, waiting, action) =>
      waiting.deploymentArn === deploymentArn
        ? Promise.reject(new Error('throttled'))
        : answer.call(deployments, place, waiting, action);
    Object.assign(deployments, { answer: failing });
    await expect(deliver(SWEEP)).rejects.toThrow('throttled');
    expect(deployments.answers).toHaveLength(2);
  });
});

test.each<[string, object, number]>([
  ['that cannot be recorded', { startDenials: { record: () => Promise.reject(new Error('throttled')) } }, 0],
  ['whose stream cannot be read', { streams: { streams: () => Promise.reject(new Error('damaged')) } }, 1],
])('a deployment that is taken back, and %s, is counted', async (_, parts, recorded) => {
  const metric = jest.spyOn(metrics, 'addMetric');
  try {
    const { ports, deployments, deliver, start } = doorOf(await doorWorld());
    const { startDenials } = ports;
    Object.assign(ports, parts);
    start([one('violating')]);
    await deliver(waits);
    expect(deployments.answers).toEqual([{ deploymentArn, action: 'ROLLBACK' }]);
    expect(metric.mock.calls).toContainEqual(['DenialsUnreported', 'Count', 1]);
    expect(startDenials.recorded).toHaveLength(recorded);
  } finally {
    metric.mockRestore();
  }
});

test.each([
  ['lets it start without Patchwave', { mode: 'deny', onUnreachable: 'allow' }],
  ['only warns', { mode: 'warn' }],
] as const)('a deployment that nothing decides, and that goes on because its door %s, is counted', async (_, doors) => {
  const metric = jest.spyOn(metrics, 'addMetric');
  try {
    const world = await doorWorld();
    const { version: replaces } = await world.policies.current();
    await world.policies.publish(doorPolicy(doors), { replaces });
    const { ports, deployments, deliver, start } = doorOf(world);
    start([one('violating')]);
    Object.assign(ports, { images: { get: () => Promise.reject(new Error('throttled')) } });
    await deliver(waits);
    expect(deployments.answers).toEqual([{ deploymentArn, action: 'CONTINUE' }]);
    expect(metric.mock.calls).toContainEqual(['DeploymentsUndecided', 'Count', 1]);
  } finally {
    metric.mockRestore();
  }
});

test('deployments that are taken back are counted', async () => {
  const metric = jest.spyOn(metrics, 'addMetric');
  try {
    const { deliver, start } = doorOf(await doorWorld());
    start([one('violating')]);
    await deliver(waits);
    expect(metric.mock.calls).toContainEqual(['DeploymentsDenied', 'Count', 1]);
  } finally {
    metric.mockRestore();
  }
});
