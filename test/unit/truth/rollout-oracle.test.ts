import './quiet.ts';
import { serviceFileKey } from '../../../functions/rollout/service-file.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import { cascade, deployment } from '../../support/rebuild-samples.ts';
import { HOUR_MS } from '../../support/samples.ts';
import { Features } from './features.ts';
import { HEAD_TAG } from './fleet.ts';
import { referenceOf } from './images.ts';
import { Life } from './life.ts';
import { Oracle } from './oracle.ts';

/*
 * Seldom a seed has a hotfix that no review has read before Patchwave deploys its service, so what the oracle says of that is
 * shown here by itself.
 */

/** A team deploys a hotfix that no review reads, a newer head is pushed, and Patchwave deploys that by its digest. */
async function deployedOver(reference: 'digest' | 'tag'): Promise<readonly string[]> {
  const life = new Life(1, new Features(['rollout-register']));
  const oracle = new Oracle(life);
  life.witness = oracle;
  await life.begin();
  const { ecs, factory, clockwork, world } = life;
  const service = ecs.services.find((one) => life.lineOfService(one)?.rollout === 'register') ?? '';
  const line = life.lineOfService(service);
  if (!line) throw new Error('no service is deployed by new revisions');
  const pushed = () => {
    const made = factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
    if (!made) throw new Error('there is nothing to build on');
    return made;
  };
  const hotfix = pushed();
  ecs.beginDeployment(service, referenceOf(line, reference === 'tag' ? HEAD_TAG : hotfix.digest));
  await life.runUntil(clockwork.now + HOUR_MS, () => undefined);
  const newer = pushed();
  const ref = ecs.refOf(service);
  const seen = await world.deployer.describe(ref);
  const images = new Map(seen.containers.map(({ name }) => [name, referenceOf(line, newer.digest)] as const));
  await world.deployer.register(ref, images, seen);
  await life.runUntil(clockwork.now + HOUR_MS, () => undefined);
  expect(oracle.checks.get("a team's own deployment wins")).toBe(1);
  return oracle.violations.filter((text) => text.includes('which was never seen there'));
}

test('a deployment over a hotfix that no review has read is found', async () => {
  expect(await deployedOver('digest')).toHaveLength(1);
});

test('a tag that a team deployed follows what it means', async () => {
  expect(await deployedOver('tag')).toEqual([]);
});

/**
 * Patchwave restarts a service for its first container, while the line of its second one is paused.
 * @param isMoved whether the tag of the second container means another image by then
 */
async function restartedBeside(isMoved: boolean): Promise<readonly string[]> {
  const life = new Life(1, new Features(['rollout-restart', 'side-containers']));
  const oracle = new Oracle(life);
  life.witness = oracle;
  await life.begin();
  const { ecs, factory, clockwork, world } = life;
  const hasSide = (name: string) =>
    ecs.runningIn(name).some(({ container, reference }) => container === 'side' && reference.endsWith(`:${HEAD_TAG}`));
  const service = ecs.services.find((one) => hasSide(one) && life.lineOfService(one)?.rollout === 'restart') ?? '';
  const [main, side] = ecs.runningIn(service).map(({ image }) => life.line(image.line));
  if (!main || !side) throw new Error('no service has two containers');
  await life.publishPolicy({ ...life.policy, modes: new Map([[side.name, 'paused']]) });
  if (isMoved) factory.build(side, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
  const ref = ecs.refOf(service);
  await world.runFiles.put(serviceFileKey(CASCADE_ID, ref), {
    mode: 'restart',
    containers: [{ container: 'main', stream: main.stream, mode: 'restart', ran: [] }],
  });
  const lease = { nowEpochMs: clockwork.now, untilEpochMs: clockwork.now + HOUR_MS };
  await world.cascades.beginPlanning('planner', lease);
  await world.cascades.write('planner', cascade(CASCADE_ID, { state: 'running' }), []);
  await world.rollouts.beginDeployment(deployment(CASCADE_ID, serviceKey(ref), { state: 'starting' }));
  await world.deployer.restart(ref, await world.deployer.describe(ref));
  await life.runUntil(clockwork.now + HOUR_MS, () => undefined);
  return oracle.violations.filter((text) => text.includes('in container side'));
}

const CASCADE_ID = '0123456789ab-g1';

test('a deployment that brings a paused line to the second container is found', async () => {
  expect(await restartedBeside(true)).toEqual([expect.stringContaining('though it is paused')]);
});

test('a second container that keeps its image needs no leave', async () => {
  expect(await restartedBeside(false)).toEqual([]);
});
