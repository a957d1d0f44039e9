import { registryKey } from '../../shared/domain/image/image.ts';
import type { Observation } from '../../shared/domain/image/usage.ts';
import { aggregateObservations } from '../../shared/domain/review/aggregate-observations.ts';
import type { InventoryCounts, Scope } from '../../shared/domain/review/run.ts';
import { ScopeUnreachableError } from '../../shared/ports/errors.ts';
import type { RunLedger } from '../../shared/ports/ledger.ts';
import type { RunFiles } from '../../shared/ports/run-files.ts';
import type { TasksRead, WorkloadSource } from '../../shared/ports/workloads.ts';
import { runFileKeys } from '../../shared/review/documents.ts';
import type { InventoryActionInput } from './input.ts';
import { bringBack, type LeavingPorts } from './left-scope.ts';

/** Observations kept in memory before they are stored; about 2 MB. */
const PIECE_SIZE = 5000;

export interface WorkloadsPorts extends LeavingPorts {
  /** Every kind of source that may run workloads in a scope. */
  readonly workloadSources: readonly WorkloadSource[];
  readonly runs: Pick<RunLedger, 'recordPart'>;
  readonly files: RunFiles;
}

export type WorkloadsReading =
  | { readonly status: 'left' }
  | { readonly status: 'complete'; readonly inventory: Omit<InventoryCounts, 'usages' | 'unresolved'> }
  | { readonly status: 'failed'; readonly error: string };

/**
 * Reads everything that runs in one scope. On success the step `usages` writes the run part later. This step writes it
 * only if the scope is unreadable, which leaves the rest of the scope unchanged.
 */
export async function readWorkloads(
  ports: WorkloadsPorts,
  { runId, scope, includesStopping = false }: InventoryActionInput<'workloads'>,
): Promise<WorkloadsReading> {
  const left = (await ports.scopes.get(scope))?.left;
  if (left && !left.isBack) return { status: 'left' };
  // Also if the scope is unreadable now: what ran there counts as running again.
  if (left) await bringBack(ports, scope);
  try {
    return { status: 'complete', inventory: await observe(ports, runId, scope, { includesStopping }) };
  } catch (error) {
    if (!(error instanceof ScopeUnreachableError)) throw error;
    await recordFailure(ports, runId, scope, error);
    return { status: 'failed', error: error.name };
  }
}

/** `complete.json` is written last, after every source was read: without it no later step trusts the scope. */
async function observe(
  { workloadSources, files, clock }: WorkloadsPorts,
  runId: string,
  scope: Scope,
  { includesStopping }: TasksRead,
) {
  const keys = runFileKeys(runId);
  const beganAtEpochMs = clock();
  const seen = aggregateObservations(PIECE_SIZE, beganAtEpochMs);
  let pieces = 0;
  const putAside = async (piece: readonly Observation[] | undefined): Promise<void> => {
    if (!piece) return;
    pieces += 1;
    await files.put(keys.observations(scope, pieces), piece);
  };
  for (const source of workloadSources) {
    for await (const cluster of source.clusters(scope)) {
      seen.add(cluster, []);
      for await (const tasks of source.tasks(cluster, { includesStopping })) await putAside(seen.add(cluster, tasks));
    }
  }
  await putAside(seen.flush());
  const counts = seen.counts();
  const inventory = { ...counts, usages: 0, unresolved: 0 };
  await files.put(keys.observationsComplete(scope), { beganAtEpochMs, pieces, inventory, includesStopping });
  return counts;
}

async function recordFailure(
  { runs, scopes, clock }: WorkloadsPorts,
  runId: string,
  scope: Scope,
  { name: error, message: detail }: ScopeUnreachableError,
): Promise<void> {
  const before = await scopes.get(scope);
  const sinceEpochMs = before?.failure?.sinceEpochMs ?? clock();
  await scopes.record({ ...before, scope, failure: { error, detail, sinceEpochMs } });
  await runs.recordPart(runId, {
    kind: 'scope',
    key: registryKey(scope),
    result: { scope, status: 'failed', error, detail },
  });
}
