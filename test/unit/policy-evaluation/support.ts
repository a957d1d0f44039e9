import type { ReviewBatch } from '../../../functions/policy-evaluation/input.ts';
import type { JudgeBatchPorts } from '../../../functions/policy-evaluation/judge-batch.ts';
import type { Digest, ImageLocation } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import { type PolicyDocument, policySchema } from '../../../shared/domain/policy/policy.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import { parse } from '../../../shared/schema.ts';
import { fakeWorld, START_EPOCH_MS } from '../../support/fakes/world.ts';
import { alone } from '../../support/samples.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const first: ImageLocation = { account: '111122223333', region: 'us-east-1', repository: 'apps/web' };
export const second: ImageLocation = { account: '444455556666', region: 'eu-west-1', repository: 'apps/web' };
export const STREAM = '111122223333/us-east-1/apps/web:^v1$';

export const digestOf = (number: number): Digest => `sha256:${number.toString(16).padStart(64, '0')}`;

export const policyDocument: PolicyDocument = {
  version: 1,
  ages: { default: { limitDays: 30 } },
  streams: [],
  severities: [
    { id: 'no-critical', severities: ['critical'], graceDays: 0 },
    { id: 'high-in-a-week', severities: ['high'], graceDays: 7 },
  ],
};

export const finding = (vulnerability: string, severity: Finding['severity'] = 'critical'): Finding => ({
  vulnerability,
  package: 'openssl',
  version: '3.0.1',
  severity,
  fix: 'unknown',
});

export const factsOf = (digest: Digest, overrides: Partial<ImageProperties> = {}): ImageProperties => ({
  digest,
  tier: 'application',
  stream: STREAM,
  birth: { known: true, bornAtEpochMs: START_EPOCH_MS - 3 * DAY_MS, evidence: [] },
  locations: [first],
  ...overrides,
});

export type World = Awaited<ReturnType<typeof worldWith>>;

/** A world with a policy in force, whose clock moves when somebody waits. */
export async function worldWith(document: PolicyDocument = policyDocument) {
  const world = fakeWorld();
  const policyVersion = await world.policies.publish(parse(policySchema, document), {});
  const waits: number[] = [];
  const ports: JudgeBatchPorts = {
    ...world,
    retry: {
      attempts: 4,
      wait: async (attempt) => {
        waits.push(attempt);
      },
    },
  };
  return { ...world, ports, policyVersion, waits };
}

/** An image in use that its registries keep, and whose lineage was read. */
export async function runs(world: World, digest: Digest, overrides: Partial<ImageProperties> = {}): Promise<void> {
  const properties = factsOf(digest, overrides);
  for (const location of properties.locations) {
    world.registry.push(location, {
      artifact: {
        ...{ kind: 'image', digest, layers: [], annotations: {}, configDigest: digest },
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
      },
      pushedAtEpochMs: START_EPOCH_MS - 3 * DAY_MS,
    });
  }
  await world.images.recordProperties(properties);
  await world.images.recordLineage(digest, alone(properties));
  await world.images.recordPresence(digest, { inUse: true });
}

/** The claim and the request, as scan-trigger makes them. */
export async function ask(world: World, digest: Digest, location = first): Promise<void> {
  const now = world.clock();
  await world.images.claimScan(digest, { runId: 'run-1', atEpochMs: now, notSinceEpochMs: now - DAY_MS + 1 });
  await world.scanner.start(location, digest);
}

export const batchOf = (
  { policyVersion }: World,
  digests: Digest[],
  overrides: Partial<ReviewBatch> = {},
): ReviewBatch => ({
  runId: 'run-1',
  mode: 'review',
  policyVersion,
  startedAtEpochMs: START_EPOCH_MS,
  batch: '0001',
  digests,
  ...overrides,
});

/** A port with some of its methods replaced. */
export const replaced = <Port extends object>(port: Port, methods: Partial<Port>): Port =>
  new Proxy(port, {
    get: (target, name) => {
      const member: unknown = Reflect.get(name in methods ? methods : target, name);
      return typeof member === 'function' ? member.bind(target) : member;
    },
  });
