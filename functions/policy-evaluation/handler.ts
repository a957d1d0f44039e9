import { fullJitter } from '../../shared/adapters/backoff.ts';
import { bucketClient, ledgerClient, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoRunningReads } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { S3Evidence } from '../../shared/adapters/s3-evidence.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { causes, images, ledgersOfRun, runs, streams } from '../../shared/lambda/ledgers.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { queueRedelivery } from '../../shared/lambda/queue-redelivery.ts';
import { scanReads } from '../../shared/lambda/scanning.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { AccountsOfRun } from '../../shared/review/our-accounts.ts';
import { previewEvidence } from '../../shared/review/preview.ts';
import { ScansOfRun } from '../../shared/review/scans-of-run.ts';
import { environment } from './env.ts';
import { policyEvaluationInput } from './input.ts';
import { type PolicyEvaluationServices, route } from './route.ts';

function compose(): PolicyEvaluationServices {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const s3 = bucketClient();
  const files = new S3RunFiles(s3, env.RUN_BUCKET);
  const policies = new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET);
  const accounts = new AccountsOfRun(files, knownAccountsIn(table, policies));
  const reviewed = new ScansOfRun(files);
  const evidence = { real: () => new S3Evidence(s3, env.EVIDENCE_BUCKET), preview: previewEvidence };
  return {
    ledgers: ledgersOfRun(table, files, { images, runs, streams, causes, evidence }),
    enterRun: (runId) => {
      accounts.enter(runId);
      reviewed.enter(runId);
    },
    world: {
      policies,
      running: new DynamoRunningReads(table),
      scanner: scanReads(env, 'policy-evaluation', accounts.isOurs, reviewed).scanner,
      deadLetters: new SqsDeadLetters(queueClient(), env.DEAD_LETTER_QUEUE_URL),
      clock: Date.now,
      retry: fullJitter(),
    },
  };
}

/** Judges images: one message for each ended scan, and batches in a review. */
export const policyEvaluation = (services: () => PolicyEvaluationServices) =>
  lambdaFunction({
    input: policyEvaluationInput,
    compose: services,
    metrics,
    redelivery: queueRedelivery,
    handle: route,
  });

export const handler = policyEvaluation(compose);
