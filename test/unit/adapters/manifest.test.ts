import { packLists } from '../../../shared/adapters/dynamodb/table/items.ts';
import { MANIFEST_TYPES, parseConfig, parseManifest } from '../../../shared/adapters/manifest.ts';
import type { Digest } from '../../../shared/domain/image/image.ts';
import { contentOf } from '../../../shared/domain/lineage/image-content.ts';
import { contentProperties } from '../../../shared/inventory/content-properties.ts';
import { digestOf } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

const OCI = 'application/vnd.oci.image.manifest.v1+json';
const OCI_INDEX = 'application/vnd.oci.image.index.v1+json';
const name = digestOf('manifest');
const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('config'), size: 7 };
const layer = { mediaType: 'application/vnd.oci.image.layer.v1.tar+gzip', digest: digestOf('layer'), size: 7 };
const image = { schemaVersion: 2, mediaType: OCI, config, layers: [layer] };
const child = { mediaType: OCI, digest: digestOf('child'), size: 7, platform: { os: 'linux', architecture: 'amd64' } };
const parse = (document: unknown, type: string | undefined = OCI) =>
  parseManifest(name, JSON.stringify(document), type);

test('one perfect image', () => {
  expect(parse({ ...image, annotations: { a: 'b' } })).toEqual({
    kind: 'image',
    digest: name,
    mediaType: OCI,
    configDigest: config.digest,
    layers: [layer.digest],
    annotations: { a: 'b' },
  });
});

test.each([
  ['null annotations', { ...image, annotations: null }],
  ['no layers', { ...image, layers: [] }],
  ['a zstd layer', { ...image, layers: [{ ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar+zstd' }] }],
  ['a plain tar layer', { ...image, layers: [{ ...layer, mediaType: 'application/vnd.oci.image.layer.v1.tar' }] }],
  [
    'a Docker layer',
    { ...image, layers: [{ ...layer, mediaType: 'application/vnd.docker.image.rootfs.diff.tar.gzip' }] },
  ],
  ['members of tomorrow', { ...image, artifactType: 'x', subject: { digest: 'y' } }],
])('an image with %s is an image', (_, document) => {
  expect(parse(document)).toMatchObject({ kind: 'image' });
});

test.each([
  ['an attestation', { ...image, layers: [{ ...layer, mediaType: 'application/vnd.in-toto+json' }] }],
  ['a chart', { ...image, config: { ...config, mediaType: 'application/vnd.cncf.helm.config.v1+json' } }],
  ['a signature', { ...image, layers: [{ ...layer, mediaType: 'application/vnd.dev.cosign.simplesigning.v1+json' }] }],
])('%s borrows the image manifest and is no image', (_, document) => {
  expect(parse(document)).toMatchObject({ code: 'not-an-image' });
});

test.each([
  ['no config', { ...image, config: undefined }, OCI],
  ['a layer without digest', { ...image, layers: [{ ...layer, digest: 'sha256:short' }] }, OCI],
  ['layers that are no list', { ...image, layers: {} }, OCI],
  ['no document at all', undefined, OCI],
  ['a list in its place', [], OCI],
  ['the old schema 1', { schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws'],
  ['no media type', { config, layers: [] }, undefined],
  ['an index without manifests', { schemaVersion: 2 }, OCI_INDEX],
])('a manifest with %s is unparsable, and says why', (_, document, type) => {
  const parsed = parseManifest(name, document === undefined ? 'no JSON' : JSON.stringify(document), type);
  expect(parsed).toMatchObject({ code: 'unparsable', detail: expect.stringMatching(/./) });
});

test('the media type in the manifest counts if the registry reports none', () => {
  expect(parseManifest(name, JSON.stringify(image))).toMatchObject({ kind: 'image', mediaType: OCI });
});

test('an index has its entries but attestations, which only their platform shows', () => {
  const armed = { ...child, digest: digestOf('arm'), platform: { os: 'linux', architecture: 'arm64', variant: 'v8' } };
  const attestation = { ...child, platform: { os: 'unknown', architecture: 'unknown' } };
  const marked = { ...child, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } };
  const { platform: _, ...nameless } = child;
  const inner = { ...nameless, mediaType: OCI_INDEX };
  const other = { ...child, mediaType: 'application/vnd.oci.artifact.manifest.v1+json' };
  const reference = {
    'vnd.docker.reference.type': 'attestation-manifest',
    'vnd.docker.reference.digest': armed.digest,
  };
  const attested = { ...attestation, digest: digestOf('attestation'), annotations: reference };
  const manifests = [armed, attestation, child, marked, nameless, attested, inner, other];
  const amd64 = { digest: child.digest, platform: 'linux/amd64' };
  expect(parse({ manifests }, OCI_INDEX)).toEqual({
    kind: 'index',
    digest: name,
    mediaType: OCI_INDEX,
    entries: [
      { digest: armed.digest, holds: 'image', platform: 'linux/arm64/v8', attestation: attested.digest },
      { ...amd64, holds: 'image' },
      { ...amd64, holds: 'image' },
      { digest: child.digest, holds: 'image' },
      { digest: child.digest, holds: 'index' },
      { ...amd64, holds: 'something-else' },
    ],
  });
  expect(parse({ manifests: [attestation] }, OCI_INDEX)).toMatchObject({ kind: 'index', entries: [] });
  expect(parse({ manifests: [] }, OCI_INDEX)).toMatchObject({ kind: 'index', entries: [] });
});

test.each([
  ['layers under a second name', '"layers":[]', '"layers":[],"Layers":[{}]', 'may be read as "layers"'],
  ['a config under the name of another case', '"config":', '"Config":', 'may be read as "config"'],
  ['a long s', '"layers":[]', '"layers":[],"fsLayer\u017f":[]', 'may be read as "fsLayers"'],
  ['two configs', '"layers":[]', '"layers":[],"config":{}', 'there twice'],
  ['what an index has', '"layers":[]', '"layers":[],"manifests":[]', 'no member "manifests"'],
  ['the media type of an index', `"mediaType":"${OCI}"`, `"mediaType":"${OCI_INDEX}"`, 'calls itself'],
])('an image with %s is unparsable, because containerd may read it otherwise', (_, from, to, detail) => {
  const text = JSON.stringify({ ...image, layers: [] });
  expect(parseManifest(name, text, OCI)).toMatchObject({ kind: 'image' });
  expect(parseManifest(name, text.replace(from, to), OCI)).toMatchObject({
    code: 'unparsable',
    detail: expect.stringContaining(detail),
  });
});

test('annotations may have any names, and strings may hold what looks like a member', () => {
  const annotations = { Digest: 'a', digest: 'b', OS: '"os": "x\\', os: '{"a":1,"a":2}' };
  expect(parse({ ...image, annotations })).toMatchObject({ kind: 'image', annotations });
});

test('no content of a registry makes it throw', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) => JSON.stringify({ ...image, layers: value })),
  );
  fc.assert(
    fc.property(texts, fc.constantFrom(OCI, OCI_INDEX, 'other', undefined), (text, type) => {
      const parsed = parseManifest(name, text, type);
      expect('kind' in parsed || parsed.detail.length > 0).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test.each([
  ['2026-11-24T03:00:00Z', { createdAtEpochMs: 1_795_489_200_000 }],
  ['2026-11-24T03:00:00.123456789+01:00', { createdAtEpochMs: 1_795_485_600_123 }],
  ['1970-01-01T00:00:00Z', { createdAtEpochMs: 0 }],
  ['yesterday', {}],
  ['', {}],
  [null, {}],
  [undefined, {}],
])('a config created %p gives %p', (created, expected) => {
  const {
    platform: _,
    labels: __,
    user: ___,
    ...others
  } = parseConfig(JSON.stringify({ created, os: 'linux', architecture: 'arm64' }));
  expect(others).toEqual(expected);
});

test('a config gives platform and labels', () => {
  const document = { os: 'linux', architecture: 'arm64', variant: 'v8', config: { Labels: { team: 'a' } } };
  expect(parseConfig(JSON.stringify(document))).toEqual({
    ...{ platform: 'linux/arm64/v8', labels: { team: 'a' }, user: '' },
  });
  expect(parseConfig('{"os":"linux","architecture":"amd64","config":{"Labels":null}}').labels).toEqual({});
  expect(parseConfig('{"os":"linux","architecture":"amd64","rootfs":null,"history":null}')).toEqual({
    platform: 'linux/amd64',
    labels: {},
    user: '',
  });
  expect(() => parseConfig('{"os":"linux"}')).toThrow('architecture');
  // Such a builder still says what the image is made of.
  for (const empty of [{ os: '' }, { architecture: '' }]) {
    const document = { ...{ os: 'linux', architecture: 'amd64', config: { Labels: { team: 'a' } } }, ...empty };
    const rootfs = { type: 'layers', diff_ids: [digestOf('layer')] };
    const parsed = parseConfig(JSON.stringify({ ...document, rootfs, history: [{ created_by: 'make' }] }));
    expect(parsed).toEqual({
      ...{ labels: { team: 'a' }, user: '', diffIds: [digestOf('layer')], history: [expect.anything()] },
    });
  }
  expect(() => parseConfig('no JSON')).toThrow(SyntaxError);
});

test.each([
  [{ User: '10001:0' }, { user: '10001:0' }],
  [{ User: '' }, { user: '' }],
  [{ User: null }, { user: '' }],
  [{}, { user: '' }],
  [null, { user: '' }],
  [undefined, { user: '' }],
  [{ User: 0 }, {}],
  [{ User: ['root'] }, {}],
])('a config with %j gives the user as %j, and never another one', (config, expected) => {
  const parsed = parseConfig(JSON.stringify({ os: 'linux', architecture: 'amd64', config }));
  expect(parsed).toEqual({ platform: 'linux/amd64', labels: {}, ...expected });
});

test('a config gives its history in order, also if a builder left half of it out', () => {
  const diffIds = [digestOf('a'), digestOf('b')];
  const document = {
    ...{ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: diffIds } },
    history: [
      { created: '2026-11-01T00:00:00Z', created_by: '/bin/sh -c apt-get update' },
      { created_by: 'ENV A=1', empty_layer: true },
      { comment: 'by a tool', author: 'x' },
      {},
    ],
  };
  expect(parseConfig(JSON.stringify(document))).toMatchObject({
    diffIds,
    history: [
      { createdBy: '/bin/sh -c apt-get update', created: '2026-11-01T00:00:00Z' },
      { createdBy: 'ENV A=1' },
      { createdBy: '{"author":"x","comment":"by a tool"}' },
      { createdBy: '' },
    ],
  });
  const broken = { ...document, rootfs: { type: 'layers', diff_ids: [...diffIds, 'sha512:1'] } };
  expect(parseConfig(JSON.stringify(broken))).not.toHaveProperty('diffIds');
  const odd = { ...document, created: '2026-11-02T00:00:00Z', rootfs: { diff_ids: 7 }, history: [{ created_by: 7 }] };
  expect(parseConfig(JSON.stringify(odd))).toEqual({
    ...{ platform: 'linux/amd64', labels: {}, user: '', createdAtEpochMs: Date.parse('2026-11-02T00:00:00Z') },
  });
});

describe('an image of any config fits into an item of 400 KB', () => {
  const count = (many: number): string[] => Array.from({ length: many }, (_, n) => digestOf(`layer ${n}`));
  const plain = { os: 'linux', architecture: 'amd64', created: '2026-11-30T00:00:00Z', rootfs: { diff_ids: count(2) } };
  /** A text that no compression shortens much. */
  const unlike = (letters: number): string =>
    count(Math.ceil(letters / 71))
      .join('')
      .slice(0, letters);
  const bytesOf = (value: unknown): number =>
    value instanceof Uint8Array
      ? value.length
      : typeof value === 'object' && value !== null
        ? Object.entries(value).reduce((sum, [key, member]) => sum + key.length + bytesOf(member), 0)
        : String(value).length;
  const steps = (many: number, changes: object = {}) =>
    Array.from({ length: many }, (_, n) => ({
      ...{ created: '2026-11-30T00:00:00.123456789Z', created_by: `RUN make ${n}`, ...changes },
    }));

  test.each([
    ['the most layers and steps', 1000, { ...plain, rootfs: { diff_ids: count(1000) }, history: steps(2000) }],
    ['a step more', 2, { ...plain, history: steps(2001) }],
    ['60,000 empty steps', 2, { ...plain, history: steps(60_000, { empty_layer: true }) }],
    ['a step with an instant of 1.3 MB', 2, { ...plain, history: steps(1, { created: unlike(1_300_000) }) }],
    ['a base of 2 MB', 2, { ...plain, config: { Labels: { 'org.opencontainers.image.base.name': unlike(2e6) } } }],
    ['20,000 unpacked layers', 2, { ...plain, rootfs: { diff_ids: count(20_000) } }],
    ['an architecture of 1 MB', 2, { ...plain, architecture: unlike(1e6) }],
    ['a user of 1 MB', 2, { ...plain, config: { User: unlike(1e6) } }],
  ])('%s', (_, layers, document) => {
    const config = parseConfig(JSON.stringify(document));
    const artifact = {
      ...{ kind: 'image' as const, digest: digestOf('hostile'), mediaType: MANIFEST_TYPES[0], annotations: {} },
      ...{ configDigest: digestOf('config'), layers: count(layers) as Digest[] },
    };
    const content = contentOf(artifact, config);
    const { birth, ...properties } = contentProperties({ artifact, config, pushes: {} }, Date.UTC(2026, 11, 1));
    expect(birth.known).toBe(true);
    for (const item of [packLists(content), packLists(properties)]) expect(bytesOf(item)).toBeLessThan(400_000);
  });

  test('an image with more layers than a node mounts is none, and says so', () => {
    const manifest = (layers: number) =>
      JSON.stringify({
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('config') },
        layers: count(layers).map((digest) => ({ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest })),
      });
    expect(parseManifest(digestOf('deep'), manifest(1000), MANIFEST_TYPES[0])).toMatchObject({ kind: 'image' });
    expect(parseManifest(digestOf('deep'), manifest(1001), MANIFEST_TYPES[0])).toEqual({
      ...{ code: 'unparsable', detail: 'its manifest has 1001 layers, and Patchwave reads at most 1000' },
    });
    const [problem] = [parseManifest(digestOf('long'), JSON.stringify({ mediaType: 'x'.repeat(1e6) }))];
    expect(JSON.stringify(problem).length).toBeLessThan(500);
  });
});
