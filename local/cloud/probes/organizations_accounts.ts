import assert from 'node:assert/strict';
import { DescribeOrganizationCommand, ListAccountsCommand, OrganizationsClient } from '@aws-sdk/client-organizations';
import type { ProbeCloud } from '../probe.ts';
import { declareOrganization } from '../probe-organization.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const members = Array.from({ length: 24 }, (_, i) => ({
    id: String(555500000000 + i),
    name: `team-${i}`,
    state: i === 7 ? 'SUSPENDED' : 'ACTIVE',
  }));
  await declareOrganization(cloud, { id: 'o-probe00001', accounts: members });
  const clientOf = (account: string) => new OrganizationsClient(cloud.clients(account, 'us-east-1'));
  const management = clientOf(cloud.hubAccount);

  const first = await management.send(new ListAccountsCommand({}));
  assert.equal(first.Accounts?.length, 20);
  const second = await management.send(new ListAccountsCommand({ NextToken: first.NextToken }));
  assert.equal(second.NextToken, undefined);
  const listed = [...(first.Accounts ?? []), ...(second.Accounts ?? [])];
  assert.equal(listed.length, 25);
  assert.deepEqual(
    listed.filter((account) => account.State !== 'ACTIVE').map((account) => account.Id),
    ['555500000007'],
  );

  const member = clientOf('555500000001');
  assert.equal((await member.send(new DescribeOrganizationCommand({}))).Organization?.Id, 'o-probe00001');
  await assert.rejects(member.send(new ListAccountsCommand({})), { name: 'AccessDeniedException' });
  await assert.rejects(clientOf('999900000001').send(new DescribeOrganizationCommand({})), {
    name: 'AWSOrganizationsNotInUseException',
  });
}
