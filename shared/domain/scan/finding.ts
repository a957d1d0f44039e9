import { canonicalJson, sha256Hex } from '../common/canonical-json.ts';
import type { Digest } from '../image/image.ts';
import type { Severity } from '../policy/policy-parts.ts';

/** Whether a fixed version exists. ECR basic scanning never reports it: there it is `unknown`. */
export type Fix = 'yes' | 'no' | 'unknown';

/** One vulnerability id in one package version of one image. */
export interface Finding {
  readonly vulnerability: string;
  readonly package: string;
  readonly version: string;
  readonly severity: Severity;
  readonly fix: Fix;
  readonly fixedIn?: string;
  readonly uri?: string;
  /** The layer that added the package, if the scanner reports it: by its digest or its diff id. */
  readonly layer?: Digest;
  /**
   * In a package of a programming language, which basic scanning does not cover; absent for a package of the system. Also
   * where Amazon Inspector does not say that it is one of the system, and where evidence of an older version does not say
   * which of the two, and basic scanning does not list it.
   */
  readonly isLanguagePackage?: true;
  /** The scanner knows of exploits; absent if it knows none, or does not say. */
  readonly isExploited?: true;
  /** The probability of exploitation in the next 30 days, from 0 to 1 (FIRST, EPSS); absent if the scanner does not say. */
  readonly epssScore?: number;
}

/** Identity of a finding across rebuilds: the version may change while the vulnerability stays. */
export const findingKey = ({ vulnerability, package: name }: Pick<Finding, 'vulnerability' | 'package'>): string =>
  `${vulnerability}#${name}`;

/**
 * Changes exactly when the set of findings does: neither their order nor a repetition counts. The EPSS score does not
 * count either, because it moves every day. 64 hexadecimal digits.
 */
export const fingerprint = (findings: readonly Finding[]): string =>
  sha256Hex([...new Set(findings.map(({ epssScore: _, ...finding }) => canonicalJson(finding)))].sort().join('\n'));
