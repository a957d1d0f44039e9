import assert from 'node:assert/strict';
import {
  DescribeTaskDefinitionCommand,
  ECSClient,
  RegisterTaskDefinitionCommand,
  type RegisterTaskDefinitionCommandInput,
  type TaskDefinition,
} from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';

const FULL: Omit<RegisterTaskDefinitionCommandInput, 'family'> = {
  requiresCompatibilities: ['FARGATE'],
  networkMode: 'awsvpc',
  cpu: '256',
  memory: '512',
  enableFaultInjection: true,
  runtimePlatform: { cpuArchitecture: 'ARM64', operatingSystemFamily: 'LINUX' },
  volumes: [{ name: 'scratch' }],
  containerDefinitions: [
    {
      name: 'app',
      image: 'public.ecr.aws/team/app:1',
      essential: true,
      environment: [{ name: 'MODE', value: 'live' }],
      secrets: [{ name: 'KEY', valueFrom: 'arn:aws:ssm:eu-west-1:444455556666:parameter/key' }],
      mountPoints: [{ sourceVolume: 'scratch', containerPath: '/scratch' }],
      healthCheck: { command: ['CMD', 'true'], interval: 30 },
      linuxParameters: { initProcessEnabled: true },
    },
    { name: 'log', image: 'public.ecr.aws/team/log:1', essential: false },
  ],
};

/** What says which revision it is, and nothing of what it does. */
function contentOf(definition: TaskDefinition | undefined): Partial<TaskDefinition> {
  const { taskDefinitionArn: _arn, revision: _revision, registeredAt: _at, ...content } = definition ?? {};
  return content;
}

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ecs = new ECSClient(cloud.config);
  const family = cloud.unique('family');
  const tags = [{ key: 'team', value: 'web' }];
  await ecs.send(new RegisterTaskDefinitionCommand({ family, ...FULL, tags }));
  const describe = async (include?: ['TAGS']) =>
    await ecs.send(new DescribeTaskDefinitionCommand({ taskDefinition: family, ...(include && { include }) }));

  const first = await describe();
  assert.equal(first.tags, undefined);
  assert.deepEqual((await describe(['TAGS'])).tags, tags);
  assert.equal(first.taskDefinition?.enableFaultInjection, true);
  assert.ok(!Object.values(first.taskDefinition ?? {}).includes(''), 'no member is empty');
  assert.deepEqual(first.taskDefinition?.containerDefinitions?.[1]?.environment, []);

  await ecs.send(new RegisterTaskDefinitionCommand(first.taskDefinition as RegisterTaskDefinitionCommandInput));
  const second = await describe();
  assert.equal(second.taskDefinition?.revision, 2);
  assert.deepEqual(contentOf(second.taskDefinition), contentOf(first.taskDefinition));
}
