/** Small valid records for tests: one perfect object, of which a test changes what it is about. */

import { createHash } from 'node:crypto';
import type { ImageLineage } from '../../shared/domain/age/image-lineage.ts';
import type { Cause } from '../../shared/domain/cause/cause.ts';
import type { Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import type { ImageProperties, LocationRecord } from '../../shared/domain/image/image-properties.ts';
import type { Usage } from '../../shared/domain/image/usage.ts';
import type { ReviewRecord } from '../../shared/domain/review/run.ts';
import type { Finding } from '../../shared/domain/scan/finding.ts';
import type { StreamRecord } from '../../shared/domain/stream/stream-record.ts';
import type { Reason, Verdict } from '../../shared/domain/verdict/verdict.ts';
import type { Judgement } from '../../shared/ports/ledger.ts';

/** 2026-11-24T03:00:00Z */
export const NOON_EPOCH_MS = 1_795_489_200_000;
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

const digestsByName = new Map<string, Digest>();

/** The same digest for the same name; tests ask for few of them, very often. */
export function digestOf(name: string): Digest {
  const known = digestsByName.get(name);
  if (known) return known;
  const digest: Digest = `sha256:${createHash('sha256').update(name).digest('hex')}`;
  digestsByName.set(name, digest);
  return digest;
}

export const LOCATION: ImageLocation = {
  account: '111122223333',
  region: 'eu-west-1',
  repository: 'team/payments-api',
};

export const imageProperties = (name: string, changes: Partial<ImageProperties> = {}): ImageProperties => ({
  digest: digestOf(name),
  tier: 'application',
  stream: '111122223333/eu-west-1/team/payments-api:^v.*$',
  owner: 'payments',
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
  platform: 'linux/arm64',
  birth: {
    known: true,
    bornAtEpochMs: NOON_EPOCH_MS - 10 * DAY_MS,
    evidence: [{ kind: 'config-created', atEpochMs: NOON_EPOCH_MS - 10 * DAY_MS }],
  },
  locations: [LOCATION],
  ...changes,
});

/** The lineage of an image was read, and no known image is below it: its own birth counts. */
export const alone = ({ digest, birth }: Pick<ImageProperties, 'digest' | 'birth'>): ImageLineage => ({
  age: birth.known
    ? { known: true, bornAtEpochMs: birth.bornAtEpochMs, decidedBy: digest }
    : { known: false, unknown: [digest] },
});

export const verdict = (status: Verdict['status'], changes: Partial<Verdict> = {}): Verdict => ({
  status,
  reasons: status === 'compliant' ? [] : [findingReason(1)],
  policyVersion: 'policy-1',
  ...changes,
});

export const findingReason = (number: number): Reason & { readonly kind: 'finding' } => ({
  ruleId: 'critical',
  effect: 'violates',
  kind: 'finding',
  vulnerability: `CVE-2026-${String(number).padStart(5, '0')}`,
  package: `libexample${number % 300}`,
  version: `3.0.${number}-1`,
  severity: 'critical',
  fix: 'unknown',
  firstSeenAtEpochMs: NOON_EPOCH_MS - number * 1000,
});

export const finding = (number: number): Finding => ({
  vulnerability: `CVE-2026-${String(number).padStart(5, '0')}`,
  package: `libexample${number % 300}`,
  version: `3.0.${number}-1`,
  severity: 'high',
  fix: 'unknown',
  uri: `https://security.example/CVE-2026-${number}`,
});

/** A complete scan and its verdict; both instants are the same unless given. */
export const judgement = (name: string, atEpochMs: number, changes: Partial<Judgement> = {}): Judgement => ({
  digest: digestOf(name),
  scan: { state: 'complete', completedAtEpochMs: atEpochMs, coverage: ['os'] },
  verdict: verdict('violating'),
  findingsFingerprint: `fingerprint-${atEpochMs}`,
  findingsCount: 1,
  judgedAtEpochMs: atEpochMs,
  ...changes,
});

export const place = (name: string, changes: Partial<LocationRecord> = {}): LocationRecord => ({
  digest: digestOf(name),
  location: LOCATION,
  tags: ['v1'],
  firstPushSeenAtEpochMs: NOON_EPOCH_MS,
  lastPushSeenAtEpochMs: NOON_EPOCH_MS,
  ...changes,
});

export const usage = (name: string, changes: Partial<Usage> = {}): Usage => ({
  digest: digestOf(name),
  account: '111122223333',
  region: 'eu-west-1',
  cluster: 'prod',
  workloadKind: 'ecs-service',
  workload: 'payments-api',
  container: 'app',
  reference: '111122223333.dkr.ecr.eu-west-1.amazonaws.com/team/payments-api:v1',
  digestSource: 'runtime',
  count: 2,
  ...changes,
});

export const stream = (changes: Partial<StreamRecord> = {}): StreamRecord => ({
  stream: '111122223333/eu-west-1/team/payments-api:^v.*$',
  tier: 'application',
  owner: 'payments',
  location: LOCATION,
  headTag: '^v.*$',
  head: { images: { 'linux/arm64': digestOf('head') } },
  ...changes,
});

export const cause = (name: string, changes: Partial<Cause> = {}): Cause => ({
  stream: name,
  facts: [{ kind: 'age', ruleId: 'age-application', sinceEpochMs: NOON_EPOCH_MS }],
  sinceEpochMs: NOON_EPOCH_MS,
  version: 1,
  state: 'open',
  ...changes,
});

export const review = (runId: string, changes: Partial<ReviewRecord> = {}): ReviewRecord => ({
  runId,
  mode: 'review',
  scopeKey: 'fleet',
  policyVersion: 'policy-1',
  state: 'running',
  startedAtEpochMs: NOON_EPOCH_MS,
  leaseUntilEpochMs: NOON_EPOCH_MS + 6 * HOUR_MS,
  ...changes,
});
