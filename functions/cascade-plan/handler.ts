import { fullJitter } from '../../shared/adapters/backoff.ts';
import * as clients from '../../shared/adapters/clients.ts';
import { DynamoImageLedger } from '../../shared/adapters/dynamodb/image-ledger.ts';
import { DynamoPolicyStore } from '../../shared/adapters/dynamodb/policy-store.ts';
import { DynamoRunLedger } from '../../shared/adapters/dynamodb/run-ledger.ts';
import { DynamoStreamImages } from '../../shared/adapters/dynamodb/stream-images.ts';
import { DynamoStreamLedger } from '../../shared/adapters/dynamodb/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table.ts';
import { S3RunFiles } from '../../shared/adapters/s3-run-files.ts';
import { SfnExecutions } from '../../shared/adapters/sfn-executions.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { actingLedgers } from '../../shared/lambda/acting-ledgers.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { answer } from './answer.ts';
import { environment } from './env.ts';
import { cascadePlanInput } from './input.ts';
import type { PlanPorts } from './ports.ts';

function compose(): PlanPorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(clients.ledgerClient(), env.LEDGER_TABLE);
  const s3 = clients.bucketClient();
  const sqs = clients.queueClient();
  return {
    ...actingLedgers(table),
    images: new DynamoImageLedger(table),
    streams: new DynamoStreamLedger(table),
    streamImages: new DynamoStreamImages(table),
    runs: new DynamoRunLedger(table),
    policies: new DynamoPolicyStore(table, s3, env.EVIDENCE_BUCKET),
    files: new S3RunFiles(s3, env.RUN_BUCKET),
    executions: new SfnExecutions(clients.machineClient(), env.CASCADE_MACHINE_ARN),
    looks: new SqsMessages(sqs, env.REGISTRY_EVENT_QUEUE_URL),
    ends: new SqsMessages(sqs, env.CASCADE_END_QUEUE_URL),
    retry: fullJitter({ attempts: 12, firstMs: 1_000, mostMs: 10_000 }),
    clock: Date.now,
  };
}

/** Plans what is to be rebuilt and starts it; begins the one cascade that this comes to. */
export const cascadePlan = (ports: () => PlanPorts) =>
  lambdaFunction({ input: cascadePlanInput, compose: ports, handle: answer });

export const handler = cascadePlan(compose);
