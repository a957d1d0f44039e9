import { collect } from '../../../shared/concurrency.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import { policySchema } from '../../../shared/domain/policy/policy.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import type { ServiceRef } from '../../../shared/ports/rollouts.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld } from '../../support/fakes/world.ts';
import { cascade, node } from '../../support/rebuild-samples.ts';
import { digestOf, imageProperties, usage } from '../../support/samples.ts';
import {
  CASCADE,
  FIXED,
  HOST,
  MINUTE_MS,
  planned,
  REASON,
  REGISTRY,
  type RolloutWorld,
  ServiceMachine,
  serviceOf,
} from './support.ts';

/* Two release lines of one repository: a container that its team moves from 3.9 to 3.10 runs both for a while. */

const LOCATION = { ...REGISTRY, repository: 'team/py' };
const LINES = ['3.9', '3.10'] as const;
type Line = (typeof LINES)[number];

const streamOf = (line: Line): string => `${REGISTRY.account}/${REGISTRY.region}/team/py:^${line}$`;
const nameOf = (line: Line, which: string): string => `py${line}-${which}`;
const pinnedTo = (line: Line, which: string): string => `${HOST}/team/py@${digestOf(nameOf(line, which))}`;
const taggedAs = (line: string): string => `${HOST}/team/py:${line}`;

/** A cascade that verified both lines; their tags mean the new images. */
async function twoLines(rollout: RolloutMode): Promise<RolloutWorld> {
  const world = fakeWorld();
  const policy = parse(policySchema, {
    ...{ version: 1, mode: 'enforce', ages: { default: { limitDays: 30 } } },
    streams: [
      {
        ...{ id: 'py', tier: 'platform', account: REGISTRY.account, regions: [REGISTRY.region], owner: 'p' },
        ...{ repositories: ['team/py'], headTags: LINES.map((line) => `^${line}$`), pipeline: { name: 'py' }, rollout },
      },
    ],
    severities: [{ id: 'critical', severities: ['critical'], graceDays: 0 }],
  });
  const policyVersion = await world.policies.publish(policy, {});
  const at = world.clock();
  const nodes = LINES.map((line) =>
    node(CASCADE, streamOf(line), {
      ...{ facts: [FIXED], holders: [digestOf(nameOf(line, 'old'))], state: 'verified' },
      output: digestOf(nameOf(line, 'new')),
    }),
  );
  await world.cascades.beginPlanning('planner', { nowEpochMs: at, untilEpochMs: at + 1 });
  const running = { policyVersion, plannedAtEpochMs: at, state: 'running', streams: 2 } as const;
  await world.cascades.write('planner', cascade(CASCADE, running), nodes);
  await world.cascades.endPlanning('planner');
  for (const line of LINES) {
    for (const which of ['old', 'new']) {
      const digest = digestOf(nameOf(line, which));
      const common = { stream: streamOf(line), locations: [LOCATION], platform: 'linux/arm64' as const };
      await world.images.recordProperties(imageProperties(nameOf(line, which), common));
      await world.images.recordPresence(digest, { isHead: which === 'new' });
      await world.streamImages.record(streamOf(line), { digest });
      await world.images.recordJudgement({
        ...{ digest, scan: { state: 'complete', completedAtEpochMs: at, coverage: ['os'] }, judgedAtEpochMs: at },
        verdict: {
          ...{ status: which === 'old' ? 'violating' : 'compliant', policyVersion: 'p' },
          reasons: which === 'old' ? [REASON] : [],
        },
      });
      push(world, line, which, which === 'new' ? [line] : []);
    }
  }
  return { ...world, policyVersion, apply: async () => {}, setRollout: async () => {} };
}

function push(
  { registry, clock }: Pick<RolloutWorld, 'registry' | 'clock'>,
  line: Line,
  which: string,
  tags: string[],
) {
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const content = { mediaType, configDigest: digestOf('config'), layers: [], annotations: {} };
  const artifact = { kind: 'image', digest: digestOf(nameOf(line, which)), ...content } as const;
  registry.push(LOCATION, { artifact, tags, pushedAtEpochMs: clock() });
}

/** A service whose tasks ran the old images of both lines when it was read, and whose definition names `image` now. */
async function scene(rollout: RolloutMode, image: string) {
  const world = await twoLines(rollout);
  const ref: ServiceRef = serviceOf('web');
  world.deployer.create(ref, [{ name: 'app', image }]);
  for (const line of LINES) {
    const digest = digestOf(nameOf(line, 'old'));
    const ran = { ...REGISTRY, workload: 'web', container: 'app', reference: taggedAs(line), digest };
    await world.usages.record([usage(nameOf(line, 'old'), ran)], world.clock());
    await world.images.recordPresence(digest, { inUse: true });
  }
  world.advance(MINUTE_MS);
  return { world, ref };
}

const imageNow = async ({ deployer }: RolloutWorld, ref: ServiceRef) =>
  (await deployer.describe(ref)).containers[0]?.image;

test.each(
  LINES.flatMap((line) => [
    [line, 'by its digest', pinnedTo(line, 'old')] as const,
    [line, 'by its tag', taggedAs(line)] as const,
  ]),
)('a definition that names line %s %s gets the image of that line', async (line, _, image) => {
  const { world, ref } = await scene('register', image);
  expect(await planned(world)).toEqual([ref]);
  await new ServiceMachine(world, ref).run('check');
  expect(await imageNow(world, ref)).toBe(pinnedTo(line, 'new'));
});

test.each(LINES)('a definition by the tag of line %s is restarted', async (line) => {
  const { world, ref } = await scene('restart', taggedAs(line));
  await planned(world);
  await new ServiceMachine(world, ref).run('check');
  expect([world.deployer.started.length, await imageNow(world, ref)]).toEqual([1, taggedAs(line)]);
});

test.each(['register', 'restart'] as const)('an image of neither line is not deployed (%s)', async (rollout) => {
  const other = `${HOST}/team/py@${digestOf('py3.11')}`;
  const { world, ref } = await scene(rollout, other);
  await planned(world);
  const machine = await new ServiceMachine(world, ref).run();
  expect(machine.last).toMatchObject({ decision: 'ended', state: 'refused' });
  expect(await world.rollouts.deployment(CASCADE, serviceKey(ref))).toMatchObject({
    detail: expect.stringMatching(/^service-changed: container app now names /),
    postponed: true,
  });
  expect([world.deployer.started, await imageNow(world, ref)]).toEqual([[], other]);
});

test('an image that is of both lines is not deployed', async () => {
  const { world, ref } = await scene('register', taggedAs('3'));
  const children = LINES.map((line) => ({ digest: digestOf(nameOf(line, 'old')), platform: 'linux/arm64' as const }));
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const artifact = { kind: 'index', digest: digestOf('both'), mediaType, children } as const;
  world.registry.push(LOCATION, { artifact, tags: ['3'], pushedAtEpochMs: world.clock() });
  await planned(world);
  await new ServiceMachine(world, ref).run();
  expect(await world.rollouts.deployment(CASCADE, serviceKey(ref))).toMatchObject({
    ...{ state: 'refused', detail: expect.stringMatching(/^ambiguous-stream: .*\^3\.10\$ and .*\^3\.9\$/) },
  });
  expect(world.deployer.started).toEqual([]);
});

test('a registry that cannot be read is left to another cascade', async () => {
  const { world, ref } = await scene('register', pinnedTo('3.10', 'old'));
  await planned(world);
  world.registry.deny(REGISTRY);
  await new ServiceMachine(world, ref).run();
  expect(await world.rollouts.deployment(CASCADE, serviceKey(ref))).toMatchObject({
    ...{ state: 'refused', detail: expect.stringMatching(/^registry-unreachable: /), abandoned: true },
  });
});

test('the closures of both lines wait for the one deployment', async () => {
  const { world, ref } = await scene('register', pinnedTo('3.10', 'old'));
  await planned(world);
  const closures = await collect(world.rollouts.closures(CASCADE));
  expect(closures.map(({ stream, services }) => [stream, services])).toEqual(
    LINES.map((line) => [streamOf(line), [serviceKey(ref)]]).sort(),
  );
});
