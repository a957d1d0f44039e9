import assert from 'node:assert/strict';
import { AddPermissionCommand, LambdaClient } from '@aws-sdk/client-lambda';
import type { ProbeCloud } from '../probe.ts';
import { attributeOf, makeBus, makeQueue, makeRule, putEvent, received } from '../probe-events.ts';
import { makeFunction, makeMachine, makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const open = await makeQueue(cloud);
  const closed = await makeQueue(cloud, []);
  const machine = await makeMachine(cloud, { StartAt: 'Done', States: { Done: { Type: 'Succeed' } } });
  const functionArn = await makeFunction(cloud, 'export const handler = async () => {};');
  const able = await makeRole(cloud, 'events.amazonaws.com', [{ Action: 'states:StartExecution', Resource: machine }]);
  const unable = await makeRole(cloud, 'events.amazonaws.com', []);
  const untrusted = await makeRole(cloud, 'lambda.amazonaws.com');

  const outcomeOf = async (target: { Arn: string; RoleArn?: string }): Promise<string> => {
    const bus = await makeBus(cloud);
    const dead = await makeQueue(cloud);
    const after = await makeQueue(cloud);
    // The second target is delivered to after the first, so an empty dead-letter queue means success by then.
    await makeRule(cloud, bus, [{ ...target, DeadLetterConfig: { Arn: dead.arn } }, { Arn: after.arn }]);
    await putEvent(cloud, bus, {});
    await received(cloud, after);
    return await received(cloud, dead, cloud.config, 0).then(
      (message) => attributeOf(message, 'ERROR_CODE') ?? 'no code',
      () => 'delivered',
    );
  };

  assert.equal(await outcomeOf({ Arn: open.arn }), 'delivered');
  assert.equal(await outcomeOf({ Arn: closed.arn }), 'NO_PERMISSIONS');
  assert.equal(await outcomeOf({ Arn: machine, RoleArn: able }), 'delivered');
  assert.equal(await outcomeOf({ Arn: machine, RoleArn: unable }), 'NO_PERMISSIONS');
  assert.equal(await outcomeOf({ Arn: machine, RoleArn: untrusted }), 'NO_PERMISSIONS');
  assert.equal(await outcomeOf({ Arn: functionArn }), 'NO_PERMISSIONS');
  await new LambdaClient(cloud.config).send(
    new AddPermissionCommand({
      FunctionName: functionArn,
      StatementId: 'events',
      Action: 'lambda:InvokeFunction',
      Principal: 'events.amazonaws.com',
    }),
  );
  assert.equal(await outcomeOf({ Arn: functionArn }), 'delivered');
}
