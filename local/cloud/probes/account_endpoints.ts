import assert from 'node:assert/strict';
import { AccountClient, ListRegionsCommand } from '@aws-sdk/client-account';
import type { ProbeCloud } from '../probe.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const ask = (region: string) =>
    new AccountClient(cloud.clients('555500000001', region)).send(new ListRegionsCommand({}));
  assert.ok((await ask('us-east-1')).Regions?.length);
  await assert.rejects(ask('us-gov-west-1'));
}
