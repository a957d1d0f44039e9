import { ecrClients, inspectorClients, memberAccess } from '../adapters/clients.ts';
import { registryScanner, registryScans } from '../adapters/scanners.ts';
import type { ReviewedScans } from '../ports/scanner.ts';
import type { IsOurs } from '../review/our-accounts.ts';
import { memberRole } from './member-role.ts';

interface ScanEnvironment {
  readonly PARTITION: string;
  readonly READ_ROLE_NAME: string;
  readonly READ_ROLE_EXTERNAL_ID: string;
  readonly INSPECTOR_ACCOUNT: string;
}

/**
 * The reads of a function in member accounts: its access, the clients of Amazon ECR, and what registries and scanners
 * know. The delegated administrator of Amazon Inspector is one of our accounts, because the parameter of the hub names
 * it.
 * @param reviewed what the running review has read already
 */
export function scanReads(env: ScanEnvironment, functionName: string, isOurs: IsOurs, reviewed?: ReviewedScans) {
  const { PARTITION: partition, INSPECTOR_ACCOUNT: administrator } = env;
  const access = memberAccess(
    memberRole(env, functionName)(env.READ_ROLE_NAME),
    async (account) => account === administrator || isOurs(account),
  );
  const clients = { ecr: ecrClients(access), inspector: inspectorClients(access) };
  const inspector = { partition, ...(administrator !== '' && { administrator }) };
  return {
    access,
    ecr: clients.ecr,
    scans: registryScans(clients, inspector),
    scanner: registryScanner(clients, { ...inspector, clock: Date.now, ...(reviewed && { reviewed }) }),
  };
}
