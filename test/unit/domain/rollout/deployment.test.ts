import {
  begunSince,
  deploymentAfter,
  isDeploymentOver,
  replacedUnseen,
  type SeenDeployment,
  underWay,
} from '../../../../shared/domain/rollout/deployment.ts';
import { deployment } from '../../../support/rebuild-samples.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';

const running = deployment('c-g1', 'a/r/c/s', {
  ...{ mode: 'register', state: 'running', deploymentId: 'ecs-svc/2' },
  from: { deploymentId: 'ecs-svc/1', taskDefinition: 's:1', listed: ['ecs-svc/1'] },
});
const seen = (deploymentId: string, changes: Partial<SeenDeployment> = {}): SeenDeployment => ({
  ...{ deploymentId, isPrimary: true, state: 'in-progress', createdAtEpochMs: NOON_EPOCH_MS + 1000 },
  ...{ taskDefinition: 's:2', ...changes },
});
const old = seen('ecs-svc/1', {
  ...{ isPrimary: false, state: 'completed', createdAtEpochMs: NOON_EPOCH_MS - HOUR_MS, taskDefinition: 's:1' },
});
const replaced = seen('ecs-svc/2', { isPrimary: false });
const theirs = (changes: Partial<SeenDeployment> = {}) =>
  seen('ecs-svc/3', { createdAtEpochMs: NOON_EPOCH_MS + 2000, taskDefinition: 's:3', ...changes });

test.each([
  ['goes on', [seen('ecs-svc/2'), old], 0, 'running', undefined],
  ['is done', [seen('ecs-svc/2', { state: 'completed' })], 0, 'completed', undefined],
  ['failed and stays the primary one', [seen('ecs-svc/2', { state: 'failed', detail: 'no' })], 0, 'failed', 'no'],
  ['bakes for an hour', [seen('ecs-svc/2', { state: 'in-progress' }), old], HOUR_MS - 1, 'running', undefined],
  ['ECS tells nothing of', [seen('ecs-svc/2', { state: 'unknown' }), old], 0, 'running', undefined],
  [
    'ECS tells nothing of to the end',
    [seen('ecs-svc/2', { state: 'unknown' }), old],
    ...[HOUR_MS, 'failed', 'deadline: ECS did not report the result'],
  ],
  ['ECS stopped', [seen('ecs-svc/2', { state: 'stopped', detail: 'no' })], 0, 'failed', 'no'],
  ['ECS rolled back', [seen('ecs-svc/2', { state: 'rolled-back', detail: 'no' })], 0, 'rolled-back', 'no'],
  [
    'ECS rolled back, and somebody replaced since',
    [seen('ecs-svc/2', { isPrimary: false, state: 'rolled-back', detail: 'no' }), theirs()],
    ...[0, 'rolled-back', 'no'],
  ],
  [
    'was stopped for another one',
    [seen('ecs-svc/2', { isPrimary: false, state: 'stopped' }), theirs()],
    ...[0, 'superseded', 'somebody else deployed the service: deployment ecs-svc/3 has replaced the one by Patchwave'],
  ],
  ['is late', [seen('ecs-svc/2'), old], HOUR_MS, 'failed', 'deadline: not all tasks were replaced in time'],
  ['is done when it is late', [seen('ecs-svc/2', { state: 'completed' })], HOUR_MS, 'completed', undefined],
  ['is not asked', undefined, 0, 'running', undefined],
  [
    'is not asked until it is late',
    undefined,
    HOUR_MS,
    'failed',
    'deadline: Patchwave could not read the service from ECS',
  ],
  [
    'was rolled back',
    [seen('ecs-svc/2', { isPrimary: false, state: 'failed' }), { ...old, isPrimary: true }],
    ...[0, 'rolled-back', 'deployment ecs-svc/1 has replaced the one by Patchwave'],
  ],
  [
    'is listed no more',
    [{ ...old, isPrimary: true }],
    ...[0, 'rolled-back', 'ECS no longer lists the deployment by Patchwave; deployment ecs-svc/1 has replaced it'],
  ],
  ['is listed no more, nor any other', [], 0, 'running', undefined],
  ['is listed no more, nor any other, to the end', [], HOUR_MS, 'failed', 'deadline: ECS listed no primary deployment'],
  [
    'failed, and was replaced by somebody since',
    [seen('ecs-svc/2', { isPrimary: false, state: 'failed', detail: 'no' }), theirs()],
    ...[0, 'failed', 'no'],
  ],
  [
    'was replaced by one of the earlier revision',
    [replaced, theirs({ taskDefinition: 's:1' })],
    ...[0, 'rolled-back', 'deployment ecs-svc/3 has replaced the one by Patchwave'],
  ],
  [
    'was replaced by one of another revision',
    [replaced, theirs()],
    ...[0, 'superseded', 'somebody else deployed the service: deployment ecs-svc/3 has replaced the one by Patchwave'],
  ],
  [
    'was completed, and replaced by one of another revision',
    [seen('ecs-svc/2', { isPrimary: false, state: 'completed' }), theirs()],
    ...[0, 'superseded', 'somebody else deployed the service: deployment ecs-svc/3 has replaced the one by Patchwave'],
  ],
  [
    'is listed no more, and a newer one is the primary',
    [theirs()],
    ...[
      0,
      'superseded',
      'somebody else deployed the service: ECS no longer lists the deployment by Patchwave; deployment ecs-svc/3 has replaced it',
    ],
  ],
] as const)('a deployment that %s', (_, deployments, afterMs, state, detail) => {
  const after = deploymentAfter(
    running,
    deployments as readonly SeenDeployment[] | undefined,
    NOON_EPOCH_MS + Number(afterMs),
  );
  expect([after.state, after.detail]).toEqual([state, detail]);
  expect(after.endedAtEpochMs !== undefined).toBe(isDeploymentOver(after));
});

test('a restart that another restart replaced is superseded: the revision was the same before', () => {
  const restart = { ...running, mode: 'restart' as const };
  const again = theirs({ taskDefinition: 's:1' });
  expect(deploymentAfter(restart, [{ ...replaced, taskDefinition: 's:1' }, again], NOON_EPOCH_MS)).toMatchObject({
    state: 'superseded',
    postponed: true,
  });
});

test('one that an earlier version wrote, without what ran before, is read by the age of deployments', () => {
  const { from: _, ...earlier } = running;
  const after = (primary: SeenDeployment) => deploymentAfter(earlier, [primary], NOON_EPOCH_MS).state;
  expect([after({ ...old, isPrimary: true }), after(theirs())]).toEqual(['rolled-back', 'superseded']);
});

test('one without a confirmed start fails only at its deadline', () => {
  const starting = deployment('c-g1', 'a/r/c/s');
  expect(deploymentAfter(starting, [], NOON_EPOCH_MS)).toBe(starting);
  expect(deploymentAfter(starting, [], NOON_EPOCH_MS + HOUR_MS)).toMatchObject({ state: 'failed' });
});

test('finds those since an instant, oldest first, in any order of the list', () => {
  const instants = fc.array(fc.integer({ min: -HOUR_MS, max: HOUR_MS }), { maxLength: 6 });
  fc.assert(
    fc.property(instants, (offsets) => {
      const list = offsets.map((offset, n) => seen(`ecs-svc/${n}`, { createdAtEpochMs: NOON_EPOCH_MS + offset }));
      const since = offsets.filter((offset) => offset >= -5000).sort((one, other) => one - other);
      const found = begunSince(list, NOON_EPOCH_MS).map(({ createdAtEpochMs }) => createdAtEpochMs - NOON_EPOCH_MS);
      expect(found).toEqual(since);
    }),
  );
});

describe('deployments of somebody else, and those that ours replaced unseen', () => {
  const own = seen('ecs-svc/2', { createdAtEpochMs: NOON_EPOCH_MS + 2000 });
  const lost = theirs({ isPrimary: false, createdAtEpochMs: NOON_EPOCH_MS + 1000 });

  test.each<[string, readonly SeenDeployment[], string | undefined]>([
    ['one that began between look and call', [own, lost, old], lost.deploymentId],
    ['nothing', [own, old], undefined],
    ['one of the same revision', [own, { ...lost, taskDefinition: 's:1' }, old], undefined],
    ['one of our revision', [own, { ...lost, taskDefinition: 's:2' }, old], undefined],
    ['one that has failed', [own, { ...lost, state: 'failed' }, old], undefined],
    ['one that was listed at the look', [own, { ...lost, deploymentId: 'ecs-svc/1' }], undefined],
    ['one that began after ours', [own, { ...lost, createdAtEpochMs: NOON_EPOCH_MS + 3000 }, old], undefined],
    ['one that replaced ours', [{ ...own, isPrimary: false }, { ...lost, isPrimary: true }, old], undefined],
    [
      'the newest of two',
      [own, { ...lost, deploymentId: 'ecs-svc/4', createdAtEpochMs: NOON_EPOCH_MS + 900 }, lost, old],
      lost.deploymentId,
    ],
  ])('%s', (_, deployments, expected) => {
    expect(replacedUnseen(running, deployments)?.deploymentId).toBe(expected);
  });

  test('one started by an earlier version does not show what was listed', () => {
    const { from: _, ...earlier } = running;
    expect(replacedUnseen(earlier, [own, lost, old])).toBeUndefined();
  });
});

test('a restart that started a revision of somebody else is superseded', () => {
  const restart = { ...running, mode: 'restart' as const };
  expect(deploymentAfter(restart, [seen('ecs-svc/2', { taskDefinition: 's:3' }), old], NOON_EPOCH_MS)).toMatchObject({
    ...{ state: 'superseded', postponed: true },
    detail: 'somebody else deployed s:3 at the same time, and the restart by Patchwave started that revision',
  });
});

test.each<[string, readonly SeenDeployment[], number | undefined, string | undefined]>([
  ['the primary one', [seen('ecs-svc/2'), old], undefined, 'ecs-svc/2'],
  ['none where it is completed', [{ ...old, isPrimary: true }], undefined, undefined],
  ['none where it has failed', [seen('ecs-svc/2', { state: 'failed' }), old], undefined, undefined],
  ['not a rolling update that was replaced', [{ ...old, isPrimary: true }, replaced], undefined, undefined],
  ['one that is rolled back while it bakes', [{ ...old, isPrimary: true }, replaced], HOUR_MS, 'ecs-svc/2'],
  ['one of which ECS tells nothing', [seen('ecs-svc/2', { state: 'unknown' })], HOUR_MS, 'ecs-svc/2'],
  [
    'none of which ECS tells nothing for 90 days',
    [seen('ecs-svc/2', { state: 'unknown', createdAtEpochMs: NOON_EPOCH_MS - 90 * 24 * HOUR_MS })],
    HOUR_MS,
    undefined,
  ],
])('a deployment is in progress: %s', (_, deployments, bakeMs, expected) => {
  const service = { deployments, ...(bakeMs !== undefined && { bakeMs }) };
  expect(underWay(service, NOON_EPOCH_MS)?.deploymentId).toBe(expected);
});
