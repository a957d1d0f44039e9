import type { Observation, RunningContainer, RunningTask } from '../../../../shared/domain/image/usage.ts';
import { aggregateObservations, observe } from '../../../../shared/domain/review/aggregate-observations.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf, runs } from '../arbitraries.ts';

const CLUSTER = { account: '111122223333', region: 'us-east-1', cluster: 'shared' };
const HOST = '111122223333.dkr.ecr.us-east-1.amazonaws.com';
const READ_AT = 1_000;
const A = digestOf('a');
const B = digestOf('b');

const task = (containers: RunningTask['containers'], changes: Partial<RunningTask> = {}): RunningTask => ({
  workloadKind: 'ecs-service',
  workload: 'web',
  architecture: 'arm64',
  containers,
  ...changes,
});
const base = { ...CLUSTER, workloadKind: 'ecs-service', workload: 'web', architecture: 'arm64', count: 1 } as const;
const location = { account: '111122223333', region: 'us-east-1', repository: 'apps/web' };

test.each<[string, RunningTask['containers'][number], Partial<Observation>]>([
  [
    'a digest and a reference',
    { name: 'c', image: `${HOST}/apps/web:1`, digest: A },
    { reference: `${HOST}/apps/web:1`, digest: A, digestSource: 'runtime', location },
  ],
  [
    'what runs before what is written',
    { name: 'c', image: `${HOST}/apps/web@${B}`, digest: A },
    { reference: `${HOST}/apps/web@${B}`, digest: A, digestSource: 'runtime', location },
  ],
  [
    'a digest in the reference alone',
    { name: 'c', image: `${HOST}/apps/web:1@${B}` },
    { reference: `${HOST}/apps/web:1@${B}`, digest: B, digestSource: 'reference', location },
  ],
  ['a tag alone', { name: 'c', image: `${HOST}/apps/web:1` }, { reference: `${HOST}/apps/web:1`, location }],
  [
    'outside ECR',
    { name: 'c', image: 'nginx:1', digest: A },
    { reference: 'nginx:1', digest: A, digestSource: 'runtime' },
  ],
  [
    'a digest and no image',
    { name: 'aws-guardduty-agent-x', digest: A },
    { container: 'aws-guardduty-agent-x', digest: A, digestSource: 'runtime' },
  ],
  ['neither', { name: 'c' }, {}],
  ['an unreadable reference', { name: 'c', image: '???' }, { reference: '???' }],
])('%s', (_, container, expected) => {
  expect(observe(CLUSTER, task([container]), READ_AT)).toEqual([{ ...base, container: 'c', ...expected }]);
});

describe('when a container was pulled', () => {
  const pull = { beganAtEpochMs: 1, endedAtEpochMs: 2 };
  const byTag = { name: 'c', image: `${HOST}/apps/web:1` };
  const seen = (container: RunningContainer, changes: Partial<RunningTask>) =>
    observe(CLUSTER, { ...task([container]), ...changes }, READ_AT)[0]?.pull;

  test.each<[string, RunningContainer, Partial<RunningTask>, unknown]>([
    ['is kept where only a tag names it', byTag, { pull }, pull],
    ['is of no use where the digest is reported', { ...byTag, digest: A }, { pull }, undefined],
    ['is of no use where the reference names it', { ...byTag, image: `${byTag.image}@${B}` }, { pull }, undefined],
    ['is of no use outside ECR', { name: 'c', image: 'nginx:1' }, { pull }, undefined],
    ['is not before now where it has pulled nothing yet', byTag, { isStarting: true }, { endedAtEpochMs: READ_AT }],
    ['is not known where ECS does not report it', byTag, {}, undefined],
  ])('%s', (_, container, changes, expected) => {
    expect(seen(container, changes)).toEqual(expected);
  });

  test('keeps observations apart: a tag may have meant different images', () => {
    const aggregator = aggregateObservations(100, READ_AT);
    const pulled = (endedAtEpochMs: number) => ({ ...task([byTag]), pull: { endedAtEpochMs } });
    aggregator.add(CLUSTER, [pulled(1), pulled(2), pulled(1)]);
    expect(aggregator.flush()).toMatchObject([{ count: 2 }, { count: 1 }]);
  });
});

test.each<[string, readonly (number | undefined)[], number | undefined]>([
  ['the earliest of its tasks', [3, 1, 2], 1],
  ['not known if one of its tasks does not say it', [3, undefined, 2], undefined],
  ['not known if the first of its tasks does not say it', [undefined, 3], undefined],
])('since when a container is named is %s', (_, instants, expected) => {
  const aggregator = aggregateObservations(100, READ_AT);
  for (const notBeforeEpochMs of instants)
    aggregator.add(CLUSTER, [
      task([{ name: 'c', digest: A }], notBeforeEpochMs === undefined ? {} : { notBeforeEpochMs }),
    ]);
  expect(aggregator.flush()?.map((one) => one.notBeforeEpochMs)).toEqual([expected]);
});

test('equal containers of equal tasks are one observation, in a fixed order', () => {
  const aggregator = aggregateObservations(100, READ_AT);
  const web = task([
    { name: 'web', image: `${HOST}/apps/web:1`, digest: A },
    { name: 'envoy', digest: B },
  ]);
  expect(aggregator.add(CLUSTER, [web, web, web])).toBeUndefined();
  expect(aggregator.add({ ...CLUSTER, cluster: 'empty' }, [])).toBeUndefined();
  const piece = aggregator.flush();
  expect(piece?.map(({ container, count }) => [container, count])).toEqual([
    ['envoy', 3],
    ['web', 3],
  ]);
  expect(aggregator.counts()).toEqual({ clusters: 2, tasks: 3, containers: 6, possible: 0 });
  expect(aggregator.flush()).toBeUndefined();
});

test.each<[string, Partial<RunningTask>]>([
  ['workload', { workload: 'other' }],
  ['kind', { workloadKind: 'ecs-daemon' }],
  ['architecture', { architecture: 'amd64' }],
  ['container', { containers: [{ name: 'other', digest: A }] }],
  ['digest', { containers: [{ name: 'c', digest: B }] }],
  ['reference', { containers: [{ name: 'c', digest: A, image: 'x' }] }],
])('tasks that differ in their %s are kept apart', (_, changes) => {
  const aggregator = aggregateObservations(100, READ_AT);
  aggregator.add(CLUSTER, [task([{ name: 'c', digest: A }]), task([{ name: 'c', digest: A }], changes)]);
  expect(aggregator.flush()).toHaveLength(2);
});

test('clusters are kept apart', () => {
  const aggregator = aggregateObservations(100, READ_AT);
  const one = task([{ name: 'c', digest: A }]);
  aggregator.add(CLUSTER, [one]);
  aggregator.add({ ...CLUSTER, cluster: 'other' }, [one]);
  expect(aggregator.flush()).toHaveLength(2);
});

test('pieces never grow beyond one more addition, and lose no container', () => {
  const tasks = fc.array(
    fc
      .record({ workload: fc.constantFrom('a', 'b', 'c'), digest: fc.constantFrom(A, B) })
      .map(({ workload, digest }) => task([{ name: 'c', digest }], { workload })),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(tasks, fc.integer({ min: 1, max: 4 }), (all, size) => {
      const aggregator = aggregateObservations(size, READ_AT);
      const pieces = all.flatMap((each) => aggregator.add(CLUSTER, [each]) ?? []);
      const rest = aggregator.flush() ?? [];
      expect(rest.length).toBeLessThan(Math.max(size, 1));
      const counted = [...pieces, ...rest].reduce((sum, { count }) => sum + count, 0);
      expect([counted, aggregator.counts().containers, aggregator.counts().tasks]).toEqual([
        all.length,
        all.length,
        all.length,
      ]);
    }),
    runs,
  );
});
