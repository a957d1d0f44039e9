import { CreateClusterCommand, ECSClient, RegisterTaskDefinitionCommand, RunTaskCommand } from '@aws-sdk/client-ecs';
import { beforeAll } from '@jest/globals';
import { ecsClients } from '../../shared/adapters/clients.ts';
import { EcsTasks } from '../../shared/adapters/ecs-tasks.ts';
import { useCloud } from '../support/cloud.ts';
import { accessOf, createRole } from '../support/member-role.ts';
import { digestOf } from '../support/samples.ts';
import { grantedTo, member } from '../template/template.ts';
import { runningTasksContract } from './running-tasks.contract.ts';

const ROLE = 'PatchwaveActDoor';
const place = { account: '444455556666', region: 'eu-west-1', cluster: 'prod' };
const image = `registry.example/app@${digestOf('app')}`;
const cloud = useCloud();
const client = () => new ECSClient(cloud().clients(place.account, place.region));

beforeAll(async () => {
  await createRole(cloud(), place.account, ROLE, grantedTo(member, 'ActDoorRole'));
  await client().send(new CreateClusterCommand({ clusterName: place.cluster }));
  await client().send(
    new RegisterTaskDefinitionCommand({
      ...{ family: 'app', requiresCompatibilities: ['FARGATE'], networkMode: 'awsvpc', cpu: '256', memory: '512' },
      containerDefinitions: [{ name: 'app', image, essential: true }],
    }),
  );
});

runningTasksContract(() => ({
  tasks: new EcsTasks(ecsClients(accessOf(cloud(), ROLE))),
  cluster: place,
  refused: { ...place, account: '999999999999' },
  unknown: `arn:aws:ecs:${place.region}:${place.account}:task/${place.cluster}/0123456789abcdef0123456789abcdef`,
  start: async () => {
    const run = new RunTaskCommand({ cluster: place.cluster, taskDefinition: 'app', launchType: 'FARGATE' });
    const { tasks: [task] = [] } = await client().send(run);
    return { taskArn: task?.taskArn ?? '', containers: [{ name: 'app', image, digest: digestOf('app') }] };
  },
}));
