import { type IndexReads, readIndex } from '../../../shared/adapters/index-children.ts';
import { configPlatform, parseManifest } from '../../../shared/adapters/manifest.ts';
import { resolveObservation } from '../../../shared/domain/review/resolve-references.ts';
import { decideAtDoor } from '../../../shared/judging/decide-at-door.ts';
import { doorImage, doorWorld } from '../../support/door-world.ts';
import { IMAGE, INDEX } from '../../support/indexes/store.ts';
import { digestOf } from '../../support/samples.ts';

/* An index names an image that is fine for a platform without nodes, and hides the one that each node starts. */

const PLACE = { account: '111122223333', region: 'eu-west-1', cluster: 'main', namespace: 'shop' };
const AMD64 = { os: 'linux', architecture: 'amd64' };
const fine = { mediaType: IMAGE, digest: digestOf('compliant'), platform: { os: 'linux', architecture: 's390x' } };
const hidden = { mediaType: IMAGE, digest: digestOf('violating') };
const inner = { mediaType: INDEX, digest: digestOf('inner') };

const manifestOf = (name: string, manifests: readonly object[]) => {
  const parsed = parseManifest(digestOf(name), JSON.stringify({ schemaVersion: 2, manifests }), INDEX);
  if ('code' in parsed || parsed.kind !== 'index') throw new Error('it is no index');
  return parsed;
};

/** Its only image is on amd64 by its config; `inner` is an index of it. */
const reads: IndexReads = {
  manifests: async (digests) =>
    new Map(
      digests.map((digest) => [
        digest,
        digest === inner.digest
          ? manifestOf('inner', [hidden])
          : { kind: 'image', digest, mediaType: IMAGE, configDigest: digestOf('config'), layers: [], annotations: {} },
      ]),
    ),
  platform: async () => configPlatform(JSON.stringify(AMD64)),
};

test.each<[string, readonly object[]]>([
  ['it has no platform', [fine, hidden]],
  [
    'it has the annotation of an attestation',
    [fine, { ...hidden, platform: AMD64, annotations: { 'vnd.docker.reference.type': 'attestation-manifest' } }],
  ],
  ['it is in an index without platform', [fine, inner]],
  ['it is in an index of its platform', [fine, { ...inner, platform: AMD64 }]],
  ['it comes first', [hidden, fine]],
])('a door refuses an index with a hidden image, and a review counts it as what runs: %s', async (_, manifests) => {
  const world = await doorWorld();
  const index = await readIndex(manifestOf('index', manifests), reads);
  if ('code' in index) throw new Error(index.code);
  await world.places.recordIndex(index.digest, index.children, world.clock());

  expect(await decideAtDoor(world, PLACE, [doorImage('index')])).toMatchObject([{ decision: 'deny' }]);

  const observation = {
    ...{ account: PLACE.account, region: PLACE.region, cluster: PLACE.cluster, count: 1 },
    ...({ workloadKind: 'eks-deployment', workload: 'shop/web', container: 'app' } as const),
    ...{ digest: index.digest, architecture: 'amd64' },
  };
  const resolved = resolveObservation(observation, {
    indexes: new Map([[index.digest, index.children]]),
    tags: new Map(),
  });
  expect(resolved).toMatchObject({ usages: [{ digest: hidden.digest }] });
  expect(resolved.resolved && resolved.usages).toHaveLength(1);
});
