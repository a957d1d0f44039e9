import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import { digestOf } from '../../support/samples.ts';
import {
  CASCADE,
  HOST,
  HOUR_MS,
  locationOf,
  MINUTE_MS,
  planned,
  REGISTRY,
  type RolloutWorld,
  rolloutWorld,
  ServiceMachine,
  service,
  serviceOf,
} from './support.ts';

/* A cause comes in after a service was restarted and before a review has read what it runs now. */

const WEB = serviceOf('web');
const NEW = digestOf('web-new');

interface Before {
  /** When the tag came to mean what was verified, by the push history; absent if no event reported it. */
  readonly pushed?: 'before' | 'after';
  /** What the tag means by the push history, if it is not what was verified. */
  readonly pushedDigest?: typeof NEW;
  /** How the deployment of before goes. */
  readonly state?: 'completed' | 'failed' | 'in-progress' | 'unknown';
  /** The last complete reading of the account began so long after that deployment. */
  readonly readAfterMs?: number;
}

/** The service runs the old image by the ledger, and was deployed meanwhile. */
async function deployedMeanwhile({ pushed, pushedDigest = NEW, state = 'completed', readAfterMs }: Before) {
  const world = await rolloutWorld();
  await service(world, 'web');
  const push = () =>
    world.places.recordPush(locationOf('web'), 'v1', { digest: pushedDigest, atEpochMs: world.clock() });
  if (pushed === 'before') await push();
  world.advance(MINUTE_MS);
  const deploymentId = world.deployer.deployByHand(WEB);
  if (state !== 'in-progress') world.deployer.tell(WEB, deploymentId, state);
  if (readAfterMs !== undefined)
    await world.scopes.record({ scope: REGISTRY, completeAtEpochMs: world.clock() + readAfterMs });
  world.advance(MINUTE_MS);
  if (pushed === 'after') await push();
  world.advance(4 * HOUR_MS);
  await planned(world);
  return { world, deploymentId };
}

const recorded = ({ rollouts }: RolloutWorld) => rollouts.deployment(CASCADE, serviceKey(WEB));

test.each<Before>([
  { pushed: 'before' },
  { pushed: 'before', readAfterMs: 0 },
  { pushed: 'before', readAfterMs: -HOUR_MS },
])('a service that was restarted since its tag means what was verified is not restarted again (%j)', async (before) => {
  const { world, deploymentId } = await deployedMeanwhile(before);
  const machine = await new ServiceMachine(world, WEB).run();
  expect(machine.last).toMatchObject({ state: 'completed' });
  expect(await recorded(world)).toMatchObject({ state: 'completed', deploymentId });
  expect(world.deployer.started).toEqual([]);
});

test.each([
  ['the verified image', 'api-new', 'completed'],
  ['another one', 'api-other', 'refused'],
])('a service whose other container names %s by digest is not deployed again', async (_, named, state) => {
  const world = await rolloutWorld({ modes: { web: 'restart', api: 'register' } });
  await service(world, 'web', ['api', 'web']);
  await world.places.recordPush(locationOf('web'), 'v1', { digest: NEW, atEpochMs: world.clock() });
  world.advance(MINUTE_MS);
  const deploymentId = world.deployer.deployByHand(WEB, { image: `${HOST}/team/api@${digestOf(named)}` });
  world.deployer.tell(WEB, deploymentId, 'completed');
  world.advance(4 * HOUR_MS);
  await planned(world);
  const { last } = await new ServiceMachine(world, WEB).run();
  expect(last).toMatchObject({ state });
  expect(world.deployer.started).toEqual([]);
});

test('a deployment that brings what was verified and goes on is awaited', async () => {
  const { world, deploymentId } = await deployedMeanwhile({ pushed: 'before', state: 'in-progress' });
  const machine = await new ServiceMachine(world, WEB).run('check');
  expect(await recorded(world)).toMatchObject({ state: 'running', deploymentId });
  world.deployer.complete(WEB, deploymentId);
  await machine.run();
  expect(await recorded(world)).toMatchObject({ state: 'completed', deploymentId });
  expect(world.deployer.started).toEqual([]);
});

test.each<readonly [string, Before]>([
  ['no event reported when its tag moved', {}],
  ['its tag moved after it was deployed', { pushed: 'after' }],
  ['its tag meant something else by the last push', { pushed: 'before', pushedDigest: digestOf('web-other') }],
  ['its deployment failed', { pushed: 'before', state: 'failed' }],
  ['a review that began long after still saw the old image', { pushed: 'before', readAfterMs: 3 * HOUR_MS }],
])('a service is restarted where %s', async (_, before) => {
  const { world } = await deployedMeanwhile(before);
  await new ServiceMachine(world, WEB).run('check');
  expect(world.deployer.started).toHaveLength(1);
});
