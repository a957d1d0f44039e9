/** A cluster with one task definition, for probes of ECS. */

import { CreateClusterCommand, ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { ProbeCloud } from './probe.ts';

export interface ProbeCluster {
  readonly ecs: ECSClient;
  readonly cluster: string;
  readonly clusterArn: string;
  readonly family: string;
}

/** Makes a cluster and a Fargate task definition for ARM64 with one container, `app`, on the given image. */
export async function makeCluster(cloud: ProbeCloud, image: string): Promise<ProbeCluster> {
  const ecs = new ECSClient(cloud.config);
  const cluster = cloud.unique('cluster');
  const family = cloud.unique('family');
  const { cluster: made } = await ecs.send(new CreateClusterCommand({ clusterName: cluster }));
  await ecs.send(
    new RegisterTaskDefinitionCommand({
      family,
      requiresCompatibilities: ['FARGATE'],
      networkMode: 'awsvpc',
      cpu: '256',
      memory: '512',
      runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
      containerDefinitions: [{ name: 'app', image, essential: true }],
    }),
  );
  return { ecs, cluster, clusterArn: made?.clusterArn ?? '', family };
}
