import type { Rebuild } from '../domain/cause/rebuild.ts';
import { MINUTE_MS } from '../domain/common/time.ts';
import { accountsNamedBy } from '../domain/policy/our-accounts.ts';
import type { Clock } from '../ports/clock.ts';
import { NoPolicyError, PolicyUnreadableError } from '../ports/errors.ts';
import type { ScopeLedger } from '../ports/ledger.ts';
import type { Policies } from '../ports/policies.ts';
import type { RunFiles } from '../ports/run-files.ts';
import { accountsDocument, runFileKeys, scopesDocument } from './documents.ts';
import { readDocument, readDocumentIfAny } from './read-document.ts';

/**
 * Whether an account is one of ours, so that Patchwave may assume its roles. Any team can write any account into a
 * container's reference, so running containers never decide it.
 */
export type IsOurs = (account: string) => Promise<boolean>;

/** An unknown account may be new; concurrent callers share one lookup. */
const UNKNOWN_COUNTS_MS = 1_000;
/** IAM refuses an account that left at once; this check does so after this time. */
const KNOWN_COUNTS_MS = 15 * MINUTE_MS;

export interface KnownAccountPorts {
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly policies: Pick<Policies, 'current'>;
  /** Open builds, for functions that poll them. */
  readonly openRebuilds?: () => Promise<readonly Pick<Rebuild, 'pipeline'>[]>;
  readonly clock: Clock;
}

/**
 * Our accounts are those of all scopes that reviews read and that have not left, and those in the policy in force.
 * While the policy cannot be read, the account of a started build's pipeline stays ours until the build ends.
 */
export function knownAccounts(ports: KnownAccountPorts): IsOurs {
  let read: { readonly accounts: Promise<ReadonlySet<string>>; readonly atEpochMs: number } | undefined;
  const since = (ms: number): Promise<ReadonlySet<string>> => {
    const now = ports.clock();
    if (read && now - read.atEpochMs < ms) return read.accounts;
    const accounts = readAccounts(ports);
    read = { accounts, atEpochMs: now };
    accounts.catch(() => {
      if (read?.accounts === accounts) read = undefined;
    });
    return accounts;
  };
  return async (account) =>
    (await since(KNOWN_COUNTS_MS)).has(account) || (await since(UNKNOWN_COUNTS_MS)).has(account);
}

async function readAccounts(ports: KnownAccountPorts): Promise<ReadonlySet<string>> {
  const accounts = new Set(await namedAccounts(ports));
  for await (const { scope, left } of ports.scopes.all()) if (!left || left.isBack) accounts.add(scope.account);
  return accounts;
}

async function namedAccounts({
  policies,
  openRebuilds = async () => [],
}: Pick<KnownAccountPorts, 'policies' | 'openRebuilds'>): Promise<Iterable<string>> {
  try {
    return accountsNamedBy((await policies.current()).policy);
  } catch (error) {
    if (error instanceof NoPolicyError) return [];
    if (error instanceof PolicyUnreadableError) return (await openRebuilds()).map(({ pipeline }) => pipeline.account);
    throw error;
  }
}

/** In a step of a review, our accounts are those with which the review was opened. */
export class AccountsOfRun {
  readonly #files: Pick<RunFiles, 'get'>;
  readonly #otherwise: IsOurs;
  #current: { readonly runId: string; accounts?: Promise<ReadonlySet<string>> } | undefined;

  /** @param otherwise the check outside a step */
  constructor(files: Pick<RunFiles, 'get'>, otherwise: IsOurs = async () => false) {
    this.#files = files;
    this.#otherwise = otherwise;
  }

  /** A function handles one event at a time: from now on the accounts of this run count, or none. */
  enter(runId: string | undefined): void {
    if (this.#current?.runId !== runId) this.#current = runId === undefined ? undefined : { runId };
  }

  readonly isOurs: IsOurs = async (account) => {
    const run = this.#current;
    if (!run) return this.#otherwise(account);
    run.accounts ??= this.#read(run.runId);
    try {
      return (await run.accounts).has(account);
    } catch (error) {
      delete run.accounts;
      throw error;
    }
  };

  async #read(runId: string): Promise<ReadonlySet<string>> {
    const keys = runFileKeys(runId);
    const listed = await readDocumentIfAny(this.#files, keys.accounts, accountsDocument);
    if (listed) return new Set(listed);
    // A review opened by an earlier version lists its scopes only.
    return new Set((await readDocument(this.#files, keys.scopes, scopesDocument)).map(({ scope }) => scope.account));
  }
}
