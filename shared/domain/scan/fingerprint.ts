import { canonicalJson, sha256Hex } from '../common/canonical-json.ts';
import type { Finding } from './finding.ts';

/** Changes exactly when the set of findings does: neither their order nor a repetition counts. 64 hexadecimal digits. */
export const fingerprint = (findings: readonly Finding[]): string =>
  sha256Hex([...new Set(findings.map(canonicalJson))].sort().join('\n'));
