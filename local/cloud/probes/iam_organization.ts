import assert from 'node:assert/strict';
import { AssumeRoleCommand, STSClient } from '@aws-sdk/client-sts';
import type { ProbeCloud } from '../probe.ts';
import { declareOrganization } from '../probe-organization.ts';
import { makeRole } from '../probe-workflows.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await declareOrganization(cloud, {
    id: 'o-probe00003',
    accounts: [{ id: '555500000001', name: 'member' }],
  });
  const trusting = (organization: string) =>
    makeRole(cloud, {
      Principal: { AWS: '*' },
      Condition: { StringEquals: { 'aws:PrincipalOrgID': organization } },
    });
  const ours = await trusting('o-probe00003');
  const assume = async (account: string, RoleArn: string) =>
    await new STSClient(cloud.clients(account, 'eu-west-1')).send(
      new AssumeRoleCommand({ RoleArn, RoleSessionName: 'probe' }),
    );
  assert.ok((await assume(cloud.hubAccount, ours)).Credentials);
  assert.ok((await assume('555500000001', ours)).Credentials);
  await assert.rejects(assume('999900000001', ours), { name: 'AccessDenied' });
  const theirs = await trusting('o-probe99999');
  await assert.rejects(assume('555500000001', theirs), { name: 'AccessDenied' });
  await roleInside(cloud);
}

/** A role that may assume any role inside the organization, as far as that trusts it. */
async function roleInside(cloud: ProbeCloud): Promise<void> {
  const anybody = { Principal: { AWS: '*' } };
  const reader = await makeRole(cloud, anybody, [
    {
      ...{ Action: 'sts:AssumeRole', Resource: '*' },
      Condition: { StringEquals: { 'aws:ResourceOrgID': 'o-probe00003' } },
    },
  ]);
  const roleIn = (account: string) => makeRole(cloud, anybody, [], cloud.clients(account, 'eu-west-1'));
  const [inside, outside] = [await roleIn('555500000001'), await roleIn('999900000001')];
  const hub = new STSClient(cloud.config);
  const { Credentials } = await hub.send(new AssumeRoleCommand({ RoleArn: reader, RoleSessionName: 'probe' }));
  const { AccessKeyId: accessKeyId = '', SecretAccessKey: secretAccessKey = '', SessionToken } = Credentials ?? {};
  const credentials = {
    accessKeyId,
    secretAccessKey,
    ...(SessionToken !== undefined && { sessionToken: SessionToken }),
  };
  const session = new STSClient({ ...cloud.config, credentials });
  const take = (RoleArn: string) => session.send(new AssumeRoleCommand({ RoleArn, RoleSessionName: 'probe' }));
  assert.ok((await take(inside)).Credentials);
  await assert.rejects(take(outside), { name: 'AccessDenied' });
}
