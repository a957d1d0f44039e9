import { setTimeout as sleep } from 'node:timers/promises';
import { fullJitter } from '../../shared/adapters/backoff.ts';
import { bucketClient, ledgerClient, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoFleetPlaces } from '../../shared/adapters/dynamodb/images/fleet-places.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoGuardLedger } from '../../shared/adapters/dynamodb/rebuilds/guard-ledger.ts';
import { DynamoBaseReadingLedger } from '../../shared/adapters/dynamodb/reviews/base-reading-ledger.ts';
import { DynamoLateHeads } from '../../shared/adapters/dynamodb/streams/late-heads.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { EcrRegistry } from '../../shared/adapters/ecr-registry.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { SqsMessages } from '../../shared/adapters/sqs-messages.ts';
import { SqsRedelivery } from '../../shared/adapters/sqs-redelivery.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { imageLedgers } from '../../shared/lambda/ledgers.ts';
import { scanReads } from '../../shared/lambda/scanning.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { pacePerRegistry } from '../../shared/scanning/pace.ts';
import { environment } from './env.ts';
import { registryEventsInput } from './input.ts';
import { type RoutePorts, route } from './route.ts';

function compose(): RoutePorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const policies = new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET);
  const reads = scanReads(env, 'registry-events', knownAccountsIn(table, policies));
  const sqs = queueClient();
  return {
    ...imageLedgers(table),
    fleetPlaces: new DynamoFleetPlaces(table),
    baseReadings: new DynamoBaseReadingLedger(table),
    lateHeads: new DynamoLateHeads(table),
    ...{ policies, guards: new DynamoGuardLedger(table) },
    registry: new EcrRegistry(reads.ecr),
    asking: {
      scanner: reads.scanner,
      pace: pacePerRegistry({ perSecond: env.SCANS_PER_SECOND, clock: Date.now, sleep }),
      retry: fullJitter({ attempts: 3 }),
    },
    ...{ planner: new SqsMessages(sqs, env.PLAN_QUEUE_URL), judging: new SqsMessages(sqs, env.SCAN_EVENT_QUEUE_URL) },
    following: new SqsMessages(sqs, env.HEAD_EVENT_QUEUE_URL),
    ...{ deadLetters: new SqsDeadLetters(sqs, env.DEAD_LETTER_QUEUE_URL), pushQueueUrl: env.QUEUE_URL },
    requestDeadLetters: new SqsDeadLetters(sqs, env.CHECK_REQUEST_DEAD_LETTER_QUEUE_URL),
    clock: Date.now,
  };
}

/** A failed message is hidden in the queue from which it came. */
function redelivery(): SqsRedelivery {
  const { QUEUE_URL, CHECK_REQUEST_QUEUE_URL } = loadEnv(environment);
  return new SqsRedelivery(queueClient(), [QUEUE_URL, CHECK_REQUEST_QUEUE_URL]);
}

/** Records the content of registries on push events and on request. */
export const registryEvents = (services: () => RoutePorts) =>
  lambdaFunction({ input: registryEventsInput, compose: services, redelivery, handle: route });

export const handler = registryEvents(compose);
