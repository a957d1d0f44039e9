import type { PodTemplate } from '../../../local/kubernetes/pod-template.ts';
import { EksDeployer } from '../../../shared/adapters/eks-deployer.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import { kubernetesService, type WorkloadKind } from '../../../shared/domain/image/workload-kind.ts';
import { fc } from '../../support/seeded.ts';
import { TimedWorkload } from '../../support/timed-workload.ts';
import {
  CASCADE,
  HOUR_MS,
  imageOf,
  MINUTE_MS,
  planned,
  rolloutWorld,
  runs,
  ServiceMachine,
  serviceOf,
} from './support.ts';

const KINDS = ['eks-deployment', 'eks-statefulset', 'eks-daemonset'] as const satisfies readonly WorkloadKind[];
type Kind = (typeof KINDS)[number];

const TEMPLATE: PodTemplate = {
  metadata: { labels: { app: 'web' } },
  spec: { containers: [{ name: 'web', image: imageOf('web'), imagePullPolicy: 'Always' }] },
};
const theirs = (value: string) => ({ template: { metadata: { annotations: { config: value } } } });

interface Drawn {
  readonly kind: Kind;
  readonly mode: 'restart' | 'register';
  readonly pods: number;
  readonly spec: object;
}

/** What comes between two steps, by the step. */
type Event = keyof typeof EVENTS;
interface Happening {
  readonly atStep: number;
  readonly event: Event;
}

const EVENTS = {
  scaled: (web: TimedWorkload) => web.change({ replicas: 3 }),
  'scaled to zero': (web: TimedWorkload) => web.change({ replicas: 0 }),
  'deployed by its team': (web: TimedWorkload) => web.change(theirs('new')),
  undone: (web: TimedWorkload) => web.undo(TEMPLATE),
  paused: (web: TimedWorkload) => web.change({ paused: true }),
  resumed: (web: TimedWorkload) => web.change({ paused: false }),
  deleted: (web: TimedWorkload) => web.remove(),
  'broken images': async (web: TimedWorkload) => void Object.assign(web, { isBroken: true }),
  'images again': async (web: TimedWorkload) => void Object.assign(web, { isBroken: false }),
  'lost answer': async (web: TimedWorkload) => void Object.assign(web, { next: 'lost' }),
  'failing webhook': async (web: TimedWorkload) => void Object.assign(web, { next: 'fails' }),
  'webhook again': async (web: TimedWorkload) => void Object.assign(web, { next: 'answered' }),
  'dropping webhook': async (web: TimedWorkload) => void Object.assign(web, { next: 'dropped' }),
} as const satisfies Readonly<Record<string, (web: TimedWorkload) => Promise<void>>>;

async function scene({ kind, mode, pods, spec }: Drawn) {
  const rollout = await rolloutWorld({ modes: { web: mode } });
  const ref = serviceOf(`${kind}:shop/web`);
  const named = kubernetesService(ref.service);
  if (!named) throw new RangeError(ref.service);
  const web = new TimedWorkload(rollout.clock, named);
  const replicas = kind === 'eks-daemonset' ? {} : { replicas: pods };
  await web.create(TEMPLATE, { ...replicas, ...spec }, kind === 'eks-daemonset' ? pods : 2);
  await runs(rollout, 'web', 'old', { workloadKind: kind, workload: 'shop/web', container: 'web' });
  rollout.advance(10 * MINUTE_MS);
  const access = {
    clients: () => {
      throw new RangeError('EKS is not called');
    },
    credentials: async () => ({ accessKeyId: '', secretAccessKey: '' }),
    clock: rollout.clock,
  };
  const eks = new EksDeployer(access, async () => web.client);
  const world = { ...rollout, eks };
  expect(await planned(world)).toEqual([ref]);
  await web.pods();
  return { world, web, ref, machine: new ServiceMachine(world, ref), startedAtEpochMs: world.clock() };
}

async function end(drawn: Drawn, happenings: readonly Happening[] = []) {
  const all = await scene(drawn);
  const { world, web, ref, machine } = all;
  for (let step = 0; machine.state !== 'done'; step += 1) {
    for (const { event } of happenings.filter(({ atStep }) => atStep === step)) await EVENTS[event](web);
    // Step Functions takes a step that failed again.
    await machine.step().catch(() => world.advance(2_000));
    if (step > 5_000) throw new Error(`it never ends: ${JSON.stringify(machine.last)}`);
  }
  const deployment = await world.rollouts.deployment(CASCADE, serviceKey(ref));
  return { ...all, deployment, tookMs: world.clock() - all.startedAtEpochMs, pods: await web.pods() };
}

const PLAIN: Drawn = { kind: 'eks-deployment', mode: 'restart', pods: 2, spec: {} };

test.each(KINDS.flatMap((kind) => (['restart', 'register'] as const).map((mode) => [kind, mode] as const)))(
  'an %s at rest is deployed (%s): every pod is new',
  async (kind, mode) => {
    const { deployment, web, pods, startedAtEpochMs } = await end({ ...PLAIN, kind, mode });
    expect(deployment).toMatchObject({ state: 'completed' });
    expect(web.patches).toBe(1);
    expect(pods).toHaveLength(2);
    for (const { metadata } of pods)
      expect(Date.parse(metadata.creationTimestamp ?? '')).toBeGreaterThanOrEqual(startedAtEpochMs - 1000);
  },
);

const drawn: fc.Arbitrary<Drawn> = fc.record({
  kind: fc.constantFrom(...KINDS),
  mode: fc.constantFrom('restart', 'register'),
  pods: fc.integer({ min: 0, max: 3 }),
  spec: fc.constantFrom<object>(
    {},
    { minReadySeconds: 30 },
    { paused: true },
    { strategy: { type: 'Recreate' } },
    { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } } },
    { updateStrategy: { type: 'OnDelete' } },
    { updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 1 } } },
    { progressDeadlineSeconds: 60 },
  ),
});
const happenings = fc.array(
  fc.record({ atStep: fc.nat({ max: 4 }), event: fc.constantFrom(...(Object.keys(EVENTS) as Event[])) }),
  { minLength: 1, maxLength: 4 },
);

test('an odd workload, and whatever happens to it: the deployment ends in time, makes one change at most, and says why', async () => {
  await fc.assert(
    fc.asyncProperty(drawn, happenings, async (workload, events) => {
      const { deployment, web, pods, tookMs, startedAtEpochMs } = await end(workload, events);
      expect(tookMs).toBeLessThan(30 * HOUR_MS);
      expect(web.patches).toBeLessThanOrEqual(1);
      if (deployment?.state === 'completed')
        for (const { metadata } of pods)
          expect(Date.parse(metadata.creationTimestamp ?? '')).toBeGreaterThanOrEqual(startedAtEpochMs - 1000);
      else expect(deployment?.detail?.length).toBeGreaterThan(20);
      if (deployment?.state === 'refused') {
        expect(deployment.detail).toMatch(/^[a-z-]+: /);
        expect(deployment).toMatchObject({ postponed: true });
      }
    }),
    { numRuns: 60 },
  );
}, 60_000);
