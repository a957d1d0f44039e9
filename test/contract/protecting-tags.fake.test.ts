import type { Artifact } from '../../shared/domain/image/image.ts';
import { FakeProtectingTags } from '../support/fakes/protecting-tags.ts';
import { FakeRegistry } from '../support/fakes/registry.ts';
import { digestOf, NOON_EPOCH_MS } from '../support/samples.ts';
import { type ProtectingTagsWorld, protectingTagsContract } from './protecting-tags.contract.ts';

const unreachable = { account: '999999999999', region: 'eu-west-1', repository: 'team/a' };
const registry = new FakeRegistry().deny(unreachable);
let accounts = 100_000_000_000;

const world: ProtectingTagsWorld = {
  tags: new FakeProtectingTags(registry, () => NOON_EPOCH_MS),
  unreachable,
  newRepository: async () => {
    const location = { ...unreachable, account: String(++accounts) };
    registry.create(location);
    return location;
  },
  push: async (location, { name, tags }) => {
    const digest = digestOf(name);
    const artifact: Artifact = {
      ...{ kind: 'image', digest, mediaType: 'image', configDigest: digest, layers: [], annotations: {} },
    };
    registry.push(location, { artifact, tags, pushedAtEpochMs: NOON_EPOCH_MS });
    return digest;
  },
  tagsOf: async (location, digest) => registry.keptIn(location)?.find((image) => image.digest === digest)?.tags,
};

protectingTagsContract(() => world);
