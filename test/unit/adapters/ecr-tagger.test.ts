import { BatchGetImageCommand, ECRClient, PutImageCommand } from '@aws-sdk/client-ecr';
import { mockClient } from 'aws-sdk-client-mock';
import { EcrTagger } from '../../../shared/adapters/ecr-tagger.ts';
import { digestOf, LOCATION } from '../../support/samples.ts';
import { awsError } from './support.ts';

const ecr = mockClient(ECRClient);
beforeEach(() => ecr.reset());
const client = new ECRClient({ region: 'eu-west-1' });
const tagger = new EcrTagger(() => client);
const digest = digestOf('a');
const image = {
  imageId: { imageDigest: digest },
  // Bytes that no serializer would write again.
  imageManifest: '{ "schemaVersion":2 ,\n "layers":[ ] }',
  imageManifestMediaType: 'application/vnd.oci.image.index.v1+json',
};

test('the very bytes are put again, under their own media type and digest', async () => {
  ecr
    .on(BatchGetImageCommand)
    .resolves({ images: [image] })
    .on(PutImageCommand)
    .resolves({});
  await tagger.tag(LOCATION, digest, 'latest');
  expect(ecr.commandCalls(PutImageCommand)[0]?.args[0].input).toEqual({
    repositoryName: LOCATION.repository,
    imageManifest: image.imageManifest,
    imageManifestMediaType: image.imageManifestMediaType,
    imageDigest: digest,
    imageTag: 'latest',
  });
  expect(ecr.commandCalls(BatchGetImageCommand)[0]?.args[0].input.acceptedMediaTypes).toHaveLength(4);
});

test('an image that has the tag already is done', async () => {
  ecr.on(BatchGetImageCommand).resolves({ images: [image] });
  ecr.on(PutImageCommand).rejects(awsError('ImageAlreadyExistsException'));
  await tagger.tag(LOCATION, digest, 'latest');
  ecr.on(PutImageCommand).rejects(awsError('ImageTagAlreadyExistsException'));
  await tagger.tag(LOCATION, digest, 'latest');
});

test.each([
  [{ failures: [{ failureCode: 'ImageNotFound', failureReason: 'not there' }] }, 'ImageNotFound: not there'],
  [{ images: [{ imageId: { imageDigest: digest } }] }, 'no answer'],
] as const)('an answer without a manifest tags nothing', async (answer, words) => {
  ecr.on(BatchGetImageCommand).resolves(structuredClone(answer) as object);
  await expect(tagger.tag(LOCATION, digest, 'latest')).rejects.toMatchObject({
    name: 'ImageGoneError',
    message: expect.stringContaining(words),
  });
  expect(ecr.commandCalls(PutImageCommand)).toHaveLength(0);
});

test.each(['ThrottlingException', 'ServerException', 'ReferencedImagesNotFoundException'])(
  '%s is never read as done',
  async (name) => {
    ecr
      .on(BatchGetImageCommand)
      .resolves({ images: [image] })
      .on(PutImageCommand)
      .rejects(awsError(name));
    await expect(tagger.tag(LOCATION, digest, 'latest')).rejects.toMatchObject({ name });
  },
);
