import './quiet.ts';
import { serviceFileKey } from '../../../functions/rollout/service-file.ts';
import { serviceKey } from '../../../shared/domain/cause/cascade.ts';
import { restrainedContainer } from '../../../shared/domain/rollout/other-containers.ts';
import { cascade, deployment } from '../../support/rebuild-samples.ts';
import { DAY_MS, HOUR_MS } from '../../support/samples.ts';
import { Features } from './features.ts';
import { HEAD_TAG } from './fleet.ts';
import { referenceOf } from './images.ts';
import { Life } from './life.ts';
import { Oracle } from './oracle.ts';
import { RolloutOracle } from './rollout-oracle.ts';

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

interface Refused {
  /** Whether ECS reports the digest that the second container runs. */
  readonly isDigestTold?: boolean;
  /** Whether an event reported the push of that image before the service was deployed. */
  readonly isPushTold?: boolean;
  readonly daysAgo?: number;
  /** Reason of the refusal; absent for that of the second container. */
  readonly detail?: string;
}

/**
 * A service is refused because of its second container, whose line is paused and which runs what its tag means; the image
 * of its first container is replaced by a fixed one.
 */
async function heldBackBy({ isDigestTold, isPushTold, daysAgo = 0, detail }: Refused): Promise<readonly string[]> {
  const features = new Features(['rollout-register', 'digests-not-reported', 'side-containers']);
  // The second container has a digest in the one, and only an instant of its pull in the other.
  const life = new Life(isDigestTold ? 6 : 7, features);
  await life.begin();
  const { ecs, factory, clockwork, world } = life;
  const service = isDigestTold ? 'app-2-service-1' : 'app-3-service-1';
  const [main, side] = ecs.runningIn(service);
  const [line, paused] = [main, side].map((one) => one && life.line(one.image.line));
  const head = paused && factory.headOf(paused);
  if (!main || !side || !line || !paused || !head) throw new Error('the service has no second container');
  expect([main.shown, side.shown]).toEqual(['digest', isDigestTold ? 'digest' : 'pull']);
  await life.publishPolicy({ ...life.policy, modes: new Map([[paused.name, 'paused']]) });
  factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
  const ref = ecs.refOf(service);
  const [{ createdAtEpochMs } = { createdAtEpochMs: 0 }] = (await world.deployer.describe(ref)).deployments;
  const push = { digest: head.digest, atEpochMs: createdAtEpochMs - HOUR_MS };
  if (isPushTold) await world.places.recordPush(paused.location, HEAD_TAG, push);
  const restraint = { source: paused.stream, by: 'paused' as const };
  const said = restrainedContainer([
    { container: side.container, image: side.reference, means: [head.digest], runs: [], restraint },
  ]);
  const violations: string[] = [];
  const flaw = { id: 'CVE-1', package: 'zlib', severity: 'critical', since: 1, publishedAtEpochMs: 0 } as const;
  const oracle = new RolloutOracle({
    life,
    check: () => undefined,
    violated: (text) => violations.push(text),
    violatingIn: (image) => (image === main.image ? [flaw] : []),
    isLeftToOwner: () => false,
    isCovered: () => true,
  });
  const endedAtEpochMs = clockwork.now - daysAgo * DAY_MS;
  const ended = { state: 'refused' as const, endedAtEpochMs, detail: detail ?? said ?? '' };
  oracle.recorded(undefined, deployment(CASCADE_ID, serviceKey(ref), ended));
  await oracle.atRest();
  return violations.filter((text) => text.startsWith(service));
}

test('a service stays behind where the image of a second container is unknown', async () => {
  expect(await heldBackBy({})).toEqual([]);
});

test.each<[string, Refused]>([
  ['ECS reports the digest of the second container', { isDigestTold: true }],
  ['the push history shows what the second container runs', { isPushTold: true }],
  ['the refusal is three days old', { daysAgo: 3 }],
  ['the refusal has another reason', { detail: 'other-image: something else' }],
])('a refused service that stays behind is found where %s', async (_, refused) => {
  expect(await heldBackBy(refused)).toEqual([expect.stringContaining('still runs')]);
});
