/** A fleet in one account, which is in no organization. */

import { readFile } from 'node:fs/promises';
import { parse } from 'yaml';
import { loadFleet, parseFleet } from '../../local/fleet/load.ts';
import type { Fleet, FleetPolicyDocument } from '../../local/fleet/schema.ts';

export const ACCOUNT = '111122223333';
export const REGION = 'us-east-1';
const OTHER = '444455556666';

const TIERS = 'local/fleet/tiers.json';

/** The fleet of the demo for an installation without stacks of doors, where no policy may deny. */
export async function tiersWithoutDoors(): Promise<Fleet> {
  const fleet = await loadFleet(TIERS);
  const { doors, ...policy } = fleet.policy as FleetPolicyDocument;
  return { ...fleet, policy, doorAttempts: [] };
}

/** The fleet of the demo with everything in the account of the hub. */
export async function oneAccount(): Promise<Fleet> {
  const { $schema: _, organization, accounts, doorAttempts, ...fleet } = await moved(TIERS, JSON.parse);
  const { doors, ...policy } = await moved('local/fleet/tiers.policy.yaml', parse);
  const scopes = [{ account: ACCOUNT, regions: [REGION] }];
  return parseFleet(
    { ...fleet, accounts: (accounts as readonly unknown[]).slice(0, 1), policy: { ...policy, scopes } },
    'the fleet of the demo in one account',
  );
}

/** The fleet of the demo in its two accounts, which are in no organization. */
export async function listedAccounts(): Promise<Fleet> {
  const { organization: _, ...fleet } = await tiersWithoutDoors();
  const scopes = fleet.accounts.map(({ id, regions }) => ({ account: id, regions }));
  return { ...fleet, policy: Object.assign({ scopes }, fleet.policy) };
}

async function moved(file: string, read: (text: string) => unknown): Promise<Record<string, unknown>> {
  return read((await readFile(file, 'utf8')).replaceAll(OTHER, ACCOUNT)) as Record<string, unknown>;
}
