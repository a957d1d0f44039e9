import { BatchDeleteImageCommand, DescribeImagesCommand, ECRClient } from '@aws-sdk/client-ecr';
import { mockClient } from 'aws-sdk-client-mock';
import { EcrProtectingTags } from '../../../shared/adapters/ecr-protecting-tags.ts';
import { PROTECTING_PREFIX } from '../../../shared/domain/retention/protecting-tag.ts';
import { LOCATION } from '../../support/samples.ts';

const ecr = mockClient(ECRClient);
beforeEach(() => ecr.reset());

const KEEP = `${PROTECTING_PREFIX}0123456789abcdef`;
const tags = new EcrProtectingTags(() => new ECRClient({ region: 'eu-west-1' }));

test.each([
  [['v1', KEEP], true],
  [['22', KEEP], false],
  [['22', 'v1', KEEP], true],
  [[`${PROTECTING_PREFIX}other`, KEEP], false],
  [[KEEP], false],
])('of an image with the tags %j ours is taken: %s', async (imageTags, isTaken) => {
  ecr.on(DescribeImagesCommand).resolves({ imageDetails: [{ imageTags }] });
  ecr.on(BatchDeleteImageCommand).resolves({});
  expect(await tags.untag(LOCATION, KEEP, (tag) => tag === '22')).toBe(isTaken);
  expect(ecr.commandCalls(BatchDeleteImageCommand)).toHaveLength(Number(isTaken));
});
