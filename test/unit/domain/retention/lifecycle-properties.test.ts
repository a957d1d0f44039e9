import type { Digest } from '../../../../shared/domain/image/image.ts';
import { expiryAtEpochMs } from '../../../../shared/domain/retention/image-forecast.ts';
import { LifecycleForecast, type ListedArtifact } from '../../../../shared/domain/retention/lifecycle-forecast.ts';
import { type LifecycleRule, selects } from '../../../../shared/domain/retention/lifecycle-policy.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS as NOW } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';

/** ECR's own way, written naively: which images of a repository its policy takes at an instant. */
function takenAt(rules: readonly LifecycleRule[], images: readonly ListedArtifact[], nowEpochMs: number): Set<Digest> {
  const taken = new Set<Digest>();
  for (const image of images) {
    const claim = rules.find(({ selection }) => selection && selects(selection, image));
    const leaves = claim?.effect?.leaves;
    if (!claim?.selection || !leaves) continue;
    const { selection } = claim;
    const pushed = image.pushedAtEpochMs ?? 0;
    const younger = images.filter(
      (other) => other !== image && selects(selection, other) && (other.pushedAtEpochMs ?? 0) >= pushed,
    );
    const isTaken =
      leaves.by === 'count' ? younger.length >= leaves.images : pushed + leaves.days * DAY_MS <= nowEpochMs;
    if (isTaken) taken.add(image.digest);
  }
  return taken;
}

const tags = fc.uniqueArray(fc.constantFrom('v1', 'v2', 'v3', 'v1-rc', 'v2-rc', 'w1', 'w2', 'latest'), {
  maxLength: 3,
});
const rules = fc
  .array(
    fc.record({
      selection: fc.oneof(
        fc.record({
          tagStatus: fc.constant('tagged' as const),
          tagPatterns: fc.uniqueArray(fc.constantFrom('v*', '*-rc', 'w*', '*1*', 'latest'), {
            minLength: 1,
            maxLength: 2,
          }),
          storage: fc.constant('standard' as const),
        }),
        fc.record({
          tagStatus: fc.constantFrom('untagged' as const, 'any' as const),
          tagPatterns: fc.constant([]),
          storage: fc.constant('standard' as const),
        }),
      ),
      effect: fc.record({
        action: fc.constant('expire' as const),
        leaves: fc.oneof(
          fc.record({ by: fc.constant('count' as const), images: fc.integer({ min: 1, max: 6 }) }),
          fc.record({ by: fc.constant('pushed' as const), days: fc.integer({ min: 1, max: 40 }) }),
        ),
      }),
    }),
    { maxLength: 4 },
  )
  .map((all): LifecycleRule[] => all.map((one, at) => ({ priority: at + 1, ...one })));
const images = fc
  .array(fc.record({ tags, ageDays: fc.integer({ min: 0, max: 30 }) }), { minLength: 1, maxLength: 12 })
  .map((all): ListedArtifact[] => {
    // A tag is on one image at a time.
    const taken = new Set<string>();
    return all.map(({ tags, ageDays }, at) => {
      const free = tags.filter((tag) => !taken.has(tag));
      for (const tag of free) taken.add(tag);
      const pushedAtEpochMs = NOW - ageDays * DAY_MS;
      return { digest: digestOf(`image-${at}`), tags: free, pushedAtEpochMs, archived: false, isIndex: false };
    });
  });
const forecastOf = (rules: readonly LifecycleRule[], images: readonly ListedArtifact[], nowEpochMs = NOW) =>
  new LifecycleForecast({ rules, images, holders: new Map(), moves: () => false, nowEpochMs });

test('the forecast agrees with ECR, at the instant and not before', () => {
  fc.assert(
    fc.property(rules, images, (policy, kept) => {
      const forecast = forecastOf(policy, kept);
      for (const image of kept) {
        const expiryState = forecast.forecastOf(image.digest);
        const claim = policy.find(({ selection }) => selection && selects(selection, image));
        const isLone = claim?.effect?.leaves.by === 'count' && claim.selection?.tagPatterns.includes('latest');
        expect(expiryState?.state).toBe(claim && !isLone ? 'expires' : 'kept');
        if (expiryState?.state !== 'expires') continue;
        const { when } = expiryState.expiry;
        if (when.by === 'age') {
          expect(takenAt(policy, kept, when.expiresAtEpochMs)).toContain(image.digest);
          expect(takenAt(policy, kept, when.expiresAtEpochMs - 1)).not.toContain(image.digest);
        } else expect(takenAt(policy, kept, NOW).has(image.digest)).toBe(when.by === 'count');
      }
    }),
  );
});

test('after so many further pushes of what a rule counts, and not after one less', () => {
  fc.assert(
    fc.property(rules, images, (policy, kept) => {
      const forecast = forecastOf(policy, kept);
      for (const image of kept) {
        const expiryState = forecast.forecastOf(image.digest);
        if (expiryState?.state !== 'expires' || expiryState.expiry.when.by !== 'pushes') continue;
        const { afterPushes } = expiryState.expiry.when;
        const pushed = (count: number): ListedArtifact[] => [
          ...kept,
          ...Array.from({ length: count }, (_, at) => ({
            ...{ ...image, digest: digestOf(`pushed-${at}`), pushedAtEpochMs: NOW + (at + 1) * DAY_MS },
          })),
        ];
        expect(takenAt(policy, pushed(afterPushes), NOW)).toContain(image.digest);
        expect(takenAt(policy, pushed(afterPushes - 1), NOW)).not.toContain(image.digest);
      }
    }),
  );
});

test('the order of images makes no difference, and an index never makes an expiry earlier', () => {
  fc.assert(
    fc.property(rules, images, fc.integer({ min: 0, max: 11 }), (policy, kept, holder) => {
      const index = kept[holder % kept.length]?.digest as Digest;
      const holders = new Map(kept.filter(({ digest }) => digest !== index).map(({ digest }) => [digest, [index]]));
      const repository = { rules: policy, images: [...kept].reverse(), moves: () => false, nowEpochMs: NOW };
      const free = forecastOf(policy, kept);
      const reversed = new LifecycleForecast({ ...repository, holders: new Map() });
      const held = new LifecycleForecast({ ...repository, holders });
      for (const { digest } of kept) {
        const expiryState = free.forecastOf(digest);
        expect(reversed.forecastOf(digest)).toEqual(expiryState);
        const whenHeld = held.forecastOf(digest);
        if (expiryState?.state === 'kept') expect(whenHeld).toEqual(expiryState);
        if (expiryState?.state === 'expires' && whenHeld?.state === 'expires')
          expect(expiryAtEpochMs(whenHeld.expiry.when)).toBeGreaterThanOrEqual(
            expiryAtEpochMs(expiryState.expiry.when),
          );
      }
    }),
  );
});
