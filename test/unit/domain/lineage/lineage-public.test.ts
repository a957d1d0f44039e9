import type { Digest } from '../../../../shared/domain/image/image.ts';
import { findParents } from '../../../../shared/domain/lineage/find-parents.ts';
import type { LayeredImage } from '../../../../shared/domain/lineage/layered-image.ts';
import { LINEAGE_EVIDENCE, type LineageEvidence, type Parents } from '../../../../shared/domain/lineage/parent.ts';
import { PUBLIC_IMAGES } from '../../../support/lineage/public-images.ts';
import { DAY, digestOf, NOW } from '../arbitraries.ts';

const listed = PUBLIC_IMAGES.map(({ layered }) => layered);
const recorded = new Map(
  PUBLIC_IMAGES.flatMap(({ layered, parent }) => (parent ? [[layered.digest, parent] as const] : [])),
);
const once = [...new Map(listed.map((layered) => [layered.digest, layered])).values()];

/** Every image of the list whose parent is not the recorded one: `name: found instead of recorded`. */
const mistakes = (parents: Parents): string[] =>
  once
    .filter(({ digest }) => parents.get(digest)?.digest !== recorded.get(digest))
    .map(({ digest, names }) => `${names[0]}: ${parents.get(digest)?.digest} instead of ${recorded.get(digest)}`);

/** One more image for each of the list, and what it is expected to be built on. */
interface Made {
  readonly layered: LayeredImage;
  readonly parent: Digest;
}

const madeOf = (make: (image: (typeof once)[number]) => Made | undefined): Made[] =>
  once.flatMap((image) => make(image) ?? []);

function expectMade(images: readonly LayeredImage[], made: readonly Made[], evidence: LineageEvidence): void {
  expect(made.length).toBeGreaterThan(20);
  const parents = findParents([...images, ...made.map(({ layered }) => layered)]);
  for (const { layered, parent } of made) expect(parents.get(layered.digest)).toEqual({ digest: parent, evidence });
  expect(mistakes(parents)).toEqual([]);
}

test('every image is built on what its build says it was built on', () => {
  expect(recorded.size).toBeGreaterThan(90);
  const parents = findParents(listed);
  expect(mistakes(parents)).toEqual([]);
  expect([...parents.values()].every(({ evidence }) => evidence === 'layers')).toBe(true);
});

test('layers shared by two images that no image has alone give no parent', () => {
  const layers = (name: string) => listed.filter(({ names }) => names[0] === name).map((image) => image.layers);
  const [six, seven] = ['6.0', '7.0'].map((line) => layers(`dotnet/runtime-deps:${line}-cbl-mariner2.0-distroless`)[0]);
  expect(six?.slice(0, 2)).toEqual(seven?.slice(0, 2));
  const parents = findParents(listed);
  const bases = listed.filter(({ names }) => names[0]?.endsWith('runtime-deps:7.0-cbl-mariner2.0-distroless'));
  expect(bases.map(({ digest }) => parents.get(digest))).toEqual(bases.map(() => undefined));
});

test('copies under other names are the same images', () => {
  const copies = listed.map((layered) => ({
    ...layered,
    names: layered.names.map((name) => `registry.example/${name}`),
  }));
  expect(mistakes(findParents([...copies, ...listed]))).toEqual([]);
});

test('repacked images have the same parents, by the unpacked content of their layers', () => {
  const unpacked = once.map((layered) => ({
    ...layered,
    diffIds: layered.layers.map((layer) => digestOf(`tar ${layer}`)),
  }));
  const bearing = new Set(recorded.values());
  const made = unpacked.flatMap((layered) => {
    const parent = recorded.get(layered.digest);
    const layers = layered.layers.map((layer) => digestOf(`zstd ${layer} for ${layered.digest}`));
    return parent && !bearing.has(layered.digest)
      ? [{ layered: { ...layered, digest: digestOf(`zstd ${layered.digest}`), layers }, parent }]
      : [];
  });
  expectMade(unpacked, made, 'diff-ids');
});

describe('with the histories that builds write', () => {
  const steps = (layers: readonly Digest[]) => layers.map((layer) => ({ createdBy: `RUN ${layer}` }));
  const withHistory = once.map((layered) => ({ ...layered, history: steps(layered.layers) }));

  test('an image that only adds metadata is built on the original, and no image is built on it', () => {
    const made = withHistory.map((layered) => ({
      layered: {
        ...layered,
        digest: digestOf(`metadata ${layered.digest}`),
        history: [...layered.history, { createdBy: 'ENV METADATA=only' }],
      },
      parent: layered.digest,
    }));
    expectMade(withHistory, made, 'history');
  });
});

test('a twin that was pushed later is built on the first where nothing is known below', () => {
  const pushed = once.map((layered) => ({ ...layered, firstPushedAtEpochMs: NOW }));
  const made = pushed
    .filter(({ digest }) => !recorded.has(digest))
    .map((layered) => ({
      layered: { ...layered, digest: digestOf(`twin ${layered.digest}`), firstPushedAtEpochMs: NOW + DAY },
      parent: layered.digest,
    }));
  expectMade(pushed, made, 'earliest-push');
});

describe('squashed to one layer', () => {
  const squashed = (image: LayeredImage, more: Partial<LayeredImage>): LayeredImage => ({
    digest: digestOf(`squashed ${image.digest}`),
    layers: [digestOf(`one layer of ${image.digest}`)],
    ...(image.platform && { platform: image.platform }),
    ...more,
  });

  test('a label may name the digest', () => {
    const made = madeOf((image) => {
      const labels = { 'org.opencontainers.image.base.digest': image.digest };
      return { layered: squashed(image, { labels }), parent: image.digest };
    });
    expectMade(listed, made, 'label-digest');
  });

  test('provenance may name the digest', () => {
    const made = madeOf((image) => ({
      layered: squashed(image, { materials: [image.digest] }),
      parent: image.digest,
    }));
    expectMade(listed, made, 'provenance');
  });

  test('a label may name the tag', () => {
    const unique = (name: string, platform: string) =>
      new Set(listed.filter((each) => each.names[0] === name && each.platform === platform).map((each) => each.digest))
        .size === 1;
    const made = madeOf((image) => {
      const [name = ''] = image.names;
      const labels = { 'org.opencontainers.image.base.name': name };
      return unique(name, image.platform) ? { layered: squashed(image, { labels }), parent: image.digest } : undefined;
    });
    expectMade(listed, made, 'label-name');
  });

  test('the policy may declare the stream', () => {
    const streams = listed.map((layered) => ({ ...layered, stream: `stream of ${layered.digest}` }));
    const made = madeOf((image) => ({
      layered: squashed(image, { declaredParents: [`stream of ${image.digest}`] }),
      parent: image.digest,
    }));
    expectMade(streams, made, 'declared');
  });
});

test('the cases above are all the evidence there is', () => {
  expect([...LINEAGE_EVIDENCE].sort()).toEqual(
    ['layers', 'diff-ids', 'history', 'earliest-push', 'label-digest', 'provenance', 'label-name', 'declared'].sort(),
  );
});
