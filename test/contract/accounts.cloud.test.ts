import { beforeAll } from '@jest/globals';
import { accountClients, organizationsClient } from '../../shared/adapters/clients.ts';
import { OrganizationDirectory } from '../../shared/adapters/organization-directory.ts';
import { HUB_ACCOUNT, useCloud } from '../support/cloud.ts';
import { HUB_REGION } from '../support/ledger-table.ts';
import { accessOf, createReadRole } from '../support/member-role.ts';
import { accountsContract, ORGANIZATION } from './accounts.contract.ts';

const cloud = useCloud();
let directory: OrganizationDirectory;
beforeAll(async () => {
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
  directory = new OrganizationDirectory(organizationsClient(hub), accountClients(accessOf(cloud())));
});

accountsContract(() => directory);
