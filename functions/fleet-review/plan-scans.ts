import { piecesOf } from '../../shared/concurrency.ts';
import type { Digest } from '../../shared/domain/image/image.ts';
import type { Usage } from '../../shared/domain/image/usage.ts';
import { mayJudge } from '../../shared/domain/policy/doors.ts';
import type { Policy } from '../../shared/domain/policy/policy.ts';
import { ANCESTOR_BATCH, keyOfScope, POSSIBLE_BATCH, scopeOf } from '../../shared/domain/review/run.ts';
import { graceOfDoorsMs } from '../../shared/domain/verdict/waiver.ts';
import type { Clock } from '../../shared/ports/clock.ts';
import type { RunLedger, ScopeLedger, UsageLedger } from '../../shared/ports/ledger.ts';
import type { Policies } from '../../shared/ports/policies.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import { type ImagesOfRun, imagesOfRun } from '../../shared/review/digests-in-use.ts';
import { type Batch, digestsDocument, runFileKeys } from '../../shared/review/documents.ts';
import { policyOfRun } from '../../shared/review/policy-in-force.ts';
import { readDocumentIfAny } from '../../shared/review/read-document.ts';
import type { ReviewActionInput, ScanProgress } from './input.ts';

const BATCH_SIZE = 100;

/**
 * What ran within the grace at most doubles the scans of a review. A fleet that deploys all of its images each day would
 * otherwise scan them as often as the grace has days.
 */
const LEAST_RECENT = 1_000;

export interface PlanScansPorts {
  readonly policies: Pick<Policies, 'load'>;
  readonly runs: RunLedger;
  readonly scopes: Pick<ScopeLedger, 'all'>;
  readonly usages: Pick<UsageLedger, 'all' | 'endedSince'>;
  readonly files: RunFiles;
  readonly clock: Clock;
}

/** State of the wait before any request. */
export const firstProgress = (batchesKey: string): ScanProgress => ({
  decision: 'wait',
  waitSeconds: 1,
  polls: 0,
  stalledPolls: 0,
  pending: 0,
  caughtUp: false,
  batchesKey,
});

/**
 * Lists every running digest once, in batches of 100, then in separate batches what may start, and the ancestors. If lineage is
 * missing, there are no ancestors to add.
 */
export async function planScans(ports: PlanScansPorts, step: ReviewActionInput<'plan-scans'>) {
  const { files } = ports;
  const { runId } = step;
  const keys = runFileKeys(runId);
  const seen = await imagesOfRun(ports, runId);
  const { running } = seen;
  const { policy } = await policyOfRun(ports, step);
  const possible = seen.possible.union(await ranWithinGrace(ports, policy, seen));
  const ancestors = (await readDocumentIfAny(files, keys.ancestors, digestsDocument)) ?? [];
  const below = ancestors.filter((digest) => !running.has(digest) && !possible.has(digest));
  const batches = [
    ...batchesOf([...running].sort()),
    ...batchesOf([...possible].sort(), POSSIBLE_BATCH),
    ...batchesOf(below, ANCESTOR_BATCH),
  ];
  await files.put(keys.batches, batches);
  return {
    batches: { key: keys.batches, count: batches.length },
    found: running.size,
    images: running.size + possible.size + below.length,
    progress: firstProgress(keys.batches),
  };
}

/**
 * What ran within the grace of the doors, where one may judge: a namespace at zero, a standby Region and an old revision may start
 * it again, and no template that Patchwave reads need name it. A node of another platform would start another image of the same
 * index. The latest come first, up to about as many as are in use now.
 */
async function ranWithinGrace(
  { usages, clock }: PlanScansPorts,
  policy: Policy,
  { running, possible, scopes }: ImagesOfRun,
): Promise<ReadonlySet<Digest>> {
  const graceMs = graceOfDoorsMs(policy.doors);
  const recent = new Set<Digest>();
  const ran = new Set<string>();
  const possibleIn = new Map<string, Digest[]>();
  if (graceMs === 0 || !mayJudge(policy, {})) return recent;
  const most = Math.max(LEAST_RECENT, running.size + possible.size);
  const nowEpochMs = clock();
  for await (const usage of usages.endedSince(nowEpochMs - graceMs, nowEpochMs)) {
    if (!scopes.has(keyOfScope(scopeOf(usage))) || !mayJudge(policy, usage)) continue;
    const { digest, isPossible } = usage;
    const container = containerKey(usage);
    if (isPossible && !ran.has(container)) {
      possibleIn.set(container, [...(possibleIn.get(container) ?? []), digest]);
      continue;
    }
    ran.add(container);
    for (const one of [digest, ...(possibleIn.get(container) ?? [])])
      if (!running.has(one) && !possible.has(one)) recent.add(one);
    if (recent.size >= most) break;
  }
  return recent;
}

const containerKey = ({ account, region, cluster, workloadKind, workload, container }: Usage): string =>
  [account, region, cluster, workloadKind, workload, container].join(' ');

export const batchesOf = (digests: readonly Digest[], prefix = ''): Batch[] =>
  piecesOf(digests, BATCH_SIZE).map((piece, index) => ({
    batch: `${prefix}${String(index + 1).padStart(4, '0')}`,
    digests: piece,
  }));
