import type { Digest } from '../../../../shared/domain/image/image.ts';
import { findParents } from '../../../../shared/domain/lineage/find-parents.ts';
import type { LineageFacts } from '../../../../shared/domain/lineage/lineage-facts.ts';
import { LINEAGE_EVIDENCE, type LineageEvidence, type Parents } from '../../../../shared/domain/lineage/parent.ts';
import { PUBLIC_IMAGES } from '../../../support/lineage/public-images.ts';
import { DAY, digestOf, NOW } from '../arbitraries.ts';

const listed = PUBLIC_IMAGES.map(({ facts }) => facts);
const recorded = new Map(
  PUBLIC_IMAGES.flatMap(({ facts, parent }) => (parent ? [[facts.digest, parent] as const] : [])),
);
const once = [...new Map(listed.map((facts) => [facts.digest, facts])).values()];

/** Every image of the list whose parent is not the recorded one: `name: found instead of recorded`. */
const mistakes = (parents: Parents): string[] =>
  once
    .filter(({ digest }) => parents.get(digest)?.digest !== recorded.get(digest))
    .map(({ digest, names }) => `${names[0]}: ${parents.get(digest)?.digest} instead of ${recorded.get(digest)}`);

/** One more image for each of the list, and what it is expected to be built on. */
interface Made {
  readonly facts: LineageFacts;
  readonly parent: Digest;
}

const madeOf = (make: (image: (typeof once)[number]) => Made | undefined): Made[] =>
  once.flatMap((image) => make(image) ?? []);

function expectMade(images: readonly LineageFacts[], made: readonly Made[], evidence: LineageEvidence): void {
  expect(made.length).toBeGreaterThan(20);
  const parents = findParents([...images, ...made.map(({ facts }) => facts)]);
  for (const { facts, parent } of made) expect(parents.get(facts.digest)).toEqual({ digest: parent, evidence });
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
  const copies = listed.map((facts) => ({ ...facts, names: facts.names.map((name) => `registry.example/${name}`) }));
  expect(mistakes(findParents([...copies, ...listed]))).toEqual([]);
});

test('repacked images have the same parents, by the unpacked content of their layers', () => {
  const unpacked = once.map((facts) => ({ ...facts, diffIds: facts.layers.map((layer) => digestOf(`tar ${layer}`)) }));
  const bearing = new Set(recorded.values());
  const made = unpacked.flatMap((facts) => {
    const parent = recorded.get(facts.digest);
    const layers = facts.layers.map((layer) => digestOf(`zstd ${layer} for ${facts.digest}`));
    return parent && !bearing.has(facts.digest)
      ? [{ facts: { ...facts, digest: digestOf(`zstd ${facts.digest}`), layers }, parent }]
      : [];
  });
  expectMade(unpacked, made, 'diff-ids');
});

describe('with the histories that builds write', () => {
  const steps = (layers: readonly Digest[]) => layers.map((layer) => ({ createdBy: `RUN ${layer}` }));
  const withHistory = once.map((facts) => ({ ...facts, history: steps(facts.layers) }));

  test('an image that only adds metadata is built on the original, and no image is built on it', () => {
    const made = withHistory.map((facts) => ({
      facts: {
        ...facts,
        digest: digestOf(`metadata ${facts.digest}`),
        history: [...facts.history, { createdBy: 'ENV METADATA=only' }],
      },
      parent: facts.digest,
    }));
    expectMade(withHistory, made, 'history');
  });
});

test('a twin that was pushed later is built on the first where nothing is known below', () => {
  const pushed = once.map((facts) => ({ ...facts, firstPushedAtEpochMs: NOW }));
  const made = pushed
    .filter(({ digest }) => !recorded.has(digest))
    .map((facts) => ({
      facts: { ...facts, digest: digestOf(`twin ${facts.digest}`), firstPushedAtEpochMs: NOW + DAY },
      parent: facts.digest,
    }));
  expectMade(pushed, made, 'earliest-push');
});

describe('squashed to one layer', () => {
  const squashed = (image: LineageFacts, more: Partial<LineageFacts>): LineageFacts => ({
    digest: digestOf(`squashed ${image.digest}`),
    layers: [digestOf(`one layer of ${image.digest}`)],
    ...(image.platform && { platform: image.platform }),
    ...more,
  });

  test('a label may name the digest', () => {
    const made = madeOf((image) => {
      const labels = { 'org.opencontainers.image.base.digest': image.digest };
      return { facts: squashed(image, { labels }), parent: image.digest };
    });
    expectMade(listed, made, 'label-digest');
  });

  test('a label may name the tag', () => {
    const unique = (name: string, platform: string) =>
      new Set(listed.filter((each) => each.names[0] === name && each.platform === platform).map((each) => each.digest))
        .size === 1;
    const made = madeOf((image) => {
      const [name = ''] = image.names;
      const labels = { 'org.opencontainers.image.base.name': name };
      return unique(name, image.platform) ? { facts: squashed(image, { labels }), parent: image.digest } : undefined;
    });
    expectMade(listed, made, 'label-name');
  });

  test('the policy may declare the stream', () => {
    const streams = listed.map((facts) => ({ ...facts, stream: `stream of ${facts.digest}` }));
    const made = madeOf((image) => ({
      facts: squashed(image, { declaredParents: [`stream of ${image.digest}`] }),
      parent: image.digest,
    }));
    expectMade(streams, made, 'declared');
  });
});

test('the cases above are all the evidence there is', () => {
  expect([...LINEAGE_EVIDENCE].sort()).toEqual(
    ['layers', 'diff-ids', 'history', 'earliest-push', 'label-digest', 'label-name', 'declared'].sort(),
  );
});
