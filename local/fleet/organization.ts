import type { Fleet } from './schema.ts';
import { SeedError } from './seed-context.ts';

/** Declares the organization of a fleet, if it has one, and its accounts by the embedded cloud's own route: on AWS it is there beforehand. */
export async function declareOrganization(
  endpoint: string,
  { organization, accounts, hub }: Pick<Fleet, 'hub' | 'organization' | 'accounts'>,
): Promise<void> {
  if (organization === undefined) return;
  const listed = accounts.map(({ id, name, state, regions }) => ({ id, name, state, regions }));
  const body = { id: organization.id, managementAccount: hub.account, accounts: listed };
  const response = await fetch(`${endpoint}/_patchwave/organization`, { method: 'POST', body: JSON.stringify(body) });
  if (response.ok) return;
  throw new SeedError(`The organization ${organization.id} was refused (${response.status}): ${await response.text()}`);
}
