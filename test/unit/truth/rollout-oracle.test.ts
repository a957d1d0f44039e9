import './quiet.ts';
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
