import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DescribeServicesCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { beforeAll } from '@jest/globals';
import { ecsClients } from '../../shared/adapters/clients.ts';
import { EcsPausedDeployments } from '../../shared/adapters/ecs-paused-deployments.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createRole } from '../support/member-role.ts';
import { digestOf } from '../support/samples.ts';
import { grantedTo, member } from '../template/template.ts';
import { pausedDeploymentsContract } from './paused-deployments.contract.ts';

const ROLE = 'PatchwaveActDoor';
const place = { account: '444455556666', region: 'eu-west-1' };
const cluster = 'prod';
const image = `registry.example/app@${digestOf('app')}`;
const cloud = useCloud();
const client = () => new ECSClient(cloud().clients(place.account, place.region));
let started = 0;

beforeAll(async () => {
  await createRole(cloud(), place.account, ROLE, grantedTo(member, 'ActDoorRole'));
  await client().send(new CreateClusterCommand({ clusterName: cluster }));
  await client().send(
    new RegisterTaskDefinitionCommand({
      ...{ family: 'app', requiresCompatibilities: ['FARGATE'], networkMode: 'awsvpc', cpu: '256', memory: '512' },
      containerDefinitions: [{ name: 'app', image, essential: true }],
    }),
  );
});

pausedDeploymentsContract(() => ({
  deployments: new EcsPausedDeployments(ecsClients(accessOf(cloud(), ROLE))),
  ...{ place, refused: { ...place, account: '999999999999' } },
  unknown: `arn:aws:ecs:${place.region}:${place.account}:service-deployment/${cluster}/api/0123456789abcdef01234`,
  start: async () => {
    const serviceName = `api-${++started}`;
    await client().send(
      new CreateServiceCommand({
        ...{ cluster, serviceName, taskDefinition: 'app', desiredCount: 1, launchType: 'FARGATE' },
        deploymentConfiguration: {
          strategy: 'ROLLING',
          lifecycleHooks: [{ targetType: 'PAUSE', lifecycleStages: ['PRE_SCALE_UP'] }],
        },
      }),
    );
    for (;;) {
      const described = new DescribeServicesCommand({ cluster, services: [serviceName] });
      const { services: [service] = [] } = await client().send(described);
      const deploymentArn = service?.currentServiceDeployment;
      if (deploymentArn !== undefined) return { deploymentArn, images: [{ container: 'app', reference: image }] };
      await sleep(20);
    }
  },
}));
