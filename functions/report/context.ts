import { collect } from '../../shared/concurrency.ts';
import { reportedAtZero } from '../../shared/domain/image/service-at-zero.ts';
import type { UnresolvedContainer } from '../../shared/domain/image/usage.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import type { ReportContext } from '../../shared/domain/report/report.ts';
import type { ReviewRecord, RunPart } from '../../shared/domain/review/run.ts';
import { decisiveFailures } from '../../shared/domain/review/run-gate.ts';
import { type RunFailure, type RunSummary, sumRun } from '../../shared/domain/review/run-summary.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { ExpiryLedger } from '../../shared/ports/expiries.ts';
import type { CauseLedger, RunLedger, StreamLedger } from '../../shared/ports/ledger.ts';
import type { PolicyStore } from '../../shared/ports/policies.ts';
import type { RolloutLedger } from '../../shared/ports/rollout-ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { ServiceAtZeroReads } from '../../shared/ports/services-at-zero.ts';
import type { UnreadableItems } from '../../shared/ports/unreadable.ts';
import { runFileKeys } from '../../shared/review/documents.ts';
import { expectedParts } from '../../shared/review/expected-parts.ts';
import { policyOfVersion, policyPart } from '../../shared/review/policy-in-force.ts';
import { readExpiries } from '../../shared/review/read-expiries.ts';
import { ReviewNotFoundError } from './errors.ts';

const BREACH_WITHIN_DAYS = 7;

export interface ContextPorts {
  readonly runs: Pick<RunLedger, 'get' | 'parts'>;
  readonly causes: Pick<CauseLedger, 'open'>;
  readonly streams: Pick<StreamLedger, 'all'>;
  readonly rollouts: Pick<RolloutLedger, 'openClosures'>;
  readonly servicesAtZero: ServiceAtZeroReads;
  /** Items that were unreadable during this call. */
  readonly unreadable: UnreadableItems;
  readonly expiries: Pick<ExpiryLedger, 'checks' | 'of'>;
  readonly policies: Pick<PolicyStore, 'load'>;
  readonly files: RunFiles;
  readonly clock: Clock;
}

/**
 * Everything in a report except the images. The review has not ended yet, so its outcome is computed by the rule that
 * will end it.
 */
export async function reportContextOf(ports: ContextPorts, runId: string): Promise<ReportContext> {
  ports.unreadable.clear();
  const review = await ports.runs.get(runId);
  if (!review) throw new ReviewNotFoundError(runId);
  const { policy, unreadable } = await policyOfVersion(ports.policies, review.policyVersion);
  const expected = await expectedParts(ports.files, runId);
  const parts = await collect(ports.runs.parts(runId));
  const sum = sumRun(expected, unreadable ? [...parts, policyPart(unreadable)] : parts);
  const nowEpochMs = ports.clock();
  return {
    review: asItWillEnd(review, sum, expected.scopes, policy, nowEpochMs),
    policy,
    nowEpochMs,
    breachWithinDays: BREACH_WITHIN_DAYS,
    failures: sum.failures,
    skippedScopes: parts.flatMap(skipped),
    leftScopes: parts.flatMap(left),
    unreadStarts: parts.flatMap(unreadStarts),
    witnessed: await witnessed(ports.rollouts),
    servicesAtZero: reportedAtZero(await collect(ports.servicesAtZero.all()), nowEpochMs),
    unresolved: await unresolvedContainers(ports.files, runId),
    causes: await collect(ports.causes.open()),
    unreadable: () => ports.unreadable.items(),
    streams: (await collect(ports.streams.all())).map(({ stream }) => stream),
    ...(await readExpiries(ports.expiries)),
  };
}

function asItWillEnd(
  review: ReviewRecord,
  sum: RunSummary,
  scopes: readonly string[],
  policy: Policy,
  nowEpochMs: number,
): ReviewRecord {
  if (review.state !== 'running') return review;
  const gate = { scopes, policy, nowEpochMs: review.startedAtEpochMs };
  const [first, ...more] = decisiveFailures(sum, gate);
  const ended = { ...review, endedAtEpochMs: nowEpochMs, totals: sum.totals };
  if (!first) return { ...ended, state: 'succeeded' };
  return {
    ...ended,
    state: 'failed',
    failure: { error: 'FleetReviewIncomplete', detail: inWords(first, more.length) },
  };
}

const inWords = ({ kind, key, error, detail }: RunFailure, more: number): string =>
  `${kind} ${key}: ${error}: ${detail}${more > 0 ? `, and ${more} more under "Not seen"` : ''}`;

const skipped = (part: RunPart): ReportContext['skippedScopes'][number][] =>
  part.kind === 'scope' && part.result.status === 'skipped'
    ? [{ scope: part.result.scope, reason: part.result.reason }]
    : [];

function left(part: RunPart): ReportContext['leftScopes'] {
  if (part.kind !== 'scope' || part.result.status !== 'left') return [];
  const { scope, atEpochMs, usages } = part.result;
  return [{ scope, atEpochMs, usages }];
}

function unreadStarts(part: RunPart): ReportContext['unreadStarts'] {
  if (part.kind !== 'scope' || part.result.status !== 'complete') return [];
  const { scope, unreadSources = [] } = part.result;
  return unreadSources.map((source) => ({ scope, ...source }));
}

/** Closures are checked before the report is written. */
async function witnessed(rollouts: ContextPorts['rollouts']): Promise<ReportContext['witnessed']> {
  const found: ReportContext['witnessed'][number][] = [];
  for await (const { stream, deadlineEpochMs, witnessed: images = [] } of rollouts.openClosures())
    found.push(...images.map((image) => ({ stream, deadlineEpochMs, ...image })));
  return found;
}

/** The inventory and this reader have the same version, so the file needs no validation. */
async function unresolvedContainers(files: RunFiles, runId: string): Promise<readonly UnresolvedContainer[]> {
  const all: UnresolvedContainer[] = [];
  for await (const key of files.list(runFileKeys(runId).unresolvedFolder)) {
    all.push(...((await files.get(key)) as readonly UnresolvedContainer[]));
  }
  return all;
}
