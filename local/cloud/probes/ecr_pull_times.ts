import assert from 'node:assert/strict';
import {
  BatchGetImageCommand,
  DeregisterPullTimeUpdateExclusionCommand,
  DescribeImagesCommand,
  ECRClient,
  ListPullTimeUpdateExclusionsCommand,
  RegisterPullTimeUpdateExclusionCommand,
} from '@aws-sdk/client-ecr';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import { debianFiles, makeRepository, type ProbeCloud, pushImage } from '../probe.ts';
import { makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const owner = new ECRClient(cloud.config);
  const repositoryName = await makeRepository(cloud, 'team/pulled');
  const { digest } = await pushImage(cloud, repositoryName, [debianFiles({ bash: '5.2' })], '1');
  const imageIds = [{ imageDigest: digest }];
  const pulledAt = async (): Promise<number | undefined> => {
    const { imageDetails = [] } = await owner.send(new DescribeImagesCommand({ repositoryName, imageIds }));
    return imageDetails[0]?.lastRecordedPullTime?.getTime();
  };

  const principalArn = await makeRole(cloud, { Principal: { AWS: '*' } });
  const assumed = await new STSClient(cloud.config).send(
    new AssumeRoleCommand({ RoleArn: principalArn, RoleSessionName: 'probe' }),
  );
  const {
    AccessKeyId: accessKeyId = '',
    SecretAccessKey: secretAccessKey = '',
    SessionToken,
  } = assumed.Credentials ?? {};
  const credentials = { accessKeyId, secretAccessKey, ...(SessionToken && { sessionToken: SessionToken }) };
  const reader = new ECRClient({ ...cloud.config, credentials });
  const pull = () => reader.send(new BatchGetImageCommand({ repositoryName, imageIds }));

  await owner.send(new RegisterPullTimeUpdateExclusionCommand({ principalArn }));
  const again = owner.send(new RegisterPullTimeUpdateExclusionCommand({ principalArn }));
  await assert.rejects(again, { name: 'ExclusionAlreadyExistsException' });
  const { pullTimeUpdateExclusions } = await owner.send(new ListPullTimeUpdateExclusionsCommand({}));
  assert.ok(pullTimeUpdateExclusions?.includes(principalArn));
  await pull();
  assert.equal(await pulledAt(), undefined);

  await owner.send(new DeregisterPullTimeUpdateExclusionCommand({ principalArn }));
  await pull();
  assert.ok(((await pulledAt()) ?? 0) > Date.now() - 60_000);
}
