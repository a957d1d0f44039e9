import { jest } from '@jest/globals';
import { collect } from '../../../shared/concurrency.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { UNREADABLE_ITEM } from '../../../shared/domain/image/image-properties.ts';
import type { PolicyDocument } from '../../../shared/domain/policy/policy.ts';
import { protectingTag } from '../../../shared/domain/retention/protecting-tag.ts';
import { logger } from '../../../shared/lambda/powertools.ts';
import type { FakeWorld } from '../../support/fakes/world.ts';
import { digestOf } from '../../support/samples.ts';
import { expire, keep, look, olderThan, placeOf, protectionWorld, run, SCOPE } from './support.ts';

/* An item that cannot be read takes the protection of no image that is in use. */

beforeEach(() => {
  jest.spyOn(logger, 'error').mockImplementation(() => undefined);
  jest.spyOn(logger, 'info').mockImplementation(() => undefined);
});
afterEach(() => jest.restoreAllMocks());

const APPS = placeOf('team/app');
const BASES = placeOf('team/base');
const ACTING: Partial<PolicyDocument> = {
  ...{ protection: 'tag', mode: 'enforce' },
  streams: [
    {
      ...{ id: 'apps', tier: 'application', account: APPS.account, regions: [APPS.region], repositories: ['team/*'] },
      ...{ headTags: ['^v.*$'], owner: 'team' },
    },
  ],
};

/** An application on a base, both with a protecting tag beside another one. The service that runs it ends. */
async function unusedWorld() {
  const world = await protectionWorld(ACTING);
  await keep(world, BASES, 'base', { tags: ['v1', protectingTag(digestOf('base'))] });
  await keep(world, APPS, 'app', { tags: ['v1', protectingTag(digestOf('app'))], on: 'base' });
  await run(world, APPS, 'app');
  for (const location of [APPS, BASES]) world.lifecycles.set(location, [expire(5, olderThan(300))]);
  await look(world);
  await world.usages.end(await collect(world.usages.live(SCOPE)), world.clock());
  return world;
}

const takenIn = ({ tags }: FakeWorld) => tags.taken.toSorted();

test('tags of images that no workload runs are removed', async () => {
  const world = await unusedWorld();
  await look(world);
  expect(takenIn(world)).toEqual(['app', 'base'].map((name) => protectingTag(digestOf(name))).sort());
});

test.each(['live', 'left', 'unread'] as const)(
  'an unreadable usage keeps the tags of its image and of the ancestors (%s)',
  async (scope) => {
    const world = await unusedWorld();
    if (scope === 'left')
      await world.scopes.record({ scope: SCOPE, left: { atEpochMs: world.clock(), usages: 1, isMoved: true } });
    if (scope === 'unread') await world.scopes.record({ scope: SCOPE, isUnreadable: true });
    world.usages.corrupt(SCOPE, digestOf('app'), scope === 'live' ? 'live' : 'left');
    const { expiries, error } = await look(world);
    expect(error).toBeUndefined();
    expect(takenIn(world)).toEqual([]);
    expect(expiries).toEqual([
      expect.objectContaining({
        ...{ digest: digestOf('app'), location: APPS, use: 'running' },
        expiryState: {
          state: 'unknown',
          reason: expect.stringContaining(`IMAGE#${digestOf('app')} / USE#web: count is a text`),
        },
      }),
    ]);
  },
);

test('an expiry by its own tag is recorded first', async () => {
  const world = await unusedWorld();
  world.lifecycles.set(APPS, [expire(5, olderThan(12))]);
  world.usages.corrupt(SCOPE, digestOf('app'));
  expect((await look(world)).expiries).toMatchObject([{ digest: digestOf('app'), expiryState: { state: 'expires' } }]);
});

test('an unreadable item of an image in use keeps every tag, because the image may be built on any image, and fails the check', async () => {
  const world = await unusedWorld();
  await keep(world, APPS, 'other', { tags: ['v2'] });
  await run(world, APPS, 'other', ':v2');
  const images = {
    get: async (digests: readonly Digest[]) =>
      new Map(
        [...(await world.images.get(digests))].map(([digest, { lineage: _, ...record }]) => [
          digest,
          { ...record, locations: [], unresolved: { code: UNREADABLE_ITEM, detail: '' } },
        ]),
      ),
  };
  const { error, checks } = await look(world, { ports: { images } });
  expect(takenIn(world)).toEqual([]);
  expect(error).toMatchObject({ name: 'UsedImagesUnreadableError' });
  expect(error?.message).toContain(`1 image in use. The first is IMAGE#${digestOf('other')} / IMAGE`);
  expect(checks.map(({ location }) => location)).toEqual(expect.arrayContaining([APPS, BASES]));
});
