/** Declares the organization of the embedded cloud for a probe. */

import type { ProbeCloud } from './probe.ts';

export interface DeclaredOrganization {
  readonly id: string;
  /** The enabled Regions of accounts that name none. */
  readonly regions?: readonly string[];
  readonly accounts: readonly {
    readonly id: string;
    readonly name: string;
    readonly state?: string;
    readonly regions?: readonly string[];
  }[];
}

/** The hub account becomes the management account. */
export async function declareOrganization(cloud: ProbeCloud, organization: DeclaredOrganization): Promise<void> {
  const response = await fetch(`${cloud.endpoint}/_patchwave/organization`, {
    method: 'POST',
    body: JSON.stringify(organization),
  });
  if (!response.ok) throw new Error(`The organization was refused: ${await response.text()}`);
}
