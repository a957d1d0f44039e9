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

/** Findings of the last scan that covered language packages. */
export interface CoveringFindings {
  readonly findings: readonly Finding[];
  /** They are newer than the verdict: a judgement ended after it wrote the evidence. */
  readonly isUnjudged?: true;
  /** An older version wrote them: those in language packages are not marked. */
  readonly isUnmarked?: true;
}

/**
 * The findings that the evidence knows of an image whose verdict covers language packages. Evidence that is not the
 * ledger's counts only if it is newer than the verdict and covers language packages too.
 * @returns `undefined` if they are unknown, which is not the same as none
 */
export async function coveringFindings(
  evidence: Pick<EvidenceStore, 'findings'>,
  { digest, findingsFingerprint, scan }: Pick<ImageRecord, 'digest' | 'findingsFingerprint' | 'scan'>,
): Promise<CoveringFindings | undefined> {
  const kept = await evidence.findings(digest);
  if (kept && fingerprint(kept.findings) === findingsFingerprint) {
    const { findings, coversLanguage } = kept;
    const isMarked = coversLanguage || findings.some(({ isLanguagePackage }) => isLanguagePackage);
    return { findings, ...(!isMarked && { isUnmarked: true }) };
  }
  const isNewer = kept && kept.completedAtEpochMs > (scan.completedAtEpochMs ?? 0);
  if (isNewer && kept.coversLanguage) return { findings: kept.findings, isUnjudged: true };
  return findingsFingerprint === NO_FINDINGS ? { findings: [] } : undefined;
}
