import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import type { DigestSource, Usage } from '../../../shared/domain/image/usage.ts';
import type { Mode, PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import type { RolloutMode } from '../../../shared/domain/policy/rollout-mode.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  HOST,
  HOUR_MS,
  known,
  locationOf,
  MINUTE_MS,
  PIPELINES,
  planned,
  pushImage,
  REGISTRY,
  type RolloutWorld,
  rolloutWorld,
  runs,
  ServiceMachine,
  serviceOf,
  streamOf,
} from './support.ts';

/* A service with two containers: the cascade verified the stream of `web`, and `agent` is of a stream of its own. */

const WEB = serviceOf('web');
const AGENT = `${HOST}/team/agent:v1`;

const rule = (name: string, rollout: RolloutMode, mode: Mode): PolicyDocument['streams'][number] => ({
  ...{ id: name, tier: 'application', account: REGISTRY.account, regions: [REGISTRY.region], owner: name },
  ...{ repositories: [`team/${name}`], headTags: ['^v.*$'], pipeline: { account: PIPELINES, name }, rollout, mode },
});

interface Scene {
  /** The image of the agent in the task definition. */
  readonly image?: string;
  readonly mode?: Mode;
  readonly rollout?: RolloutMode;
  /** The rollout of `web`. */
  readonly web?: RolloutMode;
  /** What the agent's tag means by now. */
  readonly tagMeans?: 'old' | 'new';
  /** When an event reported that: before the tasks began, after, or never. */
  readonly pushed?: 'before' | 'after';
  /** A review has read the account since the tasks began. */
  readonly isRead?: boolean;
  /** How long after the push that review began. */
  readonly readAfterMs?: number;
  /** One task of the agent was replaced, and pulled what the tag means. */
  readonly isMixed?: boolean;
  /** No event reported the push of what the other tasks run. */
  readonly isEarlierPushUnreported?: boolean;
  /** How that review knows what the agent runs. */
  readonly digestSource?: DigestSource;
}

async function scene(is: Scene): Promise<RolloutWorld> {
  const { image = AGENT, mode = 'enforce', rollout = 'restart', web = 'restart', tagMeans = 'new', isRead = true } = is;
  const { digestSource = 'runtime', readAfterMs = 3 * HOUR_MS } = is;
  const world = await rolloutWorld({ modes: { web } });
  await world.apply('enforce', { streams: [rule('web', web, 'enforce'), rule('agent', rollout, mode)] });
  await known(world, 'agent', 'old', { holds: false });
  await known(world, 'agent', 'new', { holds: false, isHead: true });
  const push = (which: string) =>
    world.places.recordPush(locationOf('agent'), 'v1', {
      digest: digestOf(`agent-${which}`),
      atEpochMs: world.clock(),
    });
  if (is.pushed === 'before') await push(tagMeans);
  world.advance(MINUTE_MS);
  world.deployer.create(WEB, [
    { name: 'web', image: `${HOST}/team/web:v1` },
    { name: 'agent', image },
  ]);
  await runs(world, 'web', 'old', { workload: 'web', container: 'web' });
  await runs(world, 'agent', 'old', { workload: 'web', container: 'agent', reference: image, digestSource });
  if (is.isMixed) {
    if (!is.isEarlierPushUnreported) await push('old');
    await runs(world, 'agent', 'new', { workload: 'web', container: 'agent', reference: image, digestSource });
  }
  world.advance(MINUTE_MS);
  if (is.pushed === 'after') await push(tagMeans);
  pushImage(world, 'agent', tagMeans, ['v1', 'latest']);
  // By then no task of an earlier deployment is left.
  world.advance(readAfterMs);
  if (isRead) await world.scopes.record({ scope: REGISTRY, completeAtEpochMs: world.clock(), includesStopping: true });
  world.advance(MINUTE_MS);
  return world;
}

async function deployed(world: RolloutWorld) {
  await planned(world);
  await new ServiceMachine(world, WEB).step();
  return world.rollouts.deployment(CASCADE, serviceKey(WEB));
}

/** In most scenes Patchwave does not know what the other container runs. */
const held = (by: string, image = AGENT) => ({
  ...{ state: 'refused', postponed: true },
  detail: `other-container: deploying this service would also start container agent with the image that "${image}" names now. Patchwave does not know whether the container runs that image already, so it assumes a new one. The policy forbids that: ${streamOf('agent')} has \`${by}\`. Deploy the service yourself, or change the policy.`,
});

test.each<readonly [string, Scene, string]>([
  ['is paused', { mode: 'paused' }, 'mode: paused'],
  ['is only reported', { mode: 'report-only' }, 'mode: report-only'],
  ['has `rollout: none`', { rollout: 'none' }, 'rollout: none'],
  ['is deployed by its own pipeline', { rollout: 'pipeline' }, 'rollout: pipeline'],
  ['is paused, and web is registered', { mode: 'paused', web: 'register' }, 'mode: paused'],
  ['is paused, and its tag moved since', { mode: 'paused', pushed: 'after', isRead: false }, 'mode: paused'],
  [
    'is paused, and what it runs is a guess',
    { mode: 'paused', tagMeans: 'old', digestSource: 'tag-guess' },
    'mode: paused',
  ],
  ['is paused, and one of its tasks was replaced', { mode: 'paused', pushed: 'after', isMixed: true }, 'mode: paused'],
  [
    'is paused, and one of its tasks was replaced, and no event reported the image of the others',
    { mode: 'paused', pushed: 'after', isMixed: true, isEarlierPushUnreported: true },
    'mode: paused',
  ],
  [
    'is paused, and was read while tasks of an earlier deployment may run',
    { mode: 'paused', tagMeans: 'old', readAfterMs: 0 },
    'mode: paused',
  ],
  ['is paused, and no event reported its tag', { mode: 'paused', tagMeans: 'old', isRead: false }, 'mode: paused'],
])('a container whose stream %s keeps its service from being started anew', async (_, is, by) => {
  const world = await scene(is);
  expect(await deployed(world)).toMatchObject(held(by));
  expect(world.deployer.started).toEqual([]);
});

test('a tag that is no head tag has the stream of the image that it means', async () => {
  const image = `${HOST}/team/agent:latest`;
  const world = await scene({ mode: 'paused', image });
  expect(await deployed(world)).toMatchObject(held('mode: paused', image));
  expect(world.deployer.started).toEqual([]);
});

test.each<readonly [string, Scene]>([
  ['may be deployed, too', {}],
  ['is paused, and names a digest', { mode: 'paused', image: `${HOST}/team/agent@${digestOf('agent-old')}` }],
  ['is paused, and runs what its tag means', { mode: 'paused', tagMeans: 'old' }],
  ['is paused, and was started since its tag moved', { mode: 'paused', pushed: 'before', isRead: false }],
  ['is of no stream', { mode: 'paused', image: 'public.ecr.aws/envoy:1' }],
])('a service is deployed where its other container %s', async (_, is) => {
  const world = await scene(is);
  expect(await deployed(world)).toMatchObject({ state: 'running' });
  expect(world.deployer.started).toHaveLength(1);
});

test('a registry of the other container that cannot be read postpones the deployment to the next review', async () => {
  const other = { account: '222233334444', region: 'eu-west-1' };
  const image = '222233334444.dkr.ecr.eu-west-1.amazonaws.com/team/agent:v1';
  const world = await scene({ image });
  const streams = [
    rule('web', 'restart', 'enforce'),
    { ...rule('agent', 'restart', 'paused'), account: other.account },
  ];
  await world.apply('enforce', { streams });
  world.registry.deny(other);
  expect(await deployed(world)).toMatchObject({
    ...{ state: 'refused', postponed: true, detail: expect.stringMatching(/^registry-unreachable: /) },
  });
});

test('an image of the index behind the tag counts as the image of the tag', async () => {
  const world = await scene({ mode: 'paused', tagMeans: 'old' });
  const children = [{ digest: digestOf('agent-old') as Digest, platform: 'linux/arm64' as const }];
  const mediaType = 'application/vnd.oci.image.index.v1+json';
  const artifact = { kind: 'index', digest: digestOf('agent-index'), mediaType, children } as const;
  world.registry.push(locationOf('agent'), { artifact, tags: ['v1'], pushedAtEpochMs: world.clock() });
  expect(await deployed(world)).toMatchObject({ state: 'running' });
});

test.each<readonly [string, Partial<Usage>]>([
  ['another service', { workload: 'shop' }],
  ['a service of that name in another cluster', { cluster: 'stage' }],
  ['a service of that name in another account', { account: '222233334444' }],
  ['a service of that name in another Region', { region: 'us-east-1' }],
  ['a task of that name', { workloadKind: 'ecs-task' }],
  ['another container of the service', { container: 'agent-2' }],
])('that %s runs what the tag means does not help', async (_, changes) => {
  const world = await scene({ mode: 'paused' });
  await runs(world, 'agent', 'new', { workload: 'web', container: 'agent', reference: AGENT, ...changes });
  expect(await deployed(world)).toMatchObject(held('mode: paused'));
});

test('nothing is read of a container that may be deployed', async () => {
  const other = { account: '222233334444', region: 'eu-west-1' };
  const world = await scene({ image: '222233334444.dkr.ecr.eu-west-1.amazonaws.com/team/agent:v1' });
  const streams = [
    rule('web', 'restart', 'enforce'),
    { ...rule('agent', 'restart', 'enforce'), account: other.account },
  ];
  await world.apply('enforce', { streams });
  world.registry.deny(other);
  expect(await deployed(world)).toMatchObject({ state: 'running' });
});
