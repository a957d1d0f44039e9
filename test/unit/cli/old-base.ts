import { HOUR_MS, judge, type PlanWorld, pushed } from '../cascade-plan/support.ts';

/** A running application whose age counts from its base: `app-0` on `app-1`, and that on the image `old`. */
export async function oldBase(world: PlanWorld, { isBaseHead = false, appTag = 'v1' } = {}): Promise<void> {
  const now = world.clock();
  const old = await pushed(world, 2, 'old', { tags: [isBaseHead ? 'v1' : 'dated'], isPlaced: false });
  const platform = await pushed(world, 1, 'app-1', { tags: ['v1'], isPlaced: false });
  const app = await pushed(world, 0, 'app-0', { tags: [appTag], isPlaced: false, inUse: true });
  const bornAtEpochMs = now - 40 * 24 * HOUR_MS;
  const age = { known: true, bornAtEpochMs, decidedBy: old } as const;
  await world.images.recordLineage(old, { age });
  await world.images.recordLineage(platform, { age, parent: { digest: old, evidence: 'layers' } });
  await world.images.recordLineage(app, { age, parent: { digest: platform, evidence: 'layers' } });
  const reason = { ruleId: 'age-limit', effect: 'violates', kind: 'age', bornAtEpochMs, limitDays: 30 } as const;
  await judge(world, app, [{ ...reason, decidedBy: old }]);
}

/** Tiers of the streams of `app-0`, `app-1` and `old`. */
export const TIERS = ['application', 'platform', 'base'] as const;
