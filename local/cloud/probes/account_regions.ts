import assert from 'node:assert/strict';
import { AccountClient, ListRegionsCommand, type ListRegionsCommandInput } from '@aws-sdk/client-account';
import type { ProbeCloud } from '../probe.ts';
import { declareOrganization } from '../probe-organization.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  await declareOrganization(cloud, {
    id: 'o-probe00002',
    regions: ['us-east-1', 'eu-west-1'],
    accounts: [
      { id: '555500000001', name: 'one' },
      { id: '555500000002', name: 'two', regions: ['eu-west-1', 'eu-central-2', 'us-gov-west-1'] },
    ],
  });
  const enabledIn = async (caller: string, input: ListRegionsCommandInput = {}): Promise<string[]> => {
    const client = new AccountClient(cloud.clients(caller, 'us-east-1'));
    const found: string[] = [];
    let NextToken: string | undefined;
    do {
      const page = await client.send(
        new ListRegionsCommand({ RegionOptStatusContains: ['ENABLED', 'ENABLED_BY_DEFAULT'], ...input, NextToken }),
      );
      found.push(...(page.Regions ?? []).map((region) => region.RegionName ?? ''));
      NextToken = page.NextToken;
    } while (NextToken);
    return found;
  };
  assert.deepEqual(await enabledIn('555500000001', { MaxResults: 1 }), ['eu-west-1', 'us-east-1']);
  const two = ['eu-central-2', 'eu-west-1', 'us-gov-west-1'];
  assert.deepEqual(await enabledIn('555500000002'), two);
  assert.deepEqual(await enabledIn(cloud.hubAccount, { AccountId: '555500000002' }), two);
  await assert.rejects(enabledIn('555500000001', { AccountId: '555500000002' }), { name: 'AccessDeniedException' });
  assert.equal((await enabledIn('999900000001')).length, 17);
}
