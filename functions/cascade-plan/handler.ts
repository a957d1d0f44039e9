import { fullJitter } from '../../shared/adapters/backoff.ts';
import * as clients from '../../shared/adapters/clients.ts';
import { DynamoContentLedger } from '../../shared/adapters/dynamodb/images/content-ledger.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoSwitchLedger } from '../../shared/adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoCascadeLedger } from '../../shared/adapters/dynamodb/rebuilds/cascade-ledger.ts';
import { DynamoCauseLedger } from '../../shared/adapters/dynamodb/rebuilds/cause-ledger.ts';
import { DynamoGuardLedger } from '../../shared/adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoLocks } from '../../shared/adapters/dynamodb/rebuilds/lock-ledger.ts';
import { DynamoRebuilds } from '../../shared/adapters/dynamodb/rebuilds/rebuild-ledger.ts';
import { DynamoClosures } from '../../shared/adapters/dynamodb/rebuilds/rollout-ledger.ts';
import { DynamoSlotLedger } from '../../shared/adapters/dynamodb/rebuilds/slot-ledger.ts';
import { DynamoLatestRuns } from '../../shared/adapters/dynamodb/reviews/run-ledger.ts';
import { DynamoLateHeads } from '../../shared/adapters/dynamodb/streams/late-heads.ts';
import { DynamoImagesOfStreams } from '../../shared/adapters/dynamodb/streams/stream-images.ts';
import { DynamoStreams } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { SfnExecutions } from '../../shared/adapters/sfn-executions.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { queueRedelivery } from '../../shared/lambda/queue-redelivery.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { cascadePlanInput } from './input.ts';
import type { PlanPorts } from './ports.ts';
import { route } from './route.ts';

function compose(): PlanPorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(clients.ledgerClient(), env.LEDGER_TABLE);
  const s3 = clients.bucketClient();
  const sqs = clients.queueClient();
  return {
    cascades: new DynamoCascadeLedger(table),
    causes: new DynamoCauseLedger(table),
    guards: new DynamoGuardLedger(table),
    locks: new DynamoLocks(table),
    rebuilds: new DynamoRebuilds(table),
    rollouts: new DynamoClosures(table),
    slots: new DynamoSlotLedger(table),
    unreadable: table.unreadable,
    killSwitch: new DynamoSwitchLedger(table),
    ...{ images: new DynamoImages(table), contents: new DynamoContentLedger(table) },
    ...{ streams: new DynamoStreams(table), streamImages: new DynamoImagesOfStreams(table) },
    ...{ runs: new DynamoLatestRuns(table), lateHeads: new DynamoLateHeads(table) },
    policies: new DynamoPolicies(table, s3, env.EVIDENCE_BUCKET),
    executions: new SfnExecutions(clients.machineClient(), env.CASCADE_MACHINE_ARN),
    refreshes: new SqsMessages(sqs, env.REGISTRY_EVENT_QUEUE_URL),
    ends: new SqsMessages(sqs, env.CASCADE_END_QUEUE_URL),
    retry: fullJitter({ attempts: 12, firstMs: 1_000, mostMs: 10_000 }),
    clock: Date.now,
  };
}

/** Plans rebuilds and deployments, and starts the one cascade for them. */
export const cascadePlan = (ports: () => PlanPorts) =>
  lambdaFunction({ input: cascadePlanInput, compose: ports, redelivery: queueRedelivery, handle: route });

export const handler = cascadePlan(compose);
