import { collect, mapConcurrently } from '../../shared/concurrency.ts';
import { compareTexts } from '../../shared/domain/common/compare-texts.ts';
import { accountsNamedBy } from '../../shared/domain/policy/our-accounts.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import {
  isForgotten,
  keyOfScope,
  type LeftScope,
  type ReviewMode,
  type Scope,
  type ScopeResult,
} from '../../shared/domain/review/run.ts';
import { runIdOf } from '../../shared/domain/review/run-id.ts';
import type { RunLedger, ScopeLedger, ScopeRecord } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { runFileKeys } from '../../shared/review/documents.ts';
import { policyInForce, policyPart } from '../../shared/review/policy-in-force.ts';
import { NothingToReviewError, ReviewAbandonedError, ReviewAlreadyRunningError } from './errors.ts';
import type { ReviewActionInput } from './input.ts';
import { leftResult, NO_CHANGES, scopeChanges, withLeft } from './left-scopes.ts';
import type { RegionPorts } from './regions.ts';
import { expandScopes, failedScopes, leaveOutEmpty, scopeKeyOf } from './scopes.ts';

const WRITES_AT_ONCE = 8;

export interface OpenReviewPorts extends RegionPorts {
  readonly policies: Policies;
  readonly runs: RunLedger;
  readonly scopes: ScopeLedger;
  readonly rollouts: Pick<RolloutLedger, 'openClosures'>;
  readonly files: RunFiles;
}

export type OpenedReview =
  | {
      readonly alreadyRunning: false;
      readonly runId: string;
      readonly mode: ReviewMode;
      readonly policyVersion: string;
      readonly startedAtEpochMs: number;
      readonly scopes: { readonly key: string; readonly count: number };
      /** A closure is open, so tasks that are stopping are read too. */
      readonly includesStopping: boolean;
    }
  | { readonly alreadyRunning: true; readonly runId: string };

/**
 * Opens a review: fixes the policy for all steps, lists the scopes to read and takes the lease. If the policy in force
 * is unreadable, the review uses the built-in one and fails at the end, but still reports what runs where.
 * @throws ReviewAlreadyRunningError while another review runs; ReviewAbandonedError if the execution was stopped
 * meanwhile; NothingToReviewError; NoPolicyError
 */
export async function openReview(
  ports: OpenReviewPorts,
  limits: { readonly leaseMinutes: number; readonly readsEks: boolean },
  { input, executionArn, executionStartedAt: startedAtEpochMs }: ReviewActionInput<'open'>,
): Promise<OpenedReview> {
  const { policies, runs, scopes: scopeLedger, files } = ports;
  const scopeKey = scopeKeyOf(input);
  const { version: policyVersion, policy, unreadable } = await policyInForce(policies);
  const known = await collect(scopeLedger.all());
  const fleet = await expandScopes(input.scopes ?? (unreadable ? scopesBefore(known) : policy.scopes), ports);
  if (fleet.scopes.length + fleet.unread.length === 0) throw new NothingToReviewError(scopeKey);
  const changes = input.scopes || unreadable ? NO_CHANGES : scopeChanges(fleet, known, startedAtEpochMs, limits);
  const includesStopping = await isClosing(ports);
  const { toRead, skipped } =
    input.scopes || includesStopping
      ? { toRead: fleet.scopes, skipped: [] }
      : leaveOutEmpty(fleet.scopes, known, startedAtEpochMs, limits);
  const failed = fleet.unread.flatMap((account) => failedScopes(account, known));

  const runId = runIdOf(executionArn, startedAtEpochMs);
  const lease = await runs.begin({
    runId,
    mode: input.mode,
    scopeKey,
    policyVersion,
    state: 'running',
    executionArn,
    startedAtEpochMs,
    leaseUntilEpochMs: startedAtEpochMs + limits.leaseMinutes * 60_000,
  });
  if ('abandoned' in lease) throw new ReviewAbandonedError(runId, lease.abandoned);
  if (!lease.begun) {
    if (lease.running.scopeKey !== scopeKey) throw new ReviewAlreadyRunningError(lease.running);
    return { alreadyRunning: true, runId: lease.running.runId };
  }
  if (unreadable) await runs.recordPart(runId, policyPart(unreadable));
  const isPreview = input.mode === 'preview';
  // The step that writes usages sets aside what ran there; a preview writes none.
  const isDone = ({ left }: { readonly left: LeftScope }) => left.isMoved && !isForgotten(left, startedAtEpochMs);
  const toPutAside = isPreview ? [] : changes.left.filter((one) => !isDone(one)).map(({ scope }) => scope);
  const away = changes.left.filter((one) => isPreview || isDone(one)).flatMap(leftResult);
  await mapConcurrently([...skipped, ...failed, ...away], WRITES_AT_ONCE, (result: ScopeResult) =>
    runs.recordPart(runId, { kind: 'scope', key: keyOfScope(result.scope), result }),
  );
  await mapConcurrently(failed, WRITES_AT_ONCE, ({ scope, error, detail }) =>
    recordFailure(scopeLedger, scope, { error, detail, sinceEpochMs: startedAtEpochMs }),
  );
  await mapConcurrently([...changes.left, ...changes.back], WRITES_AT_ONCE, ({ scope, left }) =>
    scopeLedger.change(scope, (before) => before && withLeft(before, left)),
  );
  const { scopes: key, accounts } = runFileKeys(runId);
  const listed = [...toRead, ...toPutAside].sort((one, other) => compareTexts(keyOfScope(one), keyOfScope(other)));
  // A review of some scopes does not list the others, although its containers may use their registries.
  const others = input.scopes ? known.filter(({ left }) => !left || left.isBack).map(({ scope }) => scope.account) : [];
  await files.put(accounts, [...new Set([...accountsNamedBy(policy), ...fleet.accounts, ...others])].sort());
  await files.put(
    key,
    listed.map((scope) => ({ scope })),
  );
  return {
    alreadyRunning: false,
    runId,
    mode: input.mode,
    policyVersion,
    startedAtEpochMs,
    scopes: { key, count: listed.length },
    includesStopping,
  };
}

/** While the policy is unreadable, the scopes that earlier reviews read by it are used. */
function scopesBefore(known: readonly ScopeRecord[]): Policy['scopes'] {
  const read = known.filter(({ left }) => !left || left.isBack);
  return read.length === 0
    ? 'organization'
    : read.map(({ scope: { account, region } }) => ({ account, regions: [region] }));
}

/**
 * A closure needs every scope read since, stopping tasks included. Skipping an empty scope would keep it open for days.
 */
async function isClosing({ rollouts }: Pick<OpenReviewPorts, 'rollouts'>): Promise<boolean> {
  for await (const _ of rollouts.openClosures()) return true;
  return false;
}

/** The account entry is no scope: only scopes that were read have a record to mark. */
async function recordFailure(
  scopes: ScopeLedger,
  scope: Scope,
  failure: { readonly error: string; readonly detail: string; readonly sinceEpochMs: number },
): Promise<void> {
  const before = await scopes.get(scope);
  if (!before) return;
  await scopes.record({
    ...before,
    failure: { ...failure, sinceEpochMs: before.failure?.sinceEpochMs ?? failure.sinceEpochMs },
  });
}
