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
  /** All known findings in language packages are in it; absent if no scan covered these, or in one of an older version. */
  readonly coversLanguage?: true;
  readonly findings: readonly Finding[];
}
