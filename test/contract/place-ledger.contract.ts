import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import type { FleetPlaces, PlaceLedger, RecordedIndexes } from '../../shared/ports/ledger.ts';
import { digestOf, LOCATION, NOON_EPOCH_MS, place } from '../support/samples.ts';
import { fc } from '../support/seeded.ts';
import type { Contract } from './contract.ts';

const NOW = NOON_EPOCH_MS;
const at = (firstPushSeenAtEpochMs: number, lastPushSeenAtEpochMs = firstPushSeenAtEpochMs) => ({
  firstPushSeenAtEpochMs,
  lastPushSeenAtEpochMs,
});

export function placeLedgerContract({
  make,
  propertyRuns,
}: Contract<PlaceLedger & FleetPlaces & RecordedIndexes>): void {
  test('an image has no place before one is recorded', async () => {
    const ledger = await make();
    expect(await ledger.locations(digestOf('a'))).toEqual([]);
    expect(await ledger.lastPushed(LOCATION, 'v1')).toBeUndefined();
  });

  test('tags are added, the span of pushes is widened, nothing narrows it', async () => {
    const ledger = await make();
    await ledger.recordLocation(place('a', { tags: ['v1'], ...at(NOW) }));
    await ledger.recordLocation(place('a', { tags: ['latest'], ...at(NOW - 5, NOW + 5) }));
    await ledger.recordLocation(place('a', { tags: [], ...at(NOW - 1, NOW + 1) }));
    await ledger.recordLocation({ digest: digestOf('a'), location: LOCATION, tags: ['v1'] });
    expect(await ledger.locations(digestOf('a'))).toEqual([
      place('a', { tags: ['latest', 'v1'], ...at(NOW - 5, NOW + 5) }),
    ]);
  });

  test('an image that existed before its first seen push says so, in any order', async () => {
    const seen = place('a', { tags: ['v1'], ...at(NOW) });
    const there = (thereSinceEpochMs: number) => ({
      digest: seen.digest,
      location: LOCATION,
      tags: [],
      thereSinceEpochMs,
    });
    const after = async (...records: readonly Parameters<PlaceLedger['recordLocation']>[0][]) => {
      const ledger = await make();
      for (const record of records) await ledger.recordLocation(record);
      return (await ledger.locations(seen.digest))[0]?.thereSinceEpochMs;
    };
    expect(await after(there(NOW - 5), there(NOW - 3), seen)).toBe(NOW - 5);
    expect(await after(seen, there(NOW - 3), there(NOW - 5))).toBe(NOW - 5);
    expect(await after(there(NOW + 3), seen)).toBeUndefined();
    expect(await after(seen, there(NOW + 3))).toBeUndefined();
    expect(await after(there(NOW - 5), seen, { ...seen, ...at(NOW - 7) })).toBeUndefined();
  });

  test('a digest in two registries has two places', async () => {
    const ledger = await make();
    const other = { ...LOCATION, account: '444455556666' };
    await ledger.recordLocation(place('a', { location: other }));
    await ledger.recordLocation(place('a'));
    expect((await ledger.locations(digestOf('a'))).map(({ location }) => location)).toEqual([LOCATION, other]);
  });

  test('a tag means what was pushed last under it, in its own repository', async () => {
    const ledger = await make();
    await ledger.recordLocation(place('new', { ...at(NOW + 1) }));
    await ledger.recordLocation(place('old', { ...at(NOW) }));
    await ledger.recordLocation(place('timeless', { location: LOCATION }));
    await ledger.recordLocation({ digest: digestOf('undated'), location: LOCATION, tags: ['v1'] });
    expect(await ledger.lastPushed(LOCATION, 'v1')).toBe(digestOf('new'));
    expect(await ledger.lastPushed({ ...LOCATION, repository: 'other' }, 'v1')).toBeUndefined();
  });

  test('a tag leaves the image that had it, comes back to it, and says since when', async () => {
    const ledger = await make();
    const pushed = (name: string, instant: number) => ledger.recordLocation(place(name, at(instant)));
    const held = async () => (await ledger.holders(LOCATION, ['v1', 'v9'])).get('v1');
    expect(await pushed('old', NOW)).toEqual(new Map([['v1', NOW]]));
    expect(await pushed('new', NOW + 5)).toEqual(new Map([['v1', NOW + 5]]));
    expect(await pushed('old', NOW)).toEqual(new Map());
    expect(await held()).toEqual({ digest: digestOf('new'), pushedAtEpochMs: NOW + 5 });
    expect(await pushed('old', NOW + 9)).toEqual(new Map([['v1', NOW + 9]]));
    await pushed('new', NOW + 5);
    expect(await held()).toEqual({ digest: digestOf('old'), pushedAtEpochMs: NOW + 9 });
  });

  test('a listing shows tags without an event, and images that lost their tags', async () => {
    const ledger = await make();
    const listed = (name: string, tags: readonly string[], listedAt: number) =>
      ledger.recordLocation(place(name, { tags, ...at(name === 'old' ? NOW : NOW + 5) }), listedAt);
    await listed('old', [], NOW + 10);
    await listed('new', ['v1', 'v2'], NOW + 10);
    expect(await listed('old', ['v1'], NOW + 20)).toEqual(new Map([['v1', NOW + 20]]));
    await listed('new', [], NOW + 20);
    const holders = await ledger.holders(LOCATION, ['v1', 'v2']);
    expect(holders.get('v1')).toEqual({ digest: digestOf('old'), pushedAtEpochMs: NOW + 20 });
    expect(holders.get('v2')).toMatchObject({ digest: digestOf('new'), goneAtEpochMs: NOW + 20 });
    expect(await listed('new', ['v2'], NOW + 15)).toEqual(new Map());
    expect(await ledger.locations(digestOf('new'))).toMatchObject([{ tags: ['v1', 'v2'] }]);
  });

  test('two pushes of a tag at the same instant: the greater digest counts, in any order', async () => {
    const [less = '', greater = ''] = ['a', 'b'].sort((one, other) => (digestOf(one) < digestOf(other) ? -1 : 1));
    for (const order of [
      [less, greater],
      [greater, less],
    ]) {
      const ledger = await make();
      for (const name of order) await ledger.recordLocation(place(name));
      expect(await ledger.lastPushed(LOCATION, 'v1')).toBe(digestOf(greater));
    }
  });

  test('pushes seen in any order converge', async () => {
    const pushes = fc.array(
      fc.record({
        name: fc.constantFrom('a', 'b', 'c'),
        tags: fc.uniqueArray(fc.constantFrom('v1', 'v2', 'latest')),
        at: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(pushes, async (seen) => {
        const outcomes = [];
        for (const order of [seen, [...seen].reverse()]) {
          const ledger = await make();
          for (const push of order) {
            await ledger.recordLocation(place(push.name, { tags: push.tags, ...at(NOW + push.at) }));
          }
          outcomes.push({
            places: await Promise.all(['a', 'b', 'c'].map((name) => ledger.locations(digestOf(name)))),
            tags: await Promise.all(['v1', 'v2', 'latest'].map((tag) => ledger.lastPushed(LOCATION, tag))),
            holders: await ledger.holders(LOCATION, ['v1', 'v2', 'latest']),
          });
        }
        expect(outcomes[1]).toEqual(outcomes[0]);
      }),
      { numRuns: propertyRuns },
    );
  });

  test('pushes of a tag are remembered with their instants, each once, the oldest first', async () => {
    const ledger = await make();
    expect(await ledger.pushesOf(LOCATION, 'v1')).toEqual([]);
    const pushes = [
      { digest: digestOf('new'), atEpochMs: NOW + 1 },
      { digest: digestOf('old'), atEpochMs: NOW },
    ];
    for (const push of [...pushes, ...pushes]) await ledger.recordPush(LOCATION, 'v1', push);
    expect(await ledger.pushesOf(LOCATION, 'v1')).toEqual(pushes.toReversed());
    expect(await ledger.pushesOf(LOCATION, 'v2')).toEqual([]);
    // What a listing shows tells no instant at which a tag came to an image.
    await ledger.recordLocation(place('listed', { tags: ['v2'], ...at(NOW) }));
    expect(await ledger.pushesOf(LOCATION, 'v2')).toEqual([]);
    expect(await ledger.lastPushed(LOCATION, 'v1')).toBeUndefined();
  });

  test('many pushes of a tag: the last hundred are kept', async () => {
    const ledger = await make();
    for (let n = 0; n < 110; n += 1)
      await ledger.recordPush(LOCATION, 'v1', { digest: digestOf(`image-${n}`), atEpochMs: NOW + n });
    const pushes = await ledger.pushesOf(LOCATION, 'v1');
    expect(pushes).toHaveLength(100);
    expect(pushes[0]).toEqual({ digest: digestOf('image-10'), atEpochMs: NOW + 10 });
  });

  test('locations of many images come back at once, those of the places that are named', async () => {
    const ledger = await make();
    const elsewhere = { ...LOCATION, repository: 'team/copy' };
    const names = Array.from({ length: 150 }, (_, n) => `image-${n}`);
    await mapConcurrently(names, 16, (name) => ledger.recordLocation(place(name)));
    await ledger.recordLocation(place('image-0', { location: elsewhere, tags: ['v2'] }));
    const images = names.map((name) => ({ digest: digestOf(name), locations: [LOCATION, elsewhere] }));
    const found = await ledger.locationsOf([...images, { digest: digestOf('unknown'), locations: [LOCATION] }]);
    expect(found.size).toBe(150);
    expect(found.get(digestOf('image-0'))).toEqual(await ledger.locations(digestOf('image-0')));
    expect(found.get(digestOf('image-7'))).toEqual([place('image-7')]);
    expect(await ledger.locationsOf([{ digest: digestOf('image-0'), locations: [] }])).toEqual(new Map());
  });

  test('indexes come back with their children; an empty one is known to be empty', async () => {
    const ledger = await make();
    const children = [
      { digest: digestOf('arm'), platform: 'linux/arm64/v8' as const },
      { digest: digestOf('amd'), platform: 'linux/amd64' as const },
    ];
    await ledger.recordIndex(digestOf('index'), children, NOW);
    await ledger.recordIndex(digestOf('empty'), [], NOW);
    expect(await ledger.indexes([digestOf('index'), digestOf('empty'), digestOf('unknown')])).toEqual(
      new Map([
        [digestOf('index'), children],
        [digestOf('empty'), []],
      ]),
    );
    expect(await ledger.indexStates([digestOf('index'), digestOf('unknown')])).toEqual(
      new Map([[digestOf('index'), { children, isOutdated: false, recordedAtEpochMs: NOW }]]),
    );
  });

  test('an index that cannot be followed any more has no images, and is outdated until it is recorded again', async () => {
    const ledger = await make();
    const children = [{ digest: digestOf('a'), platform: 'linux/amd64' as const, path: [{ at: 1 }] }];
    const [index] = [digestOf('index')];
    await ledger.recordIndex(index, children, NOW - 1);
    await ledger.recordIndex(index, undefined, NOW);
    expect(await ledger.indexes([index])).toEqual(new Map([[index, []]]));
    expect(await ledger.indexStates([index])).toEqual(
      new Map([[index, { children: [], isOutdated: true, recordedAtEpochMs: NOW - 1 }]]),
    );
    expect((await collect(ledger.recordedSince(NOW))).flat()).toEqual([]);
    await ledger.recordIndex(index, children, NOW);
    expect(await ledger.indexStates([index])).toEqual(
      new Map([[index, { children, isOutdated: false, recordedAtEpochMs: NOW - 1 }]]),
    );
  });

  test('indexes are listed by their first recording', async () => {
    const ledger = await make();
    const children = (name: string) => [{ digest: digestOf(name), platform: 'linux/amd64' as const }];
    await ledger.recordIndex(digestOf('old'), children('a'), NOW - 10);
    await ledger.recordIndex(digestOf('old'), children('a'), NOW);
    await ledger.recordIndex(digestOf('new'), children('b'), NOW - 5);
    const since = async (epochMs: number) => (await collect(ledger.recordedSince(epochMs))).flat().sort();
    const digests = (...names: readonly string[]) => names.map(digestOf).sort();
    expect(await since(NOW - 10)).toEqual(digests('old', 'new'));
    expect(await since(NOW - 9)).toEqual(digests('new'));
    expect(await since(NOW - 4)).toEqual([]);
    await ledger.recordIndex(digestOf('old'), children('c'), NOW + 4);
    await ledger.indexStates([digestOf('old'), digestOf('new')]);
    expect(await since(NOW - 4)).toEqual([]);
    expect(await since(NOW - 5)).toEqual(digests('new'));
    expect(await ledger.indexes([digestOf('old'), digestOf('unknown')])).toEqual(
      new Map([[digestOf('old'), children('c')]]),
    );
  });

  test('many indexes are listed, each once', async () => {
    const ledger = await make();
    const names = Array.from({ length: 150 }, (_, n) => `index-${n}`);
    await mapConcurrently(names, 16, (name) => ledger.recordIndex(digestOf(name), [], NOW));
    const listed = (await collect(ledger.recordedSince(NOW))).flat();
    expect(listed.sort()).toEqual(names.map(digestOf).sort());
  });
}
