import type { Digest } from '../image/image.ts';

/**
 * How a parent was found, the most telling first:
 * - `layers`: its layers are the lowest of the child's;
 * - `history`: the same layers, and the child's history goes on where the parent's ends;
 * - `diff-ids`: as `layers` or `history`, by what layers unpack to: one of the two was packed anew;
 * - `label-digest`, `label-name`: the child's label `org.opencontainers.image.base.digest` or `.name` says so;
 * - `declared`: the policy says what the child's stream is built from;
 * - `earliest-push`: the same layers and nothing that tells them apart, but it was pushed first.
 */
export const LINEAGE_EVIDENCE = [
  'layers',
  'history',
  'diff-ids',
  'label-digest',
  'label-name',
  'declared',
  'earliest-push',
] as const;
export type LineageEvidence = (typeof LINEAGE_EVIDENCE)[number];

export interface Parent {
  readonly digest: Digest;
  readonly evidence: LineageEvidence;
}

/** Parents by the digest of their child; images that no parent is known of are not in it. */
export type Parents = ReadonlyMap<Digest, Parent>;
