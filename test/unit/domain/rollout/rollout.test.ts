import { type Deployment, serviceKey } from '../../../../shared/domain/cause/cascade.ts';
import type { Usage } from '../../../../shared/domain/image/usage.ts';
import { ROLLOUT_MODES } from '../../../../shared/domain/policy/rollout-mode.ts';
import { scopeOf } from '../../../../shared/domain/review/run.ts';
import {
  artifactFor,
  environmentOf,
  mayRestart,
  pinnedReference,
  planRollout as planRolloutTo,
  type RolloutStream,
  type StreamUsage,
  scopeOfService,
  serviceOf,
  stopOf,
} from '../../../../shared/domain/rollout/rollout.ts';
import { usage } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';
import { digestOf } from '../arbitraries.ts';
import { OTHER, STREAM } from './acting.ts';

const planRollout = (usages: readonly StreamUsage[], streams: readonly RolloutStream[], eks = false) =>
  planRolloutTo(usages, streams, { eks });

const stream = (changes: Partial<RolloutStream> = {}): RolloutStream => ({
  stream: STREAM,
  state: 'verified',
  mode: 'restart',
  output: new Set([digestOf('index'), digestOf('new')]),
  ...changes,
});
const sidecar = (changes: Partial<RolloutStream> = {}) => stream({ stream: OTHER, ...changes });
const used = (name: string, changes: Partial<Usage> = {}, of = STREAM): StreamUsage => ({
  stream: of,
  usage: usage(name, { digest: digestOf(name), ...changes }),
});
const ran = (name: string) => {
  const { digest, reference } = usage(name, { digest: digestOf(name) });
  return { digest, reference };
};
const SERVICE = { account: '111122223333', region: 'eu-west-1', cluster: 'prod', service: 'payments-api' };

test('a service on an older image is deployed once, by the mode of its stream', () => {
  expect(planRollout([used('old')], [stream()])).toEqual({
    services: [
      {
        ...SERVICE,
        mode: 'restart',
        containers: [{ container: 'app', stream: STREAM, mode: 'restart', ran: [ran('old')] }],
      },
    ],
    left: [],
  });
});

test.each([
  ['eks-replicaset', 'replicaset'],
  ['eks-cronjob', 'cronjob'],
  ['eks-job', 'job'],
  ['eks-pod', 'bare-pod'],
  ['eks-custom', 'custom-owner'],
] as const)('%s: left as it is, also where Patchwave deploys to EKS', (workloadKind, reason) => {
  for (const eks of [false, true]) {
    const plan = planRollout([used('old', { workloadKind })], [stream()], eks);
    expect(plan.services).toEqual([]);
    expect(plan.left).toMatchObject([{ reason }]);
  }
});

test('workloads of one name are one service each: of ECS, and of each kind and namespace in Kubernetes', () => {
  const usages = [
    used('old', { workload: 'web' }),
    used('old', { workload: 'shop/web', workloadKind: 'eks-deployment' }),
    used('older', { workload: 'shop/web', workloadKind: 'eks-deployment', container: 'proxy' }),
    used('old', { workload: 'shop/web', workloadKind: 'eks-statefulset' }),
    used('old', { workload: 'bank/web', workloadKind: 'eks-deployment' }),
  ];
  const { services, left } = planRollout(usages, [stream()], true);
  expect(left).toEqual([]);
  expect(services.map(({ service, containers }) => [service, containers.length])).toEqual([
    ['eks-deployment:bank/web', 1],
    ['eks-deployment:shop/web', 2],
    ['eks-statefulset:shop/web', 1],
    ['web', 1],
  ]);
});

test('the scope of a service is that of its usages', () => {
  for (const workloadKind of ['ecs-service', 'eks-deployment'] as const) {
    const { usage: one } = used('old', { workloadKind, workload: 'shop/web' });
    expect(scopeOfService(serviceOf(one))).toEqual(scopeOf(one));
  }
});

test('an ECS and an EKS cluster of one name are two environments', () => {
  const eks = serviceOf(used('old', { workloadKind: 'eks-deployment', workload: 'shop/web' }).usage);
  const ecs = serviceOf(used('old').usage);
  expect(environmentOf(serviceKey(ecs))).toBe('111122223333/eu-west-1/prod');
  expect(environmentOf(serviceKey(eks))).toBe('111122223333/eu-west-1/prod/eks');
});

test.each<[string, string | undefined, Partial<RolloutStream>, Partial<Usage>]>([
  ['the team deploys it', 'pipeline', { mode: 'pipeline' }, {}],
  ['the policy says `rollout: none`', 'none', { mode: 'none' }, {}],
  ['its stream is not verified', 'not-verified', { state: 'ineffective', output: new Set() }, {}],
  ['its stream is not verified, and the team deploys', 'not-verified', { state: 'failed', mode: 'pipeline' }, {}],
  ['it is a standalone task', 'standalone-task', {}, { workloadKind: 'ecs-task' }],
  ['it is a daemon', 'daemon', {}, { workloadKind: 'ecs-daemon' }],
  ['Patchwave deploys nothing to EKS: a Deployment', 'eks-rollout-off', {}, { workloadKind: 'eks-deployment' }],
  ['Patchwave deploys nothing to EKS: a StatefulSet', 'eks-rollout-off', {}, { workloadKind: 'eks-statefulset' }],
  ['Patchwave deploys nothing to EKS: a DaemonSet', 'eks-rollout-off', {}, { workloadKind: 'eks-daemonset' }],
  ['only a later version knows its kind', 'unknown-kind', {}, { workloadKind: 'later' as 'ecs-task' }],
])('what is left as it is: %s', (_, reason, streamChanges, usageChanges) => {
  const plan = planRollout([used('old', usageChanges)], [stream(streamChanges)]);
  expect(plan).toMatchObject({ services: [], left: [{ reason, stream: STREAM }] });
});

test('a usage of a verified image is skipped, and so is one of no stream of the cascade', () => {
  const usages = [used('new'), used('index'), used('old', {}, OTHER)];
  expect(planRollout(usages, [stream()])).toEqual({ services: [], left: [] });
});

describe('a service with two containers in one cascade', () => {
  const both = [used('old'), used('old sidecar', { container: 'proxy' }, OTHER)];
  test.each<[string, readonly RolloutStream[], string]>([
    ['both verified', [stream(), sidecar()], 'restart app+proxy'],
    ['one of them registers', [stream(), sidecar({ mode: 'register' })], 'register app+proxy'],
    ['one of them is not verified', [stream(), sidecar({ state: 'unverified' })], 'not-verified'],
    ['one of them is the team’s', [stream(), sidecar({ mode: 'pipeline' })], 'pipeline'],
    ['one of them has `rollout: none`', [stream({ mode: 'pipeline' }), sidecar({ mode: 'none' })], 'none'],
  ])('%s', (_, streams, expected) => {
    const { services, left } = planRollout(both, streams);
    const planned = services.map(
      ({ mode, containers }) => `${mode} ${containers.map(({ container }) => container).join('+')}`,
    );
    expect(planned.length > 0 ? planned : [...new Set(left.map(({ reason }) => reason))]).toEqual([expected]);
    expect(left).toHaveLength(services.length > 0 ? 0 : 2);
  });

  test('each container keeps its own mode', () => {
    const [service] = planRollout(both, [stream(), sidecar({ mode: 'register' })]).services;
    expect(service?.containers.map(({ mode }) => mode)).toEqual(['restart', 'register']);
  });

  test('a container that ran images of two streams is listed once for each, with its images', () => {
    const moved = [used('old'), used('old too', {}, OTHER)];
    const [service, ...more] = planRollout(moved, [stream(), sidecar({ mode: 'register' })]).services;
    expect(more).toEqual([]);
    expect(service?.containers).toEqual([
      { container: 'app', stream: OTHER, mode: 'register', ran: [ran('old too')] },
      { container: 'app', stream: STREAM, mode: 'restart', ran: [ran('old')] },
    ]);
  });

  test('tasks of two revisions are one container', () => {
    const [service] = planRollout([...both, used('older')], [stream(), sidecar()]).services;
    expect(service?.containers.map(({ container }) => container)).toEqual(['app', 'proxy']);
  });
});

test('every older usage is deployed or skipped, once, in any order', () => {
  const anyUsage = fc
    .record({
      of: fc.constantFrom(STREAM, OTHER),
      name: fc.constantFrom('old', 'older', 'new'),
      workload: fc.constantFrom('a', 'b'),
      cluster: fc.constantFrom('prod', 'test'),
      container: fc.constantFrom('app', 'proxy'),
      workloadKind: fc.constantFrom(
        'ecs-service' as const,
        'ecs-service' as const,
        'ecs-task' as const,
        'ecs-daemon' as const,
      ),
    })
    .map(({ of, name, ...changes }) => used(name, changes, of));
  const keyOf = ({ stream: of, usage: one }: StreamUsage) => JSON.stringify([of, one]);
  const anyStream = (name: string) =>
    fc
      .record({
        state: fc.constantFrom('verified' as const, 'verified' as const, 'failed' as const),
        mode: fc.constantFrom(...ROLLOUT_MODES),
      })
      .map((changes) => stream({ stream: name, ...changes }));
  fc.assert(
    fc.property(
      fc.uniqueArray(anyUsage, { selector: keyOf, maxLength: 8 }),
      fc.tuple(anyStream(STREAM), anyStream(OTHER)),
      (usages, streams) => {
        const plan = planRollout(usages, streams);
        expect(planRollout([...usages].reverse(), [...streams].reverse())).toEqual(plan);
        const names = plan.services.map(({ cluster, service }) => `${cluster}/${service}`);
        expect(new Set(names).size).toBe(names.length);
        const older = usages.filter(({ usage: { digest } }) => digest !== digestOf('new'));
        const deployed = older.filter(
          ({ usage: one }) => one.workloadKind === 'ecs-service' && names.includes(`${one.cluster}/${one.workload}`),
        );
        expect([...deployed, ...plan.left].map(keyOf).sort()).toEqual(older.map(keyOf).sort());
        for (const { containers } of plan.services)
          for (const { stream: name, mode } of containers)
            expect(streams.find((one) => one.stream === name)).toMatchObject({ state: 'verified', mode });
      },
    ),
    { numRuns: 500 },
  );
});

describe('a restart runs the verified image', () => {
  const HOST = '111122223333.dkr.ecr.eu-west-1.amazonaws.com';
  const output = new Set([digestOf('index'), digestOf('new')]);
  test.each<[string, string, string | undefined, 'pinned-reference' | 'other-image' | undefined]>([
    ['its tag means the index', `${HOST}/web:v1`, 'index', undefined],
    ['its tag means the image', `${HOST}/web:v1`, 'new', undefined],
    ['it has no tag, so that latest counts', `${HOST}/web`, 'new', undefined],
    ['its tag means something else', `${HOST}/web:v1`, 'old', 'other-image'],
    ['its tag means nothing', `${HOST}/web:v1`, undefined, 'other-image'],
    ['it names a digest, be it the new one', `${HOST}/web@${digestOf('new')}`, 'new', 'pinned-reference'],
    ['it names a tag and a digest', `${HOST}/web:v1@${digestOf('old')}`, 'new', 'pinned-reference'],
    ['it is no reference', 'HTTP://web', 'new', 'pinned-reference'],
  ])('%s', (_, image, means, reason) => {
    const answer = mayRestart(image, means === undefined ? undefined : digestOf(means), output);
    expect(answer).toMatchObject({ allowed: reason === undefined, ...(reason && { reason }) });
  });

  test.each([
    [`${HOST}/web:v1`, `${HOST}/web@${digestOf('new')}`],
    [`${HOST}/web@${digestOf('old')}`, `${HOST}/web@${digestOf('new')}`],
    ['111122223333.dkr-ecr.eu-west-1.on.aws/web:v1', `111122223333.dkr-ecr.eu-west-1.on.aws/web@${digestOf('new')}`],
    ['HTTP://web', undefined],
  ])('a new revision names %s as %s', (image, expected) => {
    expect(pinnedReference(image, digestOf('new'))).toBe(expected);
  });
});

describe('the image for a container', () => {
  const arm = { digest: digestOf('arm'), isIndex: false, platforms: ['linux/arm64'] } as const;
  const amd = { digest: digestOf('amd'), isIndex: false, platforms: ['linux/amd64'] } as const;
  const unread = { digest: digestOf('unread'), isIndex: false, platforms: [] } as const;
  const index = { digest: digestOf('index'), isIndex: true, platforms: ['linux/amd64', 'linux/arm64/v8'] } as const;
  const on = (...platforms: readonly (string | undefined)[]) =>
    platforms.map((platform) => ({ digest: digestOf('old'), ...(platform !== undefined && { platform }) }));

  test.each([
    ['its own image', [amd, arm], on('linux/arm64'), arm],
    ['whatever the variant is', [amd, arm], on('linux/arm64/v8'), arm],
    ['an index on any of its platforms', [index], on('linux/arm64', 'linux/amd64'), index],
    ['an index where the platform is unknown', [index], on(undefined), index],
    ['no image where the platform is unknown', [amd], on(undefined), undefined],
    ['no image of another platform', [amd], on('linux/arm64'), undefined],
    ['no image on two platforms', [amd, arm], on('linux/arm64', 'linux/amd64'), undefined],
    ['no index that lacks its platform', [index], on('windows/amd64'), undefined],
    ['no image that was not read', [unread], on('linux/arm64'), undefined],
    ['nothing where nothing was verified', [], on('linux/arm64'), undefined],
  ])('%s', (_, verified, ran, expected) => {
    expect(artifactFor(verified, ran)).toBe(expected);
  });
});

test.each<[string, string, Deployment['state'], string | undefined]>([
  ['failed', 'prod/web', 'failed', 'prod'],
  ['was rolled back', 'prod/web', 'rolled-back', 'prod'],
  ['failed in a cluster that begins alike', 'production/web', 'failed', 'production'],
  ['was superseded', 'prod/web', 'superseded', undefined],
  ['was refused', 'prod/web', 'refused', undefined],
  ['is complete', 'prod/web', 'completed', undefined],
  ['goes on', 'prod/web', 'running', undefined],
])('a deployment that %s stops others in its cluster: %s, %s', (_, name, state, cluster) => {
  const service = `111122223333/eu-west-1/${name}`;
  const deployment: Deployment = {
    ...{ cascadeId: 'c-g1', service, mode: 'restart', state, startingAtEpochMs: 1, deadlineEpochMs: 2 },
  };
  const environment = `111122223333/eu-west-1/${cluster}`;
  expect(stopOf(deployment)).toEqual(cluster && { cascadeId: 'c-g1', environment, service, state });
  expect(environmentOf(service)).toBe(`111122223333/eu-west-1/${name.split('/')[0]}`);
});
