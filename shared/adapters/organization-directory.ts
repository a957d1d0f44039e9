import { type AccountClient, paginateListRegions } from '@aws-sdk/client-account';
import {
  type ListAccountsCommandOutput,
  type OrganizationsClient,
  paginateListAccounts,
} from '@aws-sdk/client-organizations';
import type { Account, AccountDirectory } from '../ports/accounts.ts';
import { AccountUnreachableError, NoOrganizationError } from '../ports/errors.ts';
import { isNamed, pagesOrUnreachable } from './refusal.ts';

/** The accounts of the organization, and the Regions of each, read with that account's role. */
export class OrganizationDirectory implements AccountDirectory {
  readonly #organizations: OrganizationsClient;
  readonly #accounts: (account: string) => AccountClient;
  readonly #listed = new Set<string>();

  constructor(organizations: OrganizationsClient, accounts: (account: string) => AccountClient) {
    this.#organizations = organizations;
    this.#accounts = accounts;
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

  async regions(account: string): Promise<readonly string[]> {
    const pages = paginateListRegions(
      { client: this.#accounts(account) },
      { RegionOptStatusContains: ['ENABLED', 'ENABLED_BY_DEFAULT'] },
    );
    const regions: string[] = [];
    const unreachable = (cause: Error) => new AccountUnreachableError(account, cause);
    for await (const { Regions = [] } of pagesOrUnreachable(pages, unreachable)) {
      regions.push(...Regions.flatMap(({ RegionName }) => RegionName ?? []));
    }
    return regions.sort();
  }
}

/** https://docs.aws.amazon.com/organizations/latest/APIReference/API_ListAccounts.html */
async function* pagesOfOrganization(client: OrganizationsClient): AsyncIterable<ListAccountsCommandOutput> {
  try {
    yield* paginateListAccounts({ client }, {});
  } catch (error) {
    throw isNamed(error, 'AWSOrganizationsNotInUseException') ? new NoOrganizationError(error) : error;
  }
}
