import type { Artifact } from '../../shared/domain/image/image.ts';
import { FakeRegistry } from '../support/fakes/registry.ts';
import { digestOf } from '../support/samples.ts';
import { type ContractPush, type RegistryWorld, registryContract } from './registry.contract.ts';

const unreachable = { account: '999999999999', region: 'eu-west-1', repository: 'team/a' };
const registry = new FakeRegistry().deny(unreachable);
let accounts = 100_000_000_000;

const world: RegistryWorld = {
  registry,
  unreachable,
  newRepository: async (repository) => {
    const location = { account: String(++accounts), region: 'eu-west-1', repository };
    registry.create(location);
    return location;
  },
  createRepository: async (location) => void registry.create(location),
  push: async (location, push) => {
    const { createdEpochMs, labels = {}, user = '', tags, pushedAtEpochMs } = push;
    const config = {
      platform: 'linux/amd64' as const,
      labels,
      user,
      diffIds: [digestOf(`${push.name} content`)],
      history: [{ createdBy: `COPY ${push.name}` }],
      ...(createdEpochMs !== undefined && { createdAtEpochMs: createdEpochMs }),
    };
    const artifact = artifactOf(push);
    const systemFiles = { files: { 'etc/os-release': 'ID=debian\nVERSION_ID="12"\n' } };
    registry.push(location, { artifact, tags, pushedAtEpochMs, config, systemFiles });
    registry.attest(digestOf(`${push.name} attestation`), { finishedAtEpochMs: pushedAtEpochMs, materials: [] });
    return { artifact, config };
  },
  delete: async (location, digest) => void registry.delete(location, digest),
  archive: async (location, digest) => void registry.archive(location, digest),
};

function artifactOf({ name, index, format = 'oci' }: ContractPush): Artifact {
  if (index === undefined) {
    return {
      kind: 'image',
      digest: digestOf(name),
      mediaType: `application/${format}`,
      configDigest: digestOf(`${name} config`),
      layers: [digestOf(`${name} layer`)],
      annotations: {},
    };
  }
  const [digest, attestation] = [digestOf(`${name} child`), digestOf(`${name} attestation`)];
  const child = { digest, platform: 'linux/amd64' as const };
  const children = {
    images: [{ ...child, attestation }],
    ...{ 'attestations-only': [], empty: [] },
    'without-platform': [{ ...child, path: [{ at: 0 }] }],
    nested: [{ ...child, path: [{ at: 0 }, { at: 0, platform: child.platform }] }],
  }[index];
  return { kind: 'index', digest: digestOf(name), mediaType: 'application/index', children };
}

registryContract(() => world);
