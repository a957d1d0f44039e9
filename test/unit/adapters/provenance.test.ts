import { parseProvenance, provenanceBlobOf } from '../../../shared/adapters/provenance.ts';
import { digestOf } from '../../support/samples.ts';
import { fc } from '../../support/seeded.ts';

const IMAGE = digestOf('image');
const hex = (name: string): string => digestOf(name).slice('sha256:'.length);
const AT = Date.UTC(2026, 10, 1);
const finished = new Date(AT).toISOString();
const subject = [{ name: '_', digest: { sha256: hex('image') } }];
const material = (uri: string, name: string) => ({ uri, digest: { sha256: hex(name) } });

const V02 = 'https://slsa.dev/provenance/v0.2';
const statement = (predicate: object, changes: object = {}) =>
  JSON.stringify({ predicateType: V02, subject, predicate, ...changes });
const parse = (predicate: object, changes: object = {}) => parseProvenance(statement(predicate, changes), IMAGE);

test('SLSA provenance v0.2 and v1 tell when the build ended, and which images it read', () => {
  const materials = [
    material('pkg:docker/debian@12?platform=linux%2Famd64', 'debian'),
    material('pkg:docker/debian@12?platform=linux%2Farm64', 'debian'),
    material('pkg:oci/node?repository_url=example.com/node', 'node'),
    material('https://github.com/example/app.git', 'source'),
  ];
  const expected = { finishedAtEpochMs: AT, materials: [digestOf('debian'), digestOf('node')] };
  expect(parse({ materials, metadata: { buildFinishedOn: finished } })).toEqual(expected);
  const v1 = {
    buildDefinition: { resolvedDependencies: materials },
    runDetails: { metadata: { finishedOn: finished } },
  };
  expect(parse(v1, { predicateType: 'https://slsa.dev/provenance/v1' })).toEqual(expected);
});

test.each<[string, string]>([
  ['of another image', statement({}, { subject: [{ digest: { sha256: hex('other') } }] })],
  ['without a subject', statement({}, { subject: [] })],
  ['of another kind', statement({}, { predicateType: 'https://spdx.dev/Document' })],
  ['that is no JSON', 'no JSON'],
  ['whose digest is an object', statement({}, { subject: [{ digest: { sha256: { toString: 1 } } }] })],
])('a statement %s is none', (_, text) => {
  expect(parseProvenance(text, IMAGE)).toBeUndefined();
});

test.each<[string, object]>([
  ['nothing', {}],
  ['an instant that is a number', { metadata: { buildFinishedOn: AT } }],
  ['an instant that is none', { metadata: { buildFinishedOn: '\u001b[2Jyesterday' } }],
  ['materials that are no list', { materials: 'pkg:docker/debian' }],
  ['a material without a digest', { materials: [{ uri: 'pkg:docker/debian' }] }],
  ['a digest of another form', { materials: [{ uri: 'pkg:docker/debian', digest: { sha256: '../../x' } }] }],
])('a predicate with %s tells nothing', (_, predicate) => {
  expect(parse(predicate)).toEqual({ materials: [] });
});

test('a long list of materials is cut', () => {
  const materials = Array.from({ length: 5000 }, (_, n) => material('pkg:docker/x', `image ${n}`));
  expect(parse({ materials })?.materials).toHaveLength(100);
});

test('no text makes it throw', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.json(),
    fc.jsonValue().map((value) => statement({ materials: value, metadata: value })),
    fc.jsonValue().map((value) => statement({}, { subject: value, predicate: value })),
  );
  fc.assert(fc.property(texts, (text) => void [parseProvenance(text, IMAGE), provenanceBlobOf(text)]));
});

test('the blob of an attestation is its first statement of provenance', () => {
  const layer = (name: string, type: string, predicate?: string) => ({
    ...{ mediaType: type, digest: digestOf(name) },
    ...(predicate !== undefined && { annotations: { 'in-toto.io/predicate-type': predicate } }),
  });
  const inToto = 'application/vnd.in-toto+json';
  const layers = [
    layer('layer', 'application/vnd.oci.image.layer.v1.tar', V02),
    layer('sbom', inToto, 'https://spdx.dev/Document'),
    layer('unnamed', inToto),
    layer('provenance', inToto, V02),
  ];
  expect(provenanceBlobOf(JSON.stringify({ layers }))).toBe(digestOf('provenance'));
  expect(provenanceBlobOf(JSON.stringify({ layers: layers.slice(0, 3) }))).toBeUndefined();
});
