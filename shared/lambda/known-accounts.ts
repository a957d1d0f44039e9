import { DynamoScopeLedger } from '../adapters/dynamodb/reviews/scope-ledger.ts';
import type { LedgerTable } from '../adapters/dynamodb/table/table.ts';
import type { Policies } from '../ports/policies.ts';
import { type OpenRebuildPorts, readOpenRebuilds } from '../rebuilding/open-rebuilds.ts';
import { type IsOurs, knownAccounts } from '../review/our-accounts.ts';

/**
 * The account check for functions that act or follow events: accounts in ledger and policy.
 * @param builds open builds, for functions that poll them
 */
export const knownAccountsIn = (
  table: LedgerTable,
  policies: Pick<Policies, 'current'>,
  builds?: OpenRebuildPorts,
): IsOurs =>
  knownAccounts({
    ...{ scopes: new DynamoScopeLedger(table), policies, clock: Date.now },
    ...(builds && { openRebuilds: () => readOpenRebuilds(builds) }),
  });
