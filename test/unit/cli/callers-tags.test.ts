import {
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  ImageNotFoundException,
  RepositoryNotFoundException,
} from '@aws-sdk/client-ecr';
import { mockClient } from 'aws-sdk-client-mock';
import { CallersTags } from '../../../cli/check/callers-tags.ts';
import { contextOf } from '../../../cli/context.ts';
import { NotFoundError, StackUnreadableError, TagUnreadableError } from '../../../cli/errors.ts';
import { digestOf, LOCATION } from '../../support/samples.ts';

const ecr = mockClient(ECRClient);
beforeEach(() => void ecr.reset());

const read = () => new CallersTags().digestOf(LOCATION, '1.4.2');

test('a tag is read in its registry', async () => {
  ecr.on(DescribeImagesCommand).resolves({ imageDetails: [{ imageDigest: digestOf('new') }] });
  expect(await read()).toBe(digestOf('new'));
  const { account: registryId, repository: repositoryName } = LOCATION;
  expect(ecr.commandCalls(DescribeImagesCommand).map(({ args: [{ input }] }) => input)).toEqual([
    { registryId, repositoryName, imageIds: [{ imageTag: '1.4.2' }] },
  ]);
});

test('a tag that is not there is named', async () => {
  ecr.on(DescribeImagesCommand).rejects(new ImageNotFoundException({ message: 'none', $metadata: {} }));
  await expect(read()).rejects.toThrow(NotFoundError);
  await expect(read()).rejects.toThrow('has no tag "1.4.2"');
});

test('a tag that may not be read is an error with the next step, and so is an answer without a digest', async () => {
  ecr.on(DescribeImagesCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));
  await expect(read()).rejects.toThrow(/Give the digest that was pushed.*ecr:DescribeImages/);
  ecr.on(DescribeImagesCommand).resolves({ imageDetails: [] });
  await expect(read()).rejects.toThrow(TagUnreadableError);
});

const readAll = () => new CallersTags().all(LOCATION);
const { account: registryId, repository: repositoryName } = LOCATION;

test('all tags of a repository are read, page by page, with what may move', async () => {
  const exclusions = [{ filterType: 'WILDCARD' as const, filter: '1*' }];
  ecr.on(DescribeRepositoriesCommand).resolves({
    repositories: [{ imageTagMutability: 'IMMUTABLE_WITH_EXCLUSION', imageTagMutabilityExclusionFilters: exclusions }],
  });
  ecr
    .on(DescribeImagesCommand)
    .resolvesOnce({ imageDetails: [{ imageDigest: digestOf('a'), imageTags: ['12', '12.9'] }], nextToken: 'more' })
    .resolves({ imageDetails: [{ imageDigest: digestOf('b'), imageTags: ['11'] }, { imageDigest: digestOf('c') }] });
  expect(await readAll()).toEqual({
    named: new Map([
      ['12', digestOf('a')],
      ['12.9', digestOf('a')],
      ['11', digestOf('b')],
    ]),
    mutability: { isImmutable: true, except: ['1*'] },
  });
  const asked = ecr.commandCalls(DescribeImagesCommand).map(({ args: [{ input }] }) => input);
  expect(asked).toMatchObject([
    { registryId, repositoryName, filter: { tagStatus: 'TAGGED' } },
    { registryId, repositoryName, nextToken: 'more' },
  ]);
});

test('a repository that is not there, and one that may not be read, are errors with the next step', async () => {
  ecr.on(DescribeRepositoriesCommand).rejects(new RepositoryNotFoundException({ message: 'none', $metadata: {} }));
  await expect(readAll()).rejects.toThrow(NotFoundError);
  ecr.on(DescribeRepositoriesCommand).rejects(Object.assign(new Error('no'), { name: 'AccessDeniedException' }));
  await expect(readAll()).rejects.toThrow(/Allow ecr:DescribeImages and ecr:DescribeRepositories/);
});

test('a page that fails is an error, never a shorter list', async () => {
  ecr.on(DescribeRepositoriesCommand).resolves({ repositories: [{ imageTagMutability: 'MUTABLE' }] });
  ecr
    .on(DescribeImagesCommand)
    .resolvesOnce({ imageDetails: [{ imageDigest: digestOf('a'), imageTags: ['12'] }], nextToken: 'more' })
    .rejects(Object.assign(new Error('no'), { name: 'ThrottlingException' }));
  await expect(readAll()).rejects.toThrow(TagUnreadableError);
});

test('a stack of an earlier version serves every command but the request of check, which says what to deploy', async () => {
  const names = { ledgerTable: 'l', evidenceBucket: 'e', runBucket: 'r', fleetReviewMachineArn: 'arn' };
  const { refreshes } = contextOf(names, { region: 'eu-west-1' });
  const request = { kind: 'refresh', stream: '1/r/x:^1$' } as const;
  await expect(refreshes.send([request])).rejects.toThrow(StackUnreadableError);
  await expect(refreshes.send([request])).rejects.toThrow('Deploy this version of template.yaml.');
});
