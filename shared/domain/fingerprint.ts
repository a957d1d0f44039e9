import type { Finding } from './finding.ts';
import { canonicalJson, sha256Hex } from './json.ts';

/** Changes exactly when the set of findings does: neither their order nor a repetition counts. 64 hexadecimal digits. */
export const fingerprint = (findings: readonly Finding[]): string =>
  sha256Hex([...new Set(findings.map(canonicalJson))].sort().join('\n'));
