export interface Account {
  readonly id: string;
  readonly name: string;
}

/** The organization's accounts and the Regions enabled in each. */
export interface AccountDirectory {
  /** Active accounts, page by page. @throws NoOrganizationError if the hub's account is in no organization */
  accounts(): AsyncIterable<Account>;
  /** Enabled Regions of one account. @throws AccountUnreachableError if the account's role cannot be assumed */
  regions(account: string): Promise<readonly string[]>;
}
