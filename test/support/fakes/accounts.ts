import type { Account, AccountDirectory } from '../../../shared/ports/accounts.ts';
import { AccountUnreachableError } from '../../../shared/ports/errors.ts';

/** An organization in memory. */
export class FakeAccountDirectory implements AccountDirectory {
  readonly #accounts = new Map<string, { readonly account: Account; readonly regions: readonly string[] }>();
  readonly #denied = new Set<string>();
  readonly #broken = new Map<string, { readonly error: Error; left: number }>();
  /** Accounts whose Regions were asked for, in order. */
  readonly asked: string[] = [];

  /** Adds an active account with the Regions enabled in it. */
  add(account: Account, regions: readonly string[]): this {
    this.#accounts.set(account.id, { account, regions });
    return this;
  }

  /** The account is closed, or moved to another organization. */
  remove(account: string): this {
    this.#accounts.delete(account);
    return this;
  }

  /** From now on the account's role cannot be assumed. */
  deny(account: string): this {
    this.#denied.add(account);
    return this;
  }

  /** The next questions for the Regions of an account, all of them unless `times` is given, fail otherwise than by a refusal. */
  break(account: string, error: Error, times = Number.POSITIVE_INFINITY): this {
    this.#broken.set(account, { error, left: times });
    return this;
  }

  async *accounts(): AsyncIterable<Account> {
    for (const { account } of this.#accounts.values()) yield account;
  }

  async regions(account: string): Promise<readonly string[]> {
    this.asked.push(account);
    const broken = this.#broken.get(account);
    if (broken && broken.left-- > 0) throw broken.error;
    const entry = this.#accounts.get(account);
    if (!entry || this.#denied.has(account)) {
      throw new AccountUnreachableError(account, new Error('AccessDenied: the role cannot be taken'));
    }
    return entry.regions;
  }
}
