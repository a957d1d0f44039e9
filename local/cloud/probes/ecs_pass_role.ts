import assert from 'node:assert/strict';
import { ECSClient, RegisterTaskDefinitionCommand } from '@aws-sdk/client-ecs';
import type { ProbeCloud } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';
import { makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const mine = await makeRole(cloud, 'ecs-tasks.amazonaws.com');
  const other = await makeRole(cloud, 'ecs-tasks.amazonaws.com');
  const registerAs = async (service: string, taskRoleArn?: string, executionRoleArn = taskRoleArn) => {
    const config = await sessionThatMay(cloud, [
      { Action: 'ecs:RegisterTaskDefinition', Resource: '*' },
      { Action: 'iam:PassRole', Resource: mine, Condition: { StringEquals: { 'iam:PassedToService': service } } },
    ]);
    await new ECSClient(config).send(
      new RegisterTaskDefinitionCommand({
        family: cloud.unique('family'),
        containerDefinitions: [{ name: 'app', image: 'app' }],
        ...(taskRoleArn && { taskRoleArn }),
        ...(executionRoleArn && { executionRoleArn }),
      }),
    );
  };
  const denied = { name: 'AccessDeniedException' };
  await registerAs('ecs-tasks.amazonaws.com');
  await registerAs('ecs-tasks.amazonaws.com', mine);
  await assert.rejects(registerAs('ecs-tasks.amazonaws.com', other), denied);
  await assert.rejects(registerAs('ecs-tasks.amazonaws.com', mine, other), denied);
  await assert.rejects(registerAs('lambda.amazonaws.com', mine), denied);
}
