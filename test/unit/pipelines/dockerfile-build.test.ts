import { readFileSync } from 'node:fs';
import { buildImage } from '../../../local/builds/image.ts';
import { readLayer } from '../../../local/builds/layer.ts';
import { readPackages } from '../../../local/builds/packages.ts';
import { type BuildFailed, buildDockerfile } from '../../../local/pipelines/dockerfile-build.ts';

const recipe = { name: 'parent', architecture: 'amd64', format: 'oci', createdEpochMs: 0 } as const;
const parent = buildImage(
  { ...recipe, labels: { 'org.opencontainers.image.source': 'parent', own: 'parent' } },
  { os: 'alpine', packages: { busybox: '1', libcrypto3: '3.5.4-r0' } },
);
const newest: Readonly<Record<string, string>> = { libcrypto3: '3.5.5-r0', nodejs: '24.1-r0', npm: '11-r0' };

const build = async (text: string, given: Readonly<Record<string, string>> = {}, target?: string) => {
  const pulled: string[] = [];
  const image = await buildDockerfile(
    {
      pull: async (reference) => {
        pulled.push(reference);
        return parent;
      },
      archive: {
        newestPackages: async (_, packages) =>
          Object.fromEntries(
            Object.entries(newest).filter(([name, version]) => name in packages && packages[name] !== version),
          ),
      },
    },
    {
      ...{ name: 'image', text, architecture: 'amd64', nowEpochMs: 1_000 },
      ...{ buildArguments: new Map(Object.entries(given)), ...(target !== undefined && { target }) },
    },
  );
  return { image, pulled, labels: image.configDocument.config.Labels };
};
const dockerfile = (path: string) => readFileSync(`registry/${path}/Dockerfile`, 'utf8');
const GIVEN = { BASE: 'registry/base', BASE_TAG: 'stable@sha256:1', BASE_DIGEST: 'sha256:1', SOURCE: 'org/images' };

test('a base upgrades every package of its parent, and has labels of its own beside those of its parent', async () => {
  const { image, pulled, labels } = await build(dockerfile('base/alpine'), { ...GIVEN, PATCHWAVE_REBUILD_ID: 'r-1' });
  expect(pulled).toEqual(['registry/base:stable@sha256:1']);
  expect(image.packages).toEqual({ busybox: '1', libcrypto3: '3.5.5-r0' });
  expect(image.layers.slice(0, 1)).toEqual(parent.layers);
  expect(labels).toMatchObject({
    own: 'parent',
    'org.opencontainers.image.source': 'org/images',
    'org.opencontainers.image.base.name': 'registry/base:stable@sha256:1',
    'org.opencontainers.image.base.digest': 'sha256:1',
    'dev.patchwave.rebuild': 'r-1',
  });
});

test('without build arguments a base is built on the image of its distribution', async () => {
  expect((await build(dockerfile('base/debian'))).pulled).toEqual(['public.ecr.aws/docker/library/debian:trixie-slim']);
});

test('a platform installs the package that an argument names', async () => {
  const { image } = await build(dockerfile('platform/node'), { ...GIVEN, PACKAGE: 'nodejs' });
  expect(image.packages.nodejs).toBe('24.1-r0');
});

test('an application has the packages of its parent only: what its build stage installs stays there', async () => {
  const { image } = await build(dockerfile('application/node'), { ...GIVEN, NPM_PACKAGE: 'npm' });
  expect(image.packages).toEqual(parent.packages);
  expect(image.layers.slice(0, 1)).toEqual(parent.layers);
});

test('a distroless application is one layer with the package database', async () => {
  const { image } = await build(dockerfile('application/node'), { ...GIVEN, NPM_PACKAGE: 'npm' }, 'distroless');
  expect(image.layers).toHaveLength(1);
  expect(readPackages(image.layers.map(({ bytes }) => readLayer(bytes)))).toEqual({
    os: 'alpine',
    packages: parent.packages,
  });
});

test.each([
  ['a package that the archive lacks', dockerfile('platform/node'), { ...GIVEN, PACKAGE: 'nodejs25' }, undefined],
  ['a stage that is not there', dockerfile('application/node'), GIVEN, 'slim'],
  ['a copy from an image', 'FROM a AS b\nCOPY --from=registry/other /x /x', {}, undefined],
])('a build fails for %s', async (_, text, given, target) => {
  await expect(build(text, given, target)).rejects.toMatchObject({
    name: 'BuildFailed',
  } satisfies Partial<BuildFailed>);
});
