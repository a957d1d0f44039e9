import { type AccountClient, paginateListRegions } from '@aws-sdk/client-account';
import {
  type ListAccountsCommandOutput,
  type OrganizationsClient,
  paginateListAccounts,
} from '@aws-sdk/client-organizations';
import { partitionNamed } from '../domain/image/partitions.ts';
import type { Account, AccountDirectory } from '../ports/accounts.ts';
import { AccountUnreachableError, NoOrganizationError } from '../ports/errors.ts';
import { accountClients, type MemberAccess } from './clients.ts';
import { isNamed, orUnreachable, pagesOrUnreachable } from './refusal.ts';

/** Reads the enabled Regions of one account with its role. @throws AccountUnreachableError if the role cannot be assumed */
export type RegionsOfAccount = (account: string) => Promise<readonly string[]>;

/** The accounts of the organization, and the Regions of each. */
export class OrganizationDirectory implements AccountDirectory {
  readonly #organizations: OrganizationsClient;
  readonly #regions: RegionsOfAccount;
  readonly #listed = new Set<string>();

  constructor(organizations: OrganizationsClient, regions: RegionsOfAccount) {
    this.#organizations = organizations;
    this.#regions = regions;
  }

  async *accounts(): AsyncIterable<Account> {
    for await (const { Accounts = [] } of pagesOfOrganization(this.#organizations)) {
      for (const { Id, Name, State, Status } of Accounts) {
        // `Status` is being retired for `State`; a partition may still know one only.
        if (Id === undefined || (State ?? Status) !== 'ACTIVE') continue;
        this.#listed.add(Id);
        yield { id: Id, name: Name ?? Id };
      }
    }
  }

  /** Whether this account was found in the organization. */
  hasListed(account: string): boolean {
    return this.#listed.has(account);
  }

  regions(account: string): Promise<readonly string[]> {
    return this.#regions(account);
  }
}

const unreachable =
  (account: string) =>
  (cause: Error): Error =>
    new AccountUnreachableError(account, cause);

/**
 * Reads Regions as the partition allows it.
 * @param partition its name, as an ARN has it
 */
export function regionsOfAccounts(partition: string, access: MemberAccess): RegionsOfAccount {
  const { regions } = partitionNamed(partition);
  return regions ? everyRegion(access, regions) : listedRegions(accountClients(access));
}

/** The Regions that AWS Account Management names. */
const listedRegions =
  (clients: (account: string) => AccountClient): RegionsOfAccount =>
  async (account) => {
    const pages = paginateListRegions(
      { client: clients(account) },
      { RegionOptStatusContains: ['ENABLED', 'ENABLED_BY_DEFAULT'] },
    );
    const regions: string[] = [];
    for await (const { Regions = [] } of pagesOrUnreachable(pages, unreachable(account))) {
      regions.push(...Regions.flatMap(({ RegionName }) => RegionName ?? []));
    }
    return regions.sort();
  };

/** All Regions of a partition without AWS Account Management. The role is assumed, so that an account without it shows. */
const everyRegion =
  (access: MemberAccess, regions: readonly string[]): RegionsOfAccount =>
  async (account) => {
    await orUnreachable(() => access.credentials(account)(), unreachable(account));
    return regions;
  };

/** https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html */
async function* pagesOfOrganization(client: OrganizationsClient): AsyncIterable<ListAccountsCommandOutput> {
  try {
    yield* paginateListAccounts({ client }, {});
  } catch (error) {
    throw isNamed(error, 'AWSOrganizationsNotInUseException') ? new NoOrganizationError(error) : error;
  }
}
