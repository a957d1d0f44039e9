import type { Digest } from '../image/image.ts';

/**
 * How a parent was found, strongest evidence first:
 * - `layers`: its layers are the lowest of the child's;
 * - `history`: the same layers, and the child's history continues the parent's;
 * - `diff-ids`: like `layers` or `history`, by unpacked layers, because one of the two was repacked;
 * - `label-digest`, `label-name`: the child's label `org.opencontainers.image.base.digest` or `.name`;
 * - `provenance`: the one known image that the build of the child read, by the attestation beside it;
 * - `declared`: the policy declares it for the child's stream;
 * - `earliest-push`: the same layers and no other difference, but it was pushed first.
 */
export const LINEAGE_EVIDENCE = [
  'layers',
  'history',
  'diff-ids',
  'label-digest',
  'provenance',
  'label-name',
  'declared',
  'earliest-push',
] as const;
export type LineageEvidence = (typeof LINEAGE_EVIDENCE)[number];

export interface Parent {
  readonly digest: Digest;
  readonly evidence: LineageEvidence;
}

/** Parents by the digest of their child; without images that have no known parent. */
export type Parents = ReadonlyMap<Digest, Parent>;
