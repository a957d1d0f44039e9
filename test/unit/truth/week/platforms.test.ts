import '../quiet.ts';
import { collect } from '../../../../shared/concurrency.ts';
import { HOME, WeekWorld } from './world.ts';

/* An index of two platforms that was pushed before Patchwave came, on nodes of one platform. */

const BEGAN_EPOCH_MS = Date.UTC(2026, 10, 20, 2);
const HOUR_MS = 3_600_000;
const TEXT = {
  ...{ graceRunningDays: 7, ageLimitDays: 30, findingGraceDays: 0, staleScanHours: 48 },
  ...{ rules: [], unapproved: [] },
};

async function reviewed(place: string, kind: 'eks-deployment' | 'ecs-service', mode: 'deny' | 'off') {
  const world = new WeekWorld(1, BEGAN_EPOCH_MS);
  await world.applyPolicy({ ...TEXT, warns: [], ...(mode === 'off' && { isOff: true }) });
  const image = world.push({ name: 'web-v1', isIndex: true, repository: 'apps/web' });
  world.begin({ workload: 'web', kind }, place, image.digest, BEGAN_EPOCH_MS - HOUR_MS);
  world.clockwork.at(BEGAN_EPOCH_MS + HOUR_MS, () => world.review());
  await world.runUntil(BEGAN_EPOCH_MS + 3 * HOUR_MS);
  const scope = kind === 'ecs-service' ? HOME : { ...HOME, eksCluster: 'prod' };
  const usages = await collect(world.fakes.usages.live(scope));
  return { world, image, possible: usages.filter(({ isPossible }) => isPossible).map(({ digest }) => digest) };
}

test.each([
  ['prod/shop', 'eks-deployment'],
  ['main', 'ecs-service'],
] as const)('in %s the images for other nodes may start, and are scanned and judged', async (place, kind) => {
  const { world, image, possible } = await reviewed(place, kind, 'deny');
  const [own, other] = image.contents;
  expect(possible).toEqual([other]);
  const verdicts = [...world.fakes.images.records].map(([digest, { verdict }]) => [digest, verdict?.status]);
  expect(new Map(verdicts as [string, string][])).toEqual(
    new Map([
      [own, 'compliant'],
      [other, 'compliant'],
    ]),
  );
  expect(await world.ask(place, image, 'web')).toMatchObject({ decision: 'allow' });
});

test('where no door judges, nothing is read or scanned besides what runs', async () => {
  const { world, image, possible } = await reviewed('prod/shop', 'eks-deployment', 'off');
  expect(possible).toEqual([]);
  expect([...world.fakes.images.records.keys()]).toEqual([image.contents[0]]);
});
