import { collect } from '../../shared/concurrency.ts';
import { settleFacts } from '../../shared/domain/cause/cause.ts';
import { CrashError } from '../support/fakes/interleave.ts';
import { isWeather, ServiceError, weathered } from '../support/fakes/weather.ts';
import { fakeWorld } from '../support/fakes/world.ts';
import { closure, lock, STREAM } from '../support/rebuild-samples.ts';
import { cause, digestOf, imageProperties, stream, usage } from '../support/samples.ts';

const SCOPE = { account: '111122223333', region: 'eu-west-1' };

function under(changes: Partial<ReturnType<typeof weathered>['weather']>) {
  const calm = fakeWorld();
  const sky = weathered(calm, 7);
  Object.assign(sky.weather, changes);
  return { calm, ...sky };
}

test('in calm weather a world is as it was', async () => {
  const { calm, world, struck } = under({});
  await world.causes.change('a', () => cause('a'));
  expect(await collect(world.causes.open())).toEqual([cause('a')]);
  expect(await calm.causes.get(['a'])).toEqual(new Map([['a', cause('a')]]));
  expect(Object.values(struck)).toEqual([0, 0, 0, 0, 0]);
});

test('a dead process does nothing; another one does', async () => {
  const { calm, process, weather, struck } = under({ deaths: 1 });
  const dead = process();
  await expect(dead.locks.take(lock('r1'))).rejects.toBeInstanceOf(CrashError);
  weather.deaths = 0;
  await expect(dead.locks.take(lock('r1'))).rejects.toBeInstanceOf(CrashError);
  await expect(collect(dead.locks.all())).rejects.toBeInstanceOf(CrashError);
  expect(await calm.locks.get(STREAM)).toBeUndefined();
  expect(await process().locks.take(lock('r2'))).toMatchObject({ rebuildId: 'r2' });
  expect(struck.deaths).toBe(1);
});

test('a service that fails has done nothing; where its answer is lost it has', async () => {
  const { calm, world, weather } = under({ failures: 1 });
  await expect(world.locks.take(lock('r1'))).rejects.toBeInstanceOf(ServiceError);
  expect(await calm.locks.get(STREAM)).toBeUndefined();
  Object.assign(weather, { failures: 0, lostAnswers: 1 });
  await expect(world.locks.take(lock('r1'))).rejects.toBeInstanceOf(ServiceError);
  expect(await calm.locks.get(STREAM)).toMatchObject({ rebuildId: 'r1' });
});

test('a client whose reply was lost calls again, and gives the second answer', async () => {
  const { world } = under({ repeats: 1 });
  await world.executions.start('c1');
  expect(world.executions.started).toEqual(['c1']);
  await world.refreshes.send([{ kind: 'refresh', stream: STREAM }]);
  expect(world.refreshes.take()).toHaveLength(2);
});

test("a test's own access to a fake is no call", () => {
  const { world } = under({ deaths: 1, failures: 1 });
  expect(world.registry.create(SCOPE_REPOSITORY).isDenied(SCOPE_REPOSITORY)).toBe(false);
});
const SCOPE_REPOSITORY = { ...SCOPE, repository: 'team/base' };

test('weather is known as such, also where another error names it as its cause', () => {
  expect(isWeather(new Error('failed', { cause: new ServiceError('x') }))).toBe(true);
  expect(isWeather(new CrashError('x'))).toBe(true);
  expect(isWeather(new Error('a defect'))).toBe(false);
});

describe('a list that an index answers', () => {
  test.each<
    [
      string,
      (world: ReturnType<typeof fakeWorld>) => Promise<unknown>,
      (world: ReturnType<typeof fakeWorld>) => Promise<readonly unknown[]>,
    ]
  >([
    ['open causes', (world) => world.causes.change('a', () => cause('a')), (world) => collect(world.causes.open())],
    ['locks', (world) => world.locks.take(lock('r1')), (world) => collect(world.locks.all())],
    [
      'open closures',
      (world) => world.rollouts.openClosure(closure('c1', 'a')),
      (world) => collect(world.rollouts.openClosures()),
    ],
    ['streams', (world) => world.streams.recordStream(stream(), undefined), (world) => collect(world.streams.all())],
    [
      'images by their layers',
      (world) => world.images.recordProperties(imageProperties('a', { tier: 'base', chainId: digestOf('chain') })),
      (world) => world.chains.imagesOf([digestOf('chain')]),
    ],
    ['live usages', (world) => world.usages.record([usage('a')], 0), (world) => collect(world.usages.live(SCOPE))],
  ])('does not show for a second what was just written: %s', async (_, write, list) => {
    const { world } = under({ staleEntries: 1 });
    await write(world);
    expect(await list(world)).toEqual([]);
    world.advance(1000);
    expect(await list(world)).toHaveLength(1);
    await write(world);
    expect(await list(world)).toHaveLength(1);
  });

  test('shows a reopened cause again after a while', async () => {
    const { world } = under({ staleEntries: 1 });
    await world.causes.change('a', () => cause('a'));
    world.advance(1000);
    await world.causes.change('a', (before) => before && settleFacts(before, before.facts));
    expect(await collect(world.causes.open())).toEqual([]);
    await world.causes.change('a', () => cause('a', { version: 2 }));
    expect(await collect(world.causes.open())).toEqual([]);
    world.advance(1000);
    expect(await collect(world.causes.open())).toHaveLength(1);
  });

  test('shows for a second usages that have just ended, of their own scope', async () => {
    const { world } = under({ staleEntries: 1 });
    await world.usages.record([usage('a')], 0);
    world.advance(1000);
    await world.usages.end([usage('a')], 0);
    expect(await collect(world.usages.live(SCOPE))).toEqual([usage('a')]);
    expect(await collect(world.usages.live({ ...SCOPE, region: 'us-east-1' }))).toEqual([]);
    world.advance(1000);
    expect(await collect(world.usages.live(SCOPE))).toEqual([]);
  });
});
