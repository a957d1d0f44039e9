import type { Digest } from '../../../../shared/domain/image/image.ts';
import { LifecycleForecast, type ListedArtifact } from '../../../../shared/domain/retention/lifecycle-forecast.ts';
import { type LifecycleRule, selects } from '../../../../shared/domain/retention/lifecycle-policy.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS as NOW } from '../../../support/samples.ts';
import { fc } from '../../../support/seeded.ts';

/** Tags that each build takes over. */
const MOVING = ['22', '22.8', 'latest'] as const;
const FIXED = ['22-1', '22-2', '22-1-arm64', 'v1', 'v1-arm64'] as const;
const DAYS = 40;

interface Kept {
  readonly images: Map<Digest, ListedArtifact>;
  readonly holders: ReadonlyMap<Digest, readonly Digest[]>;
}

/** One run of ECR's evaluator, written naively from its documentation. @returns what it took, deleted or archived */
function evaluate(rules: readonly LifecycleRule[], { images, holders }: Kept, nowEpochMs: number): Digest[] {
  const pushedAt = ({ restoredAtEpochMs, pushedAtEpochMs = 0 }: ListedArtifact) => restoredAtEpochMs ?? pushedAtEpochMs;
  const isMarked = (image: ListedArtifact, { selection, effect }: LifecycleRule): boolean => {
    if (!selection || !effect) return false;
    const { leaves } = effect;
    if (leaves.by === 'count') {
      const younger = [...images.values()].filter(
        (other) => other !== image && selects(selection, other) && pushedAt(other) >= pushedAt(image),
      );
      return younger.length >= leaves.images;
    }
    const pulled = image.pulledAtEpochMs ?? pushedAt(image);
    const since = {
      pushed: pushedAt(image),
      pulled: Math.max(pulled, image.restoredAtEpochMs ?? pulled),
      archived: image.archivedAtEpochMs ?? nowEpochMs,
    }[leaves.by];
    return since + leaves.days * DAY_MS <= nowEpochMs;
  };
  const marked = [...images.values()].flatMap((image) => {
    const claim = rules.find(({ selection }) => selection && selects(selection, image));
    return claim && isMarked(image, claim) ? [{ digest: image.digest, action: claim.effect?.action }] : [];
  });
  const taken: Digest[] = [];
  for (let left = marked, before = -1; left.length !== before; ) {
    before = left.length;
    left = left.filter(({ digest, action }) => {
      const isHeld = (holders.get(digest) ?? []).some((index) => images.get(index)?.archived === false);
      const image = images.get(digest);
      if (isHeld || !image) return true;
      if (action === 'expire') images.delete(digest);
      else images.set(digest, { ...image, archived: true, archivedAtEpochMs: nowEpochMs });
      taken.push(digest);
      return false;
    });
  }
  return taken;
}

const patterns = fc.uniqueArray(fc.constantFrom('*', '22', '22*', '*-arm64', 'v*', 'latest', '22-*'), {
  minLength: 1,
  maxLength: 2,
});
const days = fc.integer({ min: 1, max: 30 });
const rules = fc
  .array(
    fc.record({
      tags: fc.oneof(patterns, fc.constantFrom('untagged' as const, 'any' as const)),
      leaves: fc.oneof(
        fc.record({ by: fc.constant('count' as const), images: fc.integer({ min: 1, max: 4 }) }),
        fc.record({ by: fc.constantFrom('pushed' as const, 'pulled' as const, 'archived' as const), days }),
      ),
      isTransition: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  )
  .map((all): LifecycleRule[] =>
    all.map(({ tags, leaves, isTransition }, at) => {
      const { by } = leaves;
      const isArchiving = by === 'pulled' || (by !== 'archived' && isTransition);
      return {
        priority: at + 1,
        selection: {
          tagStatus: typeof tags === 'string' ? tags : 'tagged',
          tagPatterns: typeof tags === 'string' ? [] : tags,
          storage: by === 'archived' ? 'archive' : 'standard',
        },
        effect: { action: isArchiving ? 'archive' : 'expire', leaves },
      };
    }),
  );

const ago = fc.integer({ min: 0, max: 30 });
const repository = fc
  .array(
    fc.record({
      tags: fc.uniqueArray(fc.constantFrom(...MOVING, ...FIXED), { maxLength: 3 }),
      age: ago,
      pulled: fc.option(ago),
      archived: fc.option(ago, { freq: 4 }),
      restored: fc.option(ago, { freq: 4 }),
      /** Those of the images before it that it holds, if it is an index. */
      holds: fc.option(fc.uniqueArray(fc.integer({ min: 0, max: 5 }), { minLength: 1, maxLength: 3 })),
    }),
    { minLength: 1, maxLength: 6 },
  )
  .map((all): Kept => {
    const free = new Set<string>([...MOVING, ...FIXED]);
    const holders = new Map<Digest, Digest[]>();
    const images = all.map(({ tags, age, pulled, archived, restored, holds }, at): [Digest, ListedArtifact] => {
      const digest = digestOf(`image-${at}`);
      for (const held of holds ?? [])
        if (held < at)
          holders.set(digestOf(`image-${held}`), [...(holders.get(digestOf(`image-${held}`)) ?? []), digest]);
      const past = (daysAgo: number | null) => (daysAgo === null ? undefined : NOW - Math.min(daysAgo, age) * DAY_MS);
      const [pulledAtEpochMs, archivedAtEpochMs, restoredAtEpochMs] = [past(pulled), past(archived), past(restored)];
      return [
        digest,
        {
          ...{ digest, tags: tags.filter((tag) => free.delete(tag)), pushedAtEpochMs: NOW - age * DAY_MS },
          ...(pulledAtEpochMs !== undefined && { pulledAtEpochMs }),
          ...(archivedAtEpochMs !== undefined && { archivedAtEpochMs }),
          ...(archivedAtEpochMs === undefined && restoredAtEpochMs !== undefined && { restoredAtEpochMs }),
          ...{ archived: archivedAtEpochMs !== undefined, isIndex: holds !== null },
        },
      ];
    });
    return { images: new Map(images), holders };
  });

const isMoving = (tag: string) => MOVING.some((moving) => moving === tag);
const forecastOf = (rules: readonly LifecycleRule[], { images, holders }: Kept, moves = isMoving) =>
  new LifecycleForecast({ rules, images: [...images.values()], holders, moves, nowEpochMs: NOW });

/** Neither counts, so that no push is waited for, nor archives: later deletions in the archive are reported then. */
const isPlain = ({ effect }: LifecycleRule) => effect?.action !== 'archive' && effect?.leaves.by !== 'count';

/** Pushes, each on some day, of a build that takes some of the moving tags over and has a tag of its own or none. */
const pushes = fc.array(
  fc.record({
    day: fc.integer({ min: 1, max: DAYS }),
    tags: fc.uniqueArray(fc.constantFrom(...MOVING), { minLength: 1 }),
    own: fc.option(fc.constantFrom('22-', 'v', 'w')),
  }),
  { maxLength: 12 },
);

function push({ images }: Kept, tags: readonly string[], name: string, nowEpochMs: number): void {
  for (const [digest, image] of images)
    images.set(digest, { ...image, tags: image.tags.filter((tag) => !tags.includes(tag)) });
  const digest = digestOf(name);
  images.set(digest, { digest, tags, pushedAtEpochMs: nowEpochMs, archived: false, isIndex: false });
}

test('an image forecast as kept never expires, whichever tags later pushes move', () => {
  fc.assert(
    fc.property(rules, repository, pushes, (policy, kept, pushed) => {
      const forecast = forecastOf(policy, kept);
      const safe = new Set([...kept.images.keys()].filter((digest) => forecast.forecastOf(digest)?.state === 'kept'));
      const world = { ...kept, images: new Map(kept.images) };
      const taken: Digest[] = [];
      for (let day = 0; day <= DAYS; day += 1) {
        const nowEpochMs = NOW + day * DAY_MS;
        pushed.forEach(({ day: of, tags, own }, at) => {
          if (of === day) push(world, own === null ? tags : [...tags, `${own}x${at}`], `push-${at}`, nowEpochMs);
        });
        taken.push(...evaluate(policy, world, nowEpochMs));
      }
      expect(taken.filter((digest) => safe.has(digest))).toEqual([]);
    }),
    { numRuns: 2_000 },
  );
});

test('without pushes an image expires by its age exactly on the forecast day', () => {
  const plain = rules.map((all) => all.filter(isPlain));
  fc.assert(
    fc.property(plain, repository, (policy, kept) => {
      const forecast = forecastOf(policy, kept, () => false);
      const expected = [...kept.images.keys()].flatMap((digest): [Digest, number][] => {
        const expiryState = forecast.forecastOf(digest);
        if (expiryState?.state !== 'expires' || !('expiresAtEpochMs' in expiryState.expiry.when)) return [];
        const day = Math.max(Math.ceil((expiryState.expiry.when.expiresAtEpochMs - NOW) / DAY_MS), 0);
        return day <= DAYS ? [[digest, day]] : [];
      });
      const world = { ...kept, images: new Map(kept.images) };
      const taken = new Map<Digest, number>();
      for (let day = 0; day <= DAYS; day += 1)
        for (const digest of evaluate(policy, world, NOW + day * DAY_MS)) taken.set(digest, day);
      for (const [digest, day] of expected) expect([digest, taken.get(digest)]).toEqual([digest, day]);
      for (const digest of taken.keys()) expect(forecast.forecastOf(digest)?.state).toBe('expires');
    }),
    { numRuns: 500 },
  );
});
