import assert from 'node:assert/strict';
import type { ProbeCloud } from '../probe.ts';
import { attributeOf, makeBus, makeQueue, makeRule, putBusPolicy, putEvent, received } from '../probe-events.ts';
import { declareOrganization } from '../probe-organization.ts';
import { makeRole } from '../probe-workflows.ts';

const MEMBER = '555500000001';
const OUTSIDER = '999900000001';
const ORGANIZATION = 'o-probe00006';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await declareOrganization(cloud, { id: ORGANIZATION, accounts: [{ id: MEMBER, name: 'member' }] });
  const hub = cloud.clients(cloud.hubAccount, cloud.config.region);
  const bus = await makeBus(cloud, hub);
  const busArn = `arn:aws:events:${hub.region}:${cloud.hubAccount}:event-bus/${bus}`;
  const permit = (Condition: object) =>
    putBusPolicy(
      cloud,
      bus,
      [{ Sid: 'probe', Principal: '*', Action: 'events:PutEvents', Resource: busArn, Condition }],
      hub,
    );
  const insideOnly = { StringEquals: { 'aws:PrincipalOrgID': ORGANIZATION } };
  await permit(insideOnly);
  const arrived = await makeQueue(cloud, undefined, hub);
  await makeRule(cloud, bus, [{ Arn: arrived.arn }], hub);

  // From another account, and from another Region of it.
  for (const region of [hub.region, 'us-east-2']) {
    const source = cloud.clients(MEMBER, region);
    const allowed = [{ Action: 'events:PutEvents', Resource: busArn }];
    const RoleArn = await makeRole(cloud, 'events.amazonaws.com', allowed, source);
    const local = await makeBus(cloud, source);
    await makeRule(cloud, local, [{ Arn: busArn, RoleArn }], source);
    await putEvent(cloud, local, { from: region }, source);
    const { body } = await received(cloud, arrived, hub);
    assert.deepEqual([body.account, body.region, body.detail], [MEMBER, region, { from: region }]);
  }

  const refused = async (account: string, statements: Parameters<typeof makeRole>[2], event = 'Probe') => {
    const source = cloud.clients(account, hub.region);
    const RoleArn = await makeRole(cloud, 'events.amazonaws.com', statements, source);
    const dead = await makeQueue(cloud, undefined, source);
    const local = await makeBus(cloud, source);
    // A bus can become a target only with the permission to put events on it, so the policy is narrowed after that.
    await permit({ StringLike: { 'aws:PrincipalArn': '*' } });
    await makeRule(cloud, local, [{ Arn: busArn, RoleArn, DeadLetterConfig: { Arn: dead.arn } }], source);
    await permit({ ...insideOnly, 'ForAllValues:StringEquals': { 'events:detail-type': 'Probe' } });
    await putEvent(cloud, local, {}, source, event);
    return attributeOf(await received(cloud, dead, source), 'ERROR_CODE');
  };
  const mayPut = [{ Action: 'events:PutEvents', Resource: busArn }];
  assert.equal(await refused(OUTSIDER, mayPut), 'NO_PERMISSIONS');
  assert.equal(await refused(MEMBER, []), 'NO_PERMISSIONS');
  assert.equal(await refused(MEMBER, mayPut, 'Another'), 'NO_PERMISSIONS');
}
