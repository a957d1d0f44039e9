import { bucketClient, ecsClients, ledgerClient, memberAccess, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoImages } from '../../shared/adapters/dynamodb/images/image-ledger.ts';
import { DynamoPlaces } from '../../shared/adapters/dynamodb/images/place-ledger.ts';
import { DynamoRunningReads } from '../../shared/adapters/dynamodb/images/running-ledger.ts';
import { DynamoBreakGlassReads } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoStartDenials } from '../../shared/adapters/dynamodb/policy/start-denial-ledger.ts';
import { DynamoSwitchLedger } from '../../shared/adapters/dynamodb/policy/switch-ledger.ts';
import { DynamoTaskStops } from '../../shared/adapters/dynamodb/policy/task-stops.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { DynamoStreamHeads } from '../../shared/adapters/dynamodb/streams/stream-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { EcsPausedDeployments } from '../../shared/adapters/ecs-paused-deployments.ts';
import { EcsTasks } from '../../shared/adapters/ecs-tasks.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { SqsRedelivery } from '../../shared/adapters/sqs-redelivery.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import { environment } from './env.ts';
import { taskMessages } from './input.ts';
import type { EcsTaskPorts } from './ports.ts';
import { route } from './route.ts';

function compose(): EcsTaskPorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient(), env.LEDGER_TABLE);
  const policies = new DynamoPolicies(table, bucketClient(), env.EVIDENCE_BUCKET);
  const access = memberAccess(memberRole(env, 'ecs-tasks')(env.ACT_DOOR_ROLE_NAME), knownAccountsIn(table, policies));
  const clients = ecsClients(access);
  return {
    ...{ images: new DynamoImages(table), places: new DynamoPlaces(table), running: new DynamoRunningReads(table) },
    ...{ policies, exceptions: new DynamoBreakGlassReads(table), killSwitch: new DynamoSwitchLedger(table) },
    ...{ tasks: new EcsTasks(clients), deployments: new EcsPausedDeployments(clients) },
    ...{ scopes: new DynamoScopeLedger(table), chance: Math.random },
    ...{ stops: new DynamoTaskStops(table), clock: Date.now },
    deadLetters: new SqsDeadLetters(queueClient(), env.DEAD_LETTER_QUEUE_URL),
    ...{ streams: new DynamoStreamHeads(table), startDenials: new DynamoStartDenials(table) },
  };
}

/** A failed message is hidden in the queue from which it came. */
function redelivery(): SqsRedelivery {
  const { QUEUE_URL, STOP_QUEUE_URL } = loadEnv(environment);
  return new SqsRedelivery(queueClient(), [QUEUE_URL, STOP_QUEUE_URL]);
}

/** Decides on tasks of ECS and on deployments that wait. Only its queues call it. Deployed by ecs-door.yaml. */
export const ecsTasks = (services: () => EcsTaskPorts) =>
  lambdaFunction({ input: taskMessages, compose: services, metrics, redelivery, handle: route });

export const handler = ecsTasks(compose);
