import assert from 'node:assert/strict';
import {
  CreateServiceCommand,
  DescribeServiceRevisionsCommand,
  ListServiceDeploymentsCommand,
} from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';
import { makeCluster } from '../probe-ecs.ts';

const IMAGE = 'public.ecr.aws/docker/library/busybox:1';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const { ecs, cluster, clusterArn, family } = await makeCluster(cloud, IMAGE);
  const service = {
    cluster,
    taskDefinition: family,
    serviceName: 'api',
    desiredCount: 1,
    launchType: 'FARGATE',
  } as const;
  const { service: made } = await ecs.send(new CreateServiceCommand(service));
  const { serviceDeployments: [brief] = [] } = await ecs.send(
    new ListServiceDeploymentsCommand({ cluster, service: 'api' }),
  );
  const arn = brief?.targetServiceRevisionArn ?? '';
  const missing = `${arn}0`;
  const { serviceRevisions = [], failures } = await ecs.send(
    new DescribeServiceRevisionsCommand({ serviceRevisionArns: [arn, missing] }),
  );
  assert.deepEqual(
    serviceRevisions.map(({ createdAt: _, ...revision }) => revision),
    [
      {
        serviceRevisionArn: arn,
        serviceArn: made?.serviceArn,
        clusterArn,
        taskDefinition: made?.taskDefinition,
        containerImages: [{ containerName: 'app', image: IMAGE }],
      },
    ],
  );
  assert.deepEqual(failures, [{ arn: missing, reason: 'MISSING' }]);
}
