import { type Finding, fingerprint } from '../domain/scan/finding.ts';
import type { ImageRecord } from '../domain/verdict/image-record.ts';
import type { EvidenceStore } from '../ports/evidence.ts';

const NO_FINDINGS = fingerprint([]);

/** The findings with the ledger's fingerprint; evidence of another result is ignored. */
export async function keptFindings(
  evidence: Pick<EvidenceStore, 'findings'>,
  { digest, findingsFingerprint }: Pick<ImageRecord, 'digest' | 'findingsFingerprint'>,
): Promise<readonly Finding[] | undefined> {
  if (findingsFingerprint === undefined) return undefined;
  if (findingsFingerprint === NO_FINDINGS) return [];
  const kept = await evidence.findings(digest);
  return kept && fingerprint(kept.findings) === findingsFingerprint ? kept.findings : undefined;
}
