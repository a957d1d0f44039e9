import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateClusterCommand,
  CreateServiceCommand,
  DeleteServiceCommand,
  ECSClient,
  ListTaskDefinitionsCommand,
  RegisterTaskDefinitionCommand,
} from '@aws-sdk/client-ecs';
import { beforeAll } from '@jest/globals';
import type { Cloud } from '../../local/cloud.ts';
import { ecsClients } from '../../shared/adapters/clients.ts';
import { EcsDeployer } from '../../shared/adapters/ecs-deployer.ts';
import type { Deployer, ServiceRef } from '../../shared/ports/rollouts.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createRole } from '../support/member-role.ts';
import {
  CASCADE,
  CONTAINERS,
  type DeployerWorld,
  deployerContract,
  type ServiceSettings,
} from './deployer.contract.ts';

const ROLE = 'PatchwaveActRollout';
const MAY = [
  'ecs:DescribeServiceDeployments',
  'ecs:DescribeServices',
  'ecs:DescribeTaskDefinition',
  'ecs:ListServiceDeployments',
  'ecs:RegisterTaskDefinition',
  'ecs:TagResource',
  'ecs:UpdateService',
  'iam:PassRole',
];
const place = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const cloud = useCloud();
let world: DeployerWorld;
beforeAll(async () => {
  await createRole(cloud(), place.account, ROLE, MAY);
  world = worldOf(cloud());
  const ecs = new ECSClient(cloud().clients(place.account, place.region));
  await ecs.send(new CreateClusterCommand({ clusterName: place.cluster }));
});

deployerContract(() => world);

let services = 0;

function worldOf(running: Cloud): DeployerWorld {
  const deployer = new EcsDeployer(ecsClients(accessOf(running, ROLE)));
  const ecs = new ECSClient(running.clients(place.account, place.region));
  return {
    deployer,
    unreachable: { ...place, account: '999999999999', service: 'api' },
    newService: async (settings = {}) => {
      // A blue/green deployment is looked at while it goes on.
      await running.admin.setDeploymentTime(settings.blueGreen ? 1_500 : 100);
      const service = { ...place, service: `api-${++services}` };
      await create(ecs, service, settings);
      return service;
    },
    complete: (service, deploymentId) => reaches(deployer, service, deploymentId, 'completed'),
    breakTasks: (service) => running.admin.changeService({ ...service, newTasksFail: true }),
    fail: (service, deploymentId) => reaches(deployer, service, deploymentId, 'failed'),
    remove: async ({ cluster, service }) => {
      await ecs.send(new DeleteServiceCommand({ cluster, service, force: true }));
    },
    revisions: async ({ service: familyPrefix }) => {
      const { taskDefinitionArns = [] } = await ecs.send(new ListTaskDefinitionsCommand({ familyPrefix }));
      return taskDefinitionArns.length;
    },
  };
}

/** A deployment that was rolled back is listed for a moment only. */
async function reaches(deployer: Deployer, service: ServiceRef, deploymentId: string, state: string): Promise<void> {
  for (;;) {
    const { deployments } = await deployer.describe(service);
    const found = deployments.find((one) => one.deploymentId === deploymentId);
    if (!found || found.state === state) return;
    await sleep(20);
  }
}

async function create(ecs: ECSClient, ref: ServiceRef, settings: ServiceSettings): Promise<void> {
  const { cluster, service } = ref;
  const { controller = 'ECS', rollsBack = false, strategy = 'REPLICA', blueGreen = false } = settings;
  const containerDefinitions = CONTAINERS.map((container) => ({ ...container, memory: 64 }));
  await ecs.send(new RegisterTaskDefinitionCommand({ family: service, containerDefinitions }));
  await ecs.send(
    new CreateServiceCommand({
      cluster,
      serviceName: service,
      taskDefinition: service,
      desiredCount: 1,
      schedulingStrategy: strategy,
      launchType: 'EC2',
      deploymentController: { type: controller },
      ...(controller === 'ECS' && {
        deploymentConfiguration: {
          deploymentCircuitBreaker: { enable: true, rollback: rollsBack },
          ...(blueGreen && { strategy: 'BLUE_GREEN', bakeTimeInMinutes: 1 }),
        },
      }),
    }),
  );
}

test('an update whose answer is lost makes one deployment, and the caller must look it up', async () => {
  const service = await world.newService();
  const decidedOn = await world.deployer.describe(service);
  await cloud().admin.setFaults({ seed: 1, failureRate: 1, afterRate: 1, operations: ['UpdateService'] });
  const restarted = world.deployer.restart(service, decidedOn, CASCADE);
  await expect(restarted).rejects.toMatchObject({ name: 'DeploymentUnknownError' });
  await cloud().admin.endFaults();
  expect((await world.deployer.describe(service)).deployments).toHaveLength(2);
});

test('throttled updates are waited out, and start one deployment each', async () => {
  const service = await world.newService();
  await cloud().admin.setFaults({ seed: 3, throttleRate: 0.6, operations: ['UpdateService'] });
  await cloud().admin.clearCalls();
  const ids: string[] = [];
  for (let n = 0; n < 4; n += 1)
    ids.push(await world.deployer.restart(service, await world.deployer.describe(service), CASCADE));
  await cloud().admin.endFaults();
  const calls = (await cloud().admin.calls()).filter(({ operation }) => operation === 'UpdateService');
  const sum = (counted: 'count' | 'throttled') => calls.reduce((total, call) => total + call[counted], 0);
  expect(sum('throttled')).toBeGreaterThan(0);
  expect(sum('count') - sum('throttled')).toBe(new Set(ids).size);
}, 60_000);
