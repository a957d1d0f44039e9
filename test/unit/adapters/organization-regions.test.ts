import { AccountClient, ListRegionsCommand } from '@aws-sdk/client-account';
import { mockClient } from 'aws-sdk-client-mock';
import type { MemberAccess } from '../../../shared/adapters/clients.ts';
import { regionsOfAccounts } from '../../../shared/adapters/organization-directory.ts';

const ACCOUNT = '111122223333';
const account = mockClient(AccountClient);
beforeEach(() => {
  account.reset();
  account.on(ListRegionsCommand).resolves({ Regions: [{ RegionName: 'us-east-1' }, { RegionName: 'eu-west-1' }] });
});

const accessWith = (credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>): MemberAccess => ({
  ...{ hub: { region: 'us-gov-west-1' }, roleName: 'PatchwaveRead' },
  credentials: () => credentials,
});
const allowed = accessWith(async () => ({ accessKeyId: 'id', secretAccessKey: 'key' }));

test.each([
  ['aws-us-gov', ['us-gov-east-1', 'us-gov-west-1']],
  ['aws-iso-e', ['eu-isoe-west-1']],
])('in %s, which has no Account Management, each account has every Region, and nothing is asked', async (name, all) => {
  expect(await regionsOfAccounts(name, allowed)(ACCOUNT)).toEqual(all);
  expect(account.calls()).toHaveLength(0);
});

test.each(['aws', 'aws-cn'])('in %s Account Management says which Regions are enabled', async (name) => {
  expect(await regionsOfAccounts(name, allowed)(ACCOUNT)).toEqual(['eu-west-1', 'us-east-1']);
});

test('without Account Management too an account whose role cannot be assumed is unreachable', async () => {
  const denied = accessWith(async () => {
    throw Object.assign(new Error('not authorized'), { name: 'AccessDenied' });
  });
  const expected = { name: 'AccountUnreachableError', account: ACCOUNT };
  await expect(regionsOfAccounts('aws-us-gov', denied)(ACCOUNT)).rejects.toMatchObject(expected);
});

test('a throttled call is no refusal: it is thrown as it is', async () => {
  const throttled = accessWith(async () => {
    throw Object.assign(new Error('rate exceeded'), { name: 'ThrottlingException' });
  });
  await expect(regionsOfAccounts('aws-us-gov', throttled)(ACCOUNT)).rejects.toMatchObject({
    name: 'ThrottlingException',
  });
});
