import type { Dice } from './dice.ts';

/** All that a world may have beside a plain fleet that is reviewed, rebuilt and rolled out. Each seed draws some of them. */
export const FEATURES = [
  'indexes',
  'package-in-two-tiers',
  'fix-unknown',
  'fix-late',
  'flaw-in-new-version',
  'age',
  'builds-from-cache',
  'builds-pin-parents',
  'builds-stamp-versions',
  'builds-fail',
  'builds-hang',
  'builds-make-nothing',
  'builds-reproducible',
  'metadata-only',
  'fixed-dates',
  'layers-packed-anew',
  'candidates',
  'outputs-reported',
  'outputs-labelled',
  'pushes-by-people',
  'branch-images',
  'rollout-restart',
  'rollout-register',
  'no-rollout',
  'deployments-by-people',
  'services-at-zero',
  'scans-late',
  'scans-never',
  'waivers',
  'caps',
  'events-lost',
  'events-doubled',
  'events-late',
  'deaths',
  'failures',
  'lost-answers',
  'repeated-calls',
  'stale-reads',
  'slow-calls',
  'modes',
  'kill-switch',
  'ramp',
  'account-caps',
  'approvals',
  'blue-green',
  'deployments-roll-back',
  'digests-not-reported',
  'tags-moved-back',
  'registries-unread',
  'lineage-unread',
  'heads-one-by-one',
  'images-deleted',
  'hostile-text',
  'scopes-leave',
  'side-containers',
  'enhanced-scanning',
  'unused-heads',
  'pods',
  'language-packages',
  'workloads-unread',
  'imports',
  'copies',
  'policy-edits',
  'rules-leave',
  'scheduled-tasks',
  'hidden-uses',
] as const;
export type Feature = (typeof FEATURES)[number];

/** What a seed has; what is asked is remembered as used, so that a feature counts where it could make a difference. */
export class Features {
  readonly drawn: ReadonlySet<Feature>;
  /** How often each feature made a difference. */
  readonly occurred = new Map<Feature, number>();

  constructor(drawn: Iterable<Feature>) {
    this.drawn = new Set(drawn);
  }

  has = (feature: Feature): boolean => this.drawn.has(feature);

  /** It made a difference now. */
  note(feature: Feature): void {
    this.occurred.set(feature, (this.occurred.get(feature) ?? 0) + 1);
  }
}

/** Some seeds have few features, some have many, so that a failure may be small and combinations occur. */
export function drawFeatures(dice: Dice, from: readonly Feature[] = FEATURES): readonly Feature[] {
  const share = dice.pick([0.1, 0.25, 0.45]);
  const drawn = FEATURES.filter(() => dice.chance(share));
  return drawn.filter((feature) => from.includes(feature));
}
