import { mapConcurrently } from '../../shared/concurrency.ts';
import type { AccountDirectory } from '../../shared/ports/accounts.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import { AccountUnreachableError } from '../../shared/ports/errors.ts';
import type { Retry } from '../../shared/ports/retry.ts';
import { RegionsNotAskedError } from './errors.ts';

const ACCOUNTS_AT_ONCE = 8;
/** The step has 15 minutes. The last call may itself retry for one minute, and the scopes are written after it. */
const MOST_ASKING_MS = 10 * 60_000;

export interface RegionPorts {
  readonly accounts: AccountDirectory;
  readonly clock: Clock;
  readonly retry: Retry;
}

export interface AccountRegions {
  readonly account: string;
  readonly regions: readonly string[];
}

/** An account whose Regions could not be read: the error name, and a sentence for a person. */
export interface UnreadAccount {
  readonly account: string;
  readonly error: string;
  readonly detail: string;
}

/**
 * Reads the Regions of each account. A failed account is retried after all others, so that a passing error does not
 * count as the account's own; a refusal is final at once. No account stops another.
 */
export async function readRegions(
  { accounts, clock, retry }: RegionPorts,
  ids: readonly string[],
): Promise<{ readonly read: readonly AccountRegions[]; readonly unread: readonly UnreadAccount[] }> {
  const untilEpochMs = clock() + MOST_ASKING_MS;
  const read: AccountRegions[] = [];
  const errors = new Map<string, unknown>(ids.map((id) => [id, new RegionsNotAskedError(id)]));
  let left = ids;
  for (let attempt = 1; attempt <= retry.attempts && left.length > 0; attempt += 1) {
    if (attempt > 1) await retry.wait(attempt - 1);
    await mapConcurrently(left, ACCOUNTS_AT_ONCE, async (account) => {
      if (clock() >= untilEpochMs) return;
      try {
        read.push({ account, regions: await accounts.regions(account) });
        errors.delete(account);
      } catch (error) {
        errors.set(account, error);
      }
    });
    left = [...errors].flatMap(([id, error]) => (error instanceof AccountUnreachableError ? [] : [id]));
  }
  return { read, unread: [...errors].map(([account, error]) => unreadAccount(account, error)) };
}

function unreadAccount(account: string, error: unknown): UnreadAccount {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  const isOwn = error instanceof AccountUnreachableError || error instanceof RegionsNotAskedError;
  const detail = `The Regions of account ${account} could not be read: ${message.replace(/\.$/, '')}. Start a new review.`;
  return { account, error: name, detail: isOwn ? message : detail };
}
