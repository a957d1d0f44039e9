import { bucketClient, ledgerClient, memberAccess, queueClient } from '../../shared/adapters/clients.ts';
import { DynamoAskedWebhooks } from '../../shared/adapters/dynamodb/policy/asked-webhooks.ts';
import { DynamoBreakGlassLedger } from '../../shared/adapters/dynamodb/policy/break-glass-ledger.ts';
import { DynamoPolicies } from '../../shared/adapters/dynamodb/policy/policies.ts';
import { DynamoScopeLedger } from '../../shared/adapters/dynamodb/reviews/scope-ledger.ts';
import { LedgerTable } from '../../shared/adapters/dynamodb/table/table.ts';
import { SqsDeadLetters } from '../../shared/adapters/sqs-dead-letters.ts';
import { SqsRedelivery } from '../../shared/adapters/sqs-redelivery.ts';
import { memberNamespaces } from '../../shared/adapters/workload-sources.ts';
import { loadEnv } from '../../shared/lambda/env.ts';
import { knownAccountsIn } from '../../shared/lambda/known-accounts.ts';
import { memberRole } from '../../shared/lambda/member-role.ts';
import { metrics } from '../../shared/lambda/metrics.ts';
import { lambdaFunction } from '../../shared/lambda/stack.ts';
import type { SilencePorts } from './count-silent.ts';
import { environment } from './env.ts';
import { checkMessages } from './input.ts';
import type { BreakGlassPorts } from './ports.ts';
import { route } from './route.ts';

function compose(): BreakGlassPorts & SilencePorts {
  const env = loadEnv(environment);
  const table = new LedgerTable(ledgerClient({ region: env.LEDGER_REGION }), env.LEDGER_TABLE);
  const policies = new DynamoPolicies(table, bucketClient({ region: env.HUB_REGION }), env.EVIDENCE_BUCKET);
  const role = memberRole(env, 'break-glass')(env.READ_ROLE_NAME);
  return {
    ledger: new DynamoBreakGlassLedger(table),
    webhooks: new DynamoAskedWebhooks(table),
    scopes: new DynamoScopeLedger(table),
    namespaces: memberNamespaces(memberAccess(role, knownAccountsIn(table, policies))),
    deadLetters: new SqsDeadLetters(queueClient(), env.DEAD_LETTER_QUEUE_URL),
    clock: Date.now,
  };
}

const redelivery = (): SqsRedelivery => new SqsRedelivery(queueClient(), [loadEnv(environment).QUEUE_URL]);

/** Reads from a cluster whether a namespace is opened by its annotation, records that, and counts silent webhooks. Deployed by doors.yaml beside the webhook. */
export const breakGlassFunction = (services: () => BreakGlassPorts & SilencePorts) =>
  lambdaFunction({
    input: checkMessages,
    compose: services,
    metrics,
    redelivery,
    handle: async (messages, ports, { invokedFunctionArn }) => {
      const [, , , region = ''] = invokedFunctionArn.split(':');
      return route(messages, ports, region);
    },
  });

export const handler = breakGlassFunction(compose);
