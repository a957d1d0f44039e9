import assert from 'node:assert/strict';
import { AccountClient, ListRegionsCommand } from '@aws-sdk/client-account';
import type { ProbeCloud } from '../probe.ts';
import { sessionThatMay } from '../probe-sessions.ts';

export default async function probe(cloud: ProbeCloud): Promise<void> {
  const Resource = `arn:aws:account::${cloud.config.credentials.accessKeyId}:account`;
  const ask = async (Action: string) =>
    new AccountClient(await sessionThatMay(cloud, [{ Action, Resource }])).send(new ListRegionsCommand({}));
  assert.ok((await ask('account:ListRegions')).Regions?.length);
  await assert.rejects(ask('account:GetAccountInformation'), { name: 'AccessDeniedException' });
}
