import { gunzipSync } from 'node:zlib';
import { digestOf } from '../../../local/builds/blob.ts';
import { type BuiltImage, buildImage, rebuildFromCache } from '../../../local/builds/image.ts';
import { buildIndex } from '../../../local/builds/image-index.ts';
import { buildLayer, readLayer } from '../../../local/builds/layer.ts';
import { packageFiles, readPackages } from '../../../local/builds/packages.ts';
import { readTar, writeTar } from '../../../local/builds/tar.ts';
import { fc } from '../../support/seeded.ts';

const CREATED = Date.parse('2026-03-01T12:00:00Z');
const recipe = { name: 'app', architecture: 'amd64', format: 'oci', createdEpochMs: CREATED } as const;
const base = () =>
  buildImage({ ...recipe, name: 'base' }, { os: 'debian', packages: { bash: '5.2-1', libssl3: '3.0.13-1' } });
const files = (image: BuiltImage) => image.layers.map(({ bytes }) => readLayer(bytes));

test('a tar archive holds what was written, with the checksum and times POSIX asks for', () => {
  const archive = writeTar(
    [
      { path: 'a/b', content: 'x'.repeat(513), mode: 0o755 },
      { path: 'c', content: '' },
    ],
    1_700_000_000,
  );
  expect(readTar(archive)).toEqual(
    new Map([
      ['a/b', 'x'.repeat(513)],
      ['c', ''],
    ]),
  );
  expect(archive.length % 512).toBe(0);
  expect(archive.toString('latin1', 257, 265)).toBe('ustar\u000000');
  expect(Number.parseInt(archive.toString('latin1', 136, 147), 8)).toBe(1_700_000_000);
  expect(archive.toString('latin1', 100, 107)).toBe('0000755');
  const header = [...archive.subarray(0, 512)].map((byte, i) => (i >= 148 && i < 156 ? 32 : byte));
  expect(Number.parseInt(archive.toString('latin1', 148, 154), 8)).toBe(header.reduce((a, b) => a + b, 0));
});

test('a path that a tar header cannot hold is refused', () => {
  expect(() => writeTar([{ path: 'x'.repeat(101), content: '' }], 0)).toThrow('longer than the 100 bytes');
});

test('a layer names no operating system it was compressed on, and its diff id is that of the archive', () => {
  const layer = buildLayer([{ path: 'a', content: 'b' }], 0);
  expect(layer.bytes[9]).toBe(255);
  expect(layer.diffId).toBe(digestOf(gunzipSync(layer.bytes)));
  expect(layer.digest).toBe(digestOf(layer.bytes));
});

test('the same input gives the same bytes; another time or content gives others', () => {
  const build = (changes: object, packages = { nodejs: '22.1' }) =>
    buildImage({ ...recipe, ...changes }, { parent: base(), packages }).manifest.digest;
  expect(build({})).toBe(build({}));
  const others = [
    { createdEpochMs: CREATED + 1000 },
    { name: 'other' },
    { architecture: 'arm64' },
    { labels: { a: 'b' } },
  ];
  const digests = [build({}), build({}, { nodejs: '22.2' }), ...others.map((changes) => build(changes))];
  expect(new Set(digests).size).toBe(digests.length);
});

test('a child has the layers, packages and history of its parent below its own', () => {
  const parent = base();
  const child = buildImage(recipe, { parent, packages: { libssl3: '3.0.15-1', nodejs: '22.1' }, layerCount: 2 });
  expect(child.layers.slice(0, 1)).toEqual(parent.layers);
  expect(child.layers).toHaveLength(3);
  expect(child.configDocument.rootfs.diff_ids).toEqual(child.layers.map(({ diffId }) => diffId));
  expect(child.configDocument.history.filter((entry) => !entry.empty_layer)).toHaveLength(3);
  expect(child.configDocument.created).toBe('2026-03-01T12:00:00.000Z');
  expect(readPackages(files(child))).toEqual({
    os: 'debian',
    packages: { bash: '5.2-1', libssl3: '3.0.15-1', nodejs: '22.1' },
  });
});

test('a build of metadata only keeps the chain and grows the history', () => {
  const parent = base();
  const child = buildImage(recipe, { parent, layerCount: 0 });
  expect(child.layers).toEqual(parent.layers);
  expect(child.configDocument.history).toHaveLength(parent.configDocument.history.length + 1);
  expect(child.manifest.digest).not.toBe(parent.manifest.digest);
});

test('a rebuild from the cache is younger and holds the same layers', () => {
  const old = buildImage(recipe, { parent: base() });
  const rebuilt = rebuildFromCache({ ...recipe, createdEpochMs: CREATED + 86_400_000 }, old);
  expect(rebuilt.layers).toEqual(old.layers);
  expect(rebuilt.configDocument.created).toBe('2026-03-02T12:00:00.000Z');
  expect(rebuilt.manifest.digest).not.toBe(old.manifest.digest);
});

test('without a time the config names none', () => {
  const { createdEpochMs: _none, ...timeless } = recipe;
  expect(buildImage(timeless, { os: 'scratch' }).configDocument).not.toHaveProperty('created');
});

test.each([
  ['oci', 'application/vnd.oci.image.manifest.v1+json'],
  ['docker', 'application/vnd.docker.distribution.manifest.v2+json'],
] as const)('the %s manifest describes exactly the blobs it leads to', (format, mediaType) => {
  const image = buildImage({ ...recipe, format }, { parent: base() });
  const manifest = JSON.parse(image.manifest.bytes.toString());
  expect(manifest.mediaType).toBe(mediaType);
  expect(manifest.config).toMatchObject({ digest: image.config.digest, size: image.config.bytes.length });
  expect(manifest.layers.map((layer: { digest: string; size: number }) => [layer.digest, layer.size])).toEqual(
    image.layers.map(({ digest, bytes }) => [digest, bytes.length]),
  );
});

test('an index lists its images and one attestation of unknown platform for each', () => {
  const images = (['amd64', 'arm64'] as const).map((architecture) =>
    buildImage({ ...recipe, architecture }, { os: 'debian' }),
  );
  const index = buildIndex({ format: 'oci', holds: 'images', finishedEpochMs: CREATED }, images);
  const { manifests } = JSON.parse(index.manifest.bytes.toString());
  expect(manifests.map(({ platform }: { platform: object }) => platform)).toEqual([
    { os: 'linux', architecture: 'amd64' },
    { os: 'linux', architecture: 'arm64', variant: 'v8' },
    { os: 'unknown', architecture: 'unknown' },
    { os: 'unknown', architecture: 'unknown' },
  ]);
  expect(manifests[3].annotations['vnd.docker.reference.digest']).toBe(images[1]?.manifest.digest);
  const statement = JSON.parse(index.attestations[0]?.blobs[1]?.bytes.toString() ?? '');
  expect(statement.subject[0].digest.sha256).toBe(images[0]?.manifest.digest.slice('sha256:'.length));
  expect(statement.predicate.metadata.buildFinishedOn).toBe('2026-03-01T12:00:00.000Z');
});

test.each([
  ['empty', 0, 0],
  ['attestations-only', 1, 1],
] as const)('an index that holds %s', (holds, listed, attestations) => {
  const index = buildIndex({ format: 'oci', holds, finishedEpochMs: CREATED }, [base()]);
  expect(JSON.parse(index.manifest.bytes.toString()).manifests).toHaveLength(listed);
  expect(index.attestations).toHaveLength(attestations);
});

test('the provenance of a build names its parent', () => {
  const digest = `sha256:${'a'.repeat(64)}`;
  const material = { reference: '111122223333.dkr.ecr.us-east-1.amazonaws.com/base/debian:12', digest };
  const index = buildIndex({ format: 'oci', holds: 'images', finishedEpochMs: CREATED, material }, [base()]);
  expect(JSON.parse(index.attestations[0]?.blobs[1]?.bytes.toString() ?? '').predicate.materials).toEqual([
    {
      uri: 'pkg:docker/111122223333.dkr.ecr.us-east-1.amazonaws.com/base/debian@12?platform=linux%2Famd64',
      digest: { sha256: 'a'.repeat(64) },
    },
  ]);
});

const name = fc.stringMatching(/^[a-z0-9][a-z0-9+.-]{1,30}$/);
const version = fc.stringMatching(/^([0-9]:)?[0-9][A-Za-z0-9.+~-]{0,30}$/);
const packages = fc.dictionary(name, version, { minKeys: 1, maxKeys: 20, noNullPrototype: true });

test.each(['debian', 'alpine', 'distroless'] as const)('the %s package database reads back as it was written', (os) => {
  fc.assert(
    fc.property(packages, packages, (lower, upper) => {
      const layers = [
        packageFiles(os, 'amd64', lower, lower),
        packageFiles(os, 'amd64', { ...lower, ...upper }, upper),
      ].map((layer) => new Map(layer.map(({ path, content }) => [path, content])));
      expect(readPackages(layers)).toEqual({ os, packages: { ...lower, ...upper } });
    }),
  );
});

test.each([
  ['unknown', 'unknown'],
  ['scratch', 'scratch'],
] as const)('os %s has no packages', (os, expected) => {
  expect(readPackages(files(buildImage(recipe, { os })))).toEqual({ os: expected, packages: {} });
});
