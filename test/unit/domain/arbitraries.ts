import { createHash } from 'node:crypto';
import type { BirthEvidence } from '../../../shared/domain/image/birth.ts';
import { BIRTH_EVIDENCE_KINDS } from '../../../shared/domain/image/birth.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { TIERS } from '../../../shared/domain/image/image.ts';
import type { ImageProperties } from '../../../shared/domain/image/image-properties.ts';
import { SEVERITIES } from '../../../shared/domain/policy/policy-parts.ts';
import type { Finding } from '../../../shared/domain/scan/finding.ts';
import { SCAN_STATES, type ScanState } from '../../../shared/domain/scan/scan.ts';
import { fc } from '../../support/seeded.ts';

export const NOW = Date.UTC(2026, 10, 24, 3);
export const DAY = 86_400_000;
export const HOUR = 3_600_000;

const digestsByName = new Map<string, Digest>();

/** The same digest for the same name; tests ask for few of them, very often. */
export function digestOf(name: string): Digest {
  const known = digestsByName.get(name);
  if (known) return known;
  const digest: Digest = `sha256:${createHash('sha256').update(name).digest('hex')}`;
  digestsByName.set(name, digest);
  return digest;
}

export const digests = fc.nat({ max: 9 }).map((number) => digestOf(String(number)));

/** Instants up to 60 days before and 5 days after now. */
export const instants = fc.integer({ min: NOW - 60 * DAY, max: NOW + 5 * DAY });
export const pastInstants = fc.integer({ min: NOW - 60 * DAY, max: NOW });

export const evidence: fc.Arbitrary<BirthEvidence> = fc.record({
  kind: fc.constantFrom(...BIRTH_EVIDENCE_KINDS),
  atEpochMs: fc.oneof(instants, fc.constantFrom(0, 315_532_800_000, NOW + 400 * DAY)),
});

export const findings: fc.Arbitrary<Finding> = fc.record({
  vulnerability: fc.constantFrom('CVE-2026-1', 'CVE-2026-2', 'CVE-2026-3'),
  package: fc.constantFrom('openssl', 'zlib'),
  version: fc.constantFrom('1.0', '1.1'),
  severity: fc.constantFrom(...SEVERITIES),
  fix: fc.constantFrom('yes' as const, 'no' as const, 'unknown' as const),
});

export const scanStates: fc.Arbitrary<ScanState> = fc
  .record(
    {
      state: fc.constantFrom(...SCAN_STATES),
      requestedAtEpochMs: pastInstants,
      completedAtEpochMs: pastInstants,
      watchedAtEpochMs: pastInstants,
      reason: fc.constantFrom('in-progress' as const, 'quota-or-scanned' as const, 'scan-failed' as const),
    },
    { requiredKeys: ['state'] },
  )
  .map((scan) => ({ ...scan, coverage: ['os'] }));

export const LOCATION = { account: '111122223333', region: 'us-east-1', repository: 'apps/web' };

/** One image of which everything is known; tests change what they are about. */
export const image = (changes: Partial<ImageProperties> = {}): ImageProperties => ({
  digest: digestOf('web'),
  tier: 'application',
  stream: '111122223333/us-east-1/apps/web:^v.*$',
  owner: 'web',
  birth: {
    known: true,
    bornAtEpochMs: NOW - 10 * DAY,
    evidence: [{ kind: 'config-created', atEpochMs: NOW - 10 * DAY }],
  },
  locations: [LOCATION],
  ...changes,
});

export const completeScan = (hoursAgo = 1): ScanState => ({
  state: 'complete',
  completedAtEpochMs: NOW - hoursAgo * HOUR,
  coverage: ['os'],
});

export const tiers = fc.constantFrom(...TIERS);
export const runs = { numRuns: 300 };
