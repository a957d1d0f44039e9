import './quiet.ts';
import { HOUR_MS } from '../../support/samples.ts';
import { Features } from './features.ts';
import { HEAD_TAG } from './fleet.ts';
import { Life } from './life.ts';
import { People } from './people.ts';

/**
 * How often teams deploy a service whose second container follows a tag, before they stop.
 * @param isMoved whether the tag of the second container means another image than the one that runs
 */
async function deploymentsOf(isMoved: boolean): Promise<number> {
  const life = new Life(1, new Features(['rollout-restart', 'side-containers']));
  const people = new People(life);
  await life.begin();
  const { ecs, factory, clockwork } = life;
  const sideIn = (name: string) =>
    ecs
      .runningIn(name)
      .find(({ container, reference }) => container === life.names.side && reference.endsWith(`:${HEAD_TAG}`));
  const service = ecs.services.find(sideIn) ?? '';
  const side = sideIn(service);
  if (!side) throw new Error('no service has two containers');
  const [line, main] = [life.line(side.image.line), life.lineOfService(service)];
  await life.publishPolicy({ ...life.policy, rollouts: new Map([[main?.name ?? '', 'none']]) });
  if (isMoved) factory.build(line, [HEAD_TAG], { readAtEpochMs: clockwork.now, fromCache: false });
  for (let day = 0; day < 3; day += 1) {
    people.deployAll();
    await life.runUntil(clockwork.now + 24 * HOUR_MS, () => undefined);
  }
  return ecs.deployments.filter((one) => one.service === service).length;
}

test('a team does not deploy a service again whose containers all run what their references mean', async () => {
  expect(await deploymentsOf(false)).toBe(0);
});

test('a team deploys a service once where the tag of its second container has moved', async () => {
  expect(await deploymentsOf(true)).toBe(1);
});
