import type { Artifact } from '../../shared/domain/image/image.ts';
import { FakeRegistry } from '../support/fakes/registry.ts';
import { FakeTagger } from '../support/fakes/tagger.ts';
import { digestOf, NOON_EPOCH_MS } from '../support/samples.ts';
import { type TaggerWorld, taggerContract } from './tagger.contract.ts';

const unreachable = { account: '999999999999', region: 'eu-west-1', repository: 'team/a' };
const registry = new FakeRegistry().deny(unreachable);
const tagger = new FakeTagger(registry, () => NOON_EPOCH_MS);
let accounts = 100_000_000_000;

const world: TaggerWorld = {
  tagger,
  unreachable,
  newRepository: async ({ immutable = false } = {}) => {
    const location = { ...unreachable, account: String(++accounts) };
    registry.create(location);
    if (immutable) tagger.freeze(location);
    return location;
  },
  push: async (location, { name, tags, index }) => {
    const digest = digestOf(name);
    const mediaType = 'application/oci';
    const artifact: Artifact = index
      ? { kind: 'index', digest, mediaType, children: [] }
      : { kind: 'image', digest, mediaType, configDigest: digestOf(`${name} config`), layers: [], annotations: {} };
    registry.push(location, { artifact, tags, pushedAtEpochMs: NOON_EPOCH_MS });
    return digest;
  },
  resolve: (location, tag) => registry.resolveTag(location, tag),
};

taggerContract(() => world);

test('only tags that moved are counted', async () => {
  const location = await world.newRepository();
  const digest = await world.push(location, { name: 'a', tags: [] });
  const before = tagger.moved.length;
  await tagger.tag(location, digest, 'v1');
  await tagger.tag(location, digest, 'v1');
  expect(tagger.moved.slice(before)).toEqual([{ place: location, digest, tag: 'v1' }]);
});
