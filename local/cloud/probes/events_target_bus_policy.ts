import assert from 'node:assert/strict';
import { CloudFormationClient, CreateStackCommand, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import { eventually, type ProbeCloud } from '../probe.ts';
import { makeBus, makeRule, putBusPolicy } from '../probe-events.ts';
import { makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const hub = cloud.clients(cloud.hubAccount, cloud.config.region);
  const bus = await makeBus(cloud, hub);
  const Resource = `arn:aws:events:${hub.region}:${cloud.hubAccount}:event-bus/${bus}`;
  const RoleArn = await makeRole(cloud, 'events.amazonaws.com', [{ Action: 'events:PutEvents', Resource }]);
  const local = await makeBus(cloud);
  const target = { Arn: Resource, RoleArn };
  const permit = (Condition: object) =>
    putBusPolicy(cloud, bus, [{ Sid: 'probe', Principal: '*', Action: 'events:PutEvents', Resource, Condition }], hub);
  const sources = { 'ForAllValues:StringEquals': { 'events:source': 'probe' } };

  await assert.rejects(makeRule(cloud, local, [target]), { name: 'AccessDeniedException' });
  // No event is put while a target is: what needs the key of one is not met.
  await permit({ ...sources, Null: { 'events:source': 'false' } });
  await assert.rejects(makeRule(cloud, local, [target]), { name: 'AccessDeniedException' });
  assert.match(await stackOf(cloud, target), /^ROLLBACK_COMPLETE$/);
  await permit(sources);
  await makeRule(cloud, local, [target]);
  assert.equal(await stackOf(cloud, target), 'CREATE_COMPLETE');
}

/** The status of a stack whose rule has this target. */
async function stackOf(cloud: ProbeCloud, target: { readonly Arn: string; readonly RoleArn: string }): Promise<string> {
  const cloudformation = new CloudFormationClient(cloud.config);
  const StackName = cloud.unique('stack');
  const Properties = { EventPattern: { source: ['probe'] }, Targets: [{ Id: 'hub', ...target }] };
  const TemplateBody = JSON.stringify({ Resources: { Rule: { Type: 'AWS::Events::Rule', Properties } } });
  await cloudformation.send(new CreateStackCommand({ StackName, TemplateBody }));
  return await eventually(async () => {
    const { Stacks = [] } = await cloudformation.send(new DescribeStacksCommand({ StackName }));
    const status = Stacks[0]?.StackStatus ?? '';
    return status.endsWith('_IN_PROGRESS') ? undefined : status;
  }, 'the end of a stack');
}
