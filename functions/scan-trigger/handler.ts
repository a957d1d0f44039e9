import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter } from '../../shared/adapters/backoff.ts';
import { bucketClient, ledgerClient } from '../../shared/adapters/clients.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { images, ledgersOfRun, runs } from '../../shared/lambda/ledgers.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { scanReads } from '../../shared/lambda/scanning.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { AccountsOfRun } from '../../shared/review/our-accounts.ts';
import { ScansOfRun } from '../../shared/review/scans-of-run.ts';
import { pacePerRegistry } from '../../shared/scanning/pace.ts';
import { type AskLimits, type AskPorts, askScans } from './ask-scans.ts';
import { environment } from './env.ts';
import { type ScanTriggerInput, scanTriggerInput } from './input.ts';

interface ScanTriggerServices {
  readonly portsOf: (run: ScanTriggerInput) => AskPorts;
  readonly limits: AskLimits;
}

function compose(): ScanTriggerServices {
  const env = loadEnv(environment);
  const files = new S3RunFiles(bucketClient(), env.RUN_BUCKET);
  const accounts = new AccountsOfRun(files);
  const reviewed = new ScansOfRun(files);
  const ledgers = ledgersOfRun(new LedgerTable(ledgerClient(), env.LEDGER_TABLE), files, { images, runs });
  const world = {
    scanner: scanReads(env, 'scan-trigger', accounts.isOurs, reviewed).scanner,
    clock: Date.now,
    retry: fullJitter({ attempts: 3 }),
    pace: pacePerRegistry({ perSecond: env.SCANS_PER_SECOND, clock: Date.now, sleep: (ms) => sleep(ms) }),
  };
  return {
    portsOf: (run: ScanTriggerInput) => {
      accounts.enter(run.runId);
      reviewed.enter(run.runId);
      return { ...world, ...ledgers(run) };
    },
    limits: { catchUpMinutes: env.CATCH_UP_MINUTES, dailyQuota: env.DAILY_SCAN_QUOTA },
  };
}

/** Requests the due scans of one batch: each digest once a day, in one location. */
export const scanTrigger = (services: () => ScanTriggerServices) =>
  lambdaFunction({
    input: scanTriggerInput,
    compose: services,
    handle: async (event, { portsOf, limits }) => {
      logger.appendKeys({ runId: event.runId, batch: event.batch });
      return askScans(portsOf(event), limits, event);
    },
  });

export const handler = scanTrigger(compose);
