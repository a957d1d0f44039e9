import type { Artifact, ImageLocation } from '../../shared/domain/image/image.ts';
import { FakeRegistry } from '../support/fakes/registry.ts';
import { FakeScanner } from '../support/fakes/scanner.ts';
import { digestOf, NOON_EPOCH_MS } from '../support/samples.ts';
import { type ScannerWorld, scannerContract } from './scanner.contract.ts';

const unreachable = { account: '999999999999', region: 'eu-west-1', repository: 'team/a' };
const registry = new FakeRegistry().deny(unreachable);
const scanner = new FakeScanner(registry, () => NOON_EPOCH_MS);
let accounts = 100_000_000_000;

function newRepository(): ImageLocation {
  const location = { account: String(++accounts), region: 'eu-west-1', repository: 'team/a' };
  registry.create(location);
  return location;
}

const world: ScannerWorld = {
  scanner,
  scans: scanner,
  unreachable,
  newRepository: {
    ecr: async () => newRepository(),
    inspector: async () => {
      const location = newRepository();
      scanner.enhance(location);
      return location;
    },
  },
  limit: async (location, dailyQuota) => void scanner.limit(location, dailyQuota),
  push: async (location, { name, kind = 'image', vulnerabilities = [] }) => {
    const digest = digestOf(`${location.account} ${name}`);
    registry.push(location, { artifact: artifact(digest, kind === 'index'), pushedAtEpochMs: NOON_EPOCH_MS });
    const openssl = { package: 'openssl', version: '3.0.1-1', severity: 'high', fix: 'unknown' } as const;
    scanner.finds(
      digest,
      vulnerabilities.map((vulnerability) => ({ vulnerability, ...openssl })),
    );
    const unsupported = { state: 'unsupported', reason: 'unsupported-image', detail: 'UNSUPPORTED_IMAGE' } as const;
    if (kind === 'unscannable') scanner.refuses(digest, unsupported);
    if ((await scanner.scanning(location)) === 'continuous') inspect(location, digest, kind === 'unscannable');
    return digest;
  },
  archive: async (location, digest) => void registry.archive(location, digest),
  delete: async (location, digest) => void registry.delete(location, digest),
  use: async (location, digest, use) => void scanner.uses(location, digest, use),
};

/** Amazon Inspector scans what is pushed by itself. */
function inspect(location: ImageLocation, digest: Artifact['digest'], isUnscannable: boolean): void {
  if (isUnscannable) scanner.covers(location, digest, { status: 'INACTIVE', reason: 'UNSUPPORTED_OS' });
  else scanner.inspected(location, digest, NOON_EPOCH_MS, { findings: scanner.findingsOf(digest) });
}

const artifact = (digest: Artifact['digest'], index: boolean): Artifact =>
  index
    ? { kind: 'index', digest, mediaType: 'application/index', children: [] }
    : { kind: 'image', digest, mediaType: 'application/image', configDigest: digest, layers: [], annotations: {} };

scannerContract(() => world);
