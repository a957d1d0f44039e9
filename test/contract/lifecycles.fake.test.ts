import type { Artifact } from '../../shared/domain/image/image.ts';
import { FakeLifecycles } from '../support/fakes/lifecycles.ts';
import { FakeRegistry } from '../support/fakes/registry.ts';
import { digestOf } from '../support/samples.ts';
import { type LifecyclesWorld, lifecyclesContract } from './lifecycles.contract.ts';

const unreachable = { account: '999999999999', region: 'eu-west-1', repository: 'team/a' };
const registry = new FakeRegistry().deny(unreachable);
const lifecycles = new FakeLifecycles(registry);
let accounts = 100_000_000_000;

const world: LifecyclesWorld = {
  lifecycles,
  unreachable,
  newRepository: async () => {
    const location = { ...unreachable, account: String(++accounts) };
    registry.create(location);
    return location;
  },
  setPolicy: async (location, text) => void lifecycles.set(location, text),
  push: async (location, { name, tags, pushedAtEpochMs, index }) => {
    const digest = digestOf(name);
    const artifact: Artifact = index
      ? { kind: 'index', digest, mediaType: 'index', children: [] }
      : { kind: 'image', digest, mediaType: 'image', configDigest: digestOf('config'), layers: [], annotations: {} };
    registry.push(location, { artifact, tags, pushedAtEpochMs });
    return digest;
  },
  archive: async (location, digest) => void registry.archive(location, digest),
};

lifecyclesContract(() => world);
