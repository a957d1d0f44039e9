import {
  type AgedImage,
  type EffectiveBirth,
  effectiveBirth,
  knownAges,
} from '../../../../shared/domain/age/effective-age.ts';
import { type Birth, type BirthEvidence, determineBirth } from '../../../../shared/domain/image/birth.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import type { Parents } from '../../../../shared/domain/lineage/parent.ts';
import { DAY, NOW } from '../arbitraries.ts';

/* Births by their days, and the ages that come of them. */

export const ago = (days: number): number => NOW - days * DAY;
export const created = (days: number): BirthEvidence => ({ kind: 'config-created', atEpochMs: ago(days) });
export const finished = (days: number): BirthEvidence => ({ kind: 'provenance', atEpochMs: ago(days) });
export const pushed = (days: number): BirthEvidence => ({ kind: 'first-push', atEpochMs: ago(days) });
export const existedBy = (days: number): BirthEvidence => ({ kind: 'existed-by', atEpochMs: ago(days) });
export const born = (...evidence: readonly BirthEvidence[]): Birth => determineBirth(evidence, NOW);

export interface AgedFleet {
  readonly images: readonly AgedImage[];
  readonly parents: Parents;
}

export function ageOf({ images, parents }: AgedFleet, digest: Digest, vendorCounts = false): EffectiveBirth {
  return effectiveBirth(digest, knownAges(images, parents, NOW), { vendorCounts });
}
