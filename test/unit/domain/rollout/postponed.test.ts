import type { Closure, Deployment } from '../../../../shared/domain/cause/cascade.ts';
import type { Usage } from '../../../../shared/domain/image/usage.ts';
import type { RolloutMode } from '../../../../shared/domain/policy/rollout-mode.ts';
import type { ClosureInputs } from '../../../../shared/domain/rollout/closure.ts';
import {
  decidedByOthers,
  isOutputAffected,
  postponedServices,
  servicesToPlanAnew,
} from '../../../../shared/domain/rollout/postponed.ts';
import type { LeftReason } from '../../../../shared/domain/rollout/rollout.ts';
import { closure, deployment } from '../../../support/rebuild-samples.ts';
import { HOUR_MS, NOON_EPOCH_MS, usage } from '../../../support/samples.ts';
import { digestOf } from '../arbitraries.ts';
import { findingFact, looked, reasonOf, STREAM } from './acting.ts';

const SERVICE = '111122223333/eu-west-1/prod/payments-api';
const OUTPUT = digestOf('new');
const ENDED = NOON_EPOCH_MS + HOUR_MS;

const open = (changes: Partial<Closure> = {}): Closure =>
  closure('c-g1', STREAM, { facts: [findingFact()], output: OUTPUT, sinceEpochMs: NOON_EPOCH_MS, ...changes });

const runs = (name: string, { holds = true, ...changes }: Partial<Usage> & { readonly holds?: boolean } = {}) => ({
  image: looked(name, ...(holds ? [reasonOf(findingFact())] : [])),
  usages: [usage(name, { digest: digestOf(name), ...changes })],
});

const superseded = (changes: Partial<Deployment> = {}): Deployment =>
  deployment('c-g1', SERVICE, { state: 'superseded', postponed: true, endedAtEpochMs: ENDED, ...changes });

const failed = (state: Deployment['state']): Deployment =>
  deployment('c-g1', SERVICE, { state, endedAtEpochMs: ENDED });

const seen = (changes: Partial<ClosureInputs> = {}): ClosureInputs => ({
  running: [runs('old')],
  output: new Set([OUTPUT]),
  scopes: [{ key: '111122223333/eu-west-1', completeAtEpochMs: ENDED }],
  unread: [],
  left: [],
  mayRun: () => false,
  deployments: [superseded()],
  runId: 'run-1',
  ...changes,
});

const read = (completeAtEpochMs?: number) => [
  { key: '111122223333/eu-west-1', ...(completeAtEpochMs !== undefined && { completeAtEpochMs }) },
];

test.each<[string, Closure, ClosureInputs, boolean]>([
  ['whose deployment somebody superseded', open(), seen(), true],
  ['that a mode held back', open({ postponed: [SERVICE] }), seen({ deployments: [] }), true],
  ['whose account was read before', open(), seen({ scopes: read(ENDED - 1) }), false],
  ['whose account was never read', open(), seen({ scopes: read() }), false],
  ['of which no account was read', open(), seen({ scopes: [] }), false],
  ['whose deployment still runs', open(), seen({ deployments: [superseded({ state: 'running' })] }), false],
  ['whose deployment failed', open(), seen({ deployments: [deployment('c-g1', SERVICE, { state: 'failed' })] }), false],
  [
    'whose deployment failed, before the head moved on',
    open(),
    seen({ deployments: [failed('failed')], isHeadReplaced: true }),
    true,
  ],
  [
    'whose deployment was rolled back, before the head moved on',
    open(),
    seen({ deployments: [failed('rolled-back')], isHeadReplaced: true }),
    true,
  ],
  [
    'whose deployment completed, before the head moved on',
    open(),
    seen({ deployments: [failed('completed')], isHeadReplaced: true }),
    false,
  ],
  [
    'whose deployment failed, and that was not read since',
    open(),
    seen({ deployments: [failed('failed')], isHeadReplaced: true, scopes: read(ENDED - 1) }),
    false,
  ],
  ['that runs what was verified', open(), seen({ running: [runs('new')] }), false],
  [
    'that runs what was verified, where a scan found the cause in it and the head moved on',
    open(),
    seen({ running: [runs('new')], deployments: [failed('completed')], isHeadReplaced: true }),
    true,
  ],
  [
    'that runs what was verified by itself, where a scan found the cause in it and the head moved on',
    open(),
    seen({ running: [runs('new')], deployments: [], isHeadReplaced: true }),
    true,
  ],
  [
    'that runs what was verified and is clean, before the head moved on',
    open(),
    seen({ running: [runs('new', { holds: false })], deployments: [failed('completed')], isHeadReplaced: true }),
    false,
  ],
  [
    'that runs what was verified, and was not read since it was deployed',
    open(),
    seen({
      ...{ running: [runs('new')], deployments: [failed('completed')], isHeadReplaced: true },
      scopes: read(ENDED - 1),
    }),
    false,
  ],
  ['that the rollout did not know', open({ services: [], left: [] }), seen({ deployments: [] }), true],
  [
    'that the rollout did not know, and that was not read since',
    open({ services: [], left: [] }),
    seen({ deployments: [], scopes: read(NOON_EPOCH_MS - 1) }),
    false,
  ],
  ['that the rollout deploys', open({ services: [SERVICE], left: [] }), seen({ deployments: [] }), false],
  ['that the rollout leaves', open({ services: [], left: [SERVICE] }), seen({ deployments: [] }), false],
  ['whose rollout was not planned', open(), seen({ deployments: [] }), false],
  [
    'that runs what is built on an image of the stream',
    open({ services: [], left: [] }),
    seen({ deployments: [], running: [{ ...runs('old'), usages: runs('above').usages }] }),
    false,
  ],
  ['that runs something clean', open(), seen({ running: [runs('old', { holds: false })] }), false],
  ['beside another service', open(), seen({ running: [runs('old', { workload: 'other' })] }), false],
  ['beside a task of its name', open(), seen({ running: [runs('old', { workloadKind: 'ecs-task' })] }), false],
  ['of a closed closure', open({ state: 'closed' }), seen(), false],
  ['of a closure whose rollout was not completed', open({ abandoned: true }), seen(), false],
])('a service %s', (_, one, inputs, isDue) => {
  expect(servicesToPlanAnew(one, inputs, { eks: false })).toEqual(isDue ? [SERVICE] : []);
});

test.each<[RolloutMode, readonly string[]]>([
  ['restart', []],
  ['register', []],
  ['none', ['111122223333/eu-west-1/prod/third']],
  ['pipeline', []],
])(
  'what a mode, the rollout of its own stream or an unverified stream holds back is postponed, each service once (%s)',
  (rollout, own) => {
    const left = (reason: LeftReason, changes: Partial<Usage> = {}) => ({
      ...{ stream: STREAM, reason },
      usage: usage('old', changes),
    });
    const all = [
      ...[left('paused'), left('paused', { container: 'proxy' }), left('report-only', { workload: 'other' })],
      ...[left('paused', { workloadKind: 'ecs-task' }), left('none', { workload: 'third' })],
      left('not-verified', { workload: 'beside' }),
    ];
    const held = [SERVICE, '111122223333/eu-west-1/prod/other', ...own, '111122223333/eu-west-1/prod/beside'];
    expect(postponedServices(all, rollout, { eks: false })).toEqual(held);
  },
);

test('a workload of a private cluster is planned again once Patchwave has a route, also one that was refused before', () => {
  const service = '111122223333/eu-west-1/prod/eks-deployment:shop/web';
  const scopes = [{ key: '111122223333/eu-west-1/prod', completeAtEpochMs: ENDED }];
  const running = [runs('old', { workloadKind: 'eks-deployment', workload: 'shop/web' })];
  const left = [open({ services: [], left: [] }), seen({ running, scopes, deployments: [] })] as const;
  const refused = deployment('c-g1', service, { state: 'refused', postponed: true, endedAtEpochMs: ENDED });
  const planned = [open({ services: [service], left: [] }), seen({ running, scopes, deployments: [refused] })] as const;
  for (const [one, inputs] of [left, planned]) {
    const privateClusters = new Set(['111122223333/eu-west-1/prod']);
    expect(servicesToPlanAnew(one, inputs, { eks: true, privateClusters })).toEqual([]);
    expect(servicesToPlanAnew(one, inputs, { eks: true })).toEqual([service]);
    const elsewhere = new Set(['111122223333/us-east-1/prod', '444455556666/eu-west-1/prod']);
    expect(servicesToPlanAnew(one, inputs, { eks: true, privateClusters: elsewhere })).toEqual([service]);
  }
});

test('a service that the owner of another stream deploys is planned again once the owner replaced its images', () => {
  const one = open({ left: [SERVICE], decidedByOthers: [{ service: SERVICE, digests: [digestOf('theirs')] }] });
  expect(servicesToPlanAnew(one, seen({ deployments: [], undecided: [] }), { eks: false })).toEqual([]);
  expect(servicesToPlanAnew(one, seen({ deployments: [], undecided: [SERVICE] }), { eks: false })).toEqual([SERVICE]);
  const unreadSince = seen({
    deployments: [],
    undecided: [SERVICE],
    scopes: [{ key: '111122223333/eu-west-1', completeAtEpochMs: NOON_EPOCH_MS - 1 }],
  });
  expect(servicesToPlanAnew(one, unreadSince, { eks: false })).toEqual([]);
});

test('the images of streams that their owners deploy decide the services that a closure shares with them', () => {
  const left = (stream: string, name: string, changes: Partial<Usage> = {}) => ({
    ...{ stream, reason: 'pipeline' as const },
    usage: usage(name, { digest: digestOf(name), ...changes }),
  });
  const all = [
    left(STREAM, 'own'),
    left('theirs', 'their-1', { container: 'main' }),
    left('theirs', 'their-2', { container: 'main' }),
    left('deployed', 'third', { container: 'proxy' }),
    left('theirs', 'their-3', { workload: 'elsewhere' }),
    left(STREAM, 'own', { workload: 'alone' }),
  ];
  const rolloutOf = (stream: string): RolloutMode => (stream === 'theirs' ? 'pipeline' : 'restart');
  const found = decidedByOthers(all, (stream) => stream === STREAM, rolloutOf, { eks: false });
  expect(found).toEqual([{ service: SERVICE, digests: [digestOf('their-1'), digestOf('their-2')].sort() }]);
});

describe('whether a service runs the verified image, and a later scan found a fact in it', () => {
  const output = new Set([OUTPUT, digestOf('new-arm')]);
  const free = findingFact('CVE-2026-99');

  test.each<[string, ClosureInputs['running'], Closure, boolean]>([
    ['one of its images has the fact', [runs('new', { holds: false }), runs('new-arm')], open(), true],
    ['an image has one of two facts', [runs('new')], open({ facts: [free, findingFact()] }), true],
    ['no image has the fact', [runs('new', { holds: false })], open(), false],
    ['only an older image has the fact', [runs('old')], open(), false],
    ['nothing runs the image with the fact', [{ ...runs('new'), usages: [] }], open(), false],
    ['nothing runs', [], open(), false],
  ])('%s', (_, running, about, expected) => {
    expect(isOutputAffected(about, { running, output })).toBe(expected);
  });

  test('the age of a verified image is none, however old it is', () => {
    const age: Closure['facts'][number] = { kind: 'age', ruleId: 'age', sinceEpochMs: NOON_EPOCH_MS };
    const image = looked('new', {
      ...{ ruleId: 'age', effect: 'violates', kind: 'age', bornAtEpochMs: 1, limitDays: 30 },
    });
    const running = [{ image, usages: runs('new').usages }];
    expect(isOutputAffected(open({ facts: [age] }), { running, output })).toBe(false);
    expect(isOutputAffected(open({ facts: [age, findingFact()] }), { running: [runs('new')], output })).toBe(true);
  });
});
