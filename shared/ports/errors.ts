import type { Digest, ImageLocation, Registry } from '../domain/image/image.ts';
import type { Scope } from '../domain/review/run.ts';

/*
 * What the world answers when it cannot answer. The names are a contract: the state machines and the use cases match
 * on `error.name`. Only a refusal (no role, no permission, Region not enabled) is "unreachable"; everything else that
 * goes wrong keeps its own name and is thrown on.
 */

/** An account outside of the organization and of all scopes: none of its roles is taken. */
export class AccountNotOursError extends Error {
  override readonly name = 'AccountNotOursError';
  constructor(account: string) {
    super(
      `Account ${account} is not called: it is in no scope, and the policy does not name it. ` +
        'If it is yours, add it to the scopes, streams or mirrors of the policy',
    );
  }
}

/** What to do about an account that cannot be reached: nothing has to be deployed where nobody of ours is. */
export const adviceOn = (cause: unknown, advice: string): string =>
  cause instanceof AccountNotOursError ? '' : ` ${advice}`;

/** An account and Region that we may not read: its role cannot be taken, or the service refuses it. */
export class ScopeUnreachableError extends Error {
  override readonly name = 'ScopeUnreachableError';
  readonly scope: Scope;
  constructor(scope: Scope, cause: unknown) {
    super(
      `Account ${scope.account} in ${scope.region} cannot be read: ${text(cause)}.` +
        adviceOn(cause, 'Deploy the member role there, or remove the scope from the policy.'),
      { cause },
    );
    this.scope = scope;
  }
}

/** An account whose list of Regions we may not read. */
export class AccountUnreachableError extends Error {
  override readonly name = 'AccountUnreachableError';
  readonly account: string;
  constructor(account: string, cause: unknown) {
    const advice = adviceOn(cause, 'Deploy the member role there.');
    super(`The Regions of account ${account} cannot be read: ${text(cause)}.${advice}`, { cause });
    this.account = account;
  }
}

/** A registry that we may not read. */
export class RegistryUnreachableError extends Error {
  override readonly name = 'RegistryUnreachableError';
  readonly registry: Registry;
  constructor(registry: Registry, cause: unknown) {
    super(
      `The registry of account ${registry.account} in ${registry.region} cannot be read: ${text(cause)}.` +
        adviceOn(cause, 'Deploy the member role there.'),
      { cause },
    );
    this.registry = { account: registry.account, region: registry.region };
  }
}

/** The time of an invocation was over before a repository was read to its end. What was read is recorded. */
export class RepositoryUnfinishedError extends Error {
  override readonly name = 'RepositoryUnfinishedError';
  /** Images that are read. */
  readonly read: number;
  /** Images that are known to be left; of a repository that is not listed to its end nobody knows how many. */
  readonly left: number | undefined;
  constructor({ account, region, repository }: ImageLocation, read: number, left?: number) {
    super(
      `Repository ${repository} of account ${account} in ${region} is not read completely: ${read} images are read, ` +
        `${left === undefined ? 'the others' : `at least ${left}`} are left. The next read continues with them.`,
    );
    this.read = read;
    this.left = left;
  }
}

/** A config blob that is missing, too large, not what its digest says, or not a config. */
export class ImageConfigError extends Error {
  override readonly name = 'ImageConfigError';
  constructor(configDigest: Digest, problem: string, cause?: unknown) {
    super(`The image config ${configDigest} cannot be used: ${problem}. The birth of the image counts as unknown.`, {
      cause,
    });
  }
}

/** A blob that the registry has and that could not be downloaded; trying again later may help. */
export class LayerDownloadError extends Error {
  override readonly name = 'LayerDownloadError';
  constructor(digest: Digest, attempts: number, cause: unknown) {
    super(`Blob ${digest} could not be downloaded in ${attempts} attempts: ${text(cause)}. Run the review again.`, {
      cause,
    });
  }
}

/** ECS described some tasks of a batch and failed on others for another reason than their end. */
export class TasksUnreadableError extends Error {
  override readonly name = 'TasksUnreadableError';
  constructor(cluster: string, failures: readonly string[]) {
    super(`ECS could not describe tasks of cluster ${cluster}: ${failures.join('; ')}. Run the review again.`);
  }
}

/** An image was judged or claimed before its facts were recorded. */
export class ImageNotRecordedError extends Error {
  override readonly name = 'ImageNotRecordedError';
  constructor(digest: Digest) {
    super(`The ledger does not know image ${digest}. Record its facts first.`);
  }
}

/** The facts of an image changed while it was judged by what they were. */
export class ImageFactsChangedError extends Error {
  override readonly name = 'ImageFactsChangedError';
  constructor(digest: Digest) {
    super(`The facts of image ${digest} changed while it was judged. The caller judges it again with the new facts.`);
  }
}

/** Other writers changed the same item again and again. */
export class LedgerContendedError extends Error {
  override readonly name = 'LedgerContendedError';
  constructor(item: string, attempts: number) {
    super(`Item ${item} changed under each of ${attempts} attempts to write it. The caller may try again.`);
  }
}

/** An item that was to be changed is not there: it was never written, or somebody deleted it. */
export class LedgerItemMissingError extends Error {
  override readonly name = 'LedgerItemMissingError';
  constructor(item: string) {
    super(`The ledger has no item ${item} to change. Write it first.`);
  }
}

/** An item of the ledger does not hold what its kind has: another version wrote it, or somebody by hand. */
export class LedgerItemUnreadableError extends Error {
  override readonly name = 'LedgerItemUnreadableError';
  readonly item: string;
  readonly problem: string;
  constructor(item: string, problem: string) {
    super(`Ledger item ${item} cannot be read: ${problem}. Correct or delete it.`);
    this.item = item;
    this.problem = problem;
  }
}

/** The ledger left keys of a batch unprocessed to the end. */
export class LedgerBatchIncompleteError extends Error {
  override readonly name = 'LedgerBatchIncompleteError';
  constructor(left: number, attempts: number) {
    super(`${left} items of a batch were left unprocessed after ${attempts} attempts. The caller may try again.`);
  }
}

/** No policy was ever applied. */
export class NoPolicyError extends Error {
  override readonly name = 'NoPolicyError';
  constructor() {
    super('No policy is in force. Apply one with `patchwave policy apply FILE`.');
  }
}

/** A stored policy that is gone, or that this version of Patchwave cannot read. */
export class PolicyUnreadableError extends Error {
  override readonly name = 'PolicyUnreadableError';
  readonly version: string;
  constructor(version: string, cause?: unknown) {
    super(
      `Policy ${version} cannot be read: ${text(cause)}. Patchwave stays idle until you apply a policy again with ` +
        '`patchwave policy apply FILE`.',
      { cause },
    );
    this.version = version;
  }
}

/** The policy in force is another one than the change was judged against. */
export class PolicyConflictError extends Error {
  override readonly name = 'PolicyConflictError';
  constructor(expected: string | undefined, found: string | undefined) {
    super(
      `The policy in force is ${found ?? 'none'}, not ${expected ?? 'none'}: somebody applied another one in between. ` +
        'Read it with `patchwave policy show`, then apply again.',
    );
  }
}

/** A document of a run that should be there is not. */
export class RunFileMissingError extends Error {
  override readonly name = 'RunFileMissingError';
  readonly key: string;
  constructor(key: string, cause?: unknown) {
    super(`The run file ${key} does not exist: the step that writes it failed, or the file has expired.`, { cause });
    this.key = key;
  }
}

/** Events that the bus did not take. */
export class EventsNotPublishedError extends Error {
  override readonly name = 'EventsNotPublishedError';
  constructor(failures: readonly { readonly detailType: string; readonly code: string; readonly detail: string }[]) {
    const named = failures.slice(0, 5).map(({ detailType, code, detail }) => `${detailType}: ${code} ${detail}`.trim());
    super(`${failures.length} events were not published (${named.join('; ')}). They are published again on retry.`);
  }
}

const text = (cause: unknown): string => (cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));
