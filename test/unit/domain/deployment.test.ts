import { begunSince, deploymentAfter, isOver, type SeenDeployment } from '../../../shared/domain/deployment.ts';
import { deployment } from '../../support/rebuild-samples.ts';
import { HOUR_MS, NOON_EPOCH_MS } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

const running = deployment('c-g1', 'a/r/c/s', { state: 'running', deploymentId: 'ecs-svc/2' });
const seen = (deploymentId: string, changes: Partial<SeenDeployment> = {}): SeenDeployment => ({
  ...{ deploymentId, isPrimary: true, state: 'in-progress', createdAtEpochMs: NOON_EPOCH_MS + 1000 },
  ...changes,
});
const old = seen('ecs-svc/1', { isPrimary: false, state: 'completed', createdAtEpochMs: NOON_EPOCH_MS - HOUR_MS });

test.each([
  ['goes on', [seen('ecs-svc/2'), old], 0, 'running', undefined],
  ['is done', [seen('ecs-svc/2', { state: 'completed' })], 0, 'completed', undefined],
  ['failed and stays the primary one', [seen('ecs-svc/2', { state: 'failed', detail: 'no' })], 0, 'failed', 'no'],
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
  [
    'is listed no more, nor any other',
    [],
    0,
    'rolled-back',
    'ECS lists it no more; another deployment is the primary one',
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
