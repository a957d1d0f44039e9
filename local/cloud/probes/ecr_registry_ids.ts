import assert from 'node:assert/strict';
import {
  BatchGetImageCommand,
  DescribeImagesCommand,
  DescribeRepositoriesCommand,
  ECRClient,
  SetRepositoryPolicyCommand,
} from '@aws-sdk/client-ecr';
import { makeRepository, type ProbeCloud, pushImage } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';

const OTHER = '555500000012';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const registryId = cloud.config.credentials.accessKeyId;
  const repositoryName = await makeRepository(cloud, 'of-another-account');
  const { digest } = await pushImage(cloud, repositoryName, [{ 'etc/motd': 'hello' }], '1');
  const root = cloud.clients(OTHER, cloud.config.region);
  const session = await sessionThatMay({ ...cloud, config: root }, [{ Action: 'ecr:*', Resource: '*' }]);
  const imageIds = [{ imageTag: '1' }];
  for (const config of [root, session]) {
    const ecr = new ECRClient(config);
    await setPolicy(cloud, repositoryName, []);
    await assert.rejects(ecr.send(new DescribeImagesCommand({ registryId, repositoryName, imageIds })), {
      name: 'AccessDeniedException',
    });
    await setPolicy(cloud, repositoryName, ['ecr:DescribeImages', 'ecr:DescribeRepositories']);
    const { imageDetails = [] } = await ecr.send(new DescribeImagesCommand({ registryId, repositoryName, imageIds }));
    assert.deepEqual(
      imageDetails.map((one) => [one.registryId, one.imageDigest]),
      [[registryId, digest]],
    );
    const { repositories = [] } = await ecr.send(
      new DescribeRepositoriesCommand({ registryId, repositoryNames: [repositoryName] }),
    );
    assert.equal(repositories[0]?.registryId, registryId);
    await assert.rejects(ecr.send(new BatchGetImageCommand({ registryId, repositoryName, imageIds })), {
      name: 'AccessDeniedException',
    });
    // Without the id it is the registry of the caller.
    await assert.rejects(ecr.send(new DescribeImagesCommand({ repositoryName })), {
      name: 'RepositoryNotFoundException',
    });
  }
}

async function setPolicy(cloud: ProbeCloud, repositoryName: string, actions: readonly string[]): Promise<void> {
  const statements = [
    { Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${OTHER}:root` }, Action: ['ecr:ListImages', ...actions] },
  ];
  const policyText = JSON.stringify({ Version: '2012-10-17', Statement: statements });
  await new ECRClient(cloud.config).send(new SetRepositoryPolicyCommand({ repositoryName, policyText }));
}
