import type { Digest } from '../domain/image/image.ts';
import type { Finding } from '../domain/scan/finding.ts';

/** Findings as evidence for an auditor: one versioned object per digest. */
export interface EvidenceStore {
  putFindings(evidence: FindingsEvidence): Promise<void>;
  findings(digest: Digest): Promise<FindingsEvidence | undefined>;
}

export interface FindingsEvidence {
  readonly digest: Digest;
  readonly scanner: 'ecr-basic' | 'ecr-enhanced';
  readonly completedAtEpochMs: number;
  readonly findings: readonly Finding[];
}
