import { aggregateObservations, observe } from '../../../shared/domain/inventory.ts';
import type { Observation, RunningTask } from '../../../shared/domain/usage.ts';
import { fc } from '../../support/seeded.ts';
import { digestOf, runs } from './arbitraries.ts';

const CLUSTER = { account: '111122223333', region: 'us-east-1', cluster: 'shared' };
const HOST = '111122223333.dkr.ecr.us-east-1.amazonaws.com';
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
  expect(observe(CLUSTER, task([container]))).toEqual([{ ...base, container: 'c', ...expected }]);
});

test('equal containers of equal tasks are one observation, in a fixed order', () => {
  const aggregator = aggregateObservations(100);
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
  expect(aggregator.counts()).toEqual({ clusters: 2, tasks: 3, containers: 6 });
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
  const aggregator = aggregateObservations(100);
  aggregator.add(CLUSTER, [task([{ name: 'c', digest: A }]), task([{ name: 'c', digest: A }], changes)]);
  expect(aggregator.flush()).toHaveLength(2);
});

test('clusters are kept apart', () => {
  const aggregator = aggregateObservations(100);
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
      const aggregator = aggregateObservations(size);
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
