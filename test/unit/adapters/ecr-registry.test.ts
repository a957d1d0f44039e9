import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  GetDownloadUrlForLayerCommand,
} from '@aws-sdk/client-ecr';
import { mockClient } from 'aws-sdk-client-mock';
import { EcrRegistry } from '../../../shared/adapters/ecr-registry.ts';
import { collect } from '../../../shared/concurrency.ts';
import { digestOf, LOCATION, NOON_EPOCH_MS } from '../../support/samples.ts';
import { awsError } from './support.ts';

const ecr = mockClient(ECRClient);
beforeEach(() => ecr.reset());

const client = new ECRClient({ region: 'eu-west-1' });
const registry = new EcrRegistry(() => client);
const imageManifestMediaType = 'application/vnd.oci.image.manifest.v1+json';
const manifest = JSON.stringify({
  config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('config') },
  layers: [],
});
const image = (name: string, imageTag?: string) => ({
  imageId: { imageDigest: digestOf(name), ...(imageTag && { imageTag }) },
  imageManifest: manifest,
  imageManifestMediaType,
});

test('every requested digest is in exactly one list, also if the registry omits or repeats some', async () => {
  ecr.on(BatchGetImageCommand).resolves({
    images: [image('tagged', 'v1'), image('tagged', 'v2'), { ...image('broken'), imageManifest: 'no JSON' }],
    failures: [
      { imageId: { imageDigest: digestOf('gone') }, failureCode: 'ImageNotFound', failureReason: 'not there' },
      { imageId: { imageDigest: digestOf('locked') }, failureCode: 'KmsError' },
    ],
  });
  const names = ['tagged', 'broken', 'gone', 'locked', 'forgotten'];
  const { found, missing } = await registry.manifests(LOCATION, [...names, ...names].map(digestOf));
  expect(found.map(({ digest }) => digest)).toEqual([digestOf('tagged')]);
  expect(missing.map(({ digest, code }) => [digest, code])).toEqual([
    [digestOf('broken'), 'unparsable'],
    [digestOf('gone'), 'ImageNotFound'],
    [digestOf('locked'), 'KmsError'],
    [digestOf('forgotten'), 'no-answer'],
  ]);
});

test('250 digests are three calls, which name the types of indexes too', async () => {
  ecr.on(BatchGetImageCommand).resolves({ images: [] });
  const digests = Array.from({ length: 250 }, (_, n) => digestOf(String(n)));
  expect((await registry.manifests(LOCATION, digests)).missing).toHaveLength(250);
  const inputs = ecr.commandCalls(BatchGetImageCommand).map(({ args }) => args[0].input);
  expect(inputs.map(({ imageIds }) => imageIds?.length)).toEqual([100, 100, 50]);
  expect(inputs[0]?.acceptedMediaTypes).toHaveLength(4);
  expect(await registry.manifests(LOCATION, [])).toEqual({ found: [], missing: [] });
});

describe('an index that names not each image with its platform', () => {
  const INDEX = 'application/vnd.oci.image.index.v1+json';
  const indexOf = (name: string, manifests: readonly object[]) => ({
    imageId: { imageDigest: digestOf(name) },
    imageManifest: JSON.stringify({ manifests }),
    imageManifestMediaType: INDEX,
  });
  const named = (name: string, more: object = {}) => ({
    mediaType: imageManifestMediaType,
    digest: digestOf(name),
    ...more,
  });
  const amd64 = { os: 'linux', architecture: 'amd64' };
  const answering = (...images: readonly { readonly imageId: { readonly imageDigest: string } }[]) =>
    ecr.on(BatchGetImageCommand).callsFake(({ imageIds }: { imageIds: readonly { imageDigest: string }[] }) => ({
      images: images.filter(({ imageId }) => imageIds.some(({ imageDigest }) => imageDigest === imageId.imageDigest)),
    }));
  const asked = () =>
    ecr.commandCalls(BatchGetImageCommand).map(({ args }) => args[0].input.imageIds?.map((one) => one.imageDigest));
  const calls = (command: typeof GetDownloadUrlForLayerCommand) => ecr.commandCalls(command).length;

  test('costs no further call if it names all of them', async () => {
    answering(indexOf('index', [named('a', { platform: amd64 }), named('b', { platform: amd64 })]));
    const { found } = await registry.manifests(LOCATION, [digestOf('index')]);
    expect(found).toMatchObject([{ kind: 'index', children: [{ digest: digestOf('a') }, { digest: digestOf('b') }] }]);
    expect([asked(), calls(GetDownloadUrlForLayerCommand)]).toEqual([[[digestOf('index')]], 0]);
  });

  test('costs a manifest and a config for each image that it does not name, and a call for each depth', async () => {
    answering(
      indexOf('index', [named('a'), named('b', { platform: amd64 }), { ...named('inner'), mediaType: INDEX }]),
      indexOf('inner', [named('c')]),
      ...['a', 'b', 'c'].map((name) => image(name)),
    );
    ecr.on(GetDownloadUrlForLayerCommand).rejects(awsError('LayersNotFoundException'));
    const { found, missing } = await registry.manifests(LOCATION, [digestOf('index')]);
    // Its config is not there, so no node starts it.
    const path = { platform: 'unknown/unknown', path: expect.anything() };
    expect(missing).toEqual([]);
    expect(found).toMatchObject([
      {
        kind: 'index',
        children: [
          { digest: digestOf('a'), ...path },
          { digest: digestOf('b'), platform: 'linux/amd64' },
          { digest: digestOf('c'), ...path },
        ],
      },
    ]);
    expect(asked()).toEqual([[digestOf('index')], ['a', 'inner'].map(digestOf), [digestOf('c')]]);
    expect(calls(GetDownloadUrlForLayerCommand)).toBe(2);
  });

  test('asks for no manifest twice', async () => {
    answering(indexOf('index', [named('a')]), image('a'));
    ecr.on(GetDownloadUrlForLayerCommand).rejects(awsError('LayersNotFoundException'));
    await registry.manifests(LOCATION, ['index', 'a'].map(digestOf));
    expect(asked()).toEqual([['index', 'a'].map(digestOf)]);
  });

  test('is missing, to be read again, if a manifest was not given', async () => {
    answering(indexOf('index', [named('a')]), indexOf('outer', [{ ...named('inner'), mediaType: INDEX }]));
    const { found, missing } = await registry.manifests(LOCATION, ['index', 'outer'].map(digestOf));
    expect(found).toEqual([]);
    expect(missing.map(({ digest, code }) => [digest, code])).toEqual([
      [digestOf('index'), 'no-answer'],
      [digestOf('outer'), 'no-answer'],
    ]);
  });

  test.each([
    ['no index', 'index-incomplete', indexOf('inner', [])],
    ['depth 4', 'index-too-deep', indexOf('inner', [{ ...named('inner'), mediaType: INDEX }])],
    [
      '257 entries',
      'index-too-large',
      indexOf(
        'inner',
        Array.from({ length: 257 }, (_, n) => named(String(n))),
      ),
    ],
  ])('is missing by name and reads no more, with %s inside', async (what, code, inner) => {
    answering(
      indexOf('index', [{ ...named('inner'), mediaType: INDEX }]),
      what === 'no index' ? image('inner') : inner,
    );
    const { missing } = await registry.manifests(LOCATION, [digestOf('index')]);
    expect(missing).toEqual([{ digest: digestOf('index'), code, detail: expect.stringMatching(/\w/) }]);
    expect(asked().length).toBeLessThanOrEqual(4);
    expect(calls(GetDownloadUrlForLayerCommand)).toBe(0);
  });
});

test('a repository that is gone has none of its images', async () => {
  ecr.on(BatchGetImageCommand).rejects(awsError('RepositoryNotFoundException'));
  const { missing } = await registry.manifests(LOCATION, [digestOf('a')]);
  expect(missing).toEqual([{ digest: digestOf('a'), code: 'RepositoryNotFoundException', detail: 'as AWS says it' }]);
});

test('signatures and SBOMs that refer to an image are no images', async () => {
  ecr
    .on(DescribeImagesCommand)
    .resolvesOnce({ imageDetails: [{ imageDigest: digestOf('a'), imageTags: ['b', 'a'] }], nextToken: '1' })
    .resolvesOnce({
      imageDetails: [
        { imageDigest: digestOf('signature'), subjectManifestDigest: digestOf('a') },
        { imageDigest: digestOf('b'), imagePushedAt: new Date(NOON_EPOCH_MS), imageManifestMediaType },
      ],
    });
  expect((await collect(registry.images(LOCATION))).flat()).toEqual([
    { digest: digestOf('a'), tags: ['a', 'b'], archived: false },
    {
      digest: digestOf('b'),
      tags: [],
      pushedAtEpochMs: NOON_EPOCH_MS,
      mediaType: imageManifestMediaType,
      archived: false,
    },
  ]);
});

test.each(['ThrottlingException', 'ServerException'])('%s is never read as an answer', async (name) => {
  ecr.rejects(awsError(name));
  await expect(collect(registry.repositories(LOCATION))).rejects.toMatchObject({ name });
  await expect(collect(registry.images(LOCATION))).rejects.toMatchObject({ name });
  await expect(registry.manifests(LOCATION, [digestOf('a')])).rejects.toMatchObject({ name });
  await expect(registry.resolveTag(LOCATION, 'v1')).rejects.toMatchObject({ name });
  await expect(registry.pushedAt(LOCATION, digestOf('a'))).rejects.toMatchObject({ name });
  await expect(registry.config(LOCATION, digestOf('a'))).rejects.toMatchObject({ name });
});

test.each(['LayersNotFoundException', 'LayerInaccessibleException'])('%s: the config cannot be used', async (name) => {
  ecr.on(GetDownloadUrlForLayerCommand).rejects(awsError(name));
  await expect(registry.config(LOCATION, digestOf('a'))).rejects.toMatchObject({
    name: 'ImageConfigError',
    message: expect.stringContaining(name),
  });
});

test('repositories come in pages', async () => {
  ecr
    .on(DescribeRepositoriesCommand)
    .resolvesOnce({ repositories: [{ repositoryName: 'a' }], nextToken: '1' })
    .resolvesOnce({ repositories: [{ repositoryName: 'b' }] });
  expect(await collect(registry.repositories(LOCATION))).toEqual([['a'], ['b']]);
});
