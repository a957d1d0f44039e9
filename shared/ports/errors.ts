import { counted } from '../domain/common/counted.ts';
import type { Digest, ImageLocation, Registry } from '../domain/image/image.ts';
import type { Scope } from '../domain/review/run.ts';

/* Errors of calls that read. The names are a contract: the state machines and the use cases match on `error.name`. Only
 * a refusal (no role, no permission, Region not enabled) is "unreachable"; every other failure keeps its own name and
 * is rethrown. */

/** An account outside the organization and all scopes: its roles are never assumed. */
export class AccountNotOursError extends Error {
  override readonly name = 'AccountNotOursError';
  constructor(account: string) {
    super(
      `Patchwave does not read account ${account}: it is in no scope, and the policy does not name it. ` +
        'If it is yours, add it to `scopes`, `streams` or `mirrors` of the policy',
    );
  }
}

/** The policy reviews the organization of the hub's account, which is in none. */
export class NoOrganizationError extends Error {
  override readonly name = 'NoOrganizationError';
  constructor(cause: unknown) {
    super(
      'The account of the hub is in no organization, so `scopes: organization` of the policy names no account. List the accounts and their Regions in `scopes`, then apply the policy',
      { cause },
    );
  }
}

/** Advice for an unreachable account; nothing needs to be deployed in a foreign one. */
export const adviceOn = (cause: unknown, advice: string): string =>
  cause instanceof AccountNotOursError ? '' : ` ${advice}`;

/** An account and Region that Patchwave is not allowed to read: its role cannot be assumed, or the service refuses. */
export class ScopeUnreachableError extends Error {
  override readonly name = 'ScopeUnreachableError';
  readonly scope: Scope;
  constructor(scope: Scope, cause: unknown) {
    super(
      `Account ${scope.account} in ${scope.region} cannot be read: ${text(cause)}.` +
        adviceOn(
          cause,
          'Deploy member-account.yaml there, remove the scope from `scopes` of the policy, or waive `scope-readable` for the account.',
        ),
      { cause },
    );
    this.scope = scope;
  }
}

/** An account whose Regions Patchwave is not allowed to list. */
export class AccountUnreachableError extends Error {
  override readonly name = 'AccountUnreachableError';
  readonly account: string;
  constructor(account: string, cause: unknown) {
    const advice = adviceOn(cause, 'Deploy member-account.yaml there.');
    super(`The Regions of account ${account} cannot be read: ${text(cause)}.${advice}`, { cause });
    this.account = account;
  }
}

/** A registry that Patchwave is not allowed to read. */
export class RegistryUnreachableError extends Error {
  override readonly name = 'RegistryUnreachableError';
  readonly registry: Registry;
  constructor(registry: Registry, cause: unknown) {
    super(
      `The registry of account ${registry.account} in ${registry.region} cannot be read: ${text(cause)}.` +
        adviceOn(cause, 'Deploy member-account.yaml there.'),
      { cause },
    );
    this.registry = { account: registry.account, region: registry.region };
  }
}

/** The invocation ran out of time before a repository was read completely. What was read is recorded. */
export class RepositoryUnfinishedError extends Error {
  override readonly name = 'RepositoryUnfinishedError';
  /** The number of images read. */
  readonly read: number;
  /** The number of images left; unknown for a partly listed repository. */
  readonly left: number | undefined;
  constructor({ account, region, repository }: ImageLocation, read: number, left?: number) {
    super(
      `Repository ${repository} of account ${account} in ${region} was not read completely: ${counted(read, 'image was', 'images were')} read, and ` +
        `${left === undefined ? 'the others are' : `at least ${counted(left, 'image is', 'images are')}`} left. The next read continues from there.`,
    );
    this.read = read;
    this.left = left;
  }
}

/** A config blob that is missing or too large, does not match its digest, or is not a config. */
export class ImageConfigError extends Error {
  override readonly name = 'ImageConfigError';
  constructor(configDigest: Digest, problem: string, cause?: unknown) {
    super(`The image config ${configDigest} cannot be used: ${problem}. The age of the image counts as unknown.`, {
      cause,
    });
  }
}

/** An existing blob that could not be downloaded; a later retry may help. */
export class LayerDownloadError extends Error {
  override readonly name = 'LayerDownloadError';
  constructor(digest: Digest, attempts: number, cause: unknown) {
    super(
      `Blob ${digest} could not be downloaded in ${counted(attempts, 'attempt')}: ${text(cause)}. Start a new review.`,
      {
        cause,
      },
    );
  }
}

/** ECS failed to describe some tasks of a batch for a reason other than their end. */
export class TasksUnreadableError extends Error {
  override readonly name = 'TasksUnreadableError';
  constructor(cluster: string, failures: readonly string[]) {
    super(`ECS could not describe tasks of cluster ${cluster}: ${failures.join('; ')}. Start a new review.`);
  }
}

/** ECS failed to describe some services of a cluster, or gave an incomplete task definition of one. */
export class ServicesUnreadableError extends Error {
  override readonly name = 'ServicesUnreadableError';
  constructor(cluster: string, failures: readonly string[]) {
    super(`ECS could not describe services of cluster ${cluster}: ${failures.join('; ')}. Run the command again.`);
  }
}

/** An account and Region with more schedules than a review reads. */
export class TooManySchedulesError extends Error {
  override readonly name = 'TooManySchedulesError';
  constructor({ account, region }: Scope, most: number, what = 'schedules') {
    super(
      `Account ${account} in ${region} has more than ${most.toLocaleString('en')} ${what}, and a review reads no more.`,
    );
  }
}

/** An image was judged or claimed before its facts were recorded. */
export class ImageNotRecordedError extends Error {
  override readonly name = 'ImageNotRecordedError';
  constructor(digest: Digest) {
    super(`The ledger has no image ${digest}, so Patchwave cannot judge it. The next review records it.`);
  }
}

/** The properties of an image changed during its judgement. */
export class ImageChangedError extends Error {
  override readonly name = 'ImageChangedError';
  constructor(digest: Digest) {
    super(
      `The properties of image ${digest} changed while it was judged. Patchwave judges it again with the new ones.`,
    );
  }
}

/** Other writers changed the same item again and again. */
export class LedgerContendedError extends Error {
  override readonly name = 'LedgerContendedError';
  constructor(item: string, attempts: number) {
    super(
      `Other writers changed item ${item} during each of ${attempts} attempts. Try again later; a function of Patchwave tries again by itself.`,
    );
  }
}

/** The ledger has no table: somebody deleted it, or the stack of another account or Region is meant. */
export class LedgerMissingError extends Error {
  override readonly name = 'LedgerMissingError';
  constructor(table: string, cause: unknown) {
    super(
      `The ledger's table ${table} does not exist in this account and Region. If somebody deleted it, restore it: see "A deleted ledger" in docs/operations.md.`,
      { cause },
    );
  }
}

/** An item to change is missing: it was never written, or somebody deleted it. */
export class LedgerItemMissingError extends Error {
  override readonly name = 'LedgerItemMissingError';
  constructor(item: string) {
    super(
      `The ledger has no item ${item}, which Patchwave tried to change. It was never written, or somebody deleted it. Search the logs of Patchwave for the item to find out which.`,
    );
  }
}

/** A ledger item does not have the form of its kind: another version or a person wrote it. */
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

/** The database refuses items for what they hold: mostly because an item is larger than it may be. All others are written. */
export class LedgerItemsRefusedError extends Error {
  override readonly name = 'LedgerItemsRefusedError';
  /** Names of the items: partition and sort key. */
  readonly items: readonly string[];
  constructor(items: readonly string[], cause: unknown) {
    super(
      `The ledger refused ${counted(items.length, 'item')}, the first is ${items[0]}: ${text(cause)}. An item holds at most 400 KB. Report the item as a defect of Patchwave.`,
      { cause },
    );
    this.items = items;
  }
}

/** The ledger left keys of a batch unprocessed after all attempts. */
export class LedgerBatchIncompleteError extends Error {
  override readonly name = 'LedgerBatchIncompleteError';
  constructor(left: number, attempts: number) {
    super(
      `${counted(left, 'item')} of a batch could not be read or written in ${counted(attempts, 'attempt')}. Try again later; a function of Patchwave tries again by itself.`,
    );
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
      `Policy ${version} cannot be read: ${text(cause)}. Patchwave acts only after you apply a policy again with ` +
        '`patchwave policy apply FILE`.',
      { cause },
    );
    this.version = version;
  }
}

/** The policy in force is not the one that the change was judged against. */
export class PolicyConflictError extends Error {
  override readonly name = 'PolicyConflictError';
  constructor(expected: string | undefined, found: string | undefined) {
    super(
      `The policy in force is ${found ?? 'none'}, not ${expected ?? 'none'}: somebody applied another one in between. ` +
        'Read it with `patchwave policy show`, then apply again.',
    );
  }
}

/** A document of a run is missing. */
export class RunFileMissingError extends Error {
  override readonly name = 'RunFileMissingError';
  readonly key: string;
  constructor(key: string, cause?: unknown) {
    super(
      `The run file ${key} does not exist: the step that writes it failed, or the file has expired. Start a new review; Patchwave plans a cascade again by itself.`,
      { cause },
    );
    this.key = key;
  }
}

/** Events that the bus did not accept. */
export class EventsNotPublishedError extends Error {
  override readonly name = 'EventsNotPublishedError';
  constructor(failures: readonly { readonly detailType: string; readonly code: string; readonly detail: string }[]) {
    const named = failures.slice(0, 5).map(({ detailType, code, detail }) => `${detailType}: ${code} ${detail}`.trim());
    super(
      `${counted(failures.length, 'event was', 'events were')} not published (${named.join('; ')}). A retry publishes what is missing.`,
    );
  }
}

const text = (cause: unknown): string => (cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause));
