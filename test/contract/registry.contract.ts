import { collect } from '../../shared/concurrency.ts';
import type { Artifact, Digest, ImageLocation } from '../../shared/domain/image/image.ts';
import { systemIn } from '../../shared/domain/image/system.ts';
import type { ProvenanceSource } from '../../shared/ports/provenance.ts';
import type { ImageConfig, ImageRegistry } from '../../shared/ports/registry.ts';
import { DAY_MS, digestOf, NOON_EPOCH_MS } from '../support/samples.ts';

/** An image that a world pushed: what the registry is to tell of it. */
export interface PushedArtifact {
  readonly artifact: Artifact;
  readonly config?: ImageConfig;
}

export interface ContractPush {
  readonly name: string;
  readonly tags: readonly string[];
  readonly pushedAtEpochMs: number;
  readonly format?: 'oci' | 'docker';
  readonly createdEpochMs?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly user?: string;
  /**
   * Pushes an index with one image and its attestation, or with nothing runnable; or one that does not name the platform of its
   * image, by itself or in an index inside.
   */
  readonly index?: 'images' | 'attestations-only' | 'empty' | 'without-platform' | 'nested';
}

/** A registry, and how to fill it. */
export interface RegistryWorld {
  readonly registry: ImageRegistry & ProvenanceSource;
  /** A repository in a registry that no other test has seen. */
  newRepository(name: string): Promise<ImageLocation>;
  createRepository(location: ImageLocation): Promise<void>;
  push(location: ImageLocation, push: ContractPush): Promise<PushedArtifact>;
  delete(location: ImageLocation, digest: Digest): Promise<void>;
  archive(location: ImageLocation, digest: Digest): Promise<void>;
  /** In a registry whose account's role cannot be assumed. */
  readonly unreachable: ImageLocation;
}

const PUSHED = NOON_EPOCH_MS - 3 * DAY_MS;
const push = (name: string, changes: Partial<ContractPush> = {}): ContractPush => ({
  name,
  tags: [name],
  pushedAtEpochMs: PUSHED,
  ...changes,
});

export function registryContract(world: () => RegistryWorld): void {
  const imagesOf = async (location: ImageLocation) => (await collect(world().registry.images(location))).flat();

  test('every repository of a registry is named', async () => {
    const location = await world().newRepository('team/a');
    await world().createRepository({ ...location, repository: 'team/b' });
    expect((await collect(world().registry.repositories(location))).flat().sort()).toEqual(['team/a', 'team/b']);
  });

  test('a repository lists its images with tags and pushes; a tag that moved is on one image only', async () => {
    const location = await world().newRepository('team/a');
    const old = await world().push(location, push('old', { tags: ['v1', 'latest'] }));
    const young = await world().push(location, push('young', { tags: ['latest'], pushedAtEpochMs: PUSHED + DAY_MS }));
    const images = await imagesOf(location);
    expect(images).toHaveLength(2);
    expect(images).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          digest: old.artifact.digest,
          tags: ['v1'],
          pushedAtEpochMs: PUSHED,
          archived: false,
        }),
        expect.objectContaining({ digest: young.artifact.digest, tags: ['latest'], pushedAtEpochMs: PUSHED + DAY_MS }),
      ]),
    );
  });

  test('archived and deleted images are not listed; a repository that is not there has none', async () => {
    const location = await world().newRepository('team/a');
    const archived = await world().push(location, push('archived'));
    const deleted = await world().push(location, push('deleted'));
    await world().archive(location, archived.artifact.digest);
    await world().delete(location, deleted.artifact.digest);
    expect(await imagesOf(location)).toEqual([]);
    expect(await imagesOf({ ...location, repository: 'team/none' })).toEqual([]);
  });

  test.each(['oci', 'docker'] as const)(
    'a manifest of format %s gives layers, config and annotations',
    async (format) => {
      const location = await world().newRepository('team/a');
      const { artifact } = await world().push(location, push('image', { format }));
      const { found, missing } = await world().registry.manifests(location, [artifact.digest, artifact.digest]);
      expect({ found, missing }).toEqual({ found: [artifact], missing: [] });
      expect(artifact).toMatchObject({
        kind: 'image',
        layers: expect.arrayContaining([expect.stringMatching(/^sha256:/)]),
      });
    },
  );

  test.each([
    ['images', 1],
    ['attestations-only', 0],
    ['empty', 0],
    ['without-platform', 1],
    ['nested', 1],
  ] as const)('an index of %s has %d runnable children', async (index, children) => {
    const location = await world().newRepository('team/a');
    const { artifact } = await world().push(location, push('index', { index }));
    const { found } = await world().registry.manifests(location, [artifact.digest]);
    expect(found).toEqual([artifact]);
    expect(artifact.kind === 'index' && artifact.children).toHaveLength(children);
  });

  test('the provenance beside an image tells when its build ended', async () => {
    const location = await world().newRepository('team/a');
    const { artifact } = await world().push(location, push('index', { index: 'images' }));
    const [child] = artifact.kind === 'index' ? artifact.children : [];
    if (child?.attestation === undefined) throw new Error('the image has no attestation');
    const asked = new Map([
      [child.digest, child.attestation],
      [digestOf('another image'), child.digest],
      [digestOf('a third image'), digestOf('none')],
    ]);
    expect(await world().registry.provenances(location, asked)).toEqual(
      new Map([[child.digest, { finishedAtEpochMs: PUSHED, materials: [] }]]),
    );
  });

  test('the lowest layers name the operating system; a layer that is gone is an error', async () => {
    const location = await world().newRepository('team/a');
    const { artifact } = await world().push(location, push('image'));
    const layers = artifact.kind === 'image' ? artifact.layers : [];
    const { files } = await world().registry.systemFiles(location, layers);
    expect(systemIn({ files })).toEqual({ kind: 'named', id: 'debian', version: '12' });
    expect(await world().registry.systemFiles(location, [])).toEqual({ files: {} });
    await expect(world().registry.systemFiles(location, [digestOf('gone')])).rejects.toMatchObject({
      name: 'ImageConfigError',
    });
  });

  test('each of 101 requested digests is found or missing, with its code', async () => {
    const location = await world().newRepository('team/a');
    const { artifact } = await world().push(location, push('image'));
    const unknown = Array.from({ length: 100 }, (_, n) => digestOf(`unknown-${n}`));
    const { found, missing } = await world().registry.manifests(location, [...unknown, artifact.digest]);
    expect(found).toEqual([artifact]);
    expect(missing.map(({ digest }) => digest).sort()).toEqual([...unknown].sort());
    expect(new Set(missing.map(({ code }) => code))).toEqual(new Set(['ImageNotFound']));
  });

  test('a tag means its present digest, or nothing', async () => {
    const location = await world().newRepository('team/a');
    await world().push(location, push('old', { tags: ['latest'] }));
    const { artifact } = await world().push(location, push('young', { tags: ['latest'] }));
    expect(await world().registry.resolveTag(location, 'latest')).toBe(artifact.digest);
    expect(await world().registry.resolveTag(location, 'none')).toBeUndefined();
    expect(await world().registry.resolveTag({ ...location, repository: 'team/none' }, 'latest')).toBeUndefined();
  });

  test('an image has the instant of its push, as the list says it; an unknown one has none', async () => {
    const location = await world().newRepository('team/a');
    const { artifact } = await world().push(location, push('image'));
    const { registry } = world();
    const [listed] = await imagesOf(location);
    expect(listed?.pushedAtEpochMs).toBeGreaterThan(0);
    expect(await registry.pushedAt(location, artifact.digest)).toBe(listed?.pushedAtEpochMs);
    expect(await registry.pushedAt(location, digestOf('none'))).toBeUndefined();
    expect(await registry.pushedAt({ ...location, repository: 'team/none' }, artifact.digest)).toBeUndefined();
  });

  test('the config gives birth, platform, labels, user and history, and omits missing fields', async () => {
    const location = await world().newRepository('team/a');
    const createdEpochMs = PUSHED - DAY_MS;
    const dated = await world().push(
      location,
      push('dated', { createdEpochMs, labels: { team: 'payments' }, user: '10001:0' }),
    );
    const undated = await world().push(location, push('undated'));
    for (const { artifact, config } of [dated, undated]) {
      if (artifact.kind !== 'image') throw new Error('an image was pushed');
      expect(await world().registry.config(location, artifact.configDigest)).toEqual(config);
    }
    expect(dated.config).toMatchObject({
      createdAtEpochMs: createdEpochMs,
      labels: { team: 'payments' },
      user: '10001:0',
    });
    expect(undated.config?.user).toBe('');
    expect(undated.config).not.toHaveProperty('createdAtEpochMs');
    expect(undated.config?.diffIds).toHaveLength(1);
    expect(undated.config?.history?.length).toBeGreaterThan(0);
  });

  test('a config that is not there is an error of its own', async () => {
    const location = await world().newRepository('team/a');
    await expect(world().registry.config(location, digestOf('none'))).rejects.toMatchObject({
      name: 'ImageConfigError',
    });
  });

  test('a registry that denies reading is unreachable, for every call', async () => {
    const { registry, unreachable } = world();
    const { account, region } = unreachable;
    const expected = { name: 'RegistryUnreachableError', registry: { account, region } };
    await expect(collect(registry.repositories(unreachable))).rejects.toMatchObject(expected);
    await expect(imagesOf(unreachable)).rejects.toMatchObject(expected);
    await expect(registry.manifests(unreachable, [digestOf('a')])).rejects.toMatchObject(expected);
    await expect(registry.resolveTag(unreachable, 'v1')).rejects.toMatchObject(expected);
    await expect(registry.pushedAt(unreachable, digestOf('a'))).rejects.toMatchObject(expected);
    await expect(registry.systemFiles(unreachable, [digestOf('a')])).rejects.toMatchObject(expected);
    await expect(registry.config(unreachable, digestOf('a'))).rejects.toMatchObject(expected);
  });
}
