import type { AgedImage, EffectiveBirth } from '../../../../shared/domain/age/effective-age.ts';
import { type Birth, evidenceIn } from '../../../../shared/domain/image/birth.ts';
import type { Digest } from '../../../../shared/domain/image/image.ts';
import { LINEAGE_EVIDENCE, type LineageEvidence, type Parent } from '../../../../shared/domain/lineage/parent.ts';
import { fc } from '../../../support/seeded.ts';
import { DAY, digestOf, NOW, tiers } from '../arbitraries.ts';
import { type AgedFleet, ageOf, ago, born, created, pushed } from './ages.ts';

const runs = { numRuns: 2000 };

interface DrawnImage {
  readonly tier: AgedImage['tier'];
  readonly upon: number;
  readonly by: LineageEvidence;
  readonly chain: number;
  readonly unpacked: number;
  readonly line: number;
  readonly created: number | null;
  readonly pushed: number | null;
  readonly reconfirmed: number | null;
}

/** Few days, so that they meet; births that contradict each other, and some unknown ones. */
const days = fc.nat({ max: 12 });
const drawnImages: fc.Arbitrary<DrawnImage> = fc.record({
  tier: tiers,
  upon: fc.nat({ max: 9 }),
  by: fc.constantFrom(...LINEAGE_EVIDENCE),
  chain: fc.nat({ max: 12 }),
  unpacked: fc.nat({ max: 12 }),
  line: fc.nat({ max: 4 }),
  created: fc.option(days),
  pushed: fc.option(days, { freq: 4 }),
  reconfirmed: fc.option(days, { freq: 1 }),
});
const contents = ({ chain, unpacked, line }: DrawnImage): Pick<AgedImage, 'chainId' | 'unpackedId' | 'stream'> => ({
  ...(chain <= 8 && { chainId: `chain ${chain}` }),
  ...(unpacked <= 8 && { unpackedId: `unpacked ${unpacked}` }),
  ...(line < 4 && { stream: `stream ${line}` }),
});

const fleets: fc.Arbitrary<AgedFleet> = fc.array(drawnImages, { minLength: 1, maxLength: 8 }).map((drawn) => {
  const name = (at: number): Digest => digestOf(`image ${at}`);
  const images = drawn.map((one, at) => ({
    digest: name(at),
    tier: one.tier,
    ...contents(one),
    birth: born(
      ...(one.created === null ? [] : [created(one.created)]),
      ...(one.pushed === null ? [] : [pushed(one.pushed)]),
    ),
    ...(one.reconfirmed !== null && { reconfirmedAtEpochMs: ago(one.reconfirmed) }),
  }));
  const parents = drawn.flatMap(({ upon, by }, at) =>
    upon < at ? [[name(at), { digest: name(upon), evidence: by }] as const] : [],
  );
  return { images, parents: new Map(parents) };
});

/** Whether one is as old as another one, or this is unknown. */
function isNoYounger(one: EffectiveBirth, other: EffectiveBirth): boolean {
  return !other.known || !one.known || one.bornAtEpochMs <= other.bornAtEpochMs;
}

/**
 * The same content again: pushed, under another digest, or with new metadata only. A rebuild is created after the birth
 * of what it rebuilds; an image of unknown birth, or one born this moment, is only pushed.
 */
const repeats = fc.array(
  fc.record({
    of: fc.nat(),
    as: fc.constantFrom('push' as const, 'copy' as const, 'repacked' as const, 'rebuild' as const),
    days,
    by: fc.constantFrom('history' as const, 'earliest-push' as const, 'same-parent' as const),
  }),
  { minLength: 1, maxLength: 4 },
);
type Repeat = typeof repeats extends fc.Arbitrary<(infer R)[]> ? R : never;

function repeated({ images, parents }: AgedFleet, { of, as, days: when, by }: Repeat, at: number): [AgedFleet, Digest] {
  const [{ birth, ...image }, index] = [images[of % images.length] as AgedImage, of % images.length];
  if (as === 'push') {
    const again = { ...image, birth: born(...evidenceIn(birth), pushed(when)) };
    return [{ images: images.with(index, again), parents }, image.digest];
  }
  const digest = digestOf(`repeat ${at}`);
  const same = {
    chainId: image.chainId ?? `chain of ${image.digest}`,
    unpackedId: image.unpackedId ?? `unpacked of ${image.digest}`,
  };
  const { bornAtEpochMs } = contentBirth(images, image, birth);
  const isRebuild = as === 'rebuild' && bornAtEpochMs !== undefined && bornAtEpochMs < NOW;
  const own = isRebuild
    ? [{ kind: 'config-created' as const, atEpochMs: Math.min(bornAtEpochMs + when * DAY + 1, NOW) }]
    : [];
  const { reconfirmedAtEpochMs: _, ...rest } = image;
  const packed = as === 'repacked' ? { ...same, chainId: `chain of ${digest}` } : same;
  const copy = { ...rest, ...packed, digest, birth: born(...own, ...(isRebuild ? [] : [pushed(when)])) };
  const parent = parents.get(image.digest);
  const below: Parent | undefined = by === 'same-parent' ? parent : { digest: image.digest, evidence: by };
  return [
    {
      images: [...images.with(index, { ...image, ...same, birth }), copy],
      parents: new Map([...parents, ...(below ? [[digest, below] as const] : [])]),
    },
    digest,
  ];
}

/** Images of the same content, found step by step: by their layers, or by what these unpack to. */
function sameContent(images: readonly AgedImage[], image: Omit<AgedImage, 'birth'>): readonly AgedImage[] {
  let found = images.filter(({ digest }) => digest === image.digest);
  for (;;) {
    const keys = new Set(found.flatMap(({ chainId, unpackedId }) => [chainId ?? '', unpackedId ?? '']));
    keys.delete('');
    const wider = images.filter(
      (one) => found.includes(one) || keys.has(one.chainId ?? '') || keys.has(one.unpackedId ?? ''),
    );
    if (wider.length === found.length) return found;
    found = wider;
  }
}

function contentBirth(images: readonly AgedImage[], image: Omit<AgedImage, 'birth'>, own: Birth) {
  const same = sameContent(images, image);
  const evidence = [own, ...same.map(({ birth }) => birth)].flatMap((birth) => (birth.known ? birth.evidence : []));
  const birth = born(...evidence);
  return { bornAtEpochMs: birth.known ? birth.bornAtEpochMs : undefined };
}

test('no push, copy or metadata rebuild makes an image or its descendants younger', () => {
  fc.assert(
    fc.property(fleets, repeats, fc.boolean(), (before, all, vendorCounts) => {
      let after = before;
      for (const [at, repeat] of all.entries()) {
        const [next, digest] = repeated(after, repeat, at);
        const original = after.images[repeat.of % after.images.length] as AgedImage;
        const [copy, was] = [ageOf(next, digest, vendorCounts), ageOf(after, original.digest, vendorCounts)];
        expect(isNoYounger(copy, was)).toBe(true);
        after = next;
      }
      for (const { digest } of before.images) {
        const [now, was] = [ageOf(after, digest, vendorCounts), ageOf(before, digest, vendorCounts)];
        expect(isNoYounger(now, was)).toBe(true);
      }
    }),
    runs,
  );
});

const ancestors = fc.tuple(fleets, drawnImages, fc.nat(), fc.boolean()).map(([fleet, drawn, of, vendorCounts]) => {
  const subject = fleet.images[of % fleet.images.length] as AgedImage;
  let lowest = subject.digest;
  for (let at = fleet.parents.get(lowest); at; at = fleet.parents.get(lowest)) lowest = at.digest;
  const ancestor: AgedImage = {
    digest: digestOf('ancestor'),
    tier: drawn.tier,
    birth: born(
      ...(drawn.created === null ? [] : [created(drawn.created)]),
      ...(drawn.pushed === null ? [] : [pushed(drawn.pushed)]),
    ),
  };
  const parents = new Map([...fleet.parents, [lowest, { digest: ancestor.digest, evidence: drawn.by }] as const]);
  return {
    before: ageOf(fleet, subject.digest, vendorCounts),
    after: ageOf({ images: [...fleet.images, ancestor], parents }, subject.digest, vendorCounts),
    ancestor,
    by: drawn.by,
  };
});

test('one more ancestor makes nothing younger, unless it proves a build date too early', () => {
  fc.assert(
    fc.property(ancestors, ({ before, after, ancestor, by }) => {
      if (isNoYounger(after, before) || !before.known || !after.known) return;
      const { birth } = ancestor;
      expect(['layers', 'history', 'diff-ids']).toContain(by);
      expect(birth.known && birth.bornAtEpochMs).toBeGreaterThan(before.bornAtEpochMs);
      const decided = before.decidedBy.birth;
      const dates = decided.known ? decided.evidence.filter(({ atEpochMs }) => atEpochMs === before.bornAtEpochMs) : [];
      expect(dates.map(({ kind }) => kind)).not.toContain('first-push');
      expect(dates.length).toBeGreaterThan(0);
    }),
    runs,
  );
});

test('one more ancestor makes no unknown age known, except the first base, below which the vendor begins', () => {
  fc.assert(
    fc.property(ancestors, ({ before, after }) => {
      if (before.known || !after.known) return;
      expect([before.base, after.base !== undefined]).toEqual([undefined, true]);
    }),
    runs,
  );
});

test('a known age means that all counting parts are known, and is no younger than their pushes', () => {
  fc.assert(
    fc.property(fleets, fc.boolean(), (fleet, vendorCounts) => {
      for (const { digest } of fleet.images) {
        const birth = ageOf(fleet, digest, vendorCounts);
        const vendors = new Set(vendorCounts ? [] : birth.vendor.map((part) => part.digest));
        for (let at: Digest | undefined = digest; at; at = fleet.parents.get(at)?.digest) {
          const part = fleet.images.find((image) => image.digest === at) as AgedImage;
          if (vendors.has(at) || !birth.known) continue;
          const same = sameContent(fleet.images, part);
          if (same.some(({ reconfirmedAtEpochMs }) => reconfirmedAtEpochMs !== undefined)) continue;
          const evidence = same.flatMap((image) => (image.birth.known ? image.birth.evidence : []));
          expect(evidence.length).toBeGreaterThan(0);
          for (const { kind, atEpochMs } of evidence)
            if (kind === 'first-push') expect(birth.bornAtEpochMs).toBeLessThanOrEqual(atEpochMs);
        }
      }
    }),
    runs,
  );
});

test('counting vendor images makes nothing younger, and no unknown age known', () => {
  fc.assert(
    fc.property(fleets, (fleet) => {
      for (const { digest } of fleet.images) {
        const [counting, not] = [ageOf(fleet, digest, true), ageOf(fleet, digest, false)];
        expect(isNoYounger(counting, not)).toBe(true);
        if (!not.known) expect(counting.known).toBe(false);
        expect(counting.vendor).toEqual(not.vendor);
      }
    }),
    runs,
  );
});

test('the order of the images makes no difference, not one byte', () => {
  fc.assert(
    fc.property(fleets, fc.boolean(), (fleet, vendorCounts) => {
      const turned = { images: [...fleet.images].reverse(), parents: new Map([...fleet.parents].reverse()) };
      for (const { digest } of fleet.images)
        expect(JSON.stringify(ageOf(turned, digest, vendorCounts))).toBe(
          JSON.stringify(ageOf(fleet, digest, vendorCounts)),
        );
    }),
    runs,
  );
});
