import { fullJitter } from '../../shared/adapters/backoff.ts';
import { bucketClient, ledgerClient } from '../../shared/adapters/clients.ts';
import { DynamoBreakGlassReads } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { EcrRegistry } from '../../shared/adapters/ecr-registry.ts';
import { FileScratch } from '../../shared/adapters/file-scratch.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { startSources } from '../../shared/adapters/start-sources.ts';
import { clusterSources, workloadSources } from '../../shared/adapters/workload-sources.ts';
import { lastStartEpochMs } from '../../shared/lambda/end.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownSchedules, ledgersOfRun, servicesAtZero, stepLedgers } from '../../shared/lambda/ledgers.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { scanReads } from '../../shared/lambda/scanning.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { AccountsOfRun } from '../../shared/review/our-accounts.ts';
import { environment } from './env.ts';
import { type InventoryInput, inventoryInput } from './input.ts';
import { readRegistry } from './registry.ts';
import { recordUsages } from './usages.ts';
import { readWorkloads } from './workloads.ts';

function compose() {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const s3 = bucketClient();
  const files = new S3RunFiles(s3, env.RUN_BUCKET);
  const accounts = new AccountsOfRun(files);
  const { access, ecr, scans } = scanReads(env, 'inventory', accounts.isOurs);
  const ledgers = ledgersOfRun(table, files, { ...stepLedgers, knownSchedules, servicesAtZero });
  const startedBy = startSources(access);
  const world = {
    policies: new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET),
    ...{ workloadSources: workloadSources(access), clusterSources: env.READ_EKS ? clusterSources(access) : [] },
    registry: new EcrRegistry(ecr),
    ...{ scans, exceptions: new DynamoBreakGlassReads(table) },
    files,
    scratch: new FileScratch(),
    retry: fullJitter({ attempts: 4, firstMs: 1_000, mostMs: 10_000 }),
    clock: Date.now,
  };
  return (run: InventoryInput) => {
    accounts.enter(run.runId);
    const { parts: runs, knownSchedules: schedules, ...others } = ledgers(run);
    return { ...world, ...others, runs, startSources: startedBy(schedules) };
  };
}

/** Reads what runs, the properties of its images, and the usages: one scope or registry per invocation. */
export const handler = lambdaFunction({
  input: inventoryInput,
  compose,
  handle: async (event, portsOf, context) => {
    logger.appendKeys({ runId: event.runId, action: event.action });
    const ports = { ...portsOf(event), endsAtEpochMs: lastStartEpochMs(context, Date.now) };
    if (event.action === 'workloads') return readWorkloads(ports, event);
    return event.action === 'registry' ? readRegistry(ports, event) : recordUsages(ports, event);
  },
});
