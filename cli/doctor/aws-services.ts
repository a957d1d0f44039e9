import {
  DescribeServiceDeploymentsCommand,
  DescribeServicesCommand,
  type ECSClient,
  ListServiceDeploymentsCommand,
  paginateListClusters,
  paginateListServices,
  type Service,
} from '@aws-sdk/client-ecs';
import { piecesOf } from '../../shared/concurrency.ts';
import { asking } from './asking.ts';
import type { ServiceHooks } from './installation.ts';

/** https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html */
const SERVICES_A_CALL = 10;
const STAGE = 'PRE_SCALE_UP';

/** The services of one account and Region that ECS deploys itself: other controllers have no such hooks. */
export async function servicesOf(client: ECSClient): Promise<readonly ServiceHooks[]> {
  const found: ServiceHooks[] = [];
  for (const cluster of await clustersOf(client)) {
    const arns = await asking('ecs:ListServices', async () => {
      const listed: string[] = [];
      for await (const { serviceArns = [] } of paginateListServices({ client, pageSize: 100 }, { cluster }))
        listed.push(...serviceArns);
      return listed;
    });
    for (const services of piecesOf(arns, SERVICES_A_CALL)) {
      const described = await asking('ecs:DescribeServices', () =>
        client.send(new DescribeServicesCommand({ cluster, services })),
      );
      found.push(...(described.services ?? []).flatMap((service) => hooksOf(cluster, service) ?? []));
    }
  }
  return found;
}

/** Whether the last deployment came to a pause hook; `undefined` if there is none. */
export async function wasPaused(client: ECSClient, { cluster, service }: ServiceHooks): Promise<boolean | undefined> {
  const { serviceDeployments: [last] = [] } = await asking('ecs:ListServiceDeployments', () =>
    client.send(new ListServiceDeploymentsCommand({ cluster, service, maxResults: 1 })),
  );
  if (last?.serviceDeploymentArn === undefined) return undefined;
  const { serviceDeploymentArn } = last;
  const { serviceDeployments: [deployment] = [] } = await asking('ecs:DescribeServiceDeployments', () =>
    client.send(new DescribeServiceDeploymentsCommand({ serviceDeploymentArns: [serviceDeploymentArn] })),
  );
  const hooks = deployment?.deploymentConfiguration?.lifecycleHooks;
  // An earlier deployment than the hook.
  if (hooks && !hooks.some(({ targetType }) => targetType === 'PAUSE')) return undefined;
  return (deployment?.lifecycleHookDetails ?? []).some(({ targetType }) => targetType === 'PAUSE');
}

const clustersOf = (client: ECSClient): Promise<readonly string[]> =>
  asking('ecs:ListClusters', async () => {
    const listed: string[] = [];
    for await (const { clusterArns = [] } of paginateListClusters({ client }, {})) listed.push(...clusterArns);
    return listed.map((arn) => arn.slice(arn.lastIndexOf('/') + 1));
  });

function hooksOf(cluster: string, service: Service): ServiceHooks | undefined {
  const { serviceName = '', status, deploymentController, deploymentConfiguration } = service;
  if (status !== 'ACTIVE' || (deploymentController?.type ?? 'ECS') !== 'ECS') return undefined;
  const hooks = (deploymentConfiguration?.lifecycleHooks ?? []).filter(({ lifecycleStages = [] }) =>
    lifecycleStages.includes(STAGE),
  );
  return {
    ...{ cluster, service: serviceName },
    isRolling: (deploymentConfiguration?.strategy ?? 'ROLLING') === 'ROLLING',
    hasPause: hooks.some(({ targetType }) => targetType === 'PAUSE'),
    timeoutActions: hooks.map(({ timeoutConfiguration }) => timeoutConfiguration?.action ?? 'ROLLBACK'),
  };
}
