import type { Digest, Platform } from '../../../../shared/domain/image/image.ts';
import { findParents } from '../../../../shared/domain/lineage/find-parents.ts';
import type { HistoryStep, LayeredImage } from '../../../../shared/domain/lineage/layered-image.ts';
import type { Parents } from '../../../../shared/domain/lineage/parent.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, NOW } from '../arbitraries.ts';

const runs = { numRuns: 1000 };

const EMPTY: Digest = 'sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4';
const PLATFORMS: readonly Platform[] = ['linux/amd64', 'linux/arm64', 'linux/arm64/v8'];
/** Few, so that unrelated images share them. */
const LAYERS = [EMPTY, ...['a', 'b', 'c'].map(digestOf)];

/** How one image is built: upon an earlier one or upon nothing, with these layers, at this time. */
const builds = fc.record({
  upon: fc.option(fc.nat()),
  layers: fc.array(fc.nat({ max: LAYERS.length - 1 }), { maxLength: 3 }),
  platform: fc.nat({ max: PLATFORMS.length - 1 }),
  pushedDaysAgo: fc.option(fc.nat({ max: 20 })),
  rebuildOf: fc.option(fc.nat()),
});
type Build = typeof builds extends fc.Arbitrary<infer B> ? B : never;

interface Built extends LayeredImage {
  readonly platform: Platform;
  readonly history: readonly HistoryStep[];
  readonly upon?: Digest;
}

/**
 * What builders make of it: a child has its parent's layers and history, adds its own, and ends with a command of its
 * own. A rebuild does the same as an earlier build at another time: the same layers if nothing has changed.
 */
function built(all: readonly Build[]): Built[] {
  const images: Built[] = [];
  const recipes: { readonly build: Build; readonly name: string; readonly upon?: number }[] = [];
  for (const [at, drawn] of all.entries()) {
    const upon = drawn.upon === null || at === 0 ? undefined : drawn.upon % at;
    const again = drawn.rebuildOf === null || at === 0 ? undefined : recipes[drawn.rebuildOf % at];
    const recipe =
      again?.upon === undefined ? { build: drawn, name: `image ${at}`, ...(upon !== undefined && { upon }) } : again;
    recipes.push(recipe);
    images.push(builtBy(recipe, images, at, drawn.pushedDaysAgo));
  }
  return images;
}

function builtBy(
  { build, name, upon }: { readonly build: Build; readonly name: string; readonly upon?: number },
  images: readonly Built[],
  at: number,
  pushedDaysAgo: number | null,
): Built {
  const parent = upon === undefined ? undefined : images[upon];
  const own = build.layers.flatMap((layer) => LAYERS[layer] ?? []);
  // What is built upon nothing brings its files along.
  const layers = parent ? own : [digestOf(`files of ${name}`), ...own];
  const steps = [...layers.map((layer) => `RUN ${layer}`), `CMD ${name}`];
  return {
    digest: digestOf(`image ${at}`),
    platform: parent?.platform ?? PLATFORMS[build.platform] ?? 'linux/amd64',
    layers: [...(parent?.layers ?? []), ...layers],
    history: [...(parent?.history ?? []), ...steps.map((createdBy) => ({ createdBy, created: `at ${at}` }))],
    ...(parent && { upon: parent.digest }),
    ...(pushedDaysAgo !== null && { firstPushedAtEpochMs: NOW - pushedDaysAgo * DAY }),
  };
}

const fleets = fc.array(builds, { minLength: 1, maxLength: 12 }).map(built);

/** The same with much of it unknown, and with claims that need not be true. */
const murkyFleets = fc
  .tuple(
    fleets,
    fc.array(fc.record({ hides: fc.nat(), claims: fc.nat(), says: fc.nat() }), { minLength: 12, maxLength: 12 }),
  )
  .map(([images, murk]) =>
    images.map((image, at) => murky(image, images, murk[at] ?? { hides: 0, claims: 0, says: 0 })),
  );

function murky(
  image: Built,
  images: readonly Built[],
  murk: { hides: number; claims: number; says: number },
): LayeredImage {
  const { upon, history, layers, ...facts } = image;
  const claimed = images[murk.claims % images.length] ?? image;
  const squashed = murk.hides % 5 === 0;
  return {
    ...facts,
    layers: squashed ? [digestOf(`squashed ${image.digest}`)] : layers,
    ...(murk.hides % 3 > 0 && !squashed && { history }),
    ...(murk.hides % 4 === 0 && { diffIds: layers.map((layer) => digestOf(`tar ${layer}`)) }),
    ...(murk.says % 3 === 0 && { labels: { 'org.opencontainers.image.base.digest': claimed.digest } }),
    ...(murk.says % 2 === 0 && { declaredParents: [`stream ${murk.claims % 4}`] }),
    stream: `stream ${murk.says % 4}`,
  };
}

const shown = (parents: Parents) => [...parents].sort(([one], [other]) => (one < other ? -1 : 1));

test('everybody is built on the image that it was built upon', () => {
  fc.assert(
    fc.property(fleets, (images) => {
      const parents = findParents(images);
      for (const { digest, upon } of images) expect([digest, parents.get(digest)?.digest]).toEqual([digest, upon]);
    }),
    runs,
  );
});

test('the order of the facts does not matter', () => {
  const shuffled = murkyFleets.chain((images) =>
    fc.tuple(fc.constant(images), fc.shuffledSubarray([...images], { minLength: images.length })),
  );
  fc.assert(
    fc.property(shuffled, ([images, others]) => {
      expect(shown(findParents(others))).toEqual(shown(findParents(images)));
    }),
    runs,
  );
});

test('no image is built on itself, directly or not', () => {
  fc.assert(
    fc.property(murkyFleets, (images) => {
      const parents = findParents(images);
      for (const { digest } of images) {
        let [at, steps] = [parents.get(digest), 0];
        for (; at && steps <= images.length; steps += 1) at = parents.get(at.digest);
        expect(steps).toBeLessThan(images.length);
      }
    }),
    runs,
  );
});

test('a parent shown by content has a shorter list of the same layers, or the same list', () => {
  fc.assert(
    fc.property(murkyFleets, (images) => {
      const layered = new Map(images.map((image) => [image.digest, image]));
      for (const [child, { digest, evidence }] of findParents(images)) {
        if (evidence.startsWith('label') || evidence === 'declared') continue;
        const [above, below] = [layered.get(child), layered.get(digest)];
        const chainOf = (image: LayeredImage | undefined) =>
          evidence === 'diff-ids' ? (image?.diffIds ?? []) : (image?.layers ?? []);
        const sameDiffIds = evidence === 'earliest-push' && below?.diffIds?.join() === above?.diffIds?.join();
        const [chain, lower] = [chainOf(above), chainOf(below)];
        if (!sameDiffIds) expect(chain.slice(0, lower.length)).toEqual(lower);
        if (evidence === 'layers') expect(lower.length).toBeLessThan(chain.length);
        expect(above?.platform?.slice(0, 11)).toBe(below?.platform?.slice(0, 11));
      }
    }),
    runs,
  );
});

test('repeated pushes, other tags and copies do not change the parents', () => {
  const repeats = fc.array(fc.record({ of: fc.nat(), laterByDays: fc.nat({ max: 30 }), name: fc.string() }), {
    maxLength: 12,
  });
  fc.assert(
    fc.property(murkyFleets, repeats, (images, repeated) => {
      const again = repeated.flatMap(({ of, laterByDays, name }): LayeredImage[] => {
        const image = images[of % images.length];
        if (!image) return [];
        const { firstPushedAtEpochMs, ...facts } = image;
        const pushed =
          firstPushedAtEpochMs === undefined ? {} : { firstPushedAtEpochMs: firstPushedAtEpochMs + laterByDays * DAY };
        return [{ ...facts, ...pushed, names: [`copy/of:${name}`] }];
      });
      expect(shown(findParents([...again, ...images]))).toEqual(shown(findParents(images)));
    }),
    runs,
  );
});

test('one more image that shares no beginning with the others changes nothing', () => {
  fc.assert(
    fc.property(murkyFleets, builds, (images, drawn) => {
      const [stranger] = built([drawn]);
      if (!stranger) return;
      const { history, ...facts } = { ...stranger, digest: digestOf('stranger') };
      const added = { ...facts, layers: [digestOf('files of a stranger'), ...stranger.layers] };
      expect(shown(findParents([added, ...images]))).toEqual(shown(findParents(images)));
    }),
    runs,
  );
});
