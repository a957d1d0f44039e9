import { fullJitter } from '../../shared/adapters/backoff.ts';
import { bucketClient, ledgerClient, memberAccess, organizationsClient } from '../../shared/adapters/clients.ts';
import { DynamoRecordedIndexes } from '../../shared/adapters/dynamodb/images/image-index.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoClosures } from '../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { OrganizationDirectory, regionsOfAccounts } from '../../shared/adapters/organization-directory.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { images, ledgersOfRun, placeReads, runs, scopes, usages } from '../../shared/lambda/ledgers.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { logger } from '../../shared/lambda/powertools.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { fleetReviewInput } from './input.ts';
import { type ReviewServices, runIdIn, takeStep } from './steps.ts';

function compose(): ReviewServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const s3 = bucketClient();
  const recordedIndexes = new DynamoRecordedIndexes(table);
  const files = new S3RunFiles(s3, env.RUN_BUCKET);
  const role = memberRole(env, 'fleet-review');
  const access = memberAccess(role(env.READ_ROLE_NAME), async (account) => accounts.hasListed(account));
  const accounts = new OrganizationDirectory(organizationsClient(), regionsOfAccounts(env.PARTITION, access));
  const limits = {
    leaseMinutes: env.LEASE_MINUTES,
    catchUpMinutes: env.CATCH_UP_MINUTES,
    scanWaitMinutes: env.SCAN_WAIT_MINUTES,
    pollSeconds: env.SCAN_POLL_SECONDS,
    readsEks: env.READ_EKS,
  };
  const world = {
    policies: new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET),
    rollouts: new DynamoClosures(table),
    accounts,
    ...{ files, recordedIndexes, clock: Date.now },
    retry: fullJitter({ attempts: 4, firstMs: 2_000, mostMs: 20_000 }),
  };
  return { ledgers: ledgersOfRun(table, files, { images, placeReads, runs, scopes, usages }), world, limits };
}

/** Review steps that concern the whole run: what to read, what to wait for, and the result. */
export const handler = lambdaFunction({
  input: fleetReviewInput,
  compose,
  metrics,
  handle: async (event, services) => {
    logger.appendKeys({ runId: runIdIn(event), action: event.action });
    return takeStep(event, services);
  },
});
