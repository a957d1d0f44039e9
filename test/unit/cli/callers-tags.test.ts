import { DescribeImagesCommand, ECRClient, ImageNotFoundException } from '@aws-sdk/client-ecr';
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

test('a stack of an earlier version serves every command but the request of check, which says what to deploy', async () => {
  const names = { ledgerTable: 'l', evidenceBucket: 'e', runBucket: 'r', fleetReviewMachineArn: 'arn' };
  const { refreshes } = contextOf(names, { region: 'eu-west-1' });
  const request = { kind: 'refresh', stream: '1/r/x:^1$' } as const;
  await expect(refreshes.send([request])).rejects.toThrow(StackUnreadableError);
  await expect(refreshes.send([request])).rejects.toThrow('Deploy this version of template.yaml.');
});
