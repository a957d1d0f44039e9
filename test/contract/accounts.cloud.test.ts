import { beforeAll } from '@jest/globals';
import { organizationsClient } from '../../shared/adapters/clients.ts';
import { OrganizationDirectory, regionsOfAccounts } from '../../shared/adapters/organization-directory.ts';
import { collect } from '../../shared/concurrency.ts';
import { HUB_ACCOUNT, useCloud } from '../support/cloud.ts';
import { HUB_REGION } from '../support/ledger-table.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { accountsContract, ORGANIZATION } from './accounts.contract.ts';

const cloud = useCloud();
let directory: OrganizationDirectory;
let beforeItWasDeclared: unknown;
beforeAll(async () => {
  const alone = new OrganizationDirectory(organizationsClient(cloud().clients(HUB_ACCOUNT, HUB_REGION)), () => {
    throw new TypeError('Regions of accounts are not read here');
  });
  beforeItWasDeclared = await collect(alone.accounts()).catch((error: unknown) => error);
  const { active, suspended, readable } = ORGANIZATION;
  const accounts = [
    ...active.map((account) => ({ ...account, regions: readable.regions })),
    { ...suspended, state: 'SUSPENDED' },
  ];
  const body = JSON.stringify({ id: 'o-contract01', managementAccount: HUB_ACCOUNT, accounts });
  const response = await fetch(`${cloud().endpoint}/_patchwave/organization`, { method: 'POST', body });
  if (!response.ok) throw new Error(await response.text());
  await createReadRole(cloud(), readable.id);
  const hub = cloud().clients(HUB_ACCOUNT, HUB_REGION);
  directory = new OrganizationDirectory(organizationsClient(hub), regionsOfAccounts('aws', accessOf(cloud())));
});

accountsContract(() => directory);

describe('in a partition without AWS Account Management', () => {
  accountsContract(() => {
    const hub = organizationsClient(cloud().clients(HUB_ACCOUNT, HUB_REGION));
    return new OrganizationDirectory(hub, regionsOfAccounts('aws-us-gov', accessOf(cloud())));
  }, ['us-gov-east-1', 'us-gov-west-1']);
});

test('a hub in no organization lists no accounts, and the error says what to write into the policy', () => {
  expect(beforeItWasDeclared).toMatchObject({
    name: 'NoOrganizationError',
    message: expect.stringContaining('List the accounts and their Regions in `scopes`'),
  });
});
