import { begunSince, deploymentAfter, isOver, type SeenDeployment } from '../../../shared/domain/deployment.ts';
import { deployment } from '../../support/rebuild-samples.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

const running = deployment('c-g1', 'a/r/c/s', {
  ...{ mode: 'register', state: 'running', deploymentId: 'ecs-svc/2' },
  from: { deploymentId: 'ecs-svc/1', taskDefinition: 's:1' },
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
    ...[HOUR_MS, 'failed', 'deadline: ECS did not tell how it went'],
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
    ...[0, 'superseded', 'somebody else deployed the service: deployment ecs-svc/3 is the primary one'],
  ],
  ['is late', [seen('ecs-svc/2'), old], HOUR_MS, 'failed', 'deadline: its tasks were not all replaced by then'],
  ['is done when it is late', [seen('ecs-svc/2', { state: 'completed' })], HOUR_MS, 'completed', undefined],
  ['is not asked', undefined, 0, 'running', undefined],
  ['is not asked until it is late', undefined, HOUR_MS, 'failed', 'deadline: its service could not be asked'],
  [
    'was rolled back',
    [seen('ecs-svc/2', { isPrimary: false, state: 'failed' }), { ...old, isPrimary: true }],
    ...[0, 'rolled-back', 'deployment ecs-svc/1 is the primary one'],
  ],
  [
    'is listed no more',
    [{ ...old, isPrimary: true }],
    ...[0, 'rolled-back', 'ECS lists it no more; deployment ecs-svc/1 is the primary one'],
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
    ...[0, 'rolled-back', 'deployment ecs-svc/3 is the primary one'],
  ],
  [
    'was replaced by one of another revision',
    [replaced, theirs()],
    ...[0, 'superseded', 'somebody else deployed the service: deployment ecs-svc/3 is the primary one'],
  ],
  [
    'was completed, and replaced by one of another revision',
    [seen('ecs-svc/2', { isPrimary: false, state: 'completed' }), theirs()],
    ...[0, 'superseded', 'somebody else deployed the service: deployment ecs-svc/3 is the primary one'],
  ],
  [
    'is listed no more, and a newer one is the primary',
    [theirs()],
    ...[
      0,
      'superseded',
      'somebody else deployed the service: ECS lists it no more; deployment ecs-svc/3 is the primary one',
    ],
  ],
] as const)('a deployment that %s', (_, deployments, afterMs, state, detail) => {
  const after = deploymentAfter(
    running,
    deployments as readonly SeenDeployment[] | undefined,
    NOON_EPOCH_MS + Number(afterMs),
  );
  expect([after.state, after.detail]).toEqual([state, detail]);
  expect(after.endedAtEpochMs !== undefined).toBe(isOver(after));
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

test('one that nobody knows to have begun is given up at its deadline only', () => {
  const starting = deployment('c-g1', 'a/r/c/s');
  expect(deploymentAfter(starting, [], NOON_EPOCH_MS)).toBe(starting);
  expect(deploymentAfter(starting, [], NOON_EPOCH_MS + HOUR_MS)).toMatchObject({ state: 'failed' });
});

test('found is the first one since: none from before, whatever the order of the list', () => {
  const instants = fc.array(fc.integer({ min: -HOUR_MS, max: HOUR_MS }), { maxLength: 6 });
  fc.assert(
    fc.property(instants, (offsets) => {
      const list = offsets.map((offset, n) => seen(`ecs-svc/${n}`, { createdAtEpochMs: NOON_EPOCH_MS + offset }));
      const since = offsets.filter((offset) => offset >= -5000);
      const found = begunSince(list, NOON_EPOCH_MS)?.createdAtEpochMs;
      expect(found).toBe(since.length === 0 ? undefined : NOON_EPOCH_MS + Math.min(...since));
    }),
  );
});
